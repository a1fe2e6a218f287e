from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import roc_auc_score

from sundial.stats import cbpe

BINS = st.integers(2, 12).flatmap(
    lambda k: st.lists(st.tuples(*[st.integers(0, 30)] * 4), min_size=k, max_size=k)
)
BIN_P = np.linspace(0.03, 0.97, 40)


@settings(max_examples=60)
@given(BINS)
def test_the_calibration_is_scikit_learns_isotonic_regression(drawn: list[tuple[int, ...]]) -> None:
    positives, negatives = (np.array([bin_[i] for bin_ in drawn]) for i in (0, 1))
    found = cbpe.calibrate(positives, negatives)
    rows, bins = positives + negatives, np.arange(len(drawn))
    if not rows.any():
        assert found is None
        return
    assert found is not None
    used = rows > 0
    fit = IsotonicRegression().fit(bins[used], positives[used] / rows[used], sample_weight=rows[used])
    assert found.probability[used] == pytest.approx(fit.predict(bins[used]), abs=1e-12)
    assert (np.diff(found.probability) >= 0).all()


@settings(max_examples=60)
@given(BINS)
def test_the_estimates_are_nannymls_sums_of_calibrated_probability(drawn: list[tuple[int, ...]]) -> None:
    positives, negatives, off, on = (np.array([bin_[i] for bin_ in drawn]) for i in range(4))
    calibration = cbpe.calibrate(positives + 1, negatives + 1)
    assert calibration is not None
    found = cbpe.estimate(calibration, off, on)
    # Row by row, as NannyML: expected TP = Σ p where predicted 1, FP = Σ (1 − p), FN = Σ p where predicted 0.
    p = np.concatenate([np.repeat(calibration.probability, off), np.repeat(calibration.probability, on)])
    predicted = np.repeat([0, 1], [off.sum(), on.sum()])
    tp, fp = p[predicted == 1].sum(), (1 - p)[predicted == 1].sum()
    fn, tn = p[predicted == 0].sum(), (1 - p)[predicted == 0].sum()
    assert found.table == pytest.approx(np.array([[tn, fp], [fn, tp]]), abs=1e-9)
    for figure, above, below in (
        (found.accuracy, tp + tn, len(p)),
        (found.precision, tp, tp + fp),
        (found.recall, tp, tp + fn),
        (found.false_positive_rate, fp, fp + tn),
        (found.f1, 2 * tp, 2 * tp + fp + fn),
    ):
        if below == 0:
            assert figure is None
        else:
            assert figure is not None
            assert figure.estimate == pytest.approx(above / below, abs=1e-12)
            assert figure.interval.low <= figure.estimate <= figure.interval.high
    if len(p):
        score = np.concatenate([np.repeat(np.arange(len(off)), off), np.repeat(np.arange(len(on)), on)])
        truth, weight = np.repeat([1, 0], len(p)), np.concatenate([p, 1 - p])
        area = roc_auc_score(truth, np.tile(score, 2), sample_weight=weight)
        assert found.auc == pytest.approx(area, abs=1e-9)


def test_the_interval_holds_what_the_outcomes_say_later() -> None:
    rng, runs = np.random.default_rng(17), 400
    inside = dict.fromkeys(("accuracy", "precision", "recall", "false_positive_rate", "f1"), 0)
    off, on = np.where(BIN_P < 0.5, 20, 0), np.where(BIN_P < 0.5, 0, 20)
    for _ in range(runs):
        hits = rng.binomial(25, BIN_P)
        calibration = cbpe.calibrate(hits, 25 - hits)
        assert calibration is not None
        found = cbpe.estimate(calibration, off, on)
        fn, tp = float(rng.binomial(off, BIN_P).sum()), float(rng.binomial(on, BIN_P).sum())
        fp, tn = on.sum() - tp, off.sum() - fn
        truth = {
            "accuracy": (tp + tn) / (tp + tn + fp + fn),
            "precision": tp / (tp + fp),
            "recall": tp / (tp + fn),
            "false_positive_rate": fp / (fp + tn),
            "f1": 2 * tp / (2 * tp + fp + fn),
        }
        for name, value in truth.items():
            limits = getattr(found, name).interval
            inside[name] += limits.low <= value <= limits.high
    for name, count in inside.items():
        assert count / runs == pytest.approx(0.95, abs=0.04), name


def test_a_small_calibration_sample_makes_a_wider_interval() -> None:
    off, on = np.where(BIN_P < 0.5, 50, 0), np.where(BIN_P < 0.5, 0, 50)
    errors = []
    for rows in (100, 100_000):
        calibration = cbpe.calibrate(rows * BIN_P, rows * (1 - BIN_P))
        assert calibration is not None
        accuracy = cbpe.estimate(calibration, off, on).accuracy
        assert accuracy is not None
        errors.append(accuracy.standard_error)
    chance = np.sqrt((50 * BIN_P * (1 - BIN_P)).sum()) / (50 * len(BIN_P))
    assert errors[1] == pytest.approx(chance, rel=1e-3)
    assert errors[0] > 1.15 * errors[1]


def test_a_bin_without_matured_rows_takes_the_nearest_ones_probability() -> None:
    calibration = cbpe.calibrate([1, 0, 0, 0, 9], [9, 0, 0, 0, 1])
    assert calibration is not None
    assert calibration.probability.tolist() == [0.1, 0.1, 0.1, 0.9, 0.9]


def test_without_matured_rows_there_is_no_calibration_and_other_bins_are_refused() -> None:
    assert cbpe.calibrate([0, 0], [0, 0]) is None
    calibration = cbpe.calibrate([1, 5], [5, 1])
    assert calibration is not None
    with pytest.raises(ValueError, match="shape"):
        cbpe.estimate(calibration, [1, 2, 3], [1, 2, 3])
