"""Backtesting: when a system would have alarmed, how often by chance, and what another threshold changes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from sundial.cli.console import table
from sundial.cli.trial import throw_away
from sundial.engine.clock import WEEK, last_complete_week, monday, week_name
from sundial.engine.measure import Measuring
from sundial.engine.replay import Replayed, Stream, false_alarms, replay, replay_beside
from sundial.engine.today import today as day_in
from sundial.gate.errors import ContractError
from sundial.register.models import Policy, System
from sundial.register.policy import Choice
from sundial.register.principles import Principle
from sundial.report.plain import subject
from sundial.sources.connection import Resolve
from sundial.sources.errors import SourceError
from sundial.sources.pull import Clock
from sundial.store.records import Finding, Kind, Side, Status

FACTORS = (0.5, 0.75, 1.25, 1.5)
"""What each threshold is multiplied by, to see what it changes."""

TARGET = "intended_outcome.target"
WEEKS_A_YEAR = 52
Step = Callable[[str], None]


@dataclass(frozen=True)
class Alarm:
    """A measure that was in breach: since when, and for how many weeks."""

    check: str
    what: str
    since: date
    weeks: int


@dataclass(frozen=True)
class Change:
    """What a threshold at another value would have done to the statistical measures that it judges.

    Attributes:
        alarms: how many of them would have been in breach, in any week.
        first: Monday of the first such week.
    """

    threshold: str
    value: float
    alarms: int
    first: date | None


@dataclass
class Backtest:
    """A replayed history.

    Attributes:
        findings: of each week, all principles.
        chance: by stream, in how many of the drawn years of good weeks it alarms; None where there are too
            few good weeks to draw from.
        changes: what other thresholds change, beside what is in force.
    """

    system: System
    draws: int
    seed: int
    findings: dict[date, list[Finding]] = field(default_factory=dict)
    chance: dict[str, float | None] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)

    @property
    def alarms(self) -> Sequence[Alarm]:
        """What was in breach, in the order in which it began."""
        found = [
            Alarm(rows[0][1].check, subject(rows[0][1]), min(breaches), len(breaches))
            for rows in self.rows().values()
            if (breaches := [week for week, finding in rows if finding.status is Status.BREACH])
        ]
        return sorted(found, key=lambda alarm: (alarm.since, alarm.check, alarm.what))

    def rows(self) -> Mapping[tuple[object, ...], Sequence[tuple[date, Finding]]]:
        """Returns the findings of each measure and slice, in the order of the weeks."""
        found: dict[tuple[object, ...], list[tuple[date, Finding]]] = {}
        for week, findings in self.findings.items():
            for finding in findings:
                found.setdefault((finding.check, finding.metric, finding.slice), []).append((week, finding))
        return found

    @property
    def false_alarms_a_year(self) -> float:
        """How many alarms a year nothing but good weeks would bring, of the streams that can be drawn."""
        return sum(share for share in self.chance.values() if share is not None)

    def document(self) -> dict[str, Any]:
        """Returns all of it as JSON values."""
        weeks = list(self.findings)
        return {
            "system": self.system.id,
            "weeks": [week.isoformat() for week in weeks],
            "alarms": [{**vars(alarm), "since": alarm.since.isoformat()} for alarm in self.alarms],
            "chance": {
                "draws": self.draws,
                "seed": self.seed,
                "weeks": WEEKS_A_YEAR,
                "streams": self.chance,
                "false_alarms_a_year": self.false_alarms_a_year,
            },
            "thresholds": [
                {**vars(change), "first": change.first and change.first.isoformat()}
                for change in self.changes
            ],
            "statuses": [
                {
                    "check": check,
                    "metric": metric,
                    "slice": dict(rows[0][1].slice),
                    "weeks": {week.isoformat(): finding.status.value for week, finding in rows},
                }
                for (check, metric, _), rows in self.rows().items()
            ],
        }


def backtest(
    system: System,
    policy: Policy,
    *,
    resolve: Resolve,
    until: date | None = None,
    contracts: bool = True,
    draws: int = 100,
    seed: int = 0,
    thresholds: bool = True,
    step: Step = lambda _: None,
) -> Backtest:
    """Replays a system's history and records nothing.

    Args:
        system: the register entry.
        policy: the City's policy.
        resolve: gives connections.
        until: a day of the last week; the last complete one when None.
        contracts: whether rows must satisfy the contracts.
        draws: years that are drawn of each stream's good weeks; 0 for none.
        seed: of the draws.
        thresholds: whether other thresholds are tried.
        step: told what begins.
    """
    today = day_in(policy.timezone)
    latest = last_complete_week(today - timedelta(days=1))
    last = min(monday(until), latest) if until else latest
    ends = system.feeds.outputs.ends if system.feeds.outputs else None
    if until is None and ends is not None:  # what came after the end of all outcomes changes nothing
        last = min(last, monday(ends + system.maturity) + WEEK)
    result = Backtest(system, draws, seed)
    with throw_away(
        system, policy, Clock(last + timedelta(days=6), today), resolve, contracts=contracts
    ) as run:
        step("pull")
        with suppress(SourceError):
            run.pull()
        step("gate")
        with suppress(ContractError):
            run.gate()
        step("profile")
        run.profile()
        for principle in Principle:
            measuring = run.measuring(principle)
            _of_principle(result, measuring, last, thresholds=thresholds, step=step)
    return result


def _of_principle(
    result: Backtest, measuring: Measuring, last: date, *, thresholds: bool, step: Step
) -> None:
    label = measuring.principle.label
    in_force = replay(measuring, last, told=lambda week: step(f"{label}: {week_name(week)}"))
    for week, findings in in_force.findings.items():
        result.findings.setdefault(week, []).extend(findings)
    good = _good_weeks(measuring.system)
    for name, stream in in_force.streams.items() if result.draws else ():
        step(f"{label}: chance of {name}")
        result.chance[name] = _chance(stream, good, result)
    if thresholds:
        result.changes += _changes(measuring, in_force, last, step)


def _chance(stream: Stream, good: Collection[date], result: Backtest) -> float | None:
    return false_alarms(stream, good, WEEKS_A_YEAR, result.draws, result.seed)


def _good_weeks(system: System) -> Collection[date]:
    baseline = system.baseline
    if baseline is None:
        return ()
    first, last = monday(baseline.start + timedelta(days=6)), baseline.end - timedelta(days=6)
    return {first + WEEK * number for number in range(max((last - first) // WEEK + 1, 0))}


def _changes(measuring: Measuring, in_force: Replayed, last: date, step: Step) -> Iterator[Change]:
    judged: dict[str, set[str]] = {}
    carried: set[str] = set()
    for findings in in_force.findings.values():
        for finding in findings:
            name = _name(finding)
            if name is not None and (name in measuring.policy.thresholds or name == TARGET):
                judged.setdefault(name, set()).add(finding.check)
                carried |= {name} if finding.evidence is not None else set()
    values = {name: _value(measuring, name) for name in judged}
    told = [
        (name, value * factor)
        for name, value in values.items()
        for factor in (1.0, *FACTORS)
        if factor == 1.0 or _possible(value * factor, value)
    ]
    # Without evidence there is no breach at any value: such a measure is `watch` at most.
    tried = [(name, other) for name, other in told if other != values[name] and name in carried]
    variants = [
        (
            replace(measuring, system=_with(measuring.system, name, other)),
            [check for check in measuring.checks if check.name in judged[name]],
        )
        for name, other in tried
    ]
    label = measuring.principle.label
    replayed = replay_beside(variants, last, lambda week: step(f"{label}: {week_name(week)} otherwise"))
    others = dict(zip(tried, replayed, strict=True))
    for name, other in told:
        yield _change(name, other, others.get((name, other), in_force))


def _name(finding: Finding) -> str | None:
    """Returns the name of the threshold that judged a statistical finding."""
    if finding.kind is Kind.FACTUAL or finding.threshold is None:
        return None
    return finding.threshold.name.partition(":")[0]


def _value(measuring: Measuring, name: str) -> float:
    if name == TARGET:
        return measuring.system.intended_outcome.target
    return measuring.view(measuring.checks[0], date.max - WEEK, ()).threshold(name, Side.CEILING).value


def _possible(value: float, in_force: float) -> bool:
    """Whether a value could be chosen: a share stays one."""
    return value > 0 and (in_force >= 1 or value < 1)


def _with(system: System, name: str, value: float) -> System:
    if name == TARGET:
        outcome = system.intended_outcome.model_copy(update={"target": value})
        return system.model_copy(update={"intended_outcome": outcome})
    tried = Choice(value=value, reason="tried in a backtest", approved_by="nobody", approved_on=date.min)
    return system.model_copy(update={"thresholds": {**system.thresholds, name: tried}})


def _change(name: str, value: float, replayed: Replayed) -> Change:
    alarmed: dict[tuple[object, ...], date] = {}
    for week, findings in replayed.findings.items():
        for finding in findings:
            if finding.status is Status.BREACH and _name(finding) == name:
                alarmed.setdefault((finding.check, finding.metric, finding.slice), week)
    return Change(name, value, len(alarmed), min(alarmed.values(), default=None))


def plot(result: Backtest, file: Path) -> None:
    """Writes the statuses of all that was ever `watch` or `breach` by week, as an SVG picture."""
    import altair as alt
    import pandas as pd

    shown = [
        {"week": week.isoformat(), "measure": f"{subject(finding)} ({check})", "status": finding.status.value}
        for (check, *_), rows in _noticed(result)
        for week, finding in rows
    ]
    statuses = ["ok", "watch", "breach", "insufficient", "not_measured", "error"]
    colours = ["#b7d7c0", "#f2c14e", "#b3261e", "#d9d9d9", "#f0f0f0", "#7b3f9d"]
    chart = (
        alt.Chart(pd.DataFrame(shown, columns=["week", "measure", "status"]))
        .mark_rect()
        .encode(
            x=alt.X("yearweek(week):T", title="week"),
            y=alt.Y("measure:N", title=None, sort=None, axis=alt.Axis(labelLimit=500)),
            color=alt.Color("status:N", scale=alt.Scale(domain=statuses, range=colours), title="status"),
        )
        .properties(title=f"{result.system.name}: what would have been found, week by week", width=700)
    )
    chart.save(str(file), format="svg")


def _noticed(
    result: Backtest,
) -> Iterator[tuple[tuple[object, ...], Sequence[tuple[date, Finding]]]]:
    for key, rows in result.rows().items():
        if any(finding.status in (Status.WATCH, Status.BREACH) for _, finding in rows):
            yield key, rows


def strips(result: Backtest) -> Iterator[tuple[str, str]]:
    """Yields what was ever `watch` or `breach`, with a character a week: `·` ok, `w`, `B`, blank else."""
    marks = {Status.OK: "·", Status.WATCH: "w", Status.BREACH: "B"}
    for (check, *_), rows in _noticed(result):
        by_week = dict(rows)
        line = (marks.get(by_week[week].status, " ") if week in by_week else " " for week in result.findings)
        yield f"{subject(rows[0][1])} ({check})", "".join(line)


def shown(result: Backtest) -> Iterator[RenderableType]:
    """Yields the result as tables, and as strips of a character a week."""
    weeks = list(result.findings)
    if not weeks:
        yield "There are no weeks to replay."
        return
    yield f"{len(weeks)} weeks, {week_name(weeks[0])} to {week_name(weeks[-1])}; nothing was recorded."
    alarms = table("in breach since", "weeks", "measure", "check", right=("weeks",), title="Alarms")
    for alarm in result.alarms:
        alarms.add_row(week_name(alarm.since), str(alarm.weeks), Text(alarm.what), alarm.check)
    yield alarms if result.alarms else "No measure would have been in breach."
    if strip := list(strips(result)):
        yield Text("\nWeek by week (· ok, w watch, B breach)", style="bold")
        yield from (Text(f"{line}  {what}", no_wrap=True, overflow="ellipsis") for what, line in strip)
    if result.draws:
        yield ""
        yield from _by_chance(result)
    if result.changes:
        changes = table(
            "threshold", "value", "alarms", "first", right=("value", "alarms"), title="\nOther thresholds"
        )
        for change in result.changes:
            first = week_name(change.first) if change.first else ""
            changes.add_row(Text(change.threshold), f"{change.value:g}", str(change.alarms), first)
        yield changes


def _by_chance(result: Backtest) -> Iterator[RenderableType]:
    drawn = {name: share for name, share in result.chance.items() if share is not None}
    yield (
        f"By chance: {result.false_alarms_a_year:.2f} alarms a year from {len(drawn)} of "
        f"{len(result.chance)} streams, {result.draws} years drawn of each (seed {result.seed}); the others "
        "have too few weeks."
    )
    often = {name: share for name, share in drawn.items() if share}
    for name, share in sorted(often.items(), key=lambda item: (-item[1], item[0])):
        yield Text(f"  {share:.0%} of years: {name}")
