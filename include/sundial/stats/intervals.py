"""Confidence intervals from counts, sums and score cells.

Every function returns None where its estimate is undefined (a zero denominator): undefined is neither 0 nor a
pass. Counts may be fractional: weighted rows or clusters, scaled to their effective number
(`cells.effective_n`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy

from sundial.stats.cells import as_counts, require_counts

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

# On the log of a ratio: wide enough for any two groups whose sizes fit in 64 bits.
_LOG_RATIO_BOUND = 100.0
# A score that is infinite counts as this: root finding needs numbers.
_FAR = 1e6
_BISECTIONS = 64


@dataclass(frozen=True)
class Interval:
    """A two-sided confidence interval; `high` may be infinite for a ratio.

    Attributes:
        low: lower limit, in the unit of the estimate.
        high: upper limit.
        method: name of the method, as findings show it.
    """

    low: float
    high: float
    method: str


@dataclass(frozen=True)
class Auc:
    """Area under the ROC curve with its DeLong variance (DeLong, DeLong and Clarke-Pearson 1988).

    `variance` and `interval` are None with fewer than two positives or two negatives, where the area exists
    and its spread cannot be estimated.
    """

    estimate: float
    variance: float | None
    interval: Interval | None


def proportion(successes: float, n: float, level: float = 0.95) -> Interval | None:
    """Wilson's score interval of a proportion (1927), corrected near 0 and 1.

    Near the edges Wilson's limit on the near side covers too little; there it is replaced by the one-sided
    Poisson limit (the modified Wilson interval of Brown, Cai and DasGupta 2001, section 4.1.1): for up to 2
    successes (or failures) with n <= 50, up to 3 with more. A fraction of a success takes the gamma quantile
    that continues the Poisson limit. Without a success the upper limit is at least the exact one, as they do
    for Jeffreys's interval (4.1.2): with n below 50 Wilson's is less and covers 89 % at n = 7.

    Args:
        successes: how many of the n.
        n: outcomes, or clusters of outcomes.
        level: confidence level.

    Returns:
        The interval, or None when n is 0.

    Raises:
        ValueError: when successes is not between 0 and n.
    """
    require_counts(successes, n)
    if n == 0:
        return None
    low, high = _wilson(successes, n, level)
    edge = 2 if n <= 50 else 3
    if 0 < successes <= edge:
        low = float(scipy.special.gammaincinv(successes, 1 - level)) / n
    if 0 < n - successes <= edge:
        high = 1 - float(scipy.special.gammaincinv(n - successes, 1 - level)) / n
    exact = 1 - ((1 - level) / 2) ** (1 / n)
    if successes == 0:
        high = max(high, exact)
    if successes == n:
        low = min(low, 1 - exact)
    return Interval(low, high, "Wilson, Brown–Cai–DasGupta corrected")


def difference(s1: float, n1: float, s2: float, n2: float, level: float = 0.95) -> Interval | None:
    """Newcombe's hybrid score interval of p1 − p2 (Newcombe 1998, method 10).

    Args:
        s1: successes of the first group, or the sum of their weights.
        n1: outcomes of the first group, 0 or more.
        s2: successes of the second group.
        n2: outcomes of the second group.
        level: confidence level, in (0, 1).

    Returns:
        The interval, in [−1, 1], or None when n1 or n2 is 0.

    Raises:
        ValueError: when a success count is not between 0 and its n.
    """
    require_counts(s1, n1)
    require_counts(s2, n2)
    if n1 == 0 or n2 == 0:
        return None
    p1, p2 = s1 / n1, s2 / n2
    low1, high1 = _wilson(s1, n1, level)
    low2, high2 = _wilson(s2, n2, level)
    gap = p1 - p2
    return Interval(
        gap - math.hypot(p1 - low1, high2 - p2),
        gap + math.hypot(high1 - p1, p2 - low2),
        "Newcombe hybrid score",
    )


def ratio(s1: float, n1: float, s2: float, n2: float, level: float = 0.95) -> Interval | None:
    """Koopman's score interval of p1 / p2 (1984): Miettinen and Nurminen's (1985) without N/(N−1).

    The limits are the ratios at which the score statistic, with the constrained maximum-likelihood rates,
    reaches the normal quantile. The statistic falls with the ratio, so a bracket on its logarithm always
    finds them. Without a success in the first group the lower limit is 0; without one in the second the upper
    limit is infinite; without any the counts say nothing of the ratio and the interval is (0, inf).

    Args:
        s1: successes of the first group, or the sum of their weights.
        n1: outcomes of the first group, 0 or more.
        s2: successes of the second group.
        n2: outcomes of the second group.
        level: confidence level, in (0, 1).

    Returns:
        The interval, `high` infinite where s2 is 0, or None when n1 or n2 is 0.

    Raises:
        ValueError: when a success count is not between 0 and its n.
    """
    require_counts(s1, n1)
    require_counts(s2, n2)
    if n1 == 0 or n2 == 0:
        return None
    z = _z(level)

    def score(log_ratio: float) -> float:
        return _ratio_score(math.exp(log_ratio), s1, n1, s2, n2)

    # Katz's interval on the logarithm (1978) is near: half a success each where there is none.
    near = math.log(max(s1, 0.5) / n1) - math.log(max(s2, 0.5) / n2)
    error = math.sqrt(1 / max(s1, 0.5) + 1 / max(s2, 0.5))
    low = 0.0 if s1 == 0 else math.exp(_falling_root(score, z, near - z * error, error))
    high = math.inf if s2 == 0 else math.exp(_falling_root(score, -z, near + z * error, error))
    return Interval(low, high, "Koopman score")


def mean(total: float, total_squares: float, n: float, level: float = 0.95) -> Interval | None:
    """Student's t interval of a mean (Student 1908), from the sum and the sum of squares.

    Student's and not the normal interval, because the spread is estimated too: exact for normal values at any
    n, the same as the normal interval from some hundreds on. It covers less where values are skewed and few:
    `docs/coverage.md` has the figures. The variance is a difference of two sums: center the values before
    summing when their mean is more than about a million times their spread.

    Args:
        total: sum of the values, in their unit.
        total_squares: sum of their squares.
        n: how many values, or their effective number.
        level: confidence level, in (0, 1).

    Returns:
        The interval, in the unit of the values, or None when n is below 2 and there is no spread to estimate.

    Raises:
        ValueError: when n is negative.
    """
    if n < 0:
        raise ValueError(f"n is {n}: it must be 0 or more; check the counts behind this mean")
    if n < 2:
        return None
    center = total / n
    variance = max(total_squares - total * center, 0.0) / (n - 1)
    half = float(scipy.special.stdtrit(n - 1, (1 + level) / 2)) * math.sqrt(variance / n)
    return Interval(center - half, center + half, "Student t")


def auc(positives: ArrayLike, negatives: ArrayLike, level: float = 0.95) -> Auc | None:
    """Area under the ROC curve, ties counting half, with its interval, in time linear in the bins.

    All rows of a bin share a score, so they share their placement value: DeLong's variance (DeLong, DeLong
    and Clarke-Pearson 1988) of the rows is that of the placement values weighted by the cell counts, exactly.
    The interval is DeLong's on the logit (Pepe 2003, section 5.2.4), reaching at least as far as Newcombe's
    score interval (2006, method 5): near 1, and with few outcomes of a class, the observed variance is too
    small, and it is 0 when the classes are perfectly separated.

    Args:
        positives: shape (bins,), positive outcomes per score bin, lowest score first.
        negatives: shape (bins,), negative outcomes per score bin.
        level: confidence level.

    Returns:
        The area, its variance and its interval, or None when a class is empty.

    Raises:
        ValueError: when the arrays differ in shape or hold anything but counts.
    """
    pos, neg = as_counts(positives, negatives, names=("positives", "negatives"))
    n_pos, n_neg = float(pos.sum()), float(neg.sum())
    if n_pos == 0 or n_neg == 0:
        return None
    negatives_beaten = (np.cumsum(neg) - neg / 2) / n_neg
    positives_above = (n_pos - np.cumsum(pos) + pos / 2) / n_pos
    # Rounding may leave the area of separated classes a hair outside.
    estimate = min(max(float(pos @ negatives_beaten) / n_pos, 0.0), 1.0)
    if n_pos < 2 or n_neg < 2:
        return Auc(estimate, None, None)
    spread_pos = float(pos @ (negatives_beaten - estimate) ** 2) / (n_pos - 1)
    spread_neg = float(neg @ (positives_above - estimate) ** 2) / (n_neg - 1)
    variance = spread_pos / n_pos + spread_neg / n_neg
    low, high = _auc_score_limits(estimate, n_pos, n_neg, level)
    slope = estimate * (1 - estimate)
    if slope > 0:
        center, half = scipy.special.logit(estimate), _z(level) * math.sqrt(variance) / slope
        low = min(low, float(scipy.special.expit(center - half)))
        high = max(high, float(scipy.special.expit(center + half)))
    return Auc(estimate, variance, Interval(low, high, "DeLong on the logit, at least Newcombe score"))


def _auc_score_limits(estimate: float, n_pos: float, n_neg: float, level: float) -> tuple[float, float]:
    """Newcombe's method 5: the areas whose own standard error puts the estimate z of them away."""
    pairs, z2 = (n_pos + n_neg) / 2 - 1, _z(level) ** 2

    def excess(area: float) -> float:
        spread = 1 + pairs * (1 - area) / (2 - area) + pairs * area / (1 + area)
        return (estimate - area) ** 2 - z2 * area * (1 - area) * spread / (n_pos * n_neg)

    def limit(inside: float, outside: float) -> float:
        for _ in range(_BISECTIONS):
            middle = (inside + outside) / 2
            if excess(middle) > 0:
                outside = middle
            else:
                inside = middle
        return inside

    return limit(estimate, 0.0), limit(estimate, 1.0)


