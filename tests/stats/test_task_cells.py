from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from sundial.stats import cells, intervals, three_valued
from sundial.stats.regression import Errors
from sundial.stats.three_valued import Verdicts

ROWS = st.lists(
    st.tuples(st.floats(-100, 100), st.floats(-100, 100), st.floats(0.1, 5)), min_size=2, max_size=30
)


def errors(truth: np.ndarray, predicted: np.ndarray, w: np.ndarray) -> Errors:
    e = predicted - truth
    sums = (w.sum(), w @ e, w @ np.abs(e), w @ e**2, w @ truth, w @ truth**2)
    return Errors(*map(float, sums), effective_n=cells.effective_n(float(w.sum()), float(w @ w)))


@settings(max_examples=60)
@given(ROWS)
def test_regression_sums_give_scikit_learns_figures(rows: list[tuple[float, float, float]]) -> None:
    truth, predicted, w = (np.array(column) for column in zip(*rows, strict=True))
    found = errors(truth, predicted, w)
    weights = {"sample_weight": w}
    mse = metrics.mean_squared_error(truth, predicted, **weights)
    assert found.mean_squared_error() == pytest.approx(mse, rel=1e-12, abs=1e-12)
    assert found.root_mean_squared_error() == pytest.approx(mse**0.5, rel=1e-12, abs=1e-12)
    mae = metrics.mean_absolute_error(truth, predicted, **weights)
    assert found.mean_absolute_error() == pytest.approx(mae, rel=1e-12, abs=1e-12)
    bias = np.average(predicted - truth, weights=w)
    assert found.mean_error() == pytest.approx(bias, rel=1e-12, abs=1e-12)
    if np.ptp(truth) > 10:
        r2 = metrics.r2_score(truth, predicted, **weights)
        assert found.r2() == pytest.approx(r2, rel=1e-9, abs=1e-9)


def test_regression_intervals_are_students_of_the_errors() -> None:
    rng = np.random.default_rng(5)
    truth = rng.normal(10, 3, 200)
    predicted = truth + rng.normal(0.5, 1, 200)
    e, found = predicted - truth, errors(truth, predicted, np.ones(200))
    bias, expected = found.mean_error_interval(), intervals.mean(float(e.sum()), float(e @ e), 200)
    assert bias is not None
    assert expected is not None
    assert (bias.low, bias.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    absolute = found.mean_absolute_error_interval()
    assert absolute is not None
    assert absolute.low < float(np.abs(e).mean()) < absolute.high


def test_regression_without_rows_or_spread_is_undefined() -> None:
    nothing = Errors(0, 0, 0, 0, 0, 0)
    assert nothing.mean_absolute_error() is nothing.r2() is nothing.mean_error_interval() is None
    assert Errors(3, 3, 3, 3, 0.3, 0.03).r2() is None
    with pytest.raises(ValueError, match="negative or infinite"):
        Errors(1, 0, -1, 0, 0, 0)


@given(*[st.integers(0, 60)] * 6, st.floats(0, 1), st.floats(0, 1))
def test_the_bounds_hold_whatever_the_indeterminate_truly_are(
    c1: int, u1: int, i1: int, c0: int, u0: int, i0: int, share1: float, share0: float
) -> None:
    flagged, passed = Verdicts(c1, u1, i1), Verdicts(c0, u0, i0)
    right, missed = c1 + round(share1 * i1), c0 + round(share0 * i0)
    precision, recall = three_valued.precision(flagged), three_valued.recall(flagged, passed)
    if precision is not None:
        assert precision.lower <= right / (c1 + u1 + i1) <= precision.upper
        assert precision.interval.low <= precision.lower
        assert precision.upper <= precision.interval.high
    if recall is not None:
        assert recall.lower <= right / (right + missed) <= recall.upper


def test_without_indeterminate_cases_both_bounds_are_the_rate() -> None:
    found = three_valued.precision(Verdicts(30, 10, 0))
    assert found is not None
    wilson = intervals.proportion(30, 40)
    assert wilson is not None
    assert (found.lower, found.upper) == (0.75, 0.75)
    assert (found.interval.low, found.interval.high) == (wilson.low, wilson.high)


def test_recall_is_undefined_where_nobody_looked_at_what_was_passed() -> None:
    assert three_valued.recall(Verdicts(30, 10, 5), None) is None
    assert three_valued.recall(Verdicts(0, 10, 5), Verdicts(0, 40, 0)) is None
    assert three_valued.precision(Verdicts(0, 0, 0)) is None


def test_rows_of_one_weight_count_fully_and_uneven_ones_less() -> None:
    assert cells.effective_n(40 * 2.5, 40 * 2.5**2) == pytest.approx(40)
    assert cells.effective_n(1 + 9, 1 + 81) == pytest.approx(100 / 82)
    assert cells.effective_n(0, 0) == 0
    with pytest.raises(ValueError, match="check the profile"):
        cells.effective_n(3, 0)
