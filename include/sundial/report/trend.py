"""The trend of a system's intended outcome: a year of estimates with interval, n and threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from sundial.engine.clock import week_name
from sundial.register.measures import MEASURES
from sundial.register.models import System
from sundial.report.page import LOOKS
from sundial.report.plain import count, figure, measured_n, metric_name, target
from sundial.store.records import Finding, Side, Status
from sundial.store.results import Results

WEEKS = 52
"""Weeks that a trend goes back."""
TARGET = "intended_outcome.target"
"""Name of the threshold of the finding that measures the intended outcome."""


@dataclass(frozen=True)
class Point:
    """One judged week; where there is no estimate the three figures are None."""

    week: date
    estimate: float | None
    low: float | None
    high: float | None
    n: float | None
    threshold: float | None
    status: Status


@dataclass(frozen=True)
class Trend:
    """The judged weeks of a metric, the oldest first.

    Attributes:
        metric: its name in findings.
        side: which side of the threshold is good.
        window: weeks that each estimate covers.
    """

    metric: str
    side: Side
    window: int
    points: tuple[Point, ...]

    @property
    def title(self) -> str:
        """The metric in words."""
        return metric_name(self.metric)

    @property
    def measured(self) -> tuple[Point, ...]:
        """The weeks with an estimate."""
        return tuple(point for point in self.points if point.estimate is not None)

    @property
    def caption(self) -> str:
        """What the picture shows."""
        return (
            f"{self.title} by week, each point over the {count(self.window, 'week')} before it; band: 95 % "
            "interval; dashed: target."
        )

    @property
    def alternative(self) -> str:
        """What the picture shows, to who does not see it."""
        known = self.measured
        if not known:
            return f"{self.title}: no week of the {len(self.points)} has an estimate."
        first, last = known[0], known[-1]
        ends = f"{self._at(first)} in {week_name(first.week)}, {self._at(last)} in {week_name(last.week)}"
        beyond = sum(point.status in (Status.WATCH, Status.BREACH) for point in known)
        confirmed = sum(point.status is Status.BREACH for point in known)
        asked = ""
        if last.threshold is not None:
            wanted = target(self.metric, last.threshold, ceiling=self.side is Side.CEILING)
            weeks = count(len(known), "measured week")
            asked = f" Target {wanted}: missed in {beyond} of {weeks}, confirmed in {confirmed}."
        return f"Trend of {self.title}: {ends}.{asked}"

    def rows(self) -> tuple[tuple[str, str, str, str, str, str], ...]:
        """Returns week, estimate, interval, n, target and status of each week as text."""
        return tuple(
            (
                week_name(point.week),
                "–" if point.estimate is None else figure(self.metric, point.estimate),
                _interval(self.metric, point),
                "–" if point.n is None else measured_n(point.n).removeprefix("n "),
                "–" if point.threshold is None else figure(self.metric, point.threshold),
                LOOKS[point.status].word,
            )
            for point in self.points
        )

    def _at(self, point: Point) -> str:
        interval = _interval(self.metric, point)
        spread = "no interval" if interval == "–" else f"95 % {interval}"
        return f"{figure(self.metric, point.estimate or 0.0)} ({spread}, {measured_n(point.n)})"


def _interval(metric: str, point: Point) -> str:
    if point.low is None or point.high is None:
        return "–"
    return f"{figure(metric, point.low)} to {figure(metric, point.high)}"


def trend_of(
    system: System, results: Results, now: Sequence[Finding], weeks: Sequence[date], as_of: date
) -> Trend | None:
    """Returns the trend of what measures the intended outcome; None where nothing does.

    Args:
        system: the register entry.
        results: what was measured.
        now: the findings of the last judged week; which check measures the outcome, they say.
        weeks: the judged weeks, the latest first.
        as_of: the report's date; what later runs restated changes nothing.
    """
    intended = system.intended_outcome
    alike = [finding for finding in now if finding.metric == intended.metric and not finding.slice]
    keys = [replace(finding, week=week).key for finding in alike for week in weeks[:WEEKS]]
    found = [finding for finding in results.with_keys(keys, as_of) if _is_outcome(finding)]
    if not found:
        return None
    side: Literal[Side.CEILING, Side.FLOOR] = (
        Side.CEILING if MEASURES[intended.metric].good == "low" else Side.FLOOR
    )
    return Trend(intended.metric, side, system.window_weeks, _points(found))


def _is_outcome(finding: Finding) -> bool:
    return finding.threshold is not None and finding.threshold.name == TARGET


def _points(found: Sequence[Finding]) -> tuple[Point, ...]:
    return tuple(
        Point(
            week=finding.week,
            estimate=finding.estimate,
            low=finding.interval.low if finding.interval else None,
            high=finding.interval.high if finding.interval else None,
            n=finding.n,
            threshold=finding.threshold.value if finding.threshold else None,
            status=finding.status,
        )
        for finding in found
    )
