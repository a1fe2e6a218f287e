"""Performance of a binary classifier before its outcomes arrive, from calibrated scores.

Confidence-based performance estimation (CBPE, as NannyML defines it): where scores are calibrated, a row of
probability p predicted positive is a true positive with chance p and a false one with chance 1 − p, so the
sums of p give the expected confusion table. It holds while the relation between score and outcome does: it
sees a change of inputs, never one of the concept. So it is labelled "estimated", carries the age of its
calibration, and is no evidence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sundial.stats import intervals
from sundial.stats.cells import as_counts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """Probability of a positive outcome by score bin, learnt on matured rows.

    Attributes:
        probability: shape (bins,), never falling with the score.
        block: shape (bins,), which pooled block a bin belongs to; bins of a block share their probability.
        block_n: shape (blocks,), matured rows of each block.
    """

    probability: Floats
    block: NDArray[np.int64]
    block_n: Floats


@dataclass(frozen=True)
class Estimated:
    """An estimated figure; `interval` has the chance of outcomes and the error of the calibration in it."""

    estimate: float
    standard_error: float
    interval: intervals.Interval


@dataclass(frozen=True)
class Performance:
    """What a window's outcomes would say if the calibration still holds. None where undefined.

    `table` is the expected confusion table [[TN, FP], [FN, TP]]; `auc` has no interval.
    """

    table: Floats
    accuracy: Estimated | None
    precision: Estimated | None
    recall: Estimated | None
    false_positive_rate: Estimated | None
    f1: Estimated | None
    auc: float | None


def calibrate(positives: ArrayLike, negatives: ArrayLike) -> Calibration | None:
    """Isotonic regression of the outcome on the score bin (Zadrozny and Elkan 2002), as scikit-learn's.

    A bin without a matured row takes the probability of the nearest bin that has one, the lower on a tie.

    Args:
        positives: shape (bins,), matured rows with a positive outcome, lowest score first.
        negatives: shape (bins,), those with a negative outcome.

    Returns:
        The calibration, or None without a matured row.

    Raises:
        ValueError: when the arrays differ in shape or hold anything but counts.
    """
    from scipy.optimize import isotonic_regression  # pools adjacent violators; not needed by every import

    hits, misses = as_counts(positives, negatives, names=("positives", "negatives"))
    rows = hits + misses
    used = np.flatnonzero(rows)
    if not used.size:
        return None
    fit = isotonic_regression(hits[used] / rows[used], weights=rows[used])
    block = np.repeat(np.arange(len(fit.weights)), np.diff(fit.blocks))
    bins = np.arange(len(rows))
    above = np.minimum(np.searchsorted(used, bins), len(used) - 1)
    below = np.maximum(np.searchsorted(used, bins, side="right") - 1, 0)
    nearest = np.where(np.abs(bins - used[below]) <= np.abs(used[above] - bins), below, above)
    return Calibration(np.asarray(fit.x)[nearest], block[nearest], np.asarray(fit.weights))


def estimate(
    calibration: Calibration, negative: ArrayLike, positive: ArrayLike, level: float = 0.95
) -> Performance:
    """Expected performance of rows whose outcomes are not known yet.

    The spread has two parts. Outcomes are independent draws, so a sum of them varies by the sum of
    p (1 − p) (Poisson-binomial). A block's probability was learnt on N rows and errs by p (1 − p) / N, for
    all rows of the block together; p is drawn to the middle by one row of each class there, so that a block
    of one class does not pass for certain. Figures follow by the delta method.

    Args:
        calibration: what `calibrate` learnt, on the same bins.
        negative: shape (bins,), rows predicted negative per score bin.
        positive: shape (bins,), rows predicted positive per score bin.
        level: confidence level.

    Returns:
        The expected table and its figures.

    Raises:
        ValueError: when the arrays differ in shape or from the calibration's, or hold anything but counts.
    """
    p, off, on = as_counts(
        calibration.probability, negative, positive, names=("calibration", "negative", "positive")
    )
    tp, fn = float(on @ p), float(off @ p)
    n_on, n_off = float(on.sum()), float(off.sum())
    fp, tn = n_on - tp, n_off - fn
    spread = _covariance(calibration, p, off, on)

    def figure(numerator: float, denominator: float, slope_tp: float, slope_fn: float) -> Estimated | None:
        """One quotient; the slopes are those of the figure times its denominator."""
        if denominator <= 0:
            return None
        slopes = np.array([slope_tp, slope_fn]) / denominator
        variance = max(float(slopes @ spread @ slopes), 0.0)  # rounding may put it below
        return _estimated(numerator / denominator, math.sqrt(variance), level)

    true, false = tp + fn, fp + tn
    recall = tp / true if true else 0.0
    fall_out = fp / false if false else 0.0
    f1 = 2 * tp / (n_on + true) if n_on + true else 0.0
    area = intervals.auc((on + off) * p, (on + off) * (1 - p))
    return Performance(
        table=np.array([[tn, fp], [fn, tp]]),
        accuracy=figure(tp + tn, n_on + n_off, 1.0, -1.0),
        precision=figure(tp, n_on, 1.0, 0.0),
        recall=figure(tp, true, 1 - recall, -recall),
        false_positive_rate=figure(fp, false, fall_out - 1, fall_out),
        f1=figure(2 * tp, n_on + true, 2 - f1, -f1),
        auc=area.estimate if area else None,
    )


def _covariance(calibration: Calibration, p: Floats, off: Floats, on: Floats) -> Floats:
    """Covariance, shape (2, 2), of the numbers of true positives and of false negatives."""
    blocks, chance = len(calibration.block_n), p * (1 - p)
    learnt = np.bincount(calibration.block, weights=p, minlength=blocks) / np.maximum(
        np.bincount(calibration.block, minlength=blocks), 1
    )
    shrunk = (learnt * calibration.block_n + 1) / (calibration.block_n + 2)
    error = shrunk * (1 - shrunk) / calibration.block_n
    rows = np.stack([np.bincount(calibration.block, weights=w, minlength=blocks) for w in (on, off)])
    return np.asarray(np.diag([on @ chance, off @ chance]) + (rows * error) @ rows.T)


def _estimated(value: float, error: float, level: float) -> Estimated:
    from scipy.special import ndtri

    half = float(ndtri((1 + level) / 2)) * error
    limits = intervals.Interval(max(value - half, 0.0), min(value + half, 1.0), "CBPE, delta method")
    return Estimated(value, error, limits)