def _z(level: float) -> float:
    return float(scipy.special.ndtri((1 + level) / 2))


def _wilson(successes: float, n: float, level: float) -> tuple[float, float]:
    z2 = _z(level) ** 2
    center = (successes + z2 / 2) / (n + z2)
    half = math.sqrt(z2 * (successes * (n - successes) / n + z2 / 4)) / (n + z2)
    # Exact at the edges, where rounding would leave a limit of 1e-17 or put the estimate outside.
    low = 0.0 if successes == 0 else center - half
    high = 1.0 if successes == n else center + half
    return low, high


def _ratio_score(phi: float, s1: float, n1: float, s2: float, n2: float) -> float:
    """Signed score statistic of p1 = phi · p2; falls with phi."""
    gap = s1 / n1 - phi * s2 / n2
    b = phi * (n1 + s2) + s1 + n2
    c = phi * (s1 + s2)
    # The smaller root of (n1+n2)·p² − b·p + c, in the form that does not cancel.
    p1 = 2 * c / (b + math.sqrt(max(b * b - 4 * (n1 + n2) * c, 0.0)))
    p2 = p1 / phi
    variance = p1 * max(1 - p1, 0.0) / n1 + phi * phi * p2 * max(1 - p2, 0.0) / n2
    if variance <= 0:
        return math.copysign(math.inf, gap) if gap else 0.0
    return gap / math.sqrt(variance)


def _falling_root(function: Callable[[float], float], target: float, near: float, step: float) -> float:
    """Returns where a falling function is at the target, from a guess and how far it may be off."""

    def beyond(x: float) -> float:
        return min(max(function(x) - target, -_FAR), _FAR)  # infinite where the statistic has no spread

    low, high = near - step, near + step
    while low > -_LOG_RATIO_BOUND and beyond(low) <= 0:
        low, step = low - step, 2 * step
    while high < _LOG_RATIO_BOUND and beyond(high) >= 0:
        high, step = high + step, 2 * step
    return float(scipy.optimize.brentq(beyond, low, high, xtol=1e-13, rtol=1e-14))
