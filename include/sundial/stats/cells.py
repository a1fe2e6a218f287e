"""Validation of the counts on which every statistic works."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def require_counts(successes: float, n: float) -> None:
    """Check one binomial count; weights and clusters may make it fractional.

    Args:
        successes: how many of the n, or the sum of their weights.
        n: outcomes, or the sum of their weights.

    Raises:
        ValueError: when successes is not between 0 and n.
    """
    if not (math.isfinite(n) and 0 <= successes <= n):
        raise ValueError(
            f"{successes} successes of {n}: successes must lie between 0 and n; check the profile's counts"
        )


def as_counts(*columns: ArrayLike, names: tuple[str, ...]) -> tuple[NDArray[np.float64], ...]:
    """Copy columns of counts into float arrays of one shape (bins,).

    Args:
        columns: arrays over the same bins.
        names: what to call each column in an error.

    Returns:
        One array of float64 for each column, in their order.

    Raises:
        ValueError: when a column is not one-dimensional, differs in length, or holds a negative or non-finite
            number.
    """
    arrays = tuple(np.array(column, dtype=np.float64) for column in columns)
    for name, array in zip(names, arrays, strict=True):
        if array.ndim != 1 or array.shape != arrays[0].shape:
            raise ValueError(
                f"{name} has shape {array.shape}, {names[0]} {arrays[0].shape}:"
                " give one count per bin, over the same bins"
            )
        if not np.all(np.isfinite(array) & (array >= 0)):
            raise ValueError(f"{name} holds a negative or non-finite count: give counts of 0 or more")
    return arrays


def effective_n(weights: float, weights_squared: float) -> float:
    """Kish's effective number of weighted rows (1965): what n counts when rows weigh differently.

    A rate of weights w out of W is the estimate of `rate * effective_n` successes in `effective_n`.

    Args:
        weights: sum of the weights, 0 or more.
        weights_squared: sum of their squares.

    Returns:
        (sum w)² / sum w², 0 without weight; the number of rows when all weigh the same.

    Raises:
        ValueError: when a sum is negative, or only one of them is 0.
    """
    if weights < 0 or weights_squared < 0 or (weights > 0) != (weights_squared > 0):
        raise ValueError(
            f"weights sum to {weights}, their squares to {weights_squared}: check the profile's sums"
        )
    return weights**2 / weights_squared if weights_squared else 0.0
