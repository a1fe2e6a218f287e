from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from sundial.stats.logbeta import log_betainc, log_mixture_ceiling, log_mixture_floor


def exact_log_tail(s: int, n: int, p: float) -> float:
    """log I_p(s + 1, n − s + 1) = log P(Bin(n + 1, p) >= s + 1), its terms summed in mpmath."""
    with mpmath.workdps(40):
        q, a, m = mpmath.mpf(p), s + 1, n + 1
        log_first = mpmath.log(mpmath.binomial(m, a)) + a * mpmath.log(q) + (m - a) * mpmath.log(1 - q)
        total = term = mpmath.mpf(1)
        for k in range(a, m):
            term *= mpmath.mpf(m - k) / (k + 1) * q / (1 - q)
            total += term
            if term < total * mpmath.mpf(10) ** -30 and (m - k) * q < (k + 1) * (1 - q):
                break
        return float(log_first + mpmath.log(total))


def exact_log_floor(s: int, n: int, p0: float) -> float:
    with mpmath.workdps(40):
        log_beta = mpmath.log(mpmath.beta(s + 1, n - s + 1))
        return float(
            log_beta
            + exact_log_tail(s, n, p0)
            - (s + 1) * mpmath.log(mpmath.mpf(p0))
            - (n - s) * mpmath.log(1 - mpmath.mpf(p0))
        )


@settings(max_examples=60)
@given(
    a=st.floats(0.5, 300),
    b=st.floats(0.5, 300),
    x=st.floats(1e-6, 1 - 1e-6),
)
def test_the_log_incomplete_beta_function_is_that_of_mpmath(a: float, b: float, x: float) -> None:
    with mpmath.workdps(60):
        value = mpmath.betainc(a, b, 0, mpmath.mpf(x), regularized=True)
        exact = float(mpmath.log(value))
    assert float(log_betainc(a, b, x)) == pytest.approx(exact, rel=1e-10, abs=1e-13)


@pytest.mark.parametrize(
    ("s", "n", "p"),
    [
        (900, 1000, 0.1),
        (4500, 5000, 0.8),
        (23_400, 26_000, 0.8),
        (90_000, 100_000, 0.001),
        (99_990, 100_000, 0.00005),
    ],
)
def test_it_does_not_underflow(s: int, n: int, p: float) -> None:
    exact = exact_log_tail(s, n, p)
    assert float(log_betainc(s + 1, n - s + 1, p)) == pytest.approx(exact, rel=1e-10)


def test_it_reaches_minus_a_million() -> None:
    # The first term of the sum is the whole of it here.
    exact = exact_log_tail(150_000, 150_000, 0.001)
    assert exact < -1e6
    assert float(log_betainc(150_001, 1, 0.001)) == pytest.approx(exact, rel=1e-12)


def test_its_ends_are_minus_infinity_and_zero() -> None:
    assert log_betainc([3, 3], [2, 2], [0, 1]).tolist() == [-math.inf, 0.0]


@settings(max_examples=60)
@given(
    n=st.integers(0, 3000),
    share=st.floats(0, 1),
    p0=st.floats(0.01, 0.99),
)
def test_the_floor_mixture_is_its_integral(n: int, share: float, p0: float) -> None:
    s = round(share * n)
    assert float(log_mixture_floor(s, n, p0)) == pytest.approx(exact_log_floor(s, n, p0), rel=1e-9, abs=1e-9)


def test_the_mixture_is_smooth_where_the_tail_formula_takes_over() -> None:
    # 19,000 outcomes at .9 bring I near 1e-300 against .8: log e falls gently all along.
    n = np.arange(10_000, 30_000, 10)
    log_e = log_mixture_floor(0.9 * n, n, 0.8)
    assert np.all(np.diff(log_e) < 0)
    assert np.abs(np.diff(log_e, 2)).max() < 1e-5


@given(n=st.integers(0, 2000), share=st.floats(0, 1), p0=st.floats(0.01, 0.99))
def test_a_ceiling_is_the_floor_of_the_failures(n: int, share: float, p0: float) -> None:
    s = round(share * n)
    assert float(log_mixture_ceiling(s, n, p0)) == float(log_mixture_floor(n - s, n, 1 - p0))


@pytest.mark.parametrize("p0", [0.05, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("n", [1, 2, 7, 50])
def test_its_expectation_is_at_most_one_everywhere_on_the_null(n: int, p0: float) -> None:
    s = np.arange(n + 1)[:, None]
    at_most, at_least = np.linspace(0, p0, 40), np.linspace(p0, 1, 40)
    floor = binom.pmf(s, n, at_least) * np.exp(log_mixture_floor(s, n, p0))
    ceiling = binom.pmf(s, n, at_most) * np.exp(log_mixture_ceiling(s, n, p0))
    assert floor.sum(axis=0).max() <= 1 + 1e-9
    assert ceiling.sum(axis=0).max() <= 1 + 1e-9
    # The bound is met at its edge: nothing is given away.
    assert floor.sum(axis=0)[0] == pytest.approx(1, abs=1e-9)
    assert ceiling.sum(axis=0)[-1] == pytest.approx(1, abs=1e-9)
