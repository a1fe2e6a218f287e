"""The health of one system in one week: what holds, what changed, and what could not be measured."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from sundial.engine.check import UNMEASURED
from sundial.engine.clock import WEEK, week_name
from sundial.register.measures import MEASURES
from sundial.register.models import System
from sundial.register.principles import Principle
from sundial.report.page import IN_PART, LOOKS, PAST, Look
from sundial.report.people import plain, under_its_subject
from sundial.report.plain import clean, day, figure, metric_name, subject, target
from sundial.report.standing import Case, Expiring, ReportedIncident
from sundial.report.trend import TARGET, Trend, trend_of
from sundial.report.waivers import Waived, waivers_shown
from sundial.stats.families import e_bh
from sundial.store.records import UNMEASURED_METRIC, Finding, Identity, Status
from sundial.store.register import Row
from sundial.store.results import Judgement, Results

WORST_FIRST = (
    Status.ERROR,
    Status.BREACH,
    Status.WATCH,
    Status.INSUFFICIENT,
    Status.WAIVED,
    Status.OK,
    Status.NOT_MEASURED,
    Status.NOT_APPLICABLE,
)
"""Which status stands for several. Where something failed nothing else is known for sure: `error` leads,
and a breach is shown beside it. `ok` leads what was measured only, never green where something was not."""
SHOWN = (Status.BREACH, Status.ERROR, Status.WATCH)
MOST_WATCHES = 12
"""Findings on `watch` that a system's section shows, the strongest evidence first; breaches all show."""
LOOKBACK = 53
"""Judged weeks that are searched for how long something was not measured; beyond it is "at least"."""
_CHUNK = 13
DRIFT = "drift."
"""What the names of the checks of drift begin with."""

ChangeKind = Literal[
    "new breach", "new error", "no longer breach", "no longer measured", "measured again", "smaller"
]


@dataclass(frozen=True)
class PrincipleCell:
    """One principle of one system.

    Attributes:
        status: the worst one by `WORST_FIRST`.
        looks: what to show, the worst first; more than one only where an error stands beside a breach.
        counts: findings by status, the worst first.
        when: the week it is of, where that is not the report's; else empty.
    """

    principle: str
    status: Status
    looks: tuple[Look, ...]
    counts: tuple[tuple[Status, int], ...]
    when: str

    @property
    def counted(self) -> str:
        """The counts in words; empty where the status says it all."""
        if len(self.counts) == 1 and self.counts[0][1] == 1:
            return ""
        return ", ".join(f"{number:,} {LOOKS[status].word}" for status, number in self.counts)


@dataclass(frozen=True)
class Line:
    """One finding that matters.

    Attributes:
        subject: the metric, and whom it is about.
        said: what was found, in counts of people where it is a share.
        harm: whether it is the registered harm.
        drift: whether it is of drift, which explains and never opens a sunset case.
    """

    principle: str
    status: Status
    subject: str
    said: str
    harm: bool
    drift: bool

    @property
    def look(self) -> Look:
        """How its status is shown."""
        return LOOKS[self.status]


@dataclass(frozen=True)
class Change:
    """One finding whose status is another than in the judged week before; None where it was not there."""

    kind: ChangeKind
    principle: str
    before: Status | None
    after: Status | None
    sentence: str

    @property
    def headline(self) -> str:
        """What happened in a few words, such as "New breach (was watch)"."""
        was = f"was {LOOKS[self.before].word}" if self.before else "new"
        if self.kind == "smaller":
            return f"Now {LOOKS[self.after].word} ({was})" if self.after else was.capitalize()
        return f"{self.kind.capitalize()} ({was})"


@dataclass(frozen=True)
class Unmeasured:
    """What could not be measured for one reason: for how many weeks; `at_least` where the search ended."""

    principle: str
    status: Status
    measures: tuple[str, ...]
    reason: str
    weeks: int
    at_least: bool


@dataclass(frozen=True)
class Outcome:
    """The intended positive outcome and whether the system meets it."""

    statement: str
    target: str
    met: str
    look: Look
    sentence: str


