"""The weekly health report of the portfolio as plain data from the store.

The report is of the last complete civil week before its as-of date. It reads nothing but its arguments: the
same store, register and policy give the same bytes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from sundial.engine.clock import last_complete_week, week_name
from sundial.engine.in_effect import in_effect
from sundial.engine.standing import overdue
from sundial.register.models import Policy, System
from sundial.register.principles import Principle
from sundial.report.health import (
    SHOWN,
    Change,
    Stands,
    SystemHealth,
    Unmeasured,
    discoveries,
    system_health,
    with_lines,
)
from sundial.report.missed import not_sent_before
from sundial.report.page import LOOKS
from sundial.report.plain import clean, count, joined
from sundial.report.standing import ReportedIncident, expiring, incidents_told, open_cases, retired
from sundial.report.waiting import (
    Waiting,
    due_facts,
    ended_waivers,
    not_acted_upon,
    open_questions,
    renewals,
    to_carry_out,
    unconfirmed_incidents,
)
from sundial.store.cases import Cases
from sundial.store.database import Database
from sundial.store.incidents import Incidents
from sundial.store.records import Finding, Status
from sundial.store.register import RegisterRows, Row
from sundial.store.results import Results
from sundial.sunset.incidents import Standing, standing

NEVER = 1_000_000
"""More weeks than any: a system that was never judged comes first."""
FEW = 3
"""Smaller changes of one system that the first screen tells one by one."""


@dataclass(frozen=True)
class News:
    """A change for the first screen; without a `change`, the sentence counts a system's smaller ones."""

    id: str
    system: str
    change: Change | None
    sentence: str


@dataclass(frozen=True)
class Gap:
    """What could not be measured for one reason, over all systems; the longest first."""

    what: str
    reason: str
    systems: tuple[str, ...]
    length: str
    weeks: int
    error: bool


@dataclass(frozen=True)
class GapGroup:
    """Gaps that are as long and concern the same systems."""

    length: str
    systems: tuple[str, ...]
    error: bool
    gaps: tuple[Gap, ...]


@dataclass(frozen=True)
class WeeklyReport:
    """The report as plain data.

    Attributes:
        missed: ISO names of the weeks before whose reports did not go out, the oldest first.
        week: ISO name of the civil week, such as "2016-W51".
        start: its Monday.
        end: its Sunday.
        headline: the portfolio in a few counted facts.
        news: what changed since the week before, breaches first.
        waiting: open questions, the oldest first, then facts by the day on which their grace ends, among them
            waivers that ended and are still in breach.
        gaps: what could not be measured and for how long.
        systems: one part for each registered system whose use had begun, by id.
        incidents: those of no registered system that are open, or came or ended in the report's week.
    """

    city: str
    timezone: str
    week: str
    start: date
    end: date
    as_of: date
    principles: tuple[str, ...]
    headline: tuple[str, ...]
    missed: tuple[str, ...]
    news: tuple[News, ...]
    waiting: tuple[Waiting, ...]
    gaps: tuple[Gap, ...]
    systems: tuple[SystemHealth, ...]
    incidents: tuple[ReportedIncident, ...]

    @property
    def in_use(self) -> tuple[SystemHealth, ...]:
        """The systems that are not retired, and those that go on all the same."""
        return tuple(one for one in self.systems if not one.retired)

    @property
    def retired(self) -> tuple[SystemHealth, ...]:
        """The retired systems that put nothing out."""
        return tuple(one for one in self.systems if one.retired)

    @property
    def gap_groups(self) -> tuple[GapGroup, ...]:
        """The gaps by length and systems, in their order."""
        groups: defaultdict[tuple[str, tuple[str, ...], bool], list[Gap]] = defaultdict(list)
        for gap in self.gaps:
            groups[gap.length, gap.systems, gap.error].append(gap)
        return tuple(GapGroup(*key, tuple(gaps)) for key, gaps in groups.items())


