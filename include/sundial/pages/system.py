"""The pages of a system: an overview, one page a principle, its data, its record."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from sundial.engine.schedule import due
from sundial.gate.gate import Gate
from sundial.gate.judged import Judged
from sundial.pages.charts import Chart, estimate_chart
from sundial.pages.frame import Visit, Visiting
from sundial.pages.site import PageError
from sundial.pages.small_cells import WITHHELD, count_for
from sundial.pages.standing import Shown, Standing, standing
from sundial.register.given import LifecycleChange, RegisterVersion
from sundial.register.models import System
from sundial.register.policy import Policy
from sundial.register.principles import Principle
from sundial.report.health import outcome_of
from sundial.report.plain import clean, figure, metric_name
from sundial.report.waivers import waivers_shown
from sundial.store.cases import Cases
from sundial.store.records import Finding, Status
from sundial.store.results import Pull, Results

router = APIRouter(prefix="/systems/{system_id}")

MOST_CHARTS = 6
MOST_BATCHES = 30
MOST_ERRORS = 5
_SILENT = (Status.NOT_APPLICABLE,)
_BAR = 160


@dataclass(frozen=True)
class GroupRow:
    """One group or slice of a family: its figures, and the bar that shows its interval."""

    shown: Shown
    level: str
    estimate: str
    interval: str
    n: str
    dot: float | None
    left: float
    width: float


@dataclass(frozen=True)
class Family:
    """One measure by the same columns, on one scale."""

    title: str
    rows: tuple[GroupRow, ...]
    low: str
    high: str


@dataclass(frozen=True)
class FeedShown:
    """What came of one feed, and what its data contract refused.

    Attributes:
        last: its last pull; None before the first.
        first_day: earliest day with accepted rows; empty where there is none.
        batches: the latest ones: id, counts and days.
        reasons: rows that fail each critical rule, the most first.
    """

    name: str
    cadence: str
    last: Pull | None
    days: int
    first_day: str
    last_day: str
    count: int
    accepted: str
    refused: str
    batches: tuple[tuple[str, ...], ...]
    reasons: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Runs:
    """The runs of a system's monitor against its schedule.

    Attributes:
        last: the date as of which it ran last, whatever came of it; None where it never did.
        asked: the date as of which it should have run by now.
        next_start: when the next one starts, in the City's zone.
        missing: whether what should have run did not.
    """

    last: date | None
    asked: date
    next_start: datetime
    missing: bool


@dataclass(frozen=True)
class Attested:
    """A dated document and until when it holds."""

    kind: str
    by: str
    day: date | None
    until: date | None
    word: str
    link: str


@router.get("", response_class=HTMLResponse)
def overview(visit: Visiting, system_id: str, week: str = "") -> HTMLResponse:
    """What the system is for, whether it does it, and how it stands."""
    now = standing(visit, system_id, week)
    system = now.system
    outcome = outcome_of(system, now.findings, now.behind)
    aims = [f for f in now.findings if f.threshold and f.threshold.name == "intended_outcome.target"][:1]
    cases = [episode for episode in Cases(visit.city.store).episodes(system.id) if episode.open]
    pulls = Results(visit.city.store).latest_pulls(system.id).values()
    gaps: defaultdict[tuple[Status, str], list[str]] = defaultdict(list)
    for finding in now.findings:
        if finding.status in (Status.ERROR, Status.NOT_MEASURED):
            gaps[finding.status, clean(finding.reason)].append(Principle(finding.principle).label)
    return now.page(
        "system.html.j2",
        "overview",
        outcome=outcome,
        chart=_charts(now, aims)[:1],
        cells=[(principle, now.cell(principle)) for principle in Principle],
        cases=[(case, (visit.city.today - case.opened_as_of).days) for case in cases],
        gaps=sorted(
            (status.value, reason, sorted(Counter(labels).items()))
            for (status, reason), labels in gaps.items()
        ),
        failed=[pull for pull in pulls if pull.error],
        errors=[now.shown(f) for f in now.findings if f.status is Status.ERROR],
        most_errors=MOST_ERRORS,
        runs=_runs(now, pulls),
        worst=[now.shown(f) for f in now.findings if f.status in (Status.BREACH, Status.ERROR)][:8],
    )


@router.get("/data", response_class=HTMLResponse)
def data(visit: Visiting, system_id: str) -> HTMLResponse:
    """Partitions and quarantine of each feed."""
    now = standing(visit, system_id)
    pulls = Results(visit.city.store).latest_pulls(system_id)
    gate = Gate(now.system, visit.city.lake)
    feeds = [
        _feed(visit, now.system, name, pulls.get(name), gate.manifests(name))
        for name in now.system.feeds.names
    ]
    return now.page("system_data.html.j2", "data", feeds=feeds)


@router.get("/record", response_class=HTMLResponse)
def record(visit: Visiting, system_id: str) -> HTMLResponse:
    """Attestations, waivers, versions of the entry, changes of status and of what judges it."""
    now = standing(visit, system_id)
    today = visit.city.today
    changed = [
        one
        for before, one in zip([None, *now.judged], now.judged, strict=False)
        if before is None or (before.config_hash, before.code_version) != (one.config_hash, one.code_version)
    ]
    return now.page(
        "system_record.html.j2",
        "record",
        attested=attested(now.system, visit.city.policy, today),
        waivers=waivers_shown(now.rows, now.findings, today),
        versions=[(row, row.given) for row in reversed(now.rows) if isinstance(row.given, RegisterVersion)],
        lifecycle=[(row, row.given) for row in reversed(now.rows) if isinstance(row.given, LifecycleChange)],
        in_force=list(reversed(changed)),
        model_versions=list(reversed(now.versions())),
    )


@router.get("/{principle}", response_class=HTMLResponse)
def principle(visit: Visiting, system_id: str, principle: str, week: str = "") -> HTMLResponse:
    """One principle: its findings, its measures over time, its groups and slices."""
    if principle not in list(Principle):
        raise PageError(404, "There is no such page of the system", "Choose one of its tabs.")
    now = standing(visit, system_id, week)
    one = Principle(principle)
    findings = now.of(one)
    whole = [f for f in findings if f.estimate is not None and not _is_group(f)]
    return now.page(
        "system_principle.html.j2",
        one.value,
        principle=one,
        cell=now.cell(one),
        rows=[now.shown(f) for f in findings if not _is_group(f) and f.status not in _SILENT],
        silent=[now.shown(f) for f in findings if f.status in _SILENT],
        charts=_charts(now, whole),
        uncharted=max(0, len(whole) - MOST_CHARTS),
        families=_families(now, [f for f in findings if _is_group(f) and f.status not in _SILENT]),
    )


def _runs(now: Standing, pulls: Iterable[Pull]) -> Runs | None:
    """Returns whether the monitor has run as its schedule says; None where it has none."""
    asked = due(now.system, now.visit.city.now, ZoneInfo(now.visit.city.policy.timezone))
    if asked is None:
        return None
    ran = [pull.as_of for pull in pulls] + [judgement.as_of for judgement in now.judged[-1:]]
    last = max(ran, default=None)
    return Runs(last, asked.as_of, asked.next_start, missing=last is None or last < asked.as_of)


def _is_group(finding: Finding) -> bool:
    """Returns whether a finding is of one group or slice, not of everybody or of one feed or column."""
    return bool(finding.slice) and not {column for column, _ in finding.slice} & {"by", "column", "feed"}


def _charts(now: Standing, findings: Sequence[Finding]) -> list[Chart]:
    """Returns a chart of each measure, the intended outcome first, then the gravest."""
    chosen = sorted(
        findings, key=lambda f: f.threshold is None or f.threshold.name != "intended_outcome.target"
    )[:MOST_CHARTS]
    if not chosen:
        return []
    series, versions = now.over_time(chosen), now.versions()
    made = []
    for finding in chosen:
        shown = now.shown(finding)
        points = series.get((finding.check, finding.metric, finding.slice), ())
        chart = estimate_chart(shown.subject, "", points, versions) if points else None
        if chart is not None:
            made.append(chart)
    return made


def _families(now: Standing, findings: Sequence[Finding]) -> list[Family]:
    of: defaultdict[tuple[str, str, tuple[str, ...]], list[Finding]] = defaultdict(list)
    for finding in findings:
        of[finding.check, finding.metric, tuple(column for column, _ in finding.slice)].append(finding)
    return [_family(now, metric, columns, members) for (_, metric, columns), members in of.items()]


def _family(now: Standing, metric: str, columns: Sequence[str], members: Sequence[Finding]) -> Family:
    ends = [f.estimate for f in members if f.estimate is not None]
    ends += [end for f in members if f.interval for end in (f.interval.low, f.interval.high)]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    span = (high - low) or 1.0

    def at(value: float) -> float:
        return round((value - low) / span * _BAR, 1)

    def row(finding: Finding) -> GroupRow:
        spread = finding.interval
        return GroupRow(
            now.shown(finding),
            ", ".join(level for _, level in finding.slice),
            "–" if finding.estimate is None else figure(metric, finding.estimate),
            f"{figure(metric, spread.low)} to {figure(metric, spread.high)}" if spread else "–",
            "withheld" if finding.reason == WITHHELD else "–" if finding.n is None else f"{finding.n:,g}",
            None if finding.estimate is None else at(finding.estimate),
            at(spread.low) if spread else 0,
            round(max(1.0, at(spread.high) - at(spread.low)), 1) if spread else 0,
        )

    named = " and ".join(column.replace("_", " ") for column in columns)
    in_order = sorted(members, key=lambda f: (-(f.n or 0), f.slice))
    return Family(
        f"{metric_name(metric)} by {named}",
        tuple(map(row, in_order)),
        figure(metric, low),
        figure(metric, high),
    )


def _feed(
    visit: Visit, system: System, name: str, pull: Pull | None, manifests: Sequence[Judged]
) -> FeedShown:
    sees = visit.visitor.sees_small_cells
    partitions = sorted({day for manifest in manifests for day in manifest.partitions})
    reasons: Counter[str] = Counter()
    for manifest in manifests:
        for rule in manifest.rules:
            if rule.failed and rule.severity == "critical":
                reasons[rule.reason] += rule.failed

    def count(number: int) -> str:
        return count_for(number, sees_small=sees)

    def batch(one: Judged) -> tuple[str, ...]:
        days = sorted(one.partitions)
        span = f"{days[0]} to {days[-1]}" if len(days) > 1 else "".join(days) or "–"
        figures = [one.rows, one.accepted, one.refused, one.pending]
        if not sees and any(0 < figure < 11 for figure in figures):
            return (one.batch, *["withheld"] * 4, span)  # of four that add up, none shows
        return (one.batch, *map(count, figures), span)

    accepted, refused = sum(m.accepted for m in manifests), sum(m.refused for m in manifests)
    return FeedShown(
        name=name,
        cadence=str(getattr(system.feeds, name).cadence),
        last=pull,
        days=len(partitions),
        first_day=partitions[0] if partitions else "",
        last_day=partitions[-1] if partitions else "",
        count=len(manifests),
        accepted=count(accepted),
        refused=count(refused),
        batches=tuple(map(batch, list(manifests)[-MOST_BATCHES:][::-1])),
        reasons=tuple((reason, count(n)) for reason, n in reasons.most_common()),
    )


def attested(system: System, policy: Policy, today: date) -> list[Attested]:
    """Returns each document that the policy asks for, with the day until which it holds.

    Historical data has nobody to attest to it, and is asked for none.
    """
    found: list[Attested] = []
    if not system.operated:
        return found
    for name, term in policy.terms.items():
        kind = name.removesuffix("_age")
        own = getattr(system, kind, None) or system.attestations.get(kind)  # type: ignore[call-overload]
        if not name.endswith("_age") or kind == "outcome_review" or system.risk.tier not in term.tiers:
            continue
        until = own.date + timedelta(days=term.limit_days) if own else None
        if own and own.expires and until:
            until = min(until, own.expires)
        word = "missing" if until is None else "stale" if until < today else "holds"
        found.append(
            Attested(
                metric_name(name),
                own.by if own else "",
                own.date if own else None,
                until,
                word,
                (own.link or "") if own else "",
            )
        )
    return sorted(found, key=lambda one: (one.until or date.min, one.kind))
