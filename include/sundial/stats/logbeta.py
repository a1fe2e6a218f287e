"""The incomplete beta function in logs, and the mixture e-value of a rate built on it.

Far below the mean the incomplete beta function underflows (at a rate of .9 against a floor of .8 within a
year of 500 outcomes a week). Cutting it off at some tiny number would make the e-value huge exactly where it
should be small, so the tail is computed from its continued fraction, whose value never leaves the range of a
double.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# Below this the value nears the smallest doubles. So far out the continued fraction needs few terms.
_TAIL = 1e-200
_TINY = 1e-300
_EPSILON = 1e-15
_MAX_TERMS = 100_000


def log_betainc(a: ArrayLike, b: ArrayLike, x: ArrayLike) -> NDArray[np.float64]:
    """Natural log of the regularised incomplete beta function I_x(a, b), without underflow.

    SciPy's own; below 1e-200 the continued fraction of DiDonato and Morris (1992, algorithm 708).

    Args:
        a: first shape, > 0.
        b: second shape, > 0.
        x: in [0, 1].

    Returns:
        Array of the broadcast shape; -inf where x is 0.

    Raises:
        ValueError: when the shapes do not broadcast.
        ArithmeticError: when the fraction does not converge.
    """
    a_, b_, x_ = np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in (a, b, x)))
    value: NDArray[np.float64] = np.asarray(scipy.special.betainc(a_, b_, x_))
    with np.errstate(divide="ignore"):
        result = np.where(value > 0.5, np.log1p(-scipy.special.betaincc(a_, b_, x_)), np.log(value))
    tail = (value < _TAIL) & (x_ > 0)
    if tail.any():
        at, bt, xt = a_[tail], b_[tail], x_[tail]
        power = scipy.special.xlogy(at, xt) + scipy.special.xlog1py(bt, -xt) - scipy.special.betaln(at, bt)
        result[tail] = power - np.log(_tail_fraction(at, bt, xt))
    return result


def log_mixture_floor(successes: ArrayLike, n: ArrayLike, p0: ArrayLike) -> NDArray[np.float64]:
    """Log e-value against H0: p >= p0, mixing the alternative over q ~ Beta(1, 1) cut to (0, p0).

    e = [∫₀^p0 q^S (1−q)^(N−S) dq / p0] / [p0^S (1−p0)^(N−S)]. The likelihood ratio of any q < p0 to p0 has an
    expectation of at most 1 under every p >= p0, hence so has the mixture (Robbins 1970); over growing S and
    N it is an e-process, and passes 1/α with a chance of at most α (Ville 1939).

    In the tail I_p0 = p0^(S+1) (1−p0)^(N−S+1) / (B · fraction), all powers cancel and e = (1−p0) / fraction.

    Args:
        successes: S, any shape.
        n: N, any shape that broadcasts with S; 0 gives a log e of 0.
        p0: floor, in (0, 1).

    Returns:
        Natural logs of the e-values, an array of the broadcast shape.

    Raises:
        ValueError: when the shapes do not broadcast.
    """
    s, total, floor = np.broadcast_arrays(
        *(np.asarray(value, dtype=np.float64) for value in (successes, n, p0))
    )
    a, b = s + 1, total - s + 1
    value: NDArray[np.float64] = np.asarray(scipy.special.betainc(a, b, floor))
    tail = value < _TAIL
    with np.errstate(divide="ignore"):
        result: NDArray[np.float64] = np.asarray(
            scipy.special.betaln(a, b) + np.log(value) - a * np.log(floor) - (b - 1) * np.log1p(-floor)
        )
    if tail.any():
        result[tail] = np.log1p(-floor[tail]) - np.log(_tail_fraction(a[tail], b[tail], floor[tail]))
    return result


def log_mixture_ceiling(successes: ArrayLike, n: ArrayLike, p0: ArrayLike) -> NDArray[np.float64]:
    """Log e-value against H0: p <= p0: the floor of 1 − p0 on the failures.

    Args:
        successes: S, any shape.
        n: N, any shape that broadcasts with S.
        p0: ceiling, in (0, 1).

    Returns:
        Natural logs of the e-values, an array of the broadcast shape.

    Raises:
        ValueError: when the shapes do not broadcast.
    """
    failures = np.asarray(n, dtype=np.float64) - np.asarray(successes, dtype=np.float64)
    return log_mixture_floor(failures, n, 1 - np.asarray(p0, dtype=np.float64))


def _tail_fraction(
    a: NDArray[np.float64], b: NDArray[np.float64], x: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Continued fraction F with I_x(a, b) = x^a (1−x)^b / (B(a, b) F), for x well below a / (a + b).

    DiDonato and Morris (1992), algorithm 708, evaluated by the modified Lentz method.
    """
    value = a * (a - (a + b) * x + 1) / (a + 1)
    ratio_up, ratio_down = value.copy(), np.zeros_like(value)
    for m in range(1, _MAX_TERMS):
        step = a + (2 * m - 1)
        share = m * (b - m) * x / step
        numerator = (a + (m - 1)) * (a + b + (m - 1)) * share * x / step
        denominator = m + share + (a + m) * (a - (a + b) * x + 1 + m * (2 - x)) / (step + 2)
        ratio_down = denominator + numerator * ratio_down
        ratio_up = denominator + numerator / ratio_up
        ratio_up[ratio_up == 0] = _TINY
        ratio_down[ratio_down == 0] = _TINY
        ratio_down = 1 / ratio_down
        change = ratio_up * ratio_down
        value = value * change
        if np.abs(change - 1).max() <= _EPSILON:
            return value
    raise ArithmeticError(
        "the continued fraction of the incomplete beta function did not converge: check a, b and x"
    )