def report_of(database: Database, systems: Mapping[str, System], policy: Policy, as_of: date) -> WeeklyReport:
    """Returns the report on the last complete week before the as-of date from all that the store has."""
    incidents = Incidents(database)
    return build(
        systems,
        policy,
        Results(database),
        Cases(database),
        as_of,
        RegisterRows(database).rows(),
        incidents=[standing(incidents, one.id) for one in incidents.incidents()],
        missed=not_sent_before(last_complete_week(as_of), policy, database),
    )


def build(
    systems: Mapping[str, System],
    policy: Policy,
    results: Results,
    cases: Cases,
    as_of: date,
    rows: Sequence[Row] = (),
    *,
    incidents: Sequence[Standing] = (),
    missed: Sequence[str] = (),
) -> WeeklyReport:
    """Returns the report on the last complete week before the as-of date.

    Args:
        systems: the register by id.
        policy: the policy in force.
        results: what was measured; weeks after the report's, or judged by later runs, change nothing.
        cases: the sunset cases; a question counts that was open on the as-of date.
        as_of: the report's date in the City's calendar.
        rows: the ledger's rows of all systems, for waivers and attestations.
        incidents: all incidents as they stand.
        missed: names of the weeks before whose reports did not go out.
    """
    week = last_complete_week(as_of)
    month = f"{week + timedelta(days=6):%Y-%m}"
    begun = [one for one in systems.values() if not one.lifetime or (one.lifetime.start or "") <= month]
    register = sorted(begun, key=lambda one: one.id)
    of_system: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        of_system[row.system].append(row)
    shown = incidents_told(incidents, systems, policy, week, as_of)
    episodes = cases.episodes()
    questions = open_questions(systems, policy, results, cases, as_of, week)
    parts: list[tuple[SystemHealth, System, Sequence[Finding]]] = []
    log_e: dict[str, float] = {}
    due: list[Waiting] = []
    for system in register:
        entry = in_effect(system, of_system[system.id], as_of)
        held = Stands(
            retired=retired(entry, of_system[system.id], as_of),
            rows=of_system[system.id],
            expiring=expiring(entry, policy, as_of),
            incidents=tuple(one for one in shown if one.system == system.id),
            cases=open_cases(system.id, episodes, cases, as_of),
        )
        one, findings = system_health(system, results, week, as_of, held)
        if any(f.metric == "retired_but_running" and f.status is Status.BREACH for f in findings):
            one = replace(one, retired="")
        # Not all are kept: a portfolio has tens of thousands.
        parts.append((one, system, [finding for finding in findings if finding.status in SHOWN]))
        if not one.behind:
            log_e |= {finding.key: finding.evidence.log_e for finding in findings if finding.evidence}
        if one.retired:
            continue
        due += due_facts(system, findings, as_of)
        due += not_acted_upon(entry, overdue(results, cases, entry, policy, as_of, week), as_of)
        due += ended_waivers(one.name, one.waivers, as_of)
        due += renewals(system, held.expiring, as_of)
    due += to_carry_out(systems, episodes, cases, as_of)
    due += unconfirmed_incidents(shown, systems, as_of)
    told = discoveries(log_e, policy.evidence.false_share_of_report)
    health = [with_lines(one, system, matter, told) for one, system, matter in parts]
    in_use = [one for one in health if not one.retired]
    return WeeklyReport(
        city=clean(policy.city),
        timezone=policy.timezone,
        week=week_name(week),
        start=week,
        end=week + timedelta(days=6),
        as_of=as_of,
        principles=tuple(principle.label for principle in Principle),
        headline=_headline(in_use, len(questions), sum(one.overdue for one in due)),
        news=tuple(_news(in_use)),
        missed=tuple(missed),
        waiting=(*questions, *sorted(due, key=lambda one: (one.by or as_of, one.system, one.what))),
        gaps=_gaps(in_use),
        systems=tuple(health),
        incidents=tuple(one for one in shown if not one.system),
    )


