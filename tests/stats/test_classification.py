from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from sundial.stats import classification, resampling
from sundial.stats.classification import FORMULAS, Score

BINARY: tuple[Score, ...] = ("precision", "recall", "specificity", "false_positive_rate", "f1")


def tables(classes: st.SearchStrategy[int]) -> st.SearchStrategy[np.ndarray]:
    count = st.one_of(st.integers(0, 3), st.floats(0.25, 40))
    return classes.flatmap(
        lambda k: st.lists(count, min_size=k * k, max_size=k * k).map(
            lambda cells: np.array(cells, dtype=float).reshape(k, k)
        )
    )


def on_rows(name: Score, table: np.ndarray) -> float:
    """scikit-learn's figure on one weighted row for each cell that holds anything."""
    truth, predicted = (axis.ravel()[table.ravel() > 0] for axis in np.indices(table.shape))
    weight = table.ravel()[table.ravel() > 0]
    nan = np.nan
    match name.split("_"):
        case ["accuracy"]:
            return metrics.accuracy_score(truth, predicted, sample_weight=weight)
        case ["balanced", _]:
            return metrics.balanced_accuracy_score(truth, predicted, sample_weight=weight)
        case ["matthews", _]:
            return metrics.matthews_corrcoef(truth, predicted, sample_weight=weight)
        case ["cohen", _]:
            return metrics.cohen_kappa_score(truth, predicted, sample_weight=weight)
        case [measure, ("macro" | "weighted") as average]:
            function = getattr(metrics, f"{measure}_score")
            return function(truth, predicted, sample_weight=weight, average=average, zero_division=nan)
        case [("precision" | "recall" | "f1") as measure]:
            function = getattr(metrics, f"{measure}_score")
            return function(truth, predicted, sample_weight=weight, zero_division=nan)
        case ["selection", _]:
            return np.average(predicted, weights=weight)
        case ["false", "negative", _]:
            return 1 - metrics.recall_score(truth, predicted, sample_weight=weight)
        case _:
            specificity = metrics.recall_score(truth, predicted, sample_weight=weight, pos_label=0)
            return specificity if name == "specificity" else 1 - specificity


@pytest.mark.parametrize("name", get_args(Score))
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_figure_of_cells_is_scikit_learns_of_their_rows(name: Score, data: st.DataObject) -> None:
    binary = FORMULAS[name](np.ones((1, 2, 2))).shape == (1,) and name in get_args(classification.Rate)
    two = (binary and name != "accuracy") or name == "f1"
    table = data.draw(tables(st.just(2) if two else st.integers(2, 5)))
    formula, figure = float(FORMULAS[name](table)), classification.score(name, table)
    if np.isnan(formula):
        assert figure is None
        return
    expected = on_rows(name, table)
    assert formula == pytest.approx(expected, abs=1e-12)
    assert figure == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", BINARY)
def test_a_zero_denominator_is_undefined_and_not_zero(name: Score) -> None:
    negatives, positives = np.array([[5, 0], [0, 0]]), np.array([[0, 0], [0, 7]])
    without = positives if name in ("specificity", "false_positive_rate") else negatives
    assert classification.score(name, without) is None
    assert classification.interval(name, without) is None


def test_balanced_accuracy_and_correlation_of_one_class_are_undefined() -> None:
    one_class = [[40, 10], [0, 0]]
    assert classification.score("balanced_accuracy", one_class) is None
    assert classification.score("matthews_corrcoef", one_class) is None
    assert classification.score("cohen_kappa", [[40, 0], [0, 0]]) is None


def test_a_class_that_never_occurs_leaves_the_macro_mean_and_has_no_recall() -> None:
    table = [[8, 2, 0], [5, 5, 0], [0, 0, 0]]
    assert classification.score("recall_macro", table) == pytest.approx(0.65)
    recalls = classification.recall_by_class(table)
    assert [(value, n) for value, _, n in recalls] == [(0.8, 10), (0.5, 10), (None, 0)]
    assert recalls[2][1] is None


def test_formulas_take_stacks_of_tables() -> None:
    stack = np.random.default_rng(3).integers(1, 50, (7, 4, 4)).astype(float)
    for name in ("f1_macro", "cohen_kappa", "matthews_corrcoef", "balanced_accuracy"):
        each = [float(FORMULAS[name](table)) for table in stack]
        assert FORMULAS[name](stack).tolist() == pytest.approx(each, abs=1e-15)


def test_below_ten_in_a_cell_of_the_formula_there_is_no_interval() -> None:
    # True negatives are no part of F1.
    assert classification.interval("f1", [[0, 10], [10, 10]]) is not None
    assert classification.interval("f1", [[90, 9], [10, 10]]) is None
    assert classification.interval("matthews_corrcoef", [[9, 10], [10, 10]]) is None
    # Twice as many rows that weigh half: ten effective rows are needed.
    assert classification.interval("f1", [[90, 18], [20, 20]], n=74) is None


def test_resampling_gives_the_same_limits_bit_for_bit_and_encloses_the_figure() -> None:
    table = np.array([[900, 40], [30, 200]])
    first, second = (classification.interval("f1", table) for _ in range(2))
    assert first == second
    assert first is not None
    figure = classification.score("f1", table)
    assert figure is not None
    assert first.low < figure < first.high


def test_more_effective_rows_make_a_narrower_interval() -> None:
    table = np.array([[300.0, 40], [30, 200]])
    wide, narrow = (classification.interval("f1", table, n=n) for n in (570, 5700))
    assert wide is not None
    assert narrow is not None
    ratio = (wide.high - wide.low) / (narrow.high - narrow.low)
    assert ratio == pytest.approx(10**0.5, rel=0.1)


def test_an_empty_table_has_no_figure_and_impossible_ones_are_refused() -> None:
    assert classification.score("accuracy", np.zeros((2, 2))) is None
    assert classification.interval("f1_macro", np.zeros((3, 3))) is None
    with pytest.raises(ValueError, match="shape"):
        classification.score("f1", np.ones((3, 3)))
    with pytest.raises(ValueError, match="negative or non-finite"):
        classification.score("accuracy", [[1, -1], [0, 3]])
    with pytest.raises(ValueError, match="negative or non-finite"):
        resampling.multinomial([1.0, np.nan], lambda t: t[..., 0])
