"""The page of one finding: what it says, why, how it was computed, over time, and from which batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from sundial.engine.discover import discover
from sundial.engine.told import PARTS, Told, told
from sundial.gate.gate import Gate
from sundial.pages.charts import estimate_chart, evidence_chart
from sundial.pages.frame import Visiting
from sundial.pages.reading import series_of
from sundial.pages.site import PageError
from sundial.pages.small_cells import WITHHELD, count_for
from sundial.pages.standing import Standing, standing
from sundial.register.load import config_hash
from sundial.report.page import LOOKS
from sundial.report.people import raised, under_its_subject
from sundial.report.plain import clean, figure, metric_name, one_in, subject
from sundial.store.records import Evidence, Finding, Side, Threshold

router = APIRouter(prefix="/systems/{system_id}/findings")

MOST_BATCHES = 20


@dataclass(frozen=True)
class Source:
    """A batch with accepted rows of the finding's days; `counts` are its rows, accepted and refused ones."""

    feed: str
    batch: str
    counts: tuple[str, ...]
    days: str


@router.get("/{week}/{short}", response_class=HTMLResponse)
def finding(visit: Visiting, system_id: str, week: str, short: str) -> HTMLResponse:
    """One finding."""
    now = standing(visit, system_id, week)
    found = next((one for one in now.findings if one.id == short), None)
    if found is None:
        raise PageError(
            404,
            f"Week {clean(week, 20)} has no finding {clean(short, 20)}",
            "Its address may be cut off; the system's tabs list every finding of the week.",
        )
    judged = next(one for one in now.judged if one.week == found.week)
    points = now.over_time([found]).get(series_of(found), ())
    versions = now.versions()
    check = next((check for check in discover() if check.name == found.check), None)
    told_of: Told | None = told(check) if check else None
    charts = [
        estimate_chart("Over time", _note(found), points, versions) if points else None,
        evidence_chart(points, versions),
    ]
    sources = _sources(now, found, judged.as_of)
    return now.page(
        "finding.html.j2",
        found.principle,
        finding=found,
        look=LOOKS[found.status],
        subject=subject(found),
        said=under_its_subject(found, now.system),
        withheld=found.reason == WITHHELD,
        figures=figures_of(found),
        threshold=threshold_said(found.metric, found.threshold) if found.threshold else "",
        evidence=evidence_said(found.evidence) if found.evidence else (),
        earlier=[point.first for point in points if point.first and point.now.week == found.week],
        told=told_of,
        parts=PARTS,
        charts=[chart for chart in charts if chart is not None],
        judged=judged,
        same_config=config_hash(now.system, visit.city.policy) == judged.config_hash,
        sources=sources[-MOST_BATCHES:][::-1],
        more=max(0, len(sources) - MOST_BATCHES),
    )


def _note(found: Finding) -> str:
    """Returns what the chart shows: not every measure has an interval."""
    if found.interval is not None:
        return "Estimate with its 95 % interval."
    picked = isinstance(found.details.get("rates"), Mapping)
    return "A picked gap has no interval of its own; each group's rate has one." if picked else ""


def figures_of(found: Finding) -> Sequence[tuple[str, str]]:
    """Returns names and values of what was found: measure, check, slice, window, estimate, interval, n."""
    rows = [("Measure", metric_name(found.metric)), ("Check", f"{found.check} ({found.kind.value})")]
    rows += [(column.replace("_", " ").capitalize(), level) for column, level in found.slice]
    if found.window is not None:
        weeks = "1 week" if found.window.weeks == 1 else f"{found.window.weeks} weeks"
        rows.append(("Outputs of", f"{found.window.start} to {found.window.end} ({weeks})"))
    if found.estimate is not None:
        rows.append(("Estimate", figure(found.metric, found.estimate)))
    if found.interval is not None:
        low, high = figure(found.metric, found.interval.low), figure(found.metric, found.interval.high)
        rows.append(("95 % interval", f"{low} to {high}, method {found.interval.method}"))
    elif found.estimate is not None:
        rows.append(("95 % interval", "none"))
    if found.n is not None:
        rows.append(("n", f"{found.n:,g}"))
    return rows


def threshold_said(metric: str, threshold: Threshold) -> str:
    """Returns a limit with who approved it and when."""
    words = {"floor": "at least", "ceiling": "at most", "tolerance": "a gap of up to"}
    gap = threshold.side is Side.TOLERANCE and not metric.endswith(("_difference", "_change", "_ratio"))
    unit = f"{metric}_difference" if gap else metric.removesuffix("_against_process")
    whose = {"city": "", "system": ", chosen for this system"}
    return (
        f"{words[threshold.side.value]} {figure(unit, threshold.value)}: {threshold.name}, approved by "
        f"{threshold.approved_by} on {threshold.approved_on}"
        f"{whose.get(threshold.set_for, f', chosen for {threshold.set_for}')}"
    )


def evidence_said(evidence: Evidence) -> Sequence[tuple[str, str]]:
    """Returns names and values of carried evidence."""
    verdict = "reached: confirmed" if evidence.confirmed else "not reached"
    rows = [
        ("Carried over", f"{evidence.weeks} weeks with data"),
        ("Chance at most", raised(one_in(evidence.log_e)) if evidence.log_e > 0.7 else "not small"),
        ("Alarm", verdict),
        ("Stream", evidence.stream),
    ]
    if evidence.recovering:
        rows.append(("Repair", "recorded, and not yet shown to hold"))
    if evidence.supersedes is not None:
        rows.append(("Begun anew", evidence.supersedes.reason))
    return rows


def _sources(now: Standing, found: Finding, as_of: date) -> list[Source]:
    """Returns the batches with accepted rows of the window that the run could know, the oldest first."""
    window, sees = found.window, now.visit.visitor.sees_small_cells
    if window is None:
        return []
    gate, sources = Gate(now.system, now.visit.city.lake), []
    for feed in now.system.feeds.names:
        for one in gate.manifests(feed):
            days = sorted(day for day in one.partitions if f"{window.start}" <= day <= f"{window.end}")
            if not days or one.batch[:10] > as_of.isoformat():  # a batch's id begins with its as-of date
                continue
            figures = tuple(count_for(n, sees_small=sees) for n in (one.rows, one.accepted, one.refused))
            if "fewer than 11" in figures:
                figures = ("withheld",) * 3
            span = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]} ({len(days)} days)"
            sources.append(Source(feed, one.batch, figures, span))
    return sorted(sources, key=lambda source: source.batch)