@dataclass(frozen=True)
class SystemHealth:
    """One system's part of the report.

    Attributes:
        judged: name of the last judged week; None where the system was never judged.
        behind: weeks between that week and the report's; 0 where the report's week was judged.
        changes: against the judged week before; empty where `behind`.
        compared_with: that week's name; None where there is none.
        hidden_watches: findings on watch that are not among the lines.
        pull_failures: feeds whose last pull failed, as sentences.
        refused: what the rates rest on, where too many outcomes were refused; else empty.
        waivers: ended ones that are still in breach first, then those in force.
        trend: of what measures the intended outcome; None where nothing did in a year.
        drifts: findings of drift by status, the worst first.
        retired: when and why it was retired, as a sentence; empty where it is not, or goes on all the same.
        expiring: attestations that are about to expire, the next one first.
        incidents: open ones, and what came or ended in the report's week.
        cases: open sunset cases.
    """

    id: str
    name: str
    notice: str
    description: str
    department: str
    owner: str
    harm: str
    outcome: Outcome
    judged: str | None
    behind: int
    cells: tuple[PrincipleCell, ...]
    counts: tuple[tuple[Status, int], ...]
    lines: tuple[Line, ...]
    hidden_watches: int
    changes: tuple[Change, ...]
    compared_with: str | None
    unmeasured: tuple[Unmeasured, ...]
    pull_failures: tuple[str, ...]
    refused: str
    waivers: tuple[Waived, ...]
    trend: Trend | None
    drifts: tuple[tuple[Status, int], ...]
    retired: str
    expiring: tuple[Expiring, ...]
    incidents: tuple[ReportedIncident, ...]
    cases: tuple[Case, ...]

    @property
    def by_principle(self) -> tuple[tuple[PrincipleCell, tuple[Line, ...]], ...]:
        """Each principle with its findings that matter; those of drift stand apart."""
        return tuple(
            (cell, tuple(line for line in self.lines if line.principle == cell.principle and not line.drift))
            for cell in self.cells
        )

    @property
    def drift_lines(self) -> tuple[Line, ...]:
        """The findings of drift that matter."""
        return tuple(line for line in self.lines if line.drift)

    @property
    def where_refused(self) -> str:
        """Where the refused outcomes lie, in words; paths begin at the lake."""
        return (
            f"In the lake, systems/{self.id}/quarantine/ has the refused rows with their reasons, "
            f"systems/{self.id}/data_docs/ a page for each batch."
        )

    def counted(self, status: Status) -> int:
        """Returns how many findings have the status."""
        return dict(self.counts).get(status, 0)


def judged_until(results: Results, system: str, week: date, as_of: date) -> tuple[Judgement, ...]:
    """Returns the weeks up to `week` that runs up to `as_of` judged, the latest first."""
    return tuple(j for j in reversed(results.judged(system)) if j.week <= week and j.as_of <= as_of)


def discoveries(log_e: Mapping[str, float], alpha: float) -> Mapping[str, int]:
    """Returns the place of each finding that e-BH picks out of all of a week's, by key.

    Of what it picks the expected share of false ones is at most alpha, however many are looked at.

    Args:
        log_e: the evidence of each finding that carries some, by key.
        alpha: the share.
    """
    keys = list(log_e)
    return {keys[place]: rank for rank, place in enumerate(e_bh([*log_e.values()], alpha))}


@dataclass(frozen=True)
class Stands:
    """What stands about a system beside its findings: see `SystemHealth`."""

    retired: str = ""
    rows: Sequence[Row] = ()
    expiring: tuple[Expiring, ...] = ()
    incidents: tuple[ReportedIncident, ...] = ()
    cases: tuple[Case, ...] = ()


def system_health(
    system: System,
    results: Results,
    week: date,
    as_of: date,
    stands: Stands,
) -> tuple[SystemHealth, Sequence[Finding]]:
    """Returns the system's part of the report on the week that begins at `week`, and that week's findings.

    Where the week was not judged, both are of the last judged week before it. The part has no lines yet: how
    they are ordered depends on the findings of all systems, and `with_lines` adds them.

    Args:
        system: the register entry.
        results: what was measured.
        week: Monday of the report's week.
        as_of: the report's date.
        stands: what else is known; its rows are the ledger's of the system.
    """
    weeks = [judgement.week for judgement in judged_until(results, system.id, week, as_of)]
    now = results.findings(system.id, weeks[0], as_of) if weeks else ()
    behind = (week - weeks[0]) // WEEK if weeks else 0
    compared = weeks[1] if len(weeks) > 1 and not behind else None
    health = SystemHealth(
        id=system.id,
        name=clean(system.name),
        notice=clean(system.notice or ""),
        description=clean(system.description),
        department=clean(system.department),
        owner=clean(system.owner.name),
        harm=clean(system.harm.reason) if system.harm else "",
        outcome=outcome_of(system, now, behind),
        judged=week_name(weeks[0]) if weeks else None,
        behind=behind,
        cells=_cells(now, week_name(weeks[0]) if behind else ""),
        counts=_counts(now),
        lines=(),
        hidden_watches=0,
        changes=_changes(system, results.findings(system.id, compared, as_of), now) if compared else (),
        compared_with=week_name(compared) if compared else None,
        unmeasured=_unmeasured(results, system.id, weeks, now, behind, as_of),
        pull_failures=_pull_failures(results, system.id, as_of),
        refused=_refused(now),
        waivers=waivers_shown(stands.rows, now, as_of),
        trend=trend_of(system, results, now, weeks, as_of),
        drifts=_counts(finding for finding in now if finding.check.startswith(DRIFT)),
        retired=stands.retired,
        expiring=stands.expiring,
        incidents=stands.incidents,
        cases=stands.cases,
    )
    return health, now


