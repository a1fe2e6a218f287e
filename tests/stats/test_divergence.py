from __future__ import annotations

import math
from itertools import permutations
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2, chi2_contingency
from scipy.stats.contingency import association

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


@given(samples, st.randoms(use_true_random=False))
def test_chi_square_is_scipys_on_the_pooled_table_whatever_the_order(
    pair: tuple[list[int], list[int]], random: Random
) -> None:
    test = divergence.chi_square(*pair)
    columns = list(zip(*pair, strict=True))
    random.shuffle(columns)
    assert divergence.chi_square(*zip(*columns, strict=True)) == test
    swapped = divergence.chi_square(pair[1], pair[0])
    if test is None:
        assert swapped is None
        return
    assert swapped is not None
    assert swapped.statistic == pytest.approx(test.statistic, abs=1e-9)
    n = [sum(side) for side in pair]
    common = [c for c in columns if sum(c) * min(n) / sum(n) >= 5]
    rare = [c for c in columns if c not in common]
    pool = np.sum(rare, axis=0) if rare else np.zeros(2)
    expected_in_pool = pool.sum() * min(n) / sum(n)
    if rare and 0 < expected_in_pool < 5:
        return  # The pool took in a common level: the examples above say which.
    table = np.array([*common, *([pool] if pool.any() else [])]).T
    expected = chi2_contingency(table, correction=False)
    assert (test.statistic, test.p_value) == pytest.approx((expected.statistic, expected.pvalue), abs=1e-9)
    assert test.cramers_v == pytest.approx(association(table, method="cramer"), abs=1e-9)


def test_of_equally_rare_levels_the_one_that_evens_the_pool_fills_it() -> None:
    # Three levels of 20, a rare one of 2: whichever comes first, (10, 10) joins (2, 0).
    levels = [(2, 0), (8, 12), (10, 10), (12, 8)]
    tests = {divergence.chi_square(*zip(*order, strict=True)) for order in permutations(levels)}
    assert len(tests) == 1
    test = tests.pop()
    assert test is not None
    pooled = chi2_contingency([[12, 8, 12], [10, 12, 8]], correction=False)
    assert test.statistic == pytest.approx(pooled.statistic)


def test_a_single_level_left_after_pooling_is_no_test() -> None:
    assert divergence.chi_square([96, 1, 1, 2], [480, 5, 5, 10]) is None
    assert divergence.chi_square([1, 2, 1], [2, 1, 1]) is None


def test_the_largest_change_of_a_share_is_that_of_its_level() -> None:
    assert divergence.l_infinity([50, 50, 0], [60, 120, 20]) == pytest.approx(0.2)
    assert divergence.l_infinity([3, 1], [3, 1]) == 0
    assert divergence.l_infinity([1.5, 0], [0, 0.25]) == 1
    assert divergence.l_infinity([0, 0], [1, 1]) is None


@pytest.mark.parametrize(("n", "bins"), [(500, 10), (5000, 10), (2000, 40), (500, 2)])
def test_what_is_expected_without_drift_is_the_mean_of_undrifted_samples(n: int, bins: int) -> None:
    rng = np.random.default_rng([7, n, bins])
    shares = rng.dirichlet(np.full(bins, 20.0))
    pairs = [(rng.multinomial(10_000, shares), rng.multinomial(n, shares)) for _ in range(2000)]
    psi = np.mean(np.array([divergence.psi(*pair) for pair in pairs], dtype=float))
    distance = np.mean(np.array([divergence.jensen_shannon(*pair) for pair in pairs], dtype=float))
    assert divergence.psi_without_drift(10_000, n, bins) == pytest.approx(psi, rel=0.08)
    assert divergence.jensen_shannon_without_drift(10_000, n, bins) == pytest.approx(distance, rel=0.05)


def test_one_bin_cannot_drift_and_an_empty_sample_expects_nothing() -> None:
    assert divergence.psi_without_drift(100, 50, 1) == 0
    assert divergence.jensen_shannon_without_drift(100, 50, 1) == 0
    with pytest.raises(ValueError, match="samples with rows"):
        divergence.psi_without_drift(0, 50, 10)
