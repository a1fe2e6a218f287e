from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from sundial.stats import calibration

# Score (in hundredths), rows, share of positives.
cells = st.lists(
    st.tuples(st.integers(0, 100), st.integers(0, 30), st.floats(0, 1)),
    min_size=1,
    max_size=20,
    unique_by=lambda c: c[0],
)


def unpack(drawn: list[tuple[int, int, float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    score = np.array([c[0] for c in drawn]) / 100
    n = np.array([c[1] for c in drawn])
    positives = np.round(n * np.array([c[2] for c in drawn])).astype(int)
    return score, n, positives


def rows(score: np.ndarray, n: np.ndarray, positives: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    truth = [np.repeat([1, 0], [p, m - p]) for m, p in zip(n, positives, strict=True)]
    return np.concatenate(truth), np.repeat(score, n)


@given(cells)
def test_the_brier_score_of_cells_is_that_of_their_rows_and_the_sum_of_its_parts(
    drawn: list[tuple[int, int, float]],
) -> None:
    score, n, positives = unpack(drawn)
    result = calibration.brier(n, positives, n * score)
    if n.sum() == 0:
        assert result is None
        return
    assert result is not None
    truth, predicted = rows(score, n, positives)
    assert result.score == pytest.approx(brier_score_loss(truth, predicted, labels=[0, 1]), abs=1e-12)
    parts = result.reliability - result.resolution + result.uncertainty
    assert result.score == pytest.approx(parts, abs=1e-12)
    assert min(result.reliability, result.resolution, result.uncertainty) >= 0


@given(cells)
def test_the_calibration_error_of_cells_is_that_of_their_rows(drawn: list[tuple[int, int, float]]) -> None:
    score, n, positives = unpack(drawn)
    result = calibration.expected_calibration_error(n, positives, n * score)
    if n.sum() == 0:
        assert result is None
        return
    truth, predicted = rows(score, n, positives)
    place = np.minimum(np.round(predicted * 100).astype(int) // 10, 9)
    expected = sum(
        (place == b).mean() * abs(truth[place == b].mean() - predicted[place == b].mean())
        for b in range(10)
        if (place == b).any()
    )
    assert result == pytest.approx(expected, abs=1e-9)


def test_a_calibrated_forecast_has_no_error_and_no_unreliability() -> None:
    n, score = np.array([10, 20, 40]), np.array([0.1, 0.5, 0.75])
    result = calibration.brier(n, n * score, n * score)
    assert result is not None
    assert result.reliability == pytest.approx(0)
    assert calibration.expected_calibration_error(n, n * score, n * score) == pytest.approx(0)


def test_contradictory_cells_are_refused() -> None:
    with pytest.raises(ValueError, match="positives exceed n"):
        calibration.brier([1], [2], [0.5])
    with pytest.raises(ValueError, match="score_sum exceeds n"):
        calibration.expected_calibration_error([1], [1], [1.5])
    with pytest.raises(ValueError, match="score_sum holds a negative"):
        calibration.brier([1], [1], [-0.5])


@given(cells)
def test_the_log_loss_of_cells_is_that_of_their_rows(drawn: list[tuple[int, int, float]]) -> None:
    score, n, positives = unpack(drawn)
    result = calibration.log_loss(n, positives, n * score)
    if n.sum() == 0:
        assert result is None
        return
    expected = log_loss(*rows(score, n, positives), labels=[0, 1])
    assert result == pytest.approx(expected, rel=1e-12, abs=1e-12)


@given(cells)
def test_the_reliability_table_is_scikit_learns_curve_and_sums_to_the_calibration_error(
    drawn: list[tuple[int, int, float]],
) -> None:
    score, n, positives = unpack(drawn)
    table = calibration.reliability(n, positives, n * score)
    assert sum(b.n for b in table) == n.sum()
    for b in table:
        assert b.low - 1e-9 <= b.mean_score <= b.high + 1e-9
        assert b.interval.low <= b.observed <= b.interval.high
    error = calibration.expected_calibration_error(n, positives, n * score)
    if error is None:
        return
    assert error == pytest.approx(
        sum(b.n * abs(b.mean_score - b.observed) for b in table) / n.sum(), abs=1e-12
    )
    # scikit-learn closes its bins on the right: shift scores off the edges.
    off_edge = np.clip(score, 0, 0.99) + 0.005
    truth, predicted = rows(off_edge, n, positives)
    observed, forecast = calibration_curve(truth, predicted, n_bins=10)
    shifted = calibration.reliability(n, positives, n * off_edge)
    assert [b.observed for b in shifted] == pytest.approx(observed.tolist(), abs=1e-12)
    assert [b.mean_score for b in shifted] == pytest.approx(forecast.tolist(), abs=1e-12)
