"""Precision and recall of detections whose truth may stay indeterminate: both bounds, never a guess."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sundial.stats.intervals import Interval, proportion


@dataclass(frozen=True)
class Verdicts:
    """How many outputs were found confirmed, unfounded, or neither in spite of an investigation.

    Attributes:
        confirmed: rows whose truth is yes.
        unfounded: rows whose truth is no.
        indeterminate: rows that were looked into and stay open.

    Raises:
        ValueError: when a count is negative or not finite.
    """

    confirmed: float
    unfounded: float
    indeterminate: float

    def __post_init__(self) -> None:
        counts = (self.confirmed, self.unfounded, self.indeterminate)
        if not all(math.isfinite(count) and count >= 0 for count in counts):
            raise ValueError(f"verdicts {counts}: give counts of 0 or more")


@dataclass(frozen=True)
class Bounds:
    """What a rate is at least and at most, whatever the indeterminate cases truly are (Manski 1989).

    `interval` covers the whole range between the bounds: from the lower limit of the lower one to the upper
    limit of the upper one (Horowitz and Manski 2000). `n` is the smaller of their denominators.
    """

    lower: float
    upper: float
    interval: Interval
    n: float


def precision(flagged: Verdicts, level: float = 0.95) -> Bounds | None:
    """Share of the flagged that were right: the indeterminate all unfounded, or all confirmed.

    Args:
        flagged: verdicts on what the system flagged.
        level: confidence level.

    Returns:
        The bounds, or None when nothing flagged has a verdict.
    """
    n = flagged.confirmed + flagged.unfounded + flagged.indeterminate
    return _bounds((flagged.confirmed, n), (flagged.confirmed + flagged.indeterminate, n), level)


def recall(flagged: Verdicts, passed: Verdicts | None, level: float = 0.95) -> Bounds | None:
    """Share of the true cases that were flagged.

    Least when the indeterminate are unfounded among the flagged and confirmed among the passed, most the
    other way round.

    Args:
        flagged: verdicts on what the system flagged.
        passed: verdicts on what it let pass, scaled up where they come from a control sample; None where
            nobody looked, as when truth is known for flagged outputs only.
        level: confidence level.

    Returns:
        The bounds; None without `passed`, or when one bound's denominator is 0: no case is surely true.
    """
    if passed is None:
        return None
    lower = flagged.confirmed, flagged.confirmed + passed.confirmed + passed.indeterminate
    most = flagged.confirmed + flagged.indeterminate
    return _bounds(lower, (most, most + passed.confirmed), level)


def _bounds(lower: tuple[float, float], upper: tuple[float, float], level: float) -> Bounds | None:
    least, most = proportion(*lower, level), proportion(*upper, level)
    if least is None or most is None:
        return None
    return Bounds(
        lower[0] / lower[1],
        upper[0] / upper[1],
        Interval(least.low, most.high, f"{least.method}; both bounds"),
        min(lower[1], upper[1]),
    )