def with_lines(
    health: SystemHealth, system: System, findings: Sequence[Finding], told: Mapping[str, int]
) -> SystemHealth:
    """Returns the part with the findings that matter as lines.

    Args:
        health: from `system_health`.
        system: the register entry.
        findings: those of `SHOWN`, or more.
        told: what `discoveries` picks: it is listed first.
    """
    lines, hidden = _lines(system, findings, told)
    return replace(health, lines=lines, hidden_watches=hidden)


def _counts(findings: Iterable[Finding]) -> tuple[tuple[Status, int], ...]:
    counted = Counter(finding.status for finding in findings)
    return tuple((status, counted[status]) for status in WORST_FIRST if counted[status])


def _cells(findings: Sequence[Finding], when: str) -> tuple[PrincipleCell, ...]:
    of: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        of[finding.principle].append(finding)
    return tuple(principle_cell(principle, _counts(of[principle.value]), when) for principle in Principle)


def principle_cell(principle: Principle, counts: tuple[tuple[Status, int], ...], when: str) -> PrincipleCell:
    """Returns how a principle shows whose findings are counted by status, the worst first.

    Args:
        principle: which one.
        counts: findings by status in the order of `WORST_FIRST`; none: it was not measured.
        when: the week that they are of, where that is not the one that is due; else empty.
    """
    present = [status for status, _ in counts]
    worst = present[0] if present else Status.NOT_MEASURED
    looks = [LOOKS[worst]]
    if worst is Status.OK:
        looks = [PAST if when else IN_PART if Status.NOT_MEASURED in present else LOOKS[worst]]
    if worst is Status.ERROR and Status.BREACH in present:
        looks.append(LOOKS[Status.BREACH])
    return PrincipleCell(principle.label, worst, tuple(looks), counts, when)


def _strength(finding: Finding, told: Mapping[str, int]) -> tuple[int, bool, float, float, str]:
    """Sorts breaches first, then errors, then watches: what e-BH picks, then by the evidence so far.

    Of each, what has figures in the window comes before what only its evidence speaks for.
    """
    evidence = finding.evidence
    carried = evidence.log_detector if evidence is not None else -math.inf
    unseen = finding.estimate is None
    return SHOWN.index(finding.status), unseen, told.get(finding.key, math.inf), -carried, finding.key


def _lines(
    system: System, findings: Sequence[Finding], told: Mapping[str, int]
) -> tuple[tuple[Line, ...], int]:
    matter = sorted((f for f in findings if f.status in SHOWN), key=lambda f: _strength(f, told))
    watches = [f for f in matter if f.status is Status.WATCH]
    hidden = {finding.identity for finding in watches[MOST_WATCHES:]}
    harm = system.harm.metric if system.harm else None
    lines = tuple(
        Line(
            principle=Principle(f.principle).label,
            status=f.status,
            subject=subject(f),
            said=under_its_subject(f, system),
            harm=harm is not None
            and f.metric in (harm, f"{harm}_difference")
            and f.principle == Principle.EQUITY,
            drift=f.check.startswith(DRIFT),
        )
        for f in matter
        if f.identity not in hidden
    )
    return lines, len(hidden)


def outcome_of(system: System, findings: Sequence[Finding], behind: int) -> Outcome:
    """Returns whether a week's findings say that the intended outcome is met; `behind` weeks ago."""
    intended = system.intended_outcome
    found = next(
        (
            f
            for f in findings
            if f.metric == intended.metric and f.threshold is not None and f.threshold.name == TARGET
        ),
        None,
    )
    status = found.status if found else Status.NOT_MEASURED
    met = {
        Status.OK: "met",
        Status.WATCH: "looks missed, not confirmed",
        Status.BREACH: "missed, confirmed",
        Status.INSUFFICIENT: "too few data to say",
        Status.WAIVED: "waived",
    }.get(status, "not measured")
    look = PAST if behind and status is Status.OK else LOOKS[status]
    return Outcome(
        statement=clean(intended.statement),
        target=f"{metric_name(intended.metric)} "
        f"{target(intended.metric, intended.target, ceiling=MEASURES[intended.metric].good == 'low')}",
        met=f"was {met}" if behind and status is Status.OK else met,
        look=look,
        sentence=plain(found, system) if found else "It was not measured.",
    )


