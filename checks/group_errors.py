"""Errors of numbers by group: on whose side, and for whom, does the system err?"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from checks.cells import immature
from checks.groups import Reference, groups_of, levels, shown
from checks.measures import whole
from sundial.api import (
    STATISTICAL_FLOOR,
    SUM_SCALE,
    Finding,
    Interval,
    Statistic,
    Status,
    Threshold,
    View,
    intervals,
    judge_estimate,
)

METRICS = {"mean_error": "error", "mean_absolute_error": "absolute_error"}
SUMS = (*METRICS.values(), "squared_error")


def ERRORS(columns: Sequence[str]) -> Statistic:  # noqa: N802 - named like the other statistics
    """Returns sums of errors in units of the score's span; without a score no row has one."""
    return Statistic("outcomes", (*columns, "within_tolerance"), SUMS)


@dataclass(frozen=True)
class _Sums:
    """Rows with an error, and the sums of error, absolute error and squared error."""

    n: float = 0.0
    error: float = 0.0
    absolute_error: float = 0.0
    squared_error: float = 0.0

    def __add__(self, other: _Sums) -> _Sums:
        return _Sums(*(getattr(self, name) + getattr(other, name) for name in ("n", *SUMS)))

    def mean(self, column: str) -> tuple[float, Interval | None] | None:
        """Returns the mean of a column and its interval; the square of both errors is the same."""
        if self.n == 0:
            return None
        total = float(getattr(self, column))
        return total / self.n, intervals.mean(total, self.squared_error, self.n)


def errors(
    view: View, columns: tuple[str, ...], tolerance: Threshold, reference: Reference
) -> Iterator[Finding]:
    """Yields mean error and mean absolute error of each group, and the gap between groups.

    In the score's own unit. A difference to the reference of more than the policy's tolerance, as a part of
    the score's span, is worth a look; nothing confirms it, so it is `watch` at most.
    """
    outputs = view.system.feeds.outputs
    if outputs is None or outputs.score is None:
        return
    span = outputs.score.high - outputs.score.low
    limit = replace(tolerance, name=f"{tolerance.name} of the score's span", value=tolerance.value * span)
    by = {"by": " × ".join(columns)}
    if view.immature:
        for metric in METRICS:
            yield immature(view, f"{metric}_difference", **by)
        return
    statistic = ERRORS(columns)
    found = _sums(view.cells(statistic), columns)
    for metric in METRICS:
        for finding in _of_metric(view, columns, metric, found, limit, span, reference):
            if statistic.over in view.failed:
                yield replace(finding, status=Status.ERROR, reason=view.failed[statistic.over])
            else:
                yield finding


def _sums(cells: pd.DataFrame, columns: Sequence[str]) -> dict[str, _Sums]:
    used = cells[cells["within_tolerance"].notna() & (cells["n"] > 0)]
    sums: defaultdict[str, _Sums] = defaultdict(_Sums)
    totals = (used[f"sum_{name}"].to_numpy(dtype=float) / SUM_SCALE for name in SUMS)
    for group, n, *parts in zip(groups_of(used, columns), used["n"], *totals, strict=True):
        sums[group] += _Sums(float(n), *map(float, parts))
    return dict(sorted(sums.items()))


def _of_metric(
    view: View,
    columns: tuple[str, ...],
    metric: str,
    found: dict[str, _Sums],
    limit: Threshold,
    span: float,
    reference: Reference,
) -> Iterator[Finding]:
    column, window = METRICS[metric], view.window_of(ERRORS(columns))
    means: dict[str, float] = {}
    for group, sums in found.items():
        own = group == reference.group
        if reference.group is None:
            other = sum((part for name, part in found.items() if name != group), _Sums())
        else:
            other = found.get(reference.group, _Sums())
        mean, against = sums.mean(column), other.mean(column)
        if mean is None:
            continue
        estimate = mean[0] * span
        if sums.n >= STATISTICAL_FLOOR:
            means[group] = estimate
        difference = None if own or against is None else estimate - against[0] * span
        beyond = abs(difference or 0) > limit.value and other.n >= STATISTICAL_FLOOR
        status, reason = judge_estimate(estimate, whole(sums.n), None if own else limit, None, beyond=beyond)
        if own and status is Status.OK:
            reason = "The reference that the other groups are compared with."
        elif status is Status.OK and other.n < STATISTICAL_FLOOR:
            status = Status.INSUFFICIENT
            reason = f"Only {other.n:g} to compare it with; {STATISTICAL_FLOOR} are needed to say something."
        gap = None if difference is None or against is None else _apart(mean, against)
        yield view.finding(
            metric,
            status,
            reason,
            slice=dict(zip(columns, levels(group), strict=True)),
            window=window,
            estimate=estimate,
            interval=_scaled(mean[1], span),
            n=whole(sums.n),
            threshold=None if own else limit,
            details={
                "reference": reference.shown,
                "reference_mean": None if against is None else against[0] * span,
                "reference_n": whole(other.n),
                "difference": difference,
                "difference_interval": [gap[0] * span, gap[1] * span] if gap else None,
            },
        )
    widest = max(means.values()) - min(means.values()) if len(means) > 1 else None
    status, reason = judge_estimate(
        widest, STATISTICAL_FLOOR, limit, None, beyond=(widest or 0) > limit.value
    )
    if status is Status.INSUFFICIENT:
        reason = f"Fewer than two groups have {STATISTICAL_FLOOR} in the denominator."
    yield view.finding(
        f"{metric}_difference",
        status,
        reason,
        slice={"by": " × ".join(columns)},
        window=window,
        estimate=widest,
        n=whole(sum(found[group].n for group in means)),
        threshold=limit,
        details={
            "means": {shown(group): mean for group, mean in means.items()},
            "n": {shown(group): whole(sums.n) for group, sums in found.items()},
            "left_out": [shown(group) for group in found if group not in means],
        },
    )


def _apart(
    one: tuple[float, Interval | None], other: tuple[float, Interval | None]
) -> tuple[float, float] | None:
    """Returns the interval of a difference from those of its two means (MOVER: Zou and Donner 2008)."""
    if one[1] is None or other[1] is None:
        return None
    gap = one[0] - other[0]
    return (
        gap - math.hypot(one[0] - one[1].low, other[1].high - other[0]),
        gap + math.hypot(one[1].high - one[0], other[0] - other[1].low),
    )


def _scaled(interval: Interval | None, span: float) -> Interval | None:
    return interval and Interval(interval.low * span, interval.high * span, interval.method)
