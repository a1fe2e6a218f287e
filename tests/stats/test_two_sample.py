from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import rel_entr
from scipy.stats import binom

from sundial.stats.two_sample import log_block_e, project_onto_null

rates = st.floats(1e-4, 1 - 1e-4)


def full(shape: tuple[int, ...], *values: float) -> list[np.ndarray]:
    return [np.full(shape, float(value)) for value in values]


def divergence(theta: float, q: float) -> float:
    return float(rel_entr(theta, q) + rel_entr(1 - theta, 1 - q))


@given(rates, rates, st.integers(1, 500), st.integers(1, 500), st.floats(0.001, 0.5))
def test_the_projection_is_the_nearest_point_of_the_null(
    theta_a: float, theta_b: float, na: int, nb: int, tolerance: float
) -> None:
    qa, qb = (float(q[0]) for q in project_onto_null(*full((1,), theta_a, theta_b, na, nb), tolerance))
    if abs(theta_a - theta_b) <= tolerance:
        assert (qa, qb) == (theta_a, theta_b)
        return
    assert abs(qa - qb) == pytest.approx(tolerance, abs=1e-12)
    shift = tolerance if theta_a > theta_b else -tolerance
    low, high = sorted((theta_b, theta_a - shift))

    def distance(q: float) -> float:
        return na * divergence(theta_a, q + shift) + nb * divergence(theta_b, q)

    searched = minimize_scalar(distance, bounds=(low, high), method="bounded", options={"xatol": 1e-9})
    assert low - 1e-12 <= qb <= high + 1e-12
    assert distance(qb) <= searched.fun + 1e-9


@given(rates, rates, st.integers(1, 500), st.integers(1, 500))
def test_a_tolerance_near_zero_joins_the_weighted_mean(
    theta_a: float, theta_b: float, na: int, nb: int
) -> None:
    near = project_onto_null(*full((1,), theta_a, theta_b, na, nb), 1e-9)
    mean = project_onto_null(*full((1,), theta_a, theta_b, na, nb), 0.0)
    assert float(near[0][0]) == pytest.approx(float(mean[0][0]), abs=1e-8)


@pytest.mark.parametrize("tolerance", [0.0, 0.05, 0.3])
def test_the_expectation_of_a_block_is_at_most_one_everywhere_on_the_null(tolerance: float) -> None:
    grid = np.linspace(0, 1, 21)
    qa, qb = (q.ravel() for q in np.meshgrid(grid, grid))
    inside = np.abs(qa - qb) <= tolerance + 1e-12
    qa, qb = qa[inside], qb[inside]
    thetas = list(itertools.product([0.02, 0.25, 0.5, 0.9], repeat=2))
    for na, nb in itertools.product(range(1, 7), repeat=2):
        outcomes = [np.array(o, dtype=float) for o in zip(*np.ndindex(na + 1, nb + 1), strict=True)]
        chance = binom.pmf(outcomes[0][:, None], na, qa) * binom.pmf(outcomes[1][:, None], nb, qb)
        for theta_a, theta_b in thetas:
            learned_a, learned_b, n_a, n_b = full(outcomes[0].shape, theta_a, theta_b, na, nb)
            log_e = log_block_e(learned_a, learned_b, (outcomes[0], n_a, outcomes[1], n_b), tolerance)
            assert (chance * np.exp(log_e)[:, None]).sum(axis=0).max() <= 1 + 1e-9


def test_a_group_of_mixed_rates_counts_by_its_mean() -> None:
    # Two members of the second group at .2 and .8 against a first group at .5: the means are equal.
    theta_a, theta_b = full((1,), 0.3, 0.6)
    expectation = 0.0
    for outcome in itertools.product([0, 1], repeat=4):
        chance = np.prod([p if hit else 1 - p for hit, p in zip(outcome, (0.5, 0.5, 0.2, 0.8), strict=True)])
        block = full((1,), sum(outcome[:2]), 2, sum(outcome[2:]), 2)
        log_e = log_block_e(theta_a, theta_b, (block[0], block[1], block[2], block[3]), 0.0)
        expectation += float(chance) * float(np.exp(log_e[0]))
    assert expectation <= 1 + 1e-12
