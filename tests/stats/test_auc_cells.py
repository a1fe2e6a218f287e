from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score

from sundial.stats import intervals

Z = 1.959963984540054

cells = st.integers(1, 8).flatmap(
    lambda bins: st.tuples(
        st.lists(st.integers(0, 9), min_size=bins, max_size=bins),
        st.lists(st.integers(0, 9), min_size=bins, max_size=bins),
    )
)


def delong_on_rows(positives: list[int], negatives: list[int]) -> tuple[float, float]:
    """Estimate and variance as DeLong defines them, comparing every pair of rows."""
    pos, neg = (np.repeat(np.arange(len(counts)), counts) for counts in (positives, negatives))
    pairs = (pos[:, None] > neg) + 0.5 * (pos[:, None] == neg)
    variance = pairs.mean(axis=1).var(ddof=1) / len(pos) + pairs.mean(axis=0).var(ddof=1) / len(neg)
    return float(pairs.mean()), float(variance)


@given(cells)
def test_cells_give_what_delong_gives_on_their_rows(counts: tuple[list[int], list[int]]) -> None:
    positives, negatives = counts
    auc = intervals.auc(positives, negatives)
    if sum(positives) == 0 or sum(negatives) == 0:
        assert auc is None
        return
    assert auc is not None
    scores = np.concatenate([np.repeat(np.arange(len(c)), c) for c in counts])
    truth = np.repeat([1, 0], [sum(positives), sum(negatives)])
    assert auc.estimate == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)
    if min(sum(positives), sum(negatives)) < 2:
        assert auc.interval is None
        return
    estimate, variance = delong_on_rows(positives, negatives)
    assert auc.interval is not None
    assert auc.variance == pytest.approx(variance, abs=1e-12)
    assert 0 <= auc.interval.low <= auc.estimate <= auc.interval.high <= 1
    if 1e-6 < estimate < 1 - 1e-6:
        half = Z * variance**0.5 / (estimate * (1 - estimate))
        assert auc.interval.low <= expit(logit(estimate) - half) + 1e-9
        assert auc.interval.high >= expit(logit(estimate) + half) - 1e-9


@pytest.mark.parametrize("counts", [([0, 30], [40, 0]), ([1, 29], [40, 0]), ([5, 5, 20], [20, 10, 10])])
def test_the_interval_reaches_newcombes_limits(counts: tuple[list[int], list[int]]) -> None:
    auc = intervals.auc(*counts)
    assert auc is not None
    assert auc.interval is not None
    n_pos, n_neg = map(sum, counts)

    def distance(area: float) -> float:
        pairs = (n_pos + n_neg) / 2 - 1
        spread = 1 + pairs * (1 - area) / (2 - area) + pairs * area / (1 + area)
        return abs(auc.estimate - area) / (area * (1 - area) * spread / (n_pos * n_neg)) ** 0.5

    assert distance(auc.interval.low) >= Z - 1e-9
    assert auc.interval.high == 1 or distance(auc.interval.high) >= Z - 1e-9
    if auc.variance == 0:
        assert distance(auc.interval.low) == pytest.approx(Z)
        assert auc.interval.high == 1


def test_delongs_interval_covers_the_true_area() -> None:
    rng = np.random.default_rng(7)
    grid, covered, runs = np.linspace(-4, 5, 200), 0, 300
    true_area = 0.7602499389065233  # Φ(1 / √2)
    for _ in range(runs):
        positives = np.histogram(rng.normal(1, 1, 60), grid)[0]
        negatives = np.histogram(rng.normal(0, 1, 90), grid)[0]
        auc = intervals.auc(positives, negatives)
        assert auc is not None
        assert auc.interval is not None
        covered += auc.interval.low <= true_area <= auc.interval.high
    assert covered / runs == pytest.approx(0.95, abs=0.03)


def test_cells_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="negatives has shape"):
        intervals.auc([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="negatives holds a negative"):
        intervals.auc([1, 2], [1, -2])
