from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from scipy.optimize import minimize_scalar
from scipy.special import xlog1py, xlogy

from sundial.stats import intervals

Z = 1.959963984540054


@st.composite
def binomials(draw: st.DrawFn, most: int = 500) -> tuple[int, int]:
    n = draw(st.integers(1, most))
    return draw(st.integers(0, n)), n


@given(binomials())
def test_a_proportion_away_from_the_edges_has_the_wilson_interval(count: tuple[int, int]) -> None:
    s, n = count
    interval = intervals.proportion(s, n)
    assert interval is not None
    assert 0 <= interval.low <= s / n <= interval.high <= 1
    if 4 <= s <= n - 4:
        wilson = scipy_stats.binomtest(s, n).proportion_ci(method="wilson")
        assert (interval.low, interval.high) == pytest.approx((wilson.low, wilson.high), abs=1e-12)


@given(binomials())
def test_the_interval_of_the_failures_mirrors_that_of_the_successes(count: tuple[int, int]) -> None:
    s, n = count
    one, other = intervals.proportion(s, n), intervals.proportion(n - s, n)
    assert one is not None
    assert other is not None
    assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low), abs=1e-12)


def test_near_zero_the_lower_limit_is_the_one_sided_poisson_limit() -> None:
    # Brown, Cai and DasGupta: P(Poisson(λ) <= x − 1) = 0.95 at the lower limit λ / n.
    for s, n in ((1, 40), (2, 50), (3, 51)):
        interval = intervals.proportion(s, n)
        assert interval is not None
        assert scipy_stats.poisson.cdf(s - 1, interval.low * n) == pytest.approx(0.95)


@pytest.mark.parametrize(("n", "least"), [(20, 0.90), (50, 0.92), (200, 0.92)])
def test_the_corrected_wilson_interval_covers_at_every_rate(n: int, least: float) -> None:
    limits = [intervals.proportion(s, n) for s in range(n + 1)]
    low, high = (np.array([getattr(limit, end) for limit in limits]) for end in ("low", "high"))
    rates = np.linspace(0.001, 0.999, 999)
    inside = (low[:, None] <= rates) & (rates <= high[:, None])
    coverage = (scipy_stats.binom.pmf(np.arange(n + 1)[:, None], n, rates) * inside).sum(axis=0)
    assert coverage.min() > least
    assert coverage.mean() == pytest.approx(0.95, abs=0.01)


# Newcombe (1998), table II, method 10.
@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0),
        ((10, 10, 0, 10), 0.6075, 1.0),
    ],
)
def test_the_difference_has_the_published_limits(
    counts: tuple[int, int, int, int], low: float, high: float
) -> None:
    interval = intervals.difference(*counts)
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=6e-5)


def koopman_statistic(phi: float, s1: int, n1: int, s2: int, n2: int) -> float:
    """Pearson's chi-square at ratio phi, its rate found by searching the likelihood."""
    top = min(1.0, 1 / phi)

    def loss(q: float) -> float:
        return -float(xlogy(s1, phi * q) + xlog1py(n1 - s1, -phi * q) + xlogy(s2, q) + xlog1py(n2 - s2, -q))

    q = minimize_scalar(loss, bounds=(0, top), method="bounded", options={"xatol": 1e-13}).x
    first = (s1 - n1 * phi * q) ** 2 / (n1 * phi * q * (1 - phi * q))
    return float(first + (s2 - n2 * q) ** 2 / (n2 * q * (1 - q)))


@pytest.mark.parametrize("counts", [(36, 40, 16, 80), (3, 50, 10, 60), (1, 9, 8, 9), (200, 1000, 150, 900)])
def test_the_ratio_limits_solve_koopmans_equation(counts: tuple[int, int, int, int]) -> None:
    interval = intervals.ratio(*counts)
    assert interval is not None
    for limit in (interval.low, interval.high):
        assert koopman_statistic(limit, *counts) == pytest.approx(Z**2, rel=1e-5)


def test_the_ratio_has_the_published_limits() -> None:
    # Koopman (1984), his example: 36 of 40 against 16 of 80.
    interval = intervals.ratio(36, 40, 16, 80)
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((2.94, 7.15), abs=0.01)


@given(binomials(), binomials())
def test_the_ratio_limits_enclose_the_ratio_and_swap_with_the_groups(
    first: tuple[int, int], second: tuple[int, int]
) -> None:
    interval, swapped = intervals.ratio(*first, *second), intervals.ratio(*second, *first)
    assert interval is not None
    assert swapped is not None
    (s1, n1), (s2, n2) = first, second
    if s2 > 0:
        assert interval.low <= s1 / n1 / (s2 / n2) * (1 + 1e-9)
        assert interval.high >= s1 / n1 / (s2 / n2) * (1 - 1e-9)
        assert math.isfinite(interval.high)
        assert interval.low * swapped.high == pytest.approx(1 if s1 else math.nan, rel=1e-9, nan_ok=True)
    if s1 == 0:
        assert interval.low == 0
    if s2 == 0:
        assert interval.high == math.inf


def test_the_ratio_of_huge_groups_is_found() -> None:
    interval = intervals.ratio(1, 2**50, 2**49, 2**50)
    assert interval is not None
    assert 0 < interval.low < 2**-49 < interval.high < 2**-44


@pytest.mark.parametrize(("n", "p1", "p2"), [(40, 0.3, 0.5), (40, 0.1, 0.1), (30, 0.9, 0.6)])
def test_difference_and_ratio_cover(n: int, p1: float, p2: float) -> None:
    weights = np.outer(*(scipy_stats.binom.pmf(np.arange(n + 1), n, p) for p in (p1, p2)))
    covered = {"difference": 0.0, "ratio": 0.0}
    for (s1, s2), weight in np.ndenumerate(weights):
        if weight > 1e-6:
            gap, ratio = intervals.difference(s1, n, s2, n), intervals.ratio(s1, n, s2, n)
            assert gap is not None
            assert ratio is not None
            covered["difference"] += weight * (gap.low <= p1 - p2 <= gap.high)
            covered["ratio"] += weight * (ratio.low <= p1 / p2 <= ratio.high)
    assert covered["difference"] == pytest.approx(0.95, abs=0.025)
    assert covered["ratio"] == pytest.approx(0.95, abs=0.025)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=50))
def test_a_mean_has_students_interval(values: list[float]) -> None:
    x = np.array(values)
    interval = intervals.mean(float(x.sum()), float(x @ x), len(x))
    assert interval is not None
    half = scipy_stats.t.ppf(0.975, len(x) - 1) * x.std(ddof=1) / math.sqrt(len(x))
    scale = 1e-6 * (1 + float(np.abs(x).max()))
    assert interval.low == pytest.approx(x.mean() - half, abs=scale * 100)
    assert interval.high == pytest.approx(x.mean() + half, abs=scale * 100)


def test_a_zero_denominator_is_undefined_and_not_zero() -> None:
    assert intervals.proportion(0, 0) is None
    assert intervals.difference(0, 0, 3, 10) is None
    assert intervals.ratio(3, 10, 0, 0) is None
    assert intervals.mean(0.0, 0.0, 0) is None
    assert intervals.mean(4.0, 16.0, 1) is None
    assert intervals.auc([0, 0], [3, 4]) is None


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and n"):
        intervals.proportion(11, 10)
    with pytest.raises(ValueError, match="between 0 and n"):
        intervals.ratio(1, 10, -1, 10)
    with pytest.raises(ValueError, match="0 or more"):
        intervals.mean(0.0, 0.0, -1)
