"""1 Effectiveness, what may explain its loss: drift of all columns together, by a domain classifier.

Columns that each keep their own distribution may still change together: what was always small and dark comes
large and dark. A classifier that tells the window's rows from the baseline's sees it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

import numpy as np
import pandas as pd

from checks.drift import category_columns, no_comparison, number_bins
from sundial.api import (
    STATISTICAL_FLOOR,
    Check,
    FeedName,
    Finding,
    Principle,
    Sample,
    Side,
    Statistic,
    Status,
    System,
    View,
    Window,
    multivariate,
    sample,
)

METRIC = "domain_classifier_auc"
PERMUTATIONS = 99
"""As many as a p-value of .01 needs."""
SIGNIFICANT = 0.01
"""The p-value of one week's look, beside the threshold on the AUC: on few rows any AUC comes by chance."""
DRIVES = 0.01
"""AUC that is lost without a column, from which on it is named."""
NAMED = 3


class Multivariate(Check):
    """How well the window's outputs are told from the baseline's by all their columns together.

    A classifier two-sample test on samples of 1,000 rows, with the AUC that no drift would give from
    relabelled rows. `watch` at most: it carries no evidence, that of the columns' shares stands behind it.
    Rows are taken as independent, so that it is not made where they come in clusters, and as equal, so that
    it is not made where they have weights.

    Formula:
        domain_classifier_auc = area under the ROC curve of a classifier that is asked whether a row is of
        the window, on rows it was not fitted on; p = share of 99 relabellings and the real labels whose AUC
        is as large.

    Read:
        0.5: not to be told apart; 1: entirely other rows. `details.columns` names what it goes by. Look for
        a change of what comes in.

    Source:
        Lopez-Paz and Oquab 2017, classifier two-sample tests.
    """

    name = "drift.multivariate"
    principle = Principle.EFFECTIVENESS
    feeds: ClassVar[tuple[FeedName, ...]] = ("outputs",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [] if _unequal(system) else [_sample(system)]

    def measure(self, view: View) -> Iterator[Finding]:
        if _unequal(view.system):
            reason = "Rows that come in clusters or have weights are not exchangeable, as this test needs."
            yield view.finding(METRIC, Status.NOT_APPLICABLE, reason)
        elif (missing := no_comparison(view)) is not None:
            yield view.finding(METRIC, missing[0], missing[1])
        else:
            yield self._of_samples(view)

    def _of_samples(self, view: View) -> Finding:
        baseline, window, threshold = (
            view.system.baseline,
            view.outputs_window,
            view.threshold(METRIC, Side.CEILING),
        )
        if baseline is None:
            raise ValueError(f"{view.system.id}: no baseline; add one to the register entry")
        # A row in both samples would hide what moved.
        window = Window(max(window.start, baseline.end + timedelta(days=1)), window.end, window.weeks)
        asked = _sample(view.system)
        base = view.sample(asked, Window(baseline.start, baseline.end, 0))
        current = view.sample(asked, window)
        n, least = len(current), min(len(base), len(current))
        if least < STATISTICAL_FLOOR:
            reason = f"Only {least} rows to tell apart; {STATISTICAL_FLOOR} are needed to say something."
            return view.finding(METRIC, Status.INSUFFICIENT, reason, window=window, n=n, threshold=threshold)
        shift = multivariate.domain_classifier(*_coded(asked, base, current), permutations=PERMUTATIONS)
        if shift is None:
            reason = "No column varies in the baseline and the window: nothing is there to tell them by."
            return view.finding(METRIC, Status.OK, reason, window=window, n=n, threshold=threshold)
        told = shift.p_value <= SIGNIFICANT
        moved = told and shift.auc > threshold.value
        names = [*asked.sums, *map(str, asked.by)]
        drives = [
            _Driver("decision" if names[i.column] == "predicted" else names[i.column], i.auc_drop)
            for i in shift.importances
            if i.auc_drop >= DRIVES
        ][:NAMED]
        return view.finding(
            METRIC,
            Status.WATCH if moved else Status.OK,
            _reason(drives if told else [], told=told, moved=moved),
            window=window,
            estimate=shift.auc,
            n=n,
            threshold=threshold,
            details={
                "baseline_n": len(base),
                "auc_without_drift": shift.auc_without_drift,
                "p_value": shift.p_value,
                "columns": [{"column": driver.column, "auc_drop": driver.auc_drop} for driver in drives],
            },
        )


@dataclass(frozen=True)
class _Driver:
    column: str
    auc_drop: float


def _unequal(system: System) -> bool:
    outputs = system.feeds.outputs
    return outputs is not None and (outputs.cluster is not None or outputs.weight is not None)


def _sample(system: System) -> Sample:
    outputs = system.feeds.outputs
    score = ["score"] if outputs is not None and outputs.score is not None else []
    return sample(
        "outputs", category_columns(system), [*score, *(bins.column for bins in number_bins(system))]
    )


def _coded(
    asked: Sample, base: pd.DataFrame, current: pd.DataFrame
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Returns numbers and category codes of both samples; a category has one coding for both."""
    both = pd.concat([base, current], ignore_index=True)
    numbers = both[list(asked.sums)].to_numpy(dtype=float)
    codes = [pd.factorize(both[str(name)], sort=True)[0] for name in asked.by]
    coded = np.column_stack(codes) if codes else np.empty((len(both), 0), dtype=np.int64)
    cut = len(base)
    return (numbers[:cut], coded[:cut]), (numbers[cut:], coded[cut:])


def _reason(drives: Sequence[_Driver], *, told: bool, moved: bool) -> str:
    if not told:
        return "Outputs of the window cannot be told from the baseline's by their columns together."
    *first, last = [driver.column.replace("_", " ") for driver in drives] or ["no single column"]
    by = f"most by {', '.join(first)} and {last}" if first else f"most by {last}"
    much = "" if moved else ", less than is worth a look"
    return f"Outputs of the window can be told from the baseline's{much}; {by}."
