"""What a sample leaves open of a share that later ones are held against."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

STANDARD_ERRORS = 3.0
"""How far from the baseline's share its limits lie."""


def limits(successes: ArrayLike, n: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns between which shares a baseline's lies, as surely as 3 standard errors tell.

    Wilson's score limits (1927) at z = 3: with p = s / n they are
    (p + z² / 2n ∓ z √(p (1 − p) / n + z² / 4n²)) / (1 + z² / n). For a large n they are p ∓ 3 standard
    errors; of a share of 0 or 1, whose plain standard error is 0, a small sample leaves much open.

    Args:
        successes: s, counts or sums of weights, any shape.
        n: of how many, or the sum of their weights, a shape that broadcasts with s; with 0 all is open.

    Returns:
        Lower and upper limits within [0, 1], each of the broadcast shape.

    Raises:
        ValueError: when the shapes do not broadcast.
    """
    s, total = np.broadcast_arrays(np.asarray(successes, np.float64), np.asarray(n, np.float64))
    square = STANDARD_ERRORS**2
    scatter = np.divide(s * (total - s), total, out=np.zeros(s.shape), where=total > 0)
    spread = STANDARD_ERRORS * np.sqrt(scatter + square / 4)
    low, high = (s + square / 2 - spread) / (total + square), (s + square / 2 + spread) / (total + square)
    # Exactly so, whatever rounding says.
    return np.where(s <= 0, 0.0, low), np.where(s >= total, 1.0, high)
