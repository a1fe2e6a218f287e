from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2, chi2_contingency

from sundial.stats import divergence

samples = st.integers(1, 12).flatmap(
    lambda bins: st.tuples(
        st.lists(st.integers(0, 300), min_size=bins, max_size=bins),
        st.lists(st.integers(0, 300), min_size=bins, max_size=bins),
    ).filter(lambda pair: sum(pair[0]) > 0 and sum(pair[1]) > 0)
)


@given(samples)
def test_the_jensen_shannon_distance_is_that_of_scipy(pair: tuple[list[int], list[int]]) -> None:
    expected = jensenshannon(*pair, base=2)
    assert divergence.jensen_shannon(*pair) == pytest.approx(np.nan_to_num(expected), abs=1e-7)


def test_disjoint_samples_are_one_apart_and_equal_shares_zero() -> None:
    assert divergence.jensen_shannon([5, 0], [0, 900]) == 1
    assert divergence.jensen_shannon([5, 10], [50, 100]) == pytest.approx(0, abs=1e-7)


@given(samples)
def test_psi_is_symmetric_finite_and_blind_to_bins_that_nobody_uses(
    pair: tuple[list[int], list[int]],
) -> None:
    p, q = pair
    value = divergence.psi(p, q)
    assert value is not None
    assert 0 <= value < math.inf
    assert value == pytest.approx(divergence.psi(q, p))
    assert value == pytest.approx(divergence.psi([*p, 0], [*q, 0]))


def test_psi_of_large_samples_is_its_definition() -> None:
    p, q = np.array([0.2, 0.3, 0.5]), np.array([0.25, 0.35, 0.4])
    expected = float(np.sum((p - q) * np.log(p / q)))
    assert divergence.psi(p * 1e6, q * 1e6) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("n", "expected"), [(100, 0.171), (1000, 0.0186)])
def test_psi_without_drift_has_its_known_upper_five_percent(n: int, expected: float) -> None:
    # (1/N + 1/M) · χ²(B − 1), reference of 10,000, ten bins.
    assert (1 / n + 1e-4) * chi2.ppf(0.95, 9) == pytest.approx(expected, rel=0.01)
    rng = np.random.default_rng(7)
    shares = np.full(10, 0.1)
    values = [
        divergence.psi(rng.multinomial(10_000, shares), rng.multinomial(n, shares)) for _ in range(2000)
    ]
    assert np.quantile(np.array(values, dtype=float), 0.95) == pytest.approx(expected, rel=0.08)


def test_common_levels_give_pearsons_test() -> None:
    table = [[30, 50, 20], [60, 70, 90]]
    expected = chi2_contingency(table, correction=False)
    test = divergence.chi_square(*table)
    assert test is not None
    assert (test.statistic, test.p_value) == pytest.approx((expected.statistic, expected.pvalue))
    assert test.levels == 3


def test_rare_levels_are_pooled_until_five_are_expected() -> None:
    # Expected in the smaller sample: 1, 2, 3 pool to 6; the rest stays.
    test = divergence.chi_square([50, 1, 2, 3, 44], [450, 9, 18, 27, 396])
    pooled = divergence.chi_square([50, 6, 44], [450, 54, 396])
    assert test == pooled
    # A pool of 1 alone takes in the rarest common level.
    assert divergence.chi_square([50, 1, 49], [450, 9, 441]) == divergence.chi_square([50, 50], [450, 450])


@given(samples)
def test_every_level_left_expects_five_or_the_test_is_undefined(pair: tuple[list[int], list[int]]) -> None:
    test = divergence.chi_square(*pair)
    if test is not None:
        assert 2 <= test.levels <= len(pair[0])
        assert 0 <= test.p_value <= 1
        assert min(sum(pair[0]), sum(pair[1])) >= 5 * test.levels


def test_the_pooled_test_holds_its_size_with_many_rare_levels() -> None:
    rng = np.random.default_rng(11)
    shares = 1 / np.arange(1, 41)
    shares /= shares.sum()
    small = 0
    for _ in range(1000):
        test = divergence.chi_square(rng.multinomial(3000, shares), rng.multinomial(100, shares))
        assert test is not None
        small += test.p_value < 0.05
    assert small / 1000 == pytest.approx(0.05, abs=0.02)


def test_an_empty_sample_has_no_distance() -> None:
    assert divergence.psi([0, 0], [1, 2]) is None
    assert divergence.jensen_shannon([1, 2], [0, 0]) is None
    assert divergence.chi_square([0, 0], [100, 200]) is None
    assert divergence.chi_square([100], [200]) is None
