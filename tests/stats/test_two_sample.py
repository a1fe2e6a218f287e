from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import rel_entr
from scipy.stats import binom

from sundial.stats.two_sample import log_block_e, log_block_e_beyond, project_onto_null

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


def bisected(upper: float, lower: float, n_upper: float, n_lower: float, gap: float) -> float:
    """The lower rate of the nearest point of the edge, by halving a bracket of the slope's root."""
    left, right = sorted((min(max(lower, 0.0), 1 - gap), min(max(upper - gap, 0.0), 1 - gap)))
    for _ in range(80):
        q = (left + right) / 2
        p = q + gap
        slope = n_upper * (p - upper) * q * (1 - q) + n_lower * (q - lower) * p * (1 - p)
        left, right = (left, q) if slope > 0 else (q, right)
    return (left + right) / 2


@given(
    rates, rates, st.floats(0.01, 5000), st.floats(0.01, 5000), st.floats(0.001, 0.9), st.integers(0, 1000)
)
def test_log_e_is_that_of_a_bisected_projection(
    theta_a: float, theta_b: float, na: float, nb: float, tolerance: float, thousandths: int
) -> None:
    def by_hand(qa: float, qb: float) -> float:
        terms = ((sa, na, theta_a, qa), (sb, nb, theta_b, qb))
        return sum(s * np.log(t / q) + (n - s) * np.log((1 - t) / (1 - q)) for s, n, t, q in terms)

    sa, sb = na * thousandths / 1000, nb * (1 - thousandths / 1000)
    block = tuple(full((1,), sa, na, sb, nb))
    theta = full((1,), theta_a, theta_b)
    accuracy = {"rel": 1e-11, "abs": 1e-12 * max(na, nb, 1) / min(theta_a, theta_b, 1 - theta_a, 1 - theta_b)}
    inside = float(log_block_e(theta[0], theta[1], block, tolerance)[0])  # type: ignore[arg-type]
    if theta_a - theta_b > tolerance:
        q = bisected(theta_a, theta_b, na, nb, tolerance)
        assert inside == pytest.approx(by_hand(q + tolerance, q), **accuracy)
    elif theta_b - theta_a > tolerance:
        q = bisected(theta_b, theta_a, nb, na, tolerance)
        assert inside == pytest.approx(by_hand(q, q + tolerance), **accuracy)
    else:
        assert inside == 0
    beyond = float(log_block_e_beyond(theta[0], theta[1], block, tolerance)[0])  # type: ignore[arg-type]
    if theta_a - theta_b >= tolerance:
        assert beyond == 0
    else:
        q = bisected(theta_a, theta_b, na, nb, tolerance)
        assert beyond == pytest.approx(by_hand(q + tolerance, q), **accuracy)


@pytest.mark.parametrize("tolerance", [0.05, 0.3, 0.8])
def test_the_expectation_of_a_block_is_at_most_one_beyond_a_gap(tolerance: float) -> None:
    grid = np.linspace(0, 1, 21)
    qa, qb = (q.ravel() for q in np.meshgrid(grid, grid))
    beyond = qa - qb >= tolerance - 1e-12
    qa, qb = qa[beyond], qb[beyond]
    for na, nb in itertools.product(range(1, 6), repeat=2):
        outcomes = [np.array(o, dtype=float) for o in zip(*np.ndindex(na + 1, nb + 1), strict=True)]
        chance = binom.pmf(outcomes[0][:, None], na, qa) * binom.pmf(outcomes[1][:, None], nb, qb)
        for theta_a, theta_b in itertools.product([0.02, 0.25, 0.5, 0.9], repeat=2):
            learned_a, learned_b, n_a, n_b = full(outcomes[0].shape, theta_a, theta_b, na, nb)
            log_e = log_block_e_beyond(learned_a, learned_b, (outcomes[0], n_a, outcomes[1], n_b), tolerance)
            assert (chance * np.exp(log_e)[:, None]).sum(axis=0).max() <= 1 + 1e-9


def test_a_block_has_the_same_e_in_any_array() -> None:
    rng = np.random.default_rng(7)
    theta_a, theta_b = rng.uniform(0.001, 0.999, (2, 500))
    n = rng.uniform(0.1, 900, (2, 500))
    block = (n[0] * rng.random(500), n[0], n[1] * rng.random(500), n[1])
    at_once = log_block_e(theta_a, theta_b, block, 0.1)
    for i in range(0, 500, 7):
        one = tuple(column[i : i + 1] for column in block)
        assert log_block_e(theta_a[i : i + 1], theta_b[i : i + 1], one, 0.1)[0] == at_once[i]  # type: ignore[arg-type]
