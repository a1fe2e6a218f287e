"""Intervals for functions of a contingency table, by multinomial resampling of its cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sundial.stats.intervals import Interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

FEWEST = 10
"""Least count in each cell of a formula: below it the coverage collapses."""

_REPLICATES = 2000
_SEED = 20_250_101


def multinomial(
    table: ArrayLike,
    formula: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    parts: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None,
    n: float | None = None,
    level: float = 0.95,
) -> Interval | None:
    """Percentile interval of a function of a table, its cells resampled, never its rows.

    The shares of the cells give 2,000 multinomial tables; the interval is the percentiles of the formula on
    them (Efron 1979). The seed is fixed: the same table gives the same limits, bit for bit. (Drawing the
    shares to the middle would cover more of all samples, and less of those that reach 10 in every cell.)

    Args:
        table: shape (...), counts, 0 or more; fractional where rows weigh.
        formula: takes tables of shape (replicates, ...) and returns shape (replicates,), NaN where undefined.
        parts: takes tables of shape (1, ...) and returns shape (1, parts), the counts of which the formula is
            made; all cells of the table unless given.
        n: effective number of rows, the sum of the table unless given.
        level: confidence level.

    Returns:
        The interval, or None when a cell of the formula counts fewer than 10 (in effective rows).

    Raises:
        ValueError: when the table or n holds a negative or non-finite number.
    """
    counts = np.asarray(table, dtype=np.float64)
    total = float(counts.sum())
    rows = total if n is None else n
    if not (np.all(np.isfinite(counts) & (counts >= 0)) and np.isfinite(rows) and rows >= 0):
        raise ValueError("the table or n holds a negative or non-finite count: give counts of 0 or more")
    if total == 0:
        return None
    effective = counts * (rows / total)
    cells = effective if parts is None else parts(effective[None])
    # A count that rounding has left a hair below the floor is on it.
    if cells.min() < FEWEST * (1 - 1e-9):
        return None
    shares = counts.ravel() / total
    drawn = np.random.default_rng(_SEED).multinomial(round(rows), shares, size=_REPLICATES)
    values = formula(drawn.reshape(_REPLICATES, *counts.shape).astype(np.float64))
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), "multinomial resampling")
