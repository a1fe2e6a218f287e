from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sundial.stats.families import e_bh, log_adjusted

some_logs = st.lists(st.floats(-20, 20) | st.just(-math.inf), min_size=1, max_size=7)


@given(some_logs, st.sampled_from([0.01, 0.1, 0.5, 1.0]), st.data())
def test_e_bh_is_its_definition(log_e: list[float], alpha: float, data: st.DataObject) -> None:
    k = len(log_e)
    weights = data.draw(st.none() | st.lists(st.sampled_from([0.5, 1.0, 3.0]), min_size=k, max_size=k))
    scaled = np.ones(k) if weights is None else np.array(weights) / np.mean(weights)
    e = scaled * np.exp(log_e)
    # The largest set all of whose members have an e of K / (α · its size) or more.
    size = max((r for r in range(1, k + 1) if (e >= k / (alpha * r) * (1 - 1e-12)).sum() >= r), default=0)
    reported = e_bh(log_e, alpha, weights).tolist()
    assert len(reported) == size
    assert np.allclose(e[reported], np.sort(e)[::-1][:size])
    assert all(e[i] >= e[j] * (1 - 1e-12) for i, j in itertools.pairwise(reported))


def test_the_order_is_that_of_the_evidence_and_ties_keep_theirs() -> None:
    assert e_bh([5, 9, 5, -2, 7], 0.1).tolist() == [1, 4, 0, 2]
    assert e_bh([5, 9, 5, -2, 7], 0.1, weights=[1, 0.01, 1, 1, 1]).tolist() == [4, 0, 2, 1]
    assert e_bh([1000.0, 5000.0], 0.01).tolist() == [1, 0]
    assert e_bh([], 0.1).tolist() == []


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_false_ones_are_at_most_alpha_of_the_reported_however_e_values_depend(alpha: float) -> None:
    rng = np.random.default_rng(7)
    k, nulls, runs = 20, 15, 4000
    bet = 2.0
    shared = rng.standard_normal(runs)
    shares = []
    for mixing in (0.0, 0.7, 1.0):
        for signs in (np.ones(k), np.where(np.arange(k) % 2, 1, -1)):
            noise = rng.standard_normal((runs, k))
            z = signs * (math.sqrt(mixing) * shared[:, None] + math.sqrt(1 - mixing) * noise)
            z[:, nulls:] += 3.0
            false = []
            for log_e in bet * z - bet**2 / 2:
                reported = e_bh(log_e, alpha)
                false.append((reported < nulls).sum() / max(len(reported), 1))
            shares.append(np.mean(false))
    assert max(shares) <= alpha
    assert max(shares) > 0


def test_the_worst_dependence_reaches_the_bound_and_does_not_pass_it() -> None:
    # All nulls have e = K/α or 0 in turn: each is reported alone, with chance α/K, and is false.
    k, alpha = 10, 0.5
    rates = []
    for only in range(k):
        log_e = np.full(k, -math.inf)
        log_e[only] = math.log(k / alpha) + 1e-12
        rates.append(len(e_bh(log_e, alpha)) * alpha / k)
    assert sum(rates) == pytest.approx(alpha)


@given(some_logs)
def test_an_adjusted_e_is_the_least_mean_over_its_families(log_e: list[float]) -> None:
    adjusted = np.exp(log_adjusted(log_e))
    e = np.exp(log_e)
    for i, value in enumerate(adjusted):
        others = [e[j] for j in range(len(e)) if j != i]
        least = min(
            np.mean([e[i], *chosen])
            for size in range(len(others) + 1)
            for chosen in itertools.combinations(others, size)
        )
        assert value == pytest.approx(least, rel=1e-9)
        assert value >= e[i] / len(e) * (1 - 1e-9)


def test_what_cannot_be_meant_is_refused() -> None:
    with pytest.raises(ValueError, match="alpha is"):
        e_bh([1.0], 0)
    for weights in ([1.0, 2.0], [-1.0], [0.0], [math.nan]):
        with pytest.raises(ValueError, match="weights must be"):
            e_bh([1.0], 0.1, weights)
    for log_e in ([math.nan], [math.inf], [[1.0]]):
        with pytest.raises(ValueError, match="log_e must be"):
            log_adjusted(log_e)
