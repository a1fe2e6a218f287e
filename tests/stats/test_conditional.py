"""Evidence on rates by level: an e-value under the null, and soon sure of a change."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from sundial.stats.baseline import limits
from sundial.stats.conditional import RatesByLevel

BASE = np.array([40.0, 100.0, 180.0]), np.array([200.0, 200.0, 200.0])


def test_under_the_null_the_exact_sum_over_a_weeks_outcomes_is_at_most_one() -> None:
    """At the very bounds that the baseline and the practical floor leave, for every pair of sides."""
    process = RatesByLevel(*BASE, 0.02)
    low, high = limits(*BASE)
    rates = {-1: low - 0.02, 0: BASE[0] / BASE[1], 1: high + 0.02}
    n = np.array([3, 4, 2])
    for sides in itertools.product((-1, 0, 1), repeat=3):
        p = np.array([rates[side][level] for level, side in enumerate(sides)])
        total = 0.0
        for hits in itertools.product(*(range(k + 1) for k in n)):
            chance = float(np.prod(stats.binom.pmf(hits, n, p)))
            week = RatesByLevel(*BASE, 0.02).replay([[*hits, *n]])
            total += chance * math.exp(week.log_e)
        assert total <= 1 + 1e-9
    assert process.log_e == 0


def test_a_change_of_what_follows_is_confirmed_and_a_change_of_shares_is_not() -> None:
    random = np.random.default_rng(5)
    rate = BASE[0] / BASE[1]
    shares = np.array([10, 80, 110])  # not those of the baseline

    def weeks(p: np.ndarray, count: int) -> list[list[float]]:
        return [[*random.binomial(shares, p).astype(float), *shares.astype(float)] for _ in range(count)]

    same = RatesByLevel(*BASE).replay(weeks(rate, 104))
    moved = RatesByLevel(*BASE).replay([*weeks(rate, 26), *weeks(rate - [0, 0.25, 0], 8)])
    assert same.log_detector < math.log(36_000)
    assert moved.log_detector > math.log(36_000)


def test_levels_that_the_baseline_hardly_knows_are_left_out() -> None:
    with pytest.raises(ValueError, match="enlarge it"):
        RatesByLevel([3, 4], [10, 29])
    few = RatesByLevel([3, 100], [10, 200]).replay([[9, 50, 9, 100]])
    assert few.log_e == RatesByLevel([0, 100], [0, 200]).replay([[0, 50, 0, 100]]).log_e
    with pytest.raises(ValueError, match="2 levels"):
        few.advance([1, 2, 3], [3, 3, 3])
