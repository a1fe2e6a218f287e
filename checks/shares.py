"""Shares of what a feed counts, held against a threshold with carried evidence."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from checks.measures import figure, whole
from sundial.api import (
    LARGEST_COUNT,
    SUM_SCALE,
    Bin,
    Ceiling,
    Finding,
    Floor,
    Side,
    Statistic,
    Status,
    System,
    Threshold,
    View,
    Window,
    histogram,
    intervals,
    judge_estimate,
)

Counted = tuple[float, float]
"""How many count towards a share, and its denominator."""


def share(
    view: View,
    metric: str,
    threshold: Threshold | None,
    counted: Counted,
    fresh: Counted,
    *,
    window: Window,
    where: Mapping[str, str] | None = None,
    stream: str | None = None,
    part: float = 1.0,
    details: Mapping[str, object] | None = None,
) -> Finding:
    """Returns the finding of a share, with Wilson's interval and the evidence of a one-sided binomial test.

    Args:
        view: the judged week.
        metric: the finding's name.
        threshold: its bound; None where it is only reported.
        counted: hits and denominator in the window.
        fresh: the same of what no evidence has yet.
        window: the days that `counted` covers.
        where: the finding's slice.
        stream: name of the evidence; by metric and threshold where none is given.
        part: of a stream's weight, where several share it.
        details: JSON values to keep with the finding.
    """
    hits, n = counted
    evidence = None
    if threshold is not None:
        process = Ceiling if threshold.side is Side.CEILING else Floor
        # Another threshold begins another stream: no evidence from before it was chosen.
        name = stream or f"{metric}@{threshold.value:g}"
        evidence = view.advance(name, process(threshold.value), (min(fresh), fresh[1]), part=part)
    estimate = figure(hits, n) if n else None
    status, reason = judge_estimate(
        estimate, n, threshold, evidence, beyond=estimate is not None and outside(estimate, threshold)
    )
    return view.finding(
        metric,
        status,
        reason,
        slice=where,
        window=window,
        estimate=estimate,
        interval=intervals.proportion(hits, n) if n else None,
        n=n,
        threshold=threshold,
        evidence=evidence,
        details=details,
    )


def held_share(view: View, metric: str, counted: Counted, what: str) -> Finding:
    """Returns the factual finding of a share below the policy's floor, a breach after the term `<metric>`.

    For shares of the same people or machines every week: their weeks are no independent evidence.

    Args:
        view: the judged week.
        metric: the finding's name, and that of threshold and term.
        counted: hits and denominator.
        what: what is counted, to follow the number.
    """
    hits, n = counted
    threshold = view.threshold(metric, Side.FLOOR)
    if not n:
        return view.finding(metric, Status.NOT_MEASURED, "The judged week brought no row with it.")
    estimate = figure(min(hits, n), n)
    told = f"{estimate:.0%} of {n:g} {what}; the policy asks for {threshold.value:.0%}."
    return view.fact(
        metric,
        since=view.held_since(metric) if outside(estimate, threshold) else None,
        term=metric,
        reason=told,
        ok=told,
        share=estimate,
        n=n,
    )


def outside(estimate: float, threshold: Threshold | None) -> bool:
    """Whether an estimate lies on the bad side of a threshold."""
    if threshold is None:
        return False
    return estimate > threshold.value if threshold.side is Side.CEILING else estimate < threshold.value


def total(cells: pd.DataFrame) -> float:
    """Returns how many rows the cells have."""
    return whole(float(cells["n"].sum()))


def rows(cells: pd.DataFrame) -> float:
    """Returns how many rows the cells have, whatever they weigh: what stands beside them does not weigh."""
    return whole(float(cells["rows" if "rows" in cells else "n"].sum()))


def flagged(cells: pd.DataFrame, flag: str) -> Counted:
    """Returns the rows whose flag is 1, and those whose flag is known."""
    known = cells[cells[flag].isin(["0", "1"])]
    return total(known[known[flag] == "1"]), total(known)


def counter(name: str) -> Statistic:
    """Returns the statistic that sums a counter of the feed `operations`."""
    return histogram("operations", _bin(name))


def summed(cells: pd.DataFrame, name: str) -> float:
    """Returns the sum of a counter, of cells of its statistic; 0 where no row has it."""
    known = cells.dropna(subset=[_bin(name).name])
    return whole(float(known[f"sum_{name}"].sum()) / SUM_SCALE * _bin(name).unit)


def known_rows(cells: pd.DataFrame, name: str) -> float:
    """Returns how many rows have the counter."""
    return total(cells.dropna(subset=[_bin(name).name]))


def _bin(name: str) -> Bin:
    return Bin(name, 0.0, float(LARGEST_COUNT), 1)


def counters(system: System) -> frozenset[str]:
    """Returns the counters that the system's feed `operations` has."""
    operations = system.feeds.operations
    return frozenset(operations.counters) if operations is not None else frozenset()