def _headline(health: Iterable[SystemHealth], questions: int, past_due: int) -> tuple[str, ...]:
    parts = list(health)
    breach = sum(1 for one in parts if one.counted(Status.BREACH))
    error = sum(1 for one in parts if one.counted(Status.ERROR) or one.pull_failures)
    unjudged = sum(1 for one in parts if one.judged is None or one.behind)
    return (
        count(len(parts), "system"),
        f"{breach:,} with a confirmed breach",
        f"{error:,} with an error",
        f"{unjudged:,} not judged this week",
        count(questions, "open question"),
        f"{past_due:,} past due",
    )


def _news(health: Iterable[SystemHealth]) -> Iterable[News]:
    """Yields every change that matters by kind, then the smaller ones of each system."""
    told = [(change, one) for one in health for change in one.changes if change.kind != "smaller"]
    order = ("new breach", "new error", "no longer measured", "no longer breach", "measured again")
    for change, one in sorted(told, key=lambda pair: order.index(pair[0].kind)):  # stable: systems stay by id
        yield News(one.id, one.name, change, change.sentence)
    for one in health:
        smaller: defaultdict[str, int] = defaultdict(int)
        for change in one.changes:
            if change.kind == "smaller":
                smaller[f"{_word(change.before)} to {_word(change.after)}"] += 1
        few = [change for change in one.changes if change.kind == "smaller"]
        if len(few) <= FEW:
            yield from (News(one.id, one.name, change, change.sentence) for change in few)
        else:
            said = joined([f"{number:,} from {what}" for what, number in sorted(smaller.items())])
            counted = f"{count(sum(smaller.values()), 'smaller change')}: {said}."
            yield News(one.id, one.name, None, counted)


def _word(status: Status | None) -> str:
    return LOOKS[status].word if status else "new"


def _gaps(health: Sequence[SystemHealth]) -> tuple[Gap, ...]:
    """Returns errors first, then the longest gap; systems that share principle and reason share one."""
    rows = [gap for one in health for gap in _whole(one)]
    never = tuple(one.name for one in health if one.judged is None)
    if never:
        rows.append(
            Gap("Everything", "No run has recorded a week yet.", never, "never judged", NEVER, error=False)
        )
    shared: defaultdict[tuple[str, str, bool], list[tuple[SystemHealth, Unmeasured]]] = defaultdict(list)
    for one in health:
        for row in one.unmeasured:
            if one.behind and row.status is not Status.ERROR:
                continue  # all of the system is told as one gap
            shared[row.principle, row.reason, row.status is Status.ERROR].append((one, row))
    for (principle, reason, error), pairs in shared.items():
        measures = sorted({measure for _, row in pairs for measure in row.measures})
        weeks = [row.weeks for _, row in pairs]
        at_least = any(row.at_least for _, row in pairs)
        rows.append(
            Gap(
                what=f"{principle}: {joined(measures, 4)}" if measures else principle,
                reason=reason,
                systems=tuple(one.name for one, _ in pairs),
                length=_length(min(weeks), max(weeks), at_least=at_least),
                weeks=max(weeks),
                error=error,
            )
        )
    return tuple(sorted(_together(rows), key=lambda gap: (not gap.error, -gap.weeks)))


def _together(gaps: Iterable[Gap]) -> Iterable[Gap]:
    """Yields one gap for those that differ in nothing but what was not measured."""
    same: defaultdict[Gap, list[str]] = defaultdict(list)
    for gap in gaps:
        same[replace(gap, what="")].append(gap.what)
    for gap, parts in same.items():
        yield replace(gap, what=joined(parts, len(parts)))


def _whole(one: SystemHealth) -> Iterable[Gap]:
    if one.behind:
        length = f"not judged since {one.judged}"
        reason = "What that week found is shown as of then."
        yield Gap("Everything", reason, (one.name,), length, one.behind, error=False)
    for failure in one.pull_failures:
        yield Gap("Data that could not be pulled", failure, (one.name,), "since the last pull", 0, error=True)


def _length(least: int, most: int, *, at_least: bool) -> str:
    if at_least:
        return f"{count(least, 'week')} or longer"  # holds for each of them
    return count(most, "week") if least == most else f"{least:,} to {count(most, 'week')}"
