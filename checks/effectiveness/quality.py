"""Figures that sum a system's quality up, reported beside the measures that it is judged by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from checks.cells import immature, of_flagged_only
from checks.measures import CLASSES, CONFUSION, confusion, whole
from sundial.api import (
    SUM_SCALE,
    Check,
    Finding,
    Principle,
    Statistic,
    Status,
    System,
    Task,
    View,
    classification,
    intervals,
    judge_estimate,
    regression,
)

ERRORS = Statistic(
    "outcomes",
    ("within_tolerance", "truth_cut"),
    ("error", "absolute_error", "squared_error", "truth", "squared_truth"),
)

SUMMARIES: dict[Task, tuple[classification.Score, ...]] = {
    "binary": ("balanced_accuracy", "f1", "matthews_corrcoef"),
    "multiclass": (
        "balanced_accuracy",
        "precision_macro",
        "recall_macro",
        "f1_macro",
        "f1_weighted",
        "matthews_corrcoef",
        "cohen_kappa",
    ),
}


class Quality(Check):
    """Summary figures of the task, as scikit-learn defines them; reported, since no evidence is theirs alone.

    Of yes and no and of classes: balanced accuracy, F1, Matthews correlation and the means over classes, with
    multinomial resampling of the cells as interval where every cell has 10 or more. Of numbers: mean error,
    root mean squared error and R².

    Formula:
        balanced accuracy = mean over classes of the recall; F1 = 2 TP / (2 TP + FP + FN); R² = 1 − Σ(truth
        − score)² / Σ(truth − mean)²; root mean squared error = √(Σ(score − truth)² / n).

    Read:
        They have no threshold and confirm nothing; a figure that moves is a reason to look at
        effectiveness.rates and slices. Of numbers, a truth more than 30 ranges of the score away counts as
        30 ranges away; truths_cut is how many do, and then their unit or the registered range is wrong.

    Source:
        Scikit-learn, model evaluation; Matthews 1975, Gorodkin 2004; Efron 1979 for resampling.
    """

    name = "effectiveness.quality"
    principle = Principle.EFFECTIVENESS
    feeds = ("outputs", "outcomes")

    def statistics(self, system: System) -> Sequence[Statistic]:
        match _task(system):
            case "binary":
                return [CONFUSION]
            case "multiclass":
                return [CLASSES]
            case "regression":
                return [ERRORS]
            case _:
                return []

    def measure(self, view: View) -> Iterator[Finding]:
        task = _task(view.system)
        if not self.statistics(view.system):
            yield view.finding("quality", Status.NOT_APPLICABLE, f"No summary figures are made of {task}.")
        elif task == "binary" and of_flagged_only(view.system):
            reason = "The truth becomes known of positive outputs only; no summary can be made of them."
            yield view.finding("quality", Status.NOT_MEASURED, reason)
        elif view.immature:
            yield immature(view, "quality")
        elif task == "regression":
            yield from self._errors(view)
        else:
            yield from self._of_table(view, task)

    def _of_table(self, view: View, task: Task) -> Iterator[Finding]:
        cells = view.cells(CLASSES if task == "multiclass" else CONFUSION)
        names, table = _classes(cells) if task == "multiclass" else ([], confusion(cells))
        n, classes = whole(float(table.sum())), len(table)
        for metric in SUMMARIES[task]:
            estimate = classification.score(metric, table) if n and classes > 1 else None
            status, reason = judge_estimate(estimate, n, None, None, beyond=False)
            if n and classes == 1:
                reason = f"All that is known is of one class, {names[0]}: there is nothing to tell apart."
            yield view.finding(
                metric,
                status,
                reason,
                window=view.outcomes_window,
                estimate=estimate,
                interval=classification.interval(metric, table) if estimate is not None else None,
                n=n,
                details=_recalls(names, table) if metric == "recall_macro" and estimate is not None else {},
            )

    def _errors(self, view: View) -> Iterator[Finding]:
        cells = view.cells(ERRORS).dropna(subset=["within_tolerance"])
        outputs = view.system.feeds.outputs
        score = outputs.score if outputs else None
        span, low = (score.high - score.low, score.low) if score else (1.0, 0.0)
        n = whole(float(cells["n"].sum()))
        cut = int(cells.get("rows", cells["n"])[cells["truth_cut"] == 1].sum())
        told = f" {cut} truths lie more than 30 ranges of the score away and count as 30." if cut else ""
        error, absolute, squared, truth, truth_squared = (
            float(cells[f"sum_{name}"].sum()) / SUM_SCALE for name in ERRORS.sums
        )
        # Sums are in units of the score's span.
        errors = regression.Errors(n, error, absolute, squared, truth, truth_squared)
        mean_error, root = errors.mean_error(), errors.root_mean_squared_error()
        figures = {
            "mean_error": None if mean_error is None else mean_error * span,
            "root_mean_squared_error": None if root is None else root * span,
            "r2": errors.r2(),
        }
        interval = intervals.mean(error * span, squared * span**2, n) if n else None
        for metric, estimate in figures.items():
            status, reason = judge_estimate(estimate, n, None, None, beyond=False)
            yield view.finding(
                metric,
                status,
                reason + told,
                window=view.outcomes_window,
                estimate=estimate,
                interval=interval if metric == "mean_error" else None,
                n=n,
                details={"mean_truth": low + truth / n * span, "truths_cut": cut} if n else {},
            )


def _task(system: System) -> Task:
    return system.feeds.outputs.task if system.feeds.outputs else "binary"


def _classes(cells: pd.DataFrame) -> tuple[list[str], np.ndarray]:
    """Returns the classes and the table of truth by prediction; outputs without a class are in none."""
    used = cells.dropna(subset=["predicted_class", "outcome_class"])
    names = sorted({*used["predicted_class"].astype(str), *used["outcome_class"].astype(str)})
    place = {name: number for number, name in enumerate(names)}
    table = np.zeros((len(names), len(names)))
    for truth, predicted, n in zip(used["outcome_class"], used["predicted_class"], used["n"], strict=True):
        table[place[str(truth)], place[str(predicted)]] += n
    return names, table


def _recalls(names: list[str], table: np.ndarray) -> dict[str, object]:
    found = classification.recall_by_class(table)
    return {
        "by_class": [
            {
                "class": name,
                "recall": recall,
                "interval": [interval.low, interval.high] if interval else None,
                "n": whole(n),
            }
            for name, (recall, interval, n) in zip(names, found, strict=True)
        ]
    }
