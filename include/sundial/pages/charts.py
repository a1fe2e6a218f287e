"""Charts as shapes: where lines, bands and marks lie, for a template that writes them as SVG.

Nothing is drawn here and no library is asked: a page with eight charts has 300 ms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from markupsafe import Markup

from sundial.engine.clock import WEEK, week_name
from sundial.pages.reading import Change, Point
from sundial.report.page import LOOKS, Look
from sundial.report.people import raised
from sundial.report.plain import figure, one_in
from sundial.store.records import Finding, Side, Status

WIDTH, HEIGHT = 640, 224
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 12, 12, 34
_TICKS = 4
_T = TypeVar("_T")
_MARKED = {Status.BREACH: "m-breach", Status.WATCH: "m-watch"}


@dataclass(frozen=True)
class Tick:
    """A place on an axis and what stands there."""

    at: float
    label: str


@dataclass(frozen=True)
class Entry:
    """One week: what the table says of it, and where it lies; x and y in the picture's units.

    Attributes:
        cells: the table's columns after the week.
        mark: class of the bar below that stands for a breach or a watch; empty for none.
        before: where it lay as it was judged first; None where nothing was restated.
    """

    week: str
    x: float
    y: float | None
    cells: tuple[str, ...]
    look: Look
    mark: str
    before: float | None


@dataclass(frozen=True)
class Chart:
    """One measure over time.

    Attributes:
        said: the whole chart in a sentence, for those who do not see it.
        lines: points of each unbroken stretch, as SVG writes them.
        bands: outline of the interval of each stretch.
        limit: points of the limit in force.
        versions: where new versions of the model began.
    """

    title: str
    note: str
    said: str
    heads: tuple[str, ...]
    entries: tuple[Entry, ...]
    lines: tuple[str, ...]
    bands: tuple[str, ...]
    limit: str
    limit_label: str
    versions: tuple[Tick, ...]
    xs: tuple[Tick, ...]
    ys: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def step(self) -> float:
        """Half the width of a week, as the bars below the picture have it; they stay inside the picture."""
        return round(min(max(1.0, (WIDTH - _LEFT - _RIGHT) / max(len(self.entries) - 1, 1) / 2), _RIGHT), 1)

    @property
    def marks_are(self) -> str:
        """Which marks the chart has, in words."""
        named = [("breach", "tall bar: breach"), ("watch", "low bar: watch")]
        there = [word for css, word in named if any(entry.mark == f"m-{css}" for entry in self.entries)]
        there += ["○ as first judged"] if any(e.before is not None for e in self.entries) else []
        there += ["┆ new version of the model"] if self.versions else []
        return " · ".join(there)


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float

    def y(self, value: float) -> float:
        inside = min(max(value, self.low), self.high)
        return round(_TOP + (self.high - inside) / (self.high - self.low) * (HEIGHT - _TOP - _BOTTOM), 1)


@dataclass(frozen=True)
class _Weeks:
    first: date
    last: date

    def x(self, day: date) -> float:
        share = (day - self.first) / max(self.last - self.first, WEEK)
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)


def estimate_chart(title: str, note: str, points: Sequence[Point], changes: Sequence[Change]) -> Chart | None:
    """Returns estimate, interval and limit by week; None where no week has an estimate."""
    found = [point.now for point in points]
    values = [value for finding in found for value in _values(finding)]
    values += [p.first.estimate for p in points if p.first and p.first.estimate is not None]
    finite = [value for value in values if math.isfinite(value)]
    if not any(finding.estimate is not None for finding in found) or not finite:
        return None
    metric, weeks = found[-1].metric, _Weeks(found[0].week, found[-1].week)
    scale, steps = _scale(finite)
    last = found[-1].threshold
    against = "Limit in force"
    if metric.endswith("_against_process"):
        against = "As without AI"
    elif last is not None and held_against(found[-1]) != last.value:
        against = "The others' rate"
    restated = any(point.first is not None for point in points)
    entries = [_estimate_entry(point, weeks, scale, restated) for point in points]
    return Chart(
        title=title,
        note=f"{note} In percentage points.".strip() if figure(metric, 0.0).endswith("points") else note,
        said=_said(title, found),
        heads=("Estimate", "95 % interval", "n", against, *(("As first judged",) if restated else ())),
        entries=tuple(entries),
        lines=_lines(entries),
        bands=_bands(found, weeks, scale),
        limit=_steps(found, weeks, scale),
        limit_label=against[0].lower() + against[1:],
        versions=_versions(changes, weeks),
        xs=_dates(weeks),
        ys=_numbers(metric, scale, steps),
    )


def evidence_chart(points: Sequence[Point], changes: Sequence[Change]) -> Chart | None:
    """Returns the detector by week, as powers of ten, with its alarm; None without carried evidence."""
    found = [point.now for point in points if point.now.evidence is not None]
    if not found:
        return None
    weeks = _Weeks(found[0].week, found[-1].week)
    heights = [_power(f.evidence.log_detector) for f in found if f.evidence]
    alarms = [_power(f.evidence.log_alarm) for f in found if f.evidence]
    scale, steps = _scale([*heights, *alarms, 0.0])
    entries = [
        Entry(
            week_name(finding.week),
            weeks.x(finding.week),
            scale.y(height),
            (f"10^{height:.1f}", f"10^{alarm:.1f}", raised(one_in(max(finding.evidence.log_e, 0.0)))),
            LOOKS[finding.status],
            "m-breach" if finding.evidence.confirmed else "",
            None,
        )
        for finding, height, alarm in zip(found, heights, alarms, strict=True)
        if finding.evidence
    ]
    reached = sum(entry.mark != "" for entry in entries)
    return Chart(
        title="Evidence, carried from week to week",
        note="The detector grows with evidence against the limit; at the alarm a breach is confirmed.",
        said=f"Evidence by week, {len(found)} weeks: last 10^{heights[-1]:.1f}, alarm at "
        f"10^{alarms[-1]:.1f}, reached or kept in {reached}.",
        heads=("Detector", "Alarm", "Chance at most"),
        entries=tuple(entries),
        lines=_lines(entries),
        bands=(),
        limit=_shape(f"{weeks.x(f.week)},{scale.y(alarm)}" for f, alarm in zip(found, alarms, strict=True)),
        limit_label="alarm",
        versions=_versions(changes, weeks),
        xs=_dates(weeks),
        ys=tuple(
            Tick(scale.y(step), raised(f"10^{step:.0f}") if step >= 0 and step == int(step) else "")
            for step in steps
        ),
    )


def _power(log: float) -> float:
    return max(log / math.log(10), -2.0) if math.isfinite(log) else -2.0


def _values(finding: Finding) -> list[float]:
    values = [] if finding.estimate is None else [finding.estimate]
    if finding.estimate is not None and finding.interval is not None:
        values += [finding.interval.low, finding.interval.high]
    against = held_against(finding)
    if against is not None and finding.estimate is not None:
        values.append(against)
    return values


def held_against(finding: Finding) -> float | None:
    """Returns what the estimate is held against, in its own unit: a limit, or the rate of the others.

    A tolerance is one of a gap; beside a group's own rate stands that of everyone else, or of the reference.
    """
    threshold = finding.threshold
    if threshold is None:
        return None
    if finding.metric.endswith("_against_process"):
        return 0.0  # the estimate is the difference to the process, whose own rate the limit is
    if threshold.side is not Side.TOLERANCE or finding.metric.endswith(("_difference", "_change")):
        return threshold.value
    others = (finding.details.get(name) for name in ("rest", "reference_rate"))
    return next((float(rate) for rate in others if isinstance(rate, int | float)), None)


def _scale(values: Sequence[float]) -> tuple[_Scale, Sequence[float]]:
    """Returns a scale that holds all values, and round steps on it."""
    low, high = min(values), max(values)
    if high - low < 1e-9:
        low, high = low - max(abs(low) * 0.1, 0.05), high + max(abs(high) * 0.1, 0.05)
    raw = (high - low) / _TICKS
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * one for one in (1, 2, 2.5, 5, 10) if unit * one >= raw)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return _Scale(first * step, last * step), [round(n * step, 12) for n in range(first, last + 1)]


def _estimate_entry(point: Point, weeks: _Weeks, scale: _Scale, restated: bool) -> Entry:
    now, metric = point.now, point.now.metric
    there = now.estimate is not None and math.isfinite(now.estimate)
    spread, against = now.interval, held_against(now)
    cells = [
        figure(metric, now.estimate) if now.estimate is not None else "–",
        f"{figure(metric, spread.low)} to {figure(metric, spread.high)}" if there and spread else "–",
        "–" if now.n is None else f"{now.n:,g}",
        "–" if against is None else figure(metric, against),
    ]
    before = point.first.estimate if point.first else None
    if restated:
        cells.append("–" if before is None else f"{figure(metric, before)} (superseded)")
    return Entry(
        week_name(now.week),
        weeks.x(now.week),
        scale.y(now.estimate) if there and now.estimate is not None else None,
        tuple(cells),
        LOOKS[now.status],
        _MARKED.get(now.status, "") if there else "",
        scale.y(before) if before is not None and math.isfinite(before) else None,
    )


def _lines(entries: Sequence[Entry]) -> tuple[str, ...]:
    return tuple(
        _shape(f"{entry.x},{entry.y}" for entry in stretch)
        for stretch in _stretches(entries, lambda entry: entry.y is not None)
    )


def _shape(points: Iterable[str]) -> Markup:
    """Returns points as SVG writes them; numbers of ours, which a page takes as they are and never cuts."""
    return Markup(" ".join(points))  # noqa: S704 - nothing of anybody's is in it


def _bands(found: Sequence[Finding], weeks: _Weeks, scale: _Scale) -> tuple[str, ...]:
    outlines = []
    for stretch in _stretches(found, lambda f: f.estimate is not None and f.interval is not None):
        ends = [(weeks.x(f.week), f.interval) for f in stretch if f.interval is not None]
        upper = [f"{x},{scale.y(interval.high)}" for x, interval in ends]
        lower = [f"{x},{scale.y(interval.low)}" for x, interval in reversed(ends)]
        outlines.append(_shape([*upper, *lower]))
    return tuple(outlines)


def _steps(found: Sequence[Finding], weeks: _Weeks, scale: _Scale) -> str:
    limits = [(weeks.x(f.week), held_against(f)) for f in found]
    return _shape(f"{x},{scale.y(value)}" for x, value in limits if value is not None)


def _stretches(items: Sequence[_T], there: Callable[[_T], bool]) -> list[list[_T]]:
    stretches: list[list[_T]] = [[]]
    for item in items:
        if there(item):
            stretches[-1].append(item)
        elif stretches[-1]:
            stretches.append([])
    return [stretch for stretch in stretches if stretch]


def _versions(changes: Sequence[Change], weeks: _Weeks) -> tuple[Tick, ...]:
    return tuple(
        Tick(weeks.x(one.since), f"version {one.version} from {one.since}")
        for one in changes
        if weeks.first <= one.since <= weeks.last + WEEK
    )


def _numbers(metric: str, scale: _Scale, steps: Sequence[float]) -> tuple[Tick, ...]:
    """Returns the steps with as many digits as they need: a rounded one would say another place."""
    unit = figure(metric, 0.0).lstrip("0.")
    shown = [step * (100 if unit else 1) for step in steps]
    digits = next((n for n in range(9) if all(abs(one - round(one, n)) < 1e-9 for one in shown)), 9)
    sign = " %" if unit == " %" else ""
    return tuple(
        Tick(scale.y(step), f"{one + 0.0:,.{digits}f}{sign}".replace("-", "−"))
        for step, one in zip(steps, shown, strict=True)
    )


def _dates(weeks: _Weeks) -> tuple[Tick, ...]:
    span = (weeks.last - weeks.first) // WEEK
    every = max(1, math.ceil(span / 4))
    chosen = [weeks.first + WEEK * n for n in range(0, span + 1, every)]
    return tuple(Tick(weeks.x(day), week_name(day)) for day in chosen)


def _said(title: str, found: Sequence[Finding]) -> str:
    measured = [(f, f.estimate) for f in found if f.estimate is not None]
    (first, at_first), (last, at_last) = measured[0], measured[-1]
    beyond = sum(f.status in _MARKED for f in found)
    return (
        f"{title}, {len(found)} weeks, of which {len(measured)} have an estimate: "
        f"{figure(first.metric, at_first)} in {week_name(first.week)}, {figure(last.metric, at_last)} in "
        f"{week_name(last.week)}; in breach or on watch in {beyond}."
    )
