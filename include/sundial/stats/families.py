"""Many e-values at once: which to report, and what is left of one that was picked among several."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


def e_bh(log_e: ArrayLike, alpha: float, weights: ArrayLike | None = None) -> NDArray[np.intp]:
    """Choose by the e-BH procedure, whose false discovery rate is at most alpha whatever depends on what.

    With K e-values, e(k) the k-th largest of weight × e, it reports the first k* = max{k: e(k) >= K / (α k)}
    (Wang and Ramdas 2022, "False discovery rate control with e-values").

    Args:
        log_e: natural logs of the e-values, shape (hypotheses,); -inf is an e-value of 0. E-processes from a
            fixed start, not detectors.
        alpha: bound on the expected share of false ones among the reported, in (0, 1].
        weights: how much each matters, fixed before the data, none negative, shape (hypotheses,); scaled to
            a mean of 1. By default all alike.

    Returns:
        Indices of the reported hypotheses, by falling weight × e, ties in the order given.

    Raises:
        ValueError: when alpha is not in (0, 1], an e-value is not a number, or weights do not fit.
    """
    values = _logs(log_e)
    if not 0 < alpha <= 1:
        raise ValueError(f"alpha is {alpha}: it must be above 0 and at most 1; check the policy")
    if weights is not None:
        share = np.asarray(weights, dtype=np.float64)
        if share.shape != values.shape or not np.all(np.isfinite(share) & (share >= 0)) or not share.any():
            raise ValueError("weights must be one per e-value, none negative and not all 0; check the policy")
        with np.errstate(divide="ignore"):
            values = values + np.log(share / share.mean())
    order = np.argsort(-values, kind="stable")
    ranks = np.arange(1, len(values) + 1)
    enough = np.flatnonzero(values[order] >= math.log(len(values) or 1) - math.log(alpha) - np.log(ranks))
    return order[: enough[-1] + 1] if enough.size else order[:0]


def log_adjusted(log_e: ArrayLike) -> NDArray[np.float64]:
    """Log e-values of single pairs or groups, corrected for having been picked among all of them.

    Each becomes the least mean e over the families it may belong to, itself with any of the others: the
    closure of the mean (Vovk and Wang 2021, "E-values: calibration, combination and applications",
    algorithm 1). The chance that any true null reaches 1/α is at most α, whatever depends on what. It is
    never less than e / K.

    Args:
        log_e: natural logs of the e-values, shape (hypotheses,); -inf is an e-value of 0.

    Returns:
        Array of that shape; none is larger than it was.

    Raises:
        ValueError: when an e-value is not a number.
    """
    values = _logs(log_e)
    smallest = np.sort(values)
    # Sum of the k smallest, k = 0 … K.
    sums = np.concatenate([[-np.inf], np.logaddexp.accumulate(smallest)])
    means = np.logaddexp(values[:, None], sums) - np.log(np.arange(1, len(values) + 2))
    # Where the k smallest hold the e-value itself it counts twice, in a mean that a smaller k undercuts.
    least: NDArray[np.float64] = np.minimum(means.min(axis=1), values)
    return least


def _logs(log_e: ArrayLike) -> NDArray[np.float64]:
    values = np.array(log_e, dtype=np.float64)
    if values.ndim != 1 or np.any(np.isnan(values) | (values == np.inf)):
        raise ValueError("log_e must be one row of numbers below infinity; check the evidence")
    return values
