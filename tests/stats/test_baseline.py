"""What a baseline leaves open of a share."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from sundial.stats.baseline import limits
from sundial.stats.evidence import Distribution


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_the_limits_are_where_the_score_test_rejects_at_three_standard_errors(n: int, share: float) -> None:
    s = round(share * n)
    for p in map(float, limits(s, n)):
        distance = abs(s / n - p)
        assert distance == pytest.approx(3 * math.sqrt(p * (1 - p) / n), abs=1e-9)


def test_shares_of_none_and_of_all_are_open_on_one_side_only_and_nothing_is_known_of_no_rows() -> None:
    low, high = limits([0, 44, 0], [44, 44, 0])
    assert [*low] == [0, pytest.approx(44 / 53), 0]
    assert [*high] == [pytest.approx(9 / 53), 1, 1]


def test_limits_of_a_large_baseline_are_three_plain_standard_errors_away() -> None:
    low, high = limits(300_000, 1_000_000)
    error = math.sqrt(0.3 * 0.7 / 1_000_000)
    assert [float(low), float(high)] == pytest.approx([0.3 - 3 * error, 0.3 + 3 * error], abs=1e-5)


@pytest.mark.parametrize("n", [30, 44, 100, 1_000])
def test_of_a_share_that_does_not_move_few_baselines_set_a_bound_that_it_breaks(n: int) -> None:
    """With plain standard errors more do: of 44 rows and a share of 5 %, all that have none of it."""
    low, high = limits(np.arange(n + 1), n)
    for p in np.linspace(0.001, 0.999, 999):
        broken = (p < low - 0.02) | (p > high + 0.02)
        assert binom.pmf(np.flatnonzero(broken), n, p).sum() <= 0.01


@pytest.mark.parametrize("floor", [0.0, 0.02])
def test_a_distribution_bounds_no_bin_that_a_baseline_has_none_or_all_of_on_the_side_that_is_open(
    floor: float,
) -> None:
    moved = Distribution([100, 0], floor)
    moved.replay([[40, 0]] * 50)
    assert math.isfinite(moved.log_e)
    assert moved.log_e < 0
