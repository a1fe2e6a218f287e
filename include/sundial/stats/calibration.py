"""Calibration from score cells: per score bin its n, its positives and the sum of its scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sundial.stats.cells import as_counts
from sundial.stats.intervals import Interval, proportion

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# Sums of scores carry rounding: a cell of ones may have a mean a hair above 1.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Brier:
    """Brier score and its Murphy (1973) decomposition: score = reliability − resolution + uncertainty."""

    score: float
    reliability: float
    resolution: float
    uncertainty: float


@dataclass(frozen=True)
class ReliabilityBin:
    """One bin of a reliability diagram: what was forecast there and what came true.

    Attributes:
        low: lower edge of the bin, a probability.
        high: upper edge.
        n: rows in it.
        mean_score: mean of their predicted probabilities.
        observed: share of positive outcomes.
        interval: Wilson's interval of that share.
    """

    low: float
    high: float
    n: float
    mean_score: float
    observed: float
    interval: Interval


def brier(n: ArrayLike, positives: ArrayLike, score_sum: ArrayLike) -> Brier | None:
    """Brier score (1950) with its decomposition, each row counted at the mean score of its cell.

    Exact where the rows of a cell share a score; else the spread of scores inside a cell, and what it tells
    of the outcomes there, is left out: less than the width of a cell.

    Args:
        n: shape (cells,), rows.
        positives: shape (cells,), positive outcomes among them.
        score_sum: shape (cells,), sum of the predicted probabilities.

    Returns:
        The score and its parts, or None without rows.

    Raises:
        ValueError: when the cells contradict each other or a mean score lies outside [0, 1].
    """
    cells = _used_cells(n, positives, score_sum)
    if cells is None:
        return None
    rows, hits, scores = cells
    weight = rows / rows.sum()
    rate, forecast = hits / rows, scores / rows
    base = float(hits.sum() / rows.sum())
    reliability = float(weight @ (forecast - rate) ** 2)
    resolution = float(weight @ (rate - base) ** 2)
    uncertainty = base * (1 - base)
    score = float(weight @ (rate * (1 - forecast) ** 2 + (1 - rate) * forecast**2))
    return Brier(score, reliability, resolution, uncertainty)


def expected_calibration_error(
    n: ArrayLike, positives: ArrayLike, score_sum: ArrayLike, bins: int = 10
) -> float | None:
    """Expected calibration error over equal-width bins (Guo and others 2017), cells placed by mean score.

    Bins are closed on the left, the last on both sides. Exact where no cell straddles an edge.

    Args:
        n: shape (cells,), rows.
        positives: shape (cells,), positive outcomes among them.
        score_sum: shape (cells,), sum of the predicted probabilities.
        bins: number of equal-width bins on [0, 1].

    Returns:
        The error, in [0, 1], or None without rows.

    Raises:
        ValueError: when the cells contradict each other or a mean score lies outside [0, 1].
    """
    cells = _used_cells(n, positives, score_sum)
    if cells is None:
        return None
    rows, hits, scores = cells
    place = _places(rows, scores, bins)
    gap = np.bincount(place, weights=scores - hits, minlength=bins)
    return float(np.abs(gap).sum() / rows.sum())


def reliability(
    n: ArrayLike, positives: ArrayLike, score_sum: ArrayLike, bins: int = 10, level: float = 0.95
) -> list[ReliabilityBin]:
    """Reliability table over equal-width bins, as scikit-learn's `calibration_curve`.

    Bins as in `expected_calibration_error`, which is the mean of |mean_score − observed| over its rows.

    Args:
        n: shape (cells,), rows.
        positives: shape (cells,), positive outcomes among them.
        score_sum: shape (cells,), sum of the predicted probabilities.
        bins: number of equal-width bins on [0, 1].
        level: confidence level of the intervals.

    Returns:
        The bins that hold rows, lowest first.

    Raises:
        ValueError: when the cells contradict each other or a mean score lies outside [0, 1].
    """
    cells = _used_cells(n, positives, score_sum)
    if cells is None:
        return []
    rows, hits, scores = cells
    place = _places(rows, scores, bins)
    sums = (np.bincount(place, weights=column, minlength=bins).tolist() for column in (rows, hits, scores))
    table = []
    for number, (count, hit, score) in enumerate(zip(*sums, strict=True)):
        interval = proportion(hit, count, level)
        if interval is not None:
            edges = number / bins, (number + 1) / bins
            table.append(ReliabilityBin(*edges, count, score / count, hit / count, interval))
    return table


def log_loss(n: ArrayLike, positives: ArrayLike, score_sum: ArrayLike) -> float | None:
    """Mean negative log-likelihood (scikit-learn's `log_loss`), rows counted at the mean score of their cell.

    The logarithmic score of Good (1952).

    Exact where the rows of a cell share a score. Scores are kept a double's epsilon off 0 and 1, as
    scikit-learn does, so a certain forecast that fails costs 36 and not infinity.

    Args:
        n: shape (cells,), rows.
        positives: shape (cells,), positive outcomes among them.
        score_sum: shape (cells,), sum of the predicted probabilities.

    Returns:
        The loss in nats, or None without rows.

    Raises:
        ValueError: when the cells contradict each other or a mean score lies outside [0, 1].
    """
    cells = _used_cells(n, positives, score_sum)
    if cells is None:
        return None
    rows, hits, scores = cells
    epsilon = float(np.finfo(np.float64).eps)
    forecast = np.clip(scores / rows, epsilon, 1 - epsilon)
    return float(-(hits @ np.log(forecast) + (rows - hits) @ np.log(1 - forecast)) / rows.sum())


def _places(rows: NDArray[np.float64], scores: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    return np.minimum((scores / rows * bins + _ROUNDING).astype(np.int64), bins - 1)


def _used_cells(
    n: ArrayLike, positives: ArrayLike, score_sum: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None:
    rows, hits, scores = as_counts(n, positives, score_sum, names=("n", "positives", "score_sum"))
    if np.any(hits > rows):
        raise ValueError("positives exceed n in a score cell: check how the profile's cells were counted")
    if np.any(scores > rows * (1 + _ROUNDING)):
        raise ValueError("score_sum exceeds n in a score cell: scores must be probabilities in [0, 1]")
    used = rows > 0
    if not used.any():
        return None
    return rows[used], hits[used], scores[used]
