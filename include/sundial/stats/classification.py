"""Quality of classifications from their confusion table, with scikit-learn's names and values.

A table has the truth in rows and the prediction in columns, as scikit-learn's `confusion_matrix`; a binary
table is [[TN, FP], [FN, TP]]. The formulas work on stacks of tables, shape (..., classes, classes), in one
NumPy expression, as resampling and groups need them, and say NaN where a denominator is 0. `score` is
the figure for findings: scikit-learn's own where it has the measure, None where it is undefined.

One undefined class (never true, or never predicted) leaves a macro or weighted mean, as with scikit-learn's
`zero_division=np.nan`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from sundial.stats import resampling
from sundial.stats.intervals import Interval, proportion

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Tables = NDArray[np.float64]
    Formula = Callable[[Tables], Tables]

Rate = Literal[
    "accuracy",
    "precision",
    "recall",
    "specificity",
    "false_positive_rate",
    "false_negative_rate",
    "selection_rate",
]
"""A proportion of a binary table: it has a Wilson interval and evidence of its own."""

Score = Literal[
    "accuracy",
    "balanced_accuracy",
    "precision",
    "recall",
    "specificity",
    "false_positive_rate",
    "false_negative_rate",
    "selection_rate",
    "f1",
    "matthews_corrcoef",
    "cohen_kappa",
    "precision_macro",
    "recall_macro",
    "f1_macro",
    "precision_weighted",
    "recall_weighted",
    "f1_weighted",
]


def fraction(rate: Rate, table: ArrayLike) -> tuple[float, float]:
    """Numerator and denominator of a rate of a binary table [[TN, FP], [FN, TP]].

    Args:
        rate: scikit-learn's name of the rate, or Fairlearn's for the error rates and `selection_rate`.
        table: shape (2, 2), rows or their weights.

    Returns:
        Both in rows or weights; the denominator may be 0.

    Raises:
        ValueError: when the table is not of shape (2, 2) or holds anything but counts.
    """
    (tn, fp), (fn, tp) = _checked(table, binary=True).tolist()
    match rate:
        case "accuracy":
            return tp + tn, tp + tn + fp + fn
        case "precision":
            return tp, tp + fp
        case "recall":
            return tp, tp + fn
        case "specificity":
            return tn, tn + fp
        case "false_positive_rate":
            return fp, tn + fp
        case "false_negative_rate":
            return fn, tp + fn
        case "selection_rate":
            return tp + fp, tp + tn + fp + fn


def score(name: Score, table: ArrayLike) -> float | None:
    """One figure of a confusion table, scikit-learn's own where it has it.

    `matthews_corrcoef` is Matthews's (1975) and, of many classes, Gorodkin's (2004).

    scikit-learn takes about 1 ms for a figure: enough for the figures of a window. For many groups or
    replicates take `FORMULAS`, equal to 1e-12.

    Args:
        name: scikit-learn's name of the measure, or Fairlearn's for the error rates and `selection_rate`.
        table: shape (classes, classes), truth by prediction; (2, 2) for one class against another.

    Returns:
        The figure, or None where its denominator is 0; `balanced_accuracy` needs two classes that occur.

    Raises:
        ValueError: when the table is not square (or not binary), or holds anything but counts.
    """
    counts = _checked(table, binary=name in _BINARY)
    if np.isnan(float(FORMULAS[name](counts))):
        return None
    return _by_sklearn(name, counts)


def interval(name: Score, table: ArrayLike, n: float | None = None, level: float = 0.95) -> Interval | None:
    """The interval of a figure: Wilson's (1927) of a proportion, else multinomial resampling (Efron 1979).

    Args:
        name: the measure.
        table: shape (classes, classes), truth by prediction.
        n: effective number of rows, the sum of the table unless given.
        level: confidence level.

    Returns:
        The interval; None where the figure is undefined, or a true-positive, false-positive or false-negative
        count that it is made of (in a binary table: any cell of it) is below 10.

    Raises:
        ValueError: as `score`.
    """
    counts = _checked(table, binary=name in _BINARY)
    total = float(counts.sum())
    if total == 0:
        return None
    scale = 1.0 if n is None else n / total
    if name in ("accuracy", "recall_weighted"):
        return proportion(float(np.trace(counts)) * scale, total * scale, level)
    if name in RATES:
        hits, out_of = fraction(cast("Rate", name), counts)
        return proportion(hits * scale, out_of * scale, level)
    return resampling.multinomial(counts, FORMULAS[name], _PARTS.get(name, _errors_of_classes), n, level)


def recall_by_class(
    table: ArrayLike, level: float = 0.95
) -> list[tuple[float | None, Interval | None, float]]:
    """Recall of each class with its interval and its n, the rows that truly are of the class.

    Args:
        table: shape (classes, classes), truth by prediction.
        level: confidence level.

    Returns:
        One (recall, Wilson interval, n) for each class; recall and interval are None where n is 0.

    Raises:
        ValueError: as `score`.
    """
    counts = _checked(table, binary=False)
    found = zip(np.diagonal(counts).tolist(), counts.sum(axis=1).tolist(), strict=True)
    return [(hits / n if n else None, proportion(hits, n, level), n) for hits, n in found]


def _divide(numerator: Tables, denominator: Tables) -> Tables:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(denominator > 0, numerator / denominator, np.nan))


def _hits(tables: Tables) -> Tables:
    return np.diagonal(tables, axis1=-2, axis2=-1)


def _precisions(tables: Tables) -> Tables:
    return _divide(_hits(tables), tables.sum(axis=-2))


def _recalls(tables: Tables) -> Tables:
    return _divide(_hits(tables), tables.sum(axis=-1))


def _f1s(tables: Tables) -> Tables:
    return _divide(2 * _hits(tables), tables.sum(axis=-1) + tables.sum(axis=-2))


def _macro(by_class: Formula) -> Formula:
    def formula(tables: Tables) -> Tables:
        values = by_class(tables)
        return _divide(np.nansum(values, axis=-1), np.asarray((~np.isnan(values)).sum(axis=-1)))

    return formula


def _weighted(by_class: Formula) -> Formula:
    def formula(tables: Tables) -> Tables:
        values, support = by_class(tables), tables.sum(axis=-1)
        defined = ~np.isnan(values)
        return _divide(np.nansum(values * support, axis=-1), (support * defined).sum(axis=-1))

    return formula


def _accuracy(tables: Tables) -> Tables:
    return _divide(_hits(tables).sum(axis=-1), tables.sum(axis=(-2, -1)))


def _balanced_accuracy(tables: Tables) -> Tables:
    occurring = (tables.sum(axis=-1) > 0).sum(axis=-1)
    return np.where(occurring > 1, _macro(_recalls)(tables), np.nan)


def _matthews_corrcoef(tables: Tables) -> Tables:
    """Gorodkin's correlation of K classes (2004), as scikit-learn computes it; for two classes Matthews's."""
    true, predicted, n = tables.sum(axis=-1), tables.sum(axis=-2), tables.sum(axis=(-2, -1))
    covariance = _hits(tables).sum(axis=-1) * n - (true * predicted).sum(axis=-1)
    spread = (n**2 - (true**2).sum(axis=-1)) * (n**2 - (predicted**2).sum(axis=-1))
    return _divide(covariance, np.sqrt(np.maximum(spread, 0)))


def _cohen_kappa(tables: Tables) -> Tables:
    true, predicted, n = tables.sum(axis=-1), tables.sum(axis=-2), tables.sum(axis=(-2, -1))
    by_chance = (true * predicted).sum(axis=-1)
    return _divide(_hits(tables).sum(axis=-1) * n - by_chance, n**2 - by_chance)


def _share(numerator: tuple[int, int], *denominator: tuple[int, int]) -> Formula:
    def formula(tables: Tables) -> Tables:
        return _divide(
            tables[..., *numerator], sum((tables[..., *cell] for cell in denominator), np.zeros(()))
        )

    return formula


_TN, _FP, _FN, _TP = (0, 0), (0, 1), (1, 0), (1, 1)

FORMULAS: dict[Score, Formula] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "precision": _share(_TP, _TP, _FP),
    "recall": _share(_TP, _TP, _FN),
    "specificity": _share(_TN, _TN, _FP),
    "false_positive_rate": _share(_FP, _TN, _FP),
    "false_negative_rate": _share(_FN, _TP, _FN),
    "selection_rate": lambda tables: _divide(tables[..., :, 1].sum(axis=-1), tables.sum(axis=(-2, -1))),
    "f1": lambda tables: _f1s(tables)[..., 1],
    "matthews_corrcoef": _matthews_corrcoef,
    "cohen_kappa": _cohen_kappa,
    "precision_macro": _macro(_precisions),
    "recall_macro": _macro(_recalls),
    "f1_macro": _macro(_f1s),
    "precision_weighted": _weighted(_precisions),
    "recall_weighted": _weighted(_recalls),
    "f1_weighted": _weighted(_f1s),
}
"""Every measure on a stack of tables, shape (..., classes, classes) to shape (...); NaN where undefined."""

RATES: frozenset[str] = frozenset(
    ("precision", "recall", "specificity", "false_positive_rate", "false_negative_rate", "selection_rate")
)
_BINARY: frozenset[str] = RATES | {"f1"}


def _errors_of_classes(tables: Tables) -> Tables:
    hits = _hits(tables)
    return np.concatenate([hits, tables.sum(axis=-1) - hits, tables.sum(axis=-2) - hits], axis=-1)


def _f1_cells(tables: Tables) -> Tables:
    return tables.reshape(len(tables), 4)[:, 1:]


_PARTS: dict[Score, Formula] = {"f1": _f1_cells}


def _checked(table: ArrayLike, *, binary: bool) -> Tables:
    counts = np.array(table, dtype=np.float64)
    if (
        counts.ndim != 2
        or counts.shape[0] != counts.shape[1]
        or len(counts) < 2
        or (binary and len(counts) != 2)
    ):
        wanted = "(2, 2)" if binary else "(classes, classes)"
        raise ValueError(f"the confusion table has shape {counts.shape}: give {wanted}, truth by prediction")
    if not np.all(np.isfinite(counts) & (counts >= 0)):
        raise ValueError("the confusion table holds a negative or non-finite count: give counts of 0 or more")
    return counts


def _by_sklearn(name: Score, counts: Tables) -> float:
    from sklearn import metrics  # 2 CPU s to import: only where a figure is made

    truth, predicted = (axis.ravel() for axis in np.indices(counts.shape))
    used = counts.ravel() > 0
    rows = (truth[used], predicted[used])
    weight = counts.ravel()[used]
    measure, _, average = (
        name.partition("_") if name.endswith(("_macro", "_weighted")) else (name, "", "binary")
    )
    match measure:
        case "accuracy":
            return float(metrics.accuracy_score(*rows, sample_weight=weight))
        case "matthews_corrcoef":
            return float(metrics.matthews_corrcoef(*rows, sample_weight=weight))
        case "cohen_kappa":
            return float(metrics.cohen_kappa_score(*rows, sample_weight=weight))
        case "precision" | "recall" | "f1":
            function = getattr(metrics, f"{measure}_score")
            return float(function(*rows, sample_weight=weight, average=average, zero_division=np.nan))
        case "specificity":
            return float(metrics.recall_score(*rows, sample_weight=weight, pos_label=0))
        case _:
            # scikit-learn has none, or (balanced accuracy) one that warns of every class that does not occur.
            return float(FORMULAS[name](counts))
