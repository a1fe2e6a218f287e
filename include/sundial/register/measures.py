"""The measures of effectiveness by task, with the names of scikit-learn where it has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Task = Literal["binary", "multiclass", "regression", "ranking", "detection", "text"]

MetricName = Literal[
    "accuracy",
    "precision",
    "recall",
    "specificity",
    "false_positive_rate",
    "false_negative_rate",
    "auc",
    "brier",
    "mean_absolute_error",
    "within_tolerance",
    "hit_rate",
    "ndcg",
    "reciprocal_rank",
    "resolution_rate",
    "escalation_rate",
    "correction_rate",
    "mean_rating",
]
"""Measures with carried evidence of their own: one of them states the intended outcome."""


@dataclass(frozen=True)
class Measure:
    """A measure of effectiveness that can be held against a target.

    Attributes:
        tasks: the tasks that have it.
        good: `high` is held against a floor, `low` against a ceiling.
        unit: `share` lies between 0 and 1; `number` has the unit of the output.
    """

    tasks: frozenset[Task]
    good: Literal["high", "low"] = "high"
    unit: Literal["share", "number"] = "share"


_DECIDES: frozenset[Task] = frozenset({"binary", "detection", "ranking"})
_ALL_CLASSES: frozenset[Task] = frozenset({"binary", "multiclass"})
_TEXT: frozenset[Task] = frozenset({"text"})
_RANKING: frozenset[Task] = frozenset({"ranking"})
_REGRESSION: frozenset[Task] = frozenset({"regression"})
_BINARY: frozenset[Task] = frozenset({"binary"})

MEASURES: dict[str, Measure] = {
    "accuracy": Measure(_ALL_CLASSES),
    "precision": Measure(_DECIDES),
    "recall": Measure(_DECIDES),
    "specificity": Measure(_BINARY),
    "false_positive_rate": Measure(_BINARY, "low"),
    "false_negative_rate": Measure(_BINARY, "low"),
    "auc": Measure(_BINARY),
    "brier": Measure(_BINARY, "low"),
    "mean_absolute_error": Measure(_REGRESSION, "low", "number"),
    "within_tolerance": Measure(_REGRESSION),
    "hit_rate": Measure(_RANKING),
    "ndcg": Measure(_RANKING),
    "reciprocal_rank": Measure(_RANKING),
    "resolution_rate": Measure(_TEXT),
    "escalation_rate": Measure(_TEXT, "low"),
    "correction_rate": Measure(_TEXT, "low"),
    "mean_rating": Measure(_TEXT, "high", "number"),
}
