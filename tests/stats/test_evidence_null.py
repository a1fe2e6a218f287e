"""Under the null the next week is expected to gain nothing: summed exactly, after any past."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, multinomial

from sundial.stats.bounded import AucCeiling, AucFloor, BoundedCeiling, BoundedFloor
from sundial.stats.evidence import (
    Ceiling,
    Distribution,
    DistributionWithin,
    Floor,
    TwoSample,
    TwoSampleWithin,
)

bounds = st.sampled_from([0.05, 0.3, 0.5, 0.8, 0.95])
counts = st.tuples(st.integers(0, 8), st.integers(0, 8), st.integers(0, 8))
pasts = st.lists(counts, max_size=5)
sizes = st.integers(1, 6)
SIMPLEX = [np.array([a, b, 8 - a - b]) / 8 for a in range(9) for b in range(9 - a)]
few = settings(max_examples=15, deadline=None)


def weeks_of(n: int) -> Iterable[tuple[int, int, int]]:
    """All counts of n rows in three bins."""
    return ((a, b, n - a - b) for a in range(n + 1) for b in range(n + 1 - a))


def gain(process: Any, week: Any) -> float:
    after = copy.deepcopy(process)
    after.replay([week])
    return math.exp(after.log_e - process.log_e)


@few
@given(bounds, pasts, sizes)
def test_a_floor_and_a_ceiling(p0: float, past: list[tuple[int, int, int]], n: int) -> None:
    s = np.arange(n + 1)
    for kind, null in ((Floor, np.linspace(p0, 1, 9)), (Ceiling, np.linspace(0, p0, 9))):
        process = kind(p0).replay([(hits, hits + misses) for hits, misses, _ in past])
        gains = np.array([gain(process, (hits, n)) for hits in s.tolist()])
        assert max(binom.pmf(s, n, q) @ gains for q in null) <= 1 + 1e-9


@few
@given(st.sampled_from([0.05, 0.2]), pasts, st.integers(1, 4), st.integers(1, 4))
def test_both_sides_of_a_recovery_of_two_samples(
    tolerance: float, past: list[tuple[int, int, int]], na: int, nb: int
) -> None:
    process = TwoSampleWithin(tolerance).replay([(3, 9, 5, 9), *((a, a + b, c, c + 3) for a, b, c in past)])
    for half, sign in ((process._above, 1), (process._below, -1)):
        gains = np.zeros((na + 1, nb + 1))
        for sa, sb in np.ndindex(gains.shape):
            gains[sa, sb] = gain(half, (sa, na, sb, nb) if sign == 1 else (sb, nb, sa, na))
        for qa, gap in itertools.product(np.linspace(0, 1, 9), (tolerance, tolerance + 0.1, 0.5)):
            qb = qa - sign * gap
            if 0 <= qb <= 1:
                chance = np.outer(binom.pmf(np.arange(na + 1), na, qa), binom.pmf(np.arange(nb + 1), nb, qb))
                assert (chance * gains).sum() <= 1 + 1e-9


@few
@given(pasts, st.integers(1, 4))
def test_a_distribution(past: list[tuple[int, int, int]], n: int) -> None:
    baseline = [2000, 2000, 4000]
    process = Distribution(baseline).replay(past)
    share = np.array(baseline) / sum(baseline)
    margin = 0.02 + 3 * np.sqrt(share * (1 - share) / sum(baseline))
    weeks = list(weeks_of(n))
    gains = np.array([gain(process, week) for week in weeks])
    inside = 0
    moves = np.array([-1, -0.5, 0, 0.5, 1])
    for a, b in itertools.product(moves, moves):
        p = share + np.array([a, b, -a - b]) * margin.min()
        if np.all(np.abs(p - share) <= margin + 1e-12):
            inside += 1
            assert multinomial.pmf(weeks, n, p) @ gains <= 1 + 1e-9
    assert inside >= 9


@few
@given(pasts, st.integers(1, 4))
def test_a_recovered_distribution_while_a_bound_is_broken(past: list[tuple[int, int, int]], n: int) -> None:
    # The least of e-processes is one for the union of their nulls; so from its fresh start it is an e-value.
    moved = Distribution([2000, 2000, 4000]).replay(past)
    for process in (moved.mirror(), Distribution([2000, 2000, 4000]).mirror()):
        weeks = list(weeks_of(n))
        e = np.array([math.exp(copy.deepcopy(process).replay([week]).log_e) for week in weeks])
        for p in SIMPLEX:
            if broken(process, p):
                assert multinomial.pmf(weeks, n, p) @ e <= 1 + 1e-9


@given(st.integers(1, 5), st.sampled_from([0.1, 0.4, 0.7]))
def test_one_bound_of_a_recovered_distribution_at_its_edge(n: int, bound: float) -> None:
    nothing = (np.zeros(0, dtype=np.intp), np.zeros(0))
    one = (np.array([1]), np.array([bound]))
    p = np.array([(1 - bound) / 3, bound, 2 * (1 - bound) / 3])
    weeks = list(weeks_of(n))
    for floors, ceilings in ((one, nothing), (nothing, one)):
        e = [math.exp(DistributionWithin(3, floors, ceilings).replay([week]).log_e) for week in weeks]
        # Exactly 1 at the edge: nothing is given away, and nothing is taken.
        assert abs(multinomial.pmf(weeks, n, p) @ np.array(e) - 1) <= 1e-9


def broken(process: DistributionWithin, p: np.ndarray) -> bool:
    below = p[process._floor_bins] <= process._floors
    above = p[process._ceiling_bins] >= process._ceilings
    return bool(below.any() or above.any())


@few
@given(st.sampled_from([0.1, 0.45, 0.7]), pasts, st.integers(1, 5))
def test_a_bounded_mean(m0: float, past: list[tuple[int, int, int]], n: int) -> None:
    values, edges = np.array([0.0, 0.4, 1.0]), [0.0, 0.4, 0.8, 1.0]
    weeks = list(weeks_of(n))
    for process, sign in ((BoundedCeiling(m0, edges), 1), (BoundedFloor(m0, edges), -1)):
        for with_sums in (False, True):
            fresh = copy.deepcopy(process)

            def increment(week: tuple[int, int, int], with_sums: bool = with_sums) -> np.ndarray:
                rows = np.array(week, dtype=float)
                return np.stack([rows, rows * values]) if with_sums else rows

            fresh.replay([increment(week) for week in past])
            gains = np.array([gain(fresh, increment(week)) for week in weeks])
            for p in SIMPLEX:
                if sign * (p @ values - m0) <= 1e-12:
                    assert multinomial.pmf(weeks, n, p) @ gains <= 1 + 1e-9


@few
@given(st.sampled_from([0.5, 0.6, 0.8]), pasts, st.integers(1, 3), st.integers(1, 3), st.data())
def test_an_area(
    area: float, past: list[tuple[int, int, int]], n_pos: int, n_neg: int, data: st.DataObject
) -> None:
    q = data.draw(st.sampled_from(SIMPLEX))
    below = np.array([0, q[0], q[0] + q[1]]) + q / 2
    pos, neg = list(weeks_of(n_pos)), list(weeks_of(n_neg))
    chance_neg = multinomial.pmf(neg, n_neg, q)
    for fresh, sign in ((AucFloor(area), 1), (AucCeiling(area), -1)):
        fresh.replay([[*week, *week[::-1]] for week in past])
        gains = np.array([[gain(fresh, [*a, *b]) for b in neg] for a in pos])
        for p in SIMPLEX:
            if sign * (p @ below - area) >= -1e-12:
                assert multinomial.pmf(pos, n_pos, p) @ gains @ chance_neg <= 1 + 1e-9


@few
@given(bounds, pasts, sizes, st.sampled_from([0.0, 0.1]))
def test_a_gain_of_two_samples_in_a_first_week_is_one(
    p: float, past: list[tuple[int, int, int]], n: int, tolerance: float
) -> None:
    process = TwoSample(tolerance).replay([(a, a + b, 0, 0) for a, b, _ in past])
    assert gain(process, (round(p * n), n, 0, n)) == 1