def _changes(system: System, before: Sequence[Finding], now: Sequence[Finding]) -> tuple[Change, ...]:
    old, new = ({f.identity: f for f in findings} for findings in (before, now))
    changes = []
    for identity in sorted(old.keys() | new.keys()):
        was, is_now = old.get(identity), new.get(identity)
        kind = _kind(was.status if was else None, is_now.status if is_now else None)
        shown = is_now or was
        if kind is None or shown is None:
            continue
        said = plain(shown, system)
        if is_now is None:
            said += " Not among this week's findings."
        changes.append(
            Change(
                kind=kind,
                principle=Principle(shown.principle).label,
                before=was.status if was else None,
                after=is_now.status if is_now else None,
                sentence=said,
            )
        )
    order = ("new breach", "new error", "no longer measured", "no longer breach", "measured again", "smaller")
    return tuple(sorted(changes, key=lambda change: order.index(change.kind)))


_GAPS = (Status.ERROR, Status.NOT_MEASURED)


def _kind(was: Status | None, is_now: Status | None) -> ChangeKind | None:
    """Returns what a change of status is; None where there is none worth a word."""
    if was is is_now:
        return None
    if is_now is Status.WAIVED:  # it may be in breach as it was
        return "smaller"
    if is_now is Status.BREACH:
        return "new breach"
    if is_now is Status.ERROR:
        return "new error"
    if was is Status.BREACH:
        return "no longer measured" if is_now in (None, *_GAPS) else "no longer breach"
    return _lesser(was, is_now)


def _lesser(was: Status | None, is_now: Status | None) -> ChangeKind | None:
    if was is None:
        return "smaller" if is_now is Status.WATCH else None
    if is_now is None:
        return None  # its check reports an error or a gap of its own
    if is_now is Status.NOT_MEASURED and was is not Status.NOT_APPLICABLE:
        return "no longer measured"
    if was in _GAPS and is_now is not Status.NOT_APPLICABLE:
        return "measured again"
    return "smaller"


def _unmeasured(
    results: Results, system: str, weeks: Sequence[date], now: Sequence[Finding], behind: int, as_of: date
) -> tuple[Unmeasured, ...]:
    """Returns what the last judged week could not measure, by principle and reason, the longest first."""
    gaps = [finding for finding in now if finding.status in _GAPS]
    runs = _runs(results, weeks, gaps, as_of)
    grouped: defaultdict[tuple[str, Status, str], list[Finding]] = defaultdict(list)
    for finding in gaps:
        grouped[finding.principle, finding.status, clean(finding.reason)].append(finding)
    rows = []
    for (principle, status, reason), findings in grouped.items():
        weeks_without = max(runs[f.identity] for f in findings)
        measures = {metric_name(f.metric) for f in findings if f.metric != UNMEASURED_METRIC}
        rows.append(
            Unmeasured(
                principle=Principle(principle).label,
                status=status,
                measures=tuple(sorted(measures)),
                reason=reason,
                weeks=weeks_without + behind,
                at_least=weeks_without >= LOOKBACK,
            )
        )
    order = [principle.label for principle in Principle]
    return tuple(sorted(rows, key=lambda row: (-row.weeks, order.index(row.principle), row.reason)))


def _runs(
    results: Results, weeks: Sequence[date], gaps: Sequence[Finding], as_of: date
) -> Mapping[Identity, int]:
    """Returns for how many judged weeks in a row, up to the last, each of the gaps has been one."""
    runs = {finding.identity: 1 for finding in gaps}
    waiting = {f.identity: date.fromisoformat(f.details[UNMEASURED]) for f in gaps if UNMEASURED in f.details}
    for identity, since in waiting.items():  # the engine carries the first week itself
        runs[identity] = max(1, (weeks[0] - since) // WEEK + 1)
    alive = [finding for finding in gaps if finding.identity not in waiting]
    earlier = weeks[1:LOOKBACK]
    for start in range(0, len(earlier), _CHUNK):
        chunk = earlier[start : start + _CHUNK]
        keys = {(f.identity, week): replace(f, week=week).key for f in alive for week in chunk}
        known = results.statuses([*keys.values()], as_of) if keys else {}
        for week in chunk:
            alive = [f for f in alive if known.get(keys[f.identity, week]) in _GAPS]
            for finding in alive:
                runs[finding.identity] += 1
    return runs


def _refused(findings: Iterable[Finding]) -> str:
    """Returns what the rates rest on, where the contract refused more outcomes than the policy allows."""
    for finding in findings:
        of_outcomes = finding.metric == "refused_share" and finding.slice == (("feed", "outcomes"),)
        if of_outcomes and finding.status in (Status.WATCH, Status.BREACH) and finding.estimate is not None:
            share = figure(finding.metric, finding.estimate)
            return f"Rates rest on the accepted outcomes; {share} were refused."
    return ""


def _pull_failures(results: Results, system: str, as_of: date) -> tuple[str, ...]:
    return tuple(
        f"{feed}, {day(pull.as_of)}: {clean(pull.error or 'no reason was given')}"
        for feed, pull in sorted(results.latest_pulls(system).items())
        if pull.status == "failed" and pull.as_of <= as_of
    )
