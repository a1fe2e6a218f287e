"""Rows that weigh: clusters and sampling weights, summed exactly over all outcomes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sundial.stats.bounded import BoundedCeiling
from sundial.stats.evidence import Ceiling, Distribution, Floor, Omnibus, TwoSample
from sundial.stats.two_sample import log_block_e, log_block_e_beyond

weights = st.lists(st.sampled_from([0.1, 0.3, 0.5, 0.9, 1.0]), min_size=1, max_size=7)


def expectation(chances: np.ndarray, log_e: Callable[[tuple[int, ...]], float]) -> float:
    """Sum over all outcomes of rows, whose joint chances have one axis of length 2 for each row."""
    return sum(float(chances[rows]) * math.exp(log_e(rows)) for rows in np.ndindex(chances.shape))


def independent(rates: list[float]) -> np.ndarray:
    joint = np.ones(())
    for rate in rates:
        joint = np.multiply.outer(joint, np.array([1 - rate, rate]))
    return joint


@given(weights, st.sampled_from([0.2, 0.8]), st.data())
@settings(max_examples=30, deadline=None)
def test_weighted_rows_with_a_mean_on_the_bound_are_expected_to_gain_nothing(
    row_weights: list[float], p0: float, data: st.DataObject
) -> None:
    w = np.array(row_weights)
    # Rates that differ by row; their weighted mean is brought to the bound.
    raw = np.array(data.draw(st.lists(st.floats(0, 1), min_size=len(w), max_size=len(w))))
    mean = float(w @ raw / w.sum())
    rates = raw * (p0 / mean) if mean >= p0 else 1 - (1 - raw) * ((1 - p0) / (1 - mean))
    chances = independent(list(rates))
    for process in (Floor, Ceiling):

        def log_e(rows: tuple[int, ...], process: type[Floor | Ceiling] = process) -> float:
            return process(p0).replay([(float(w @ np.array(rows)), float(w.sum()))]).log_e

        assert expectation(chances, log_e) <= 1 + 1e-9


@given(st.data(), st.integers(1, 4), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_a_cluster_counts_once_however_its_rows_depend(data: st.DataObject, m: int, others: int) -> None:
    joint = np.array(data.draw(st.lists(st.floats(0.001, 1), min_size=2**m, max_size=2**m))).reshape((2,) * m)
    joint /= joint.sum()
    # The bound is the cluster's own mean rate: the edge of the null.
    p0 = float(sum(chance * sum(rows) / m for rows, chance in np.ndenumerate(joint)))
    chances = np.multiply.outer(joint, independent([p0] * others))
    for process in (Floor(p0), Ceiling(p0)):
        kind = type(process)

        def log_e(rows: tuple[int, ...], kind: type[Floor | Ceiling] = kind) -> float:
            return kind(p0).replay([(sum(rows[:m]) / m + sum(rows[m:]), 1 + others)]).log_e

        assert expectation(chances, log_e) <= 1 + 1e-9


def test_rows_of_a_cluster_that_count_in_full_would_break_the_null() -> None:
    # What the weights are for: four copies of one row, each counted.
    always = independent([0.8] * 4) * 0
    always[0, 0, 0, 0], always[1, 1, 1, 1] = 0.2, 0.8
    assert expectation(always, lambda rows: Floor(0.8).replay([(sum(rows), 4)]).log_e) > 2
    assert expectation(always, lambda rows: Floor(0.8).replay([(sum(rows) / 4, 1)]).log_e) <= 1


@pytest.mark.parametrize("tolerance", [0.0, 0.1, 0.3])
def test_blocks_of_fractional_counts_stay_e_values_everywhere_on_the_null(tolerance: float) -> None:
    rng = np.random.default_rng(7)
    for _ in range(40):
        wa, wb = rng.uniform(0.05, 1, rng.integers(1, 4)), rng.uniform(0.05, 1, rng.integers(1, 4))
        hits_a = np.array(list(itertools.product([0, 1], repeat=len(wa))))
        hits_b = np.array(list(itertools.product([0, 1], repeat=len(wb))))
        sa, sb = (s.ravel() for s in np.meshgrid(hits_a @ wa, hits_b @ wb, indexing="ij"))
        block = (sa, np.full_like(sa, wa.sum()), sb, np.full_like(sb, wb.sum()))
        theta_a, theta_b = (np.full_like(sa, theta) for theta in rng.uniform(0.01, 0.99, 2))
        grid = np.linspace(0, 1, 11)
        inside = np.exp(log_block_e(theta_a, theta_b, block, tolerance))
        beyond = np.exp(log_block_e_beyond(theta_a, theta_b, block, tolerance)) if tolerance else None
        for qa, qb in itertools.product(grid, [*grid, *(grid - tolerance), *(grid + tolerance)]):
            if not 0 <= qb <= 1:
                continue
            chance_a = np.prod(np.where(hits_a, qa, 1 - qa), axis=1)
            chance = np.outer(chance_a, np.prod(np.where(hits_b, qb, 1 - qb), axis=1)).ravel()
            if abs(qa - qb) <= tolerance + 1e-12:
                assert chance @ inside <= 1 + 1e-9
            if beyond is not None and qa - qb >= tolerance - 1e-12:
                assert chance @ beyond <= 1 + 1e-9


@given(st.data(), st.sampled_from([0.0, 0.1]))
@settings(max_examples=50, deadline=None)
def test_a_cluster_with_rows_in_both_groups_keeps_the_null(data: st.DataObject, tolerance: float) -> None:
    # Two clusters of two dependent rows: one with a row in each group, one within the first group; and one
    # single row of the second. The groups' rates lie at or inside the edge of the null.
    thetas = [np.array([data.draw(st.floats(0.02, 0.98))]) for _ in range(2)]
    qb = data.draw(st.floats(0, 1 - tolerance))
    qa = qb + tolerance

    def pair(p: float, q: float) -> np.ndarray:
        both = data.draw(st.floats(max(0.0, p + q - 1), min(p, q)))
        return np.array([[max(1 - p - q + both, 0), q - both], [p - both, both]])

    chances = np.multiply.outer(np.multiply.outer(pair(qa, qb), pair(qa, qa)), np.array([1 - qb, qb]))

    def log_e(rows: tuple[int, ...]) -> float:
        sa, sb = 0.5 * (rows[0] + rows[2] + rows[3]), 0.5 * rows[1] + rows[4]
        block = (np.array([sa]), np.array([1.5]), np.array([sb]), np.array([1.5]))
        return float(log_block_e(thetas[0], thetas[1], block, tolerance)[0])

    assert expectation(chances, log_e) <= 1 + 1e-9


def test_a_week_that_weighs_less_than_one_row_opens_a_start_and_is_bet_on_later_only() -> None:
    pair = TwoSample().replay([(0.2, 0.25, 0.1, 0.5)])
    assert (pair.log_e, pair.log_detector) == (0.0, 0.0)
    assert pair.sign == 1
    pair.advance(0.3, 0.5, 0.1, 0.75)
    assert pair.log_e != 0
    assert pair.log_detector != 0


def test_what_sums_of_weights_miss_by_rounding_is_forgiven_and_no_more() -> None:
    s = 0.1 + 0.2
    assert s > 0.3
    assert Floor(0.8).replay([(s, 0.3)]).log_e == Floor(0.8).replay([(0.3, 0.3)]).log_e
    residue = TwoSample().replay([(5, 9, 2, 9)])
    residue.advance(3, 9, 0.0, 5.6e-17)
    assert residue.log_e == 0
    assert residue.log_detector == 0
    for s, n in ((0.31, 0.3), (-0.1, 1.0), (1.0, math.inf), (math.nan, 1.0), (0.0, math.nan), (0.0, -1.0)):
        with pytest.raises(ValueError, match="between 0 and n"):
            Floor(0.8).advance(s, n)


def test_groups_that_are_absent_leave_no_rest_of_rounding() -> None:
    groups = Omnibus([TwoSample(), TwoSample()]).replay([([0.3, 0.1], [0.7, 0.9])])
    groups.advance([0.1 + 0.2, 0.0], [0.1 + 0.7, 0.0])
    assert (groups.log_e, groups.log_detector) == (0.0, 0.0)


def test_weights_that_are_whole_give_what_counts_give() -> None:
    moved, copies = Distribution([50, 50, 400]), Distribution([50.0, 50.0, 400.0])
    moved.advance([9, 1, 2])
    copies.advance([9.0, 1.0, 2.0])
    assert moved.log_e == copies.log_e
    ceiling = BoundedCeiling(0.5, [0, 0.5, 1]).replay([[0.5, 1.5]])
    assert ceiling.log_e == BoundedCeiling(0.5, [0, 0.5, 1]).replay([[0.25, 0.75], [0.25, 0.75]]).log_e
