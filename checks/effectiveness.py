"""1 Effectiveness: does the system meet its objective? Accuracy, precision, recall, AUC, calibration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, precision_score, recall_score, roc_auc_score

from checks.attestations import aged
from checks.cells import binary, count, immature, score_bins
from sundial.api import (
    SUM_SCALE,
    Ceiling,
    Check,
    Evidence,
    Finding,
    Floor,
    Kind,
    Principle,
    Side,
    Statistic,
    Status,
    System,
    Threshold,
    View,
    calibration,
    counts,
    histogram,
    intervals,
    judge_estimate,
)

CONFUSION = counts("outcomes", ["predicted", "outcome"])


class Rates(Check):
    """Accuracy, precision, recall and false-positive rate of matured outputs, against the intended outcome.

    The metric that the register names as intended outcome is held against its target with carried evidence;
    the others are reported. Figures are scikit-learn's on cells, equal to those on rows.
    """

    name = "effectiveness.rates"
    principle = Principle.EFFECTIVENESS
    feeds = ("outputs", "outcomes")

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [CONFUSION]

    def measure(self, view: View) -> Iterable[Finding]:
        window, fresh = binary(view.cells(CONFUSION)), binary(view.new_cells(CONFUSION))
        for metric in ("accuracy", "precision", "recall", "false_positive_rate"):
            yield self._finding(view, metric, window, fresh)

    def _finding(self, view: View, metric: str, window: pd.DataFrame, fresh: pd.DataFrame) -> Finding:
        hits, n = _fraction(metric, window)
        estimate = _estimate(metric, window) if n else None
        threshold, evidence, beyond = None, None, False
        intended = view.system.intended_outcome
        if metric == intended.metric:
            side = Side.CEILING if metric == "false_positive_rate" else Side.FLOOR
            threshold = Threshold(
                "intended_outcome.target", intended.target, side, intended.approved_by, intended.approved_on
            )
            evidence = _evidence(view, metric, fresh, threshold)
            if estimate is not None:
                beyond = estimate > intended.target if side is Side.CEILING else estimate < intended.target
        if view.immature and not (evidence and evidence.confirmed):
            return immature(view, metric)
        status, reason = judge_estimate(estimate, n, threshold, evidence, beyond=beyond)
        return view.finding(
            metric,
            status,
            reason,
            window=view.outcomes_window,
            estimate=estimate,
            interval=intervals.proportion(hits, n) if n else None,
            n=n,
            threshold=threshold,
            evidence=evidence,
        )


class Ranking(Check):
    """AUC of the score over matured outputs, with DeLong's interval, and the calibration of a probability.

    Reported; the evidence of a score's worth is that of the rates. AUC comes from 16,384 score bins: its
    error is at most half the share of pairs that share a bin (kept as `bound`). Brier score with Murphy's
    decomposition and the expected calibration error only where the score claims to be a probability.
    """

    name = "effectiveness.ranking"
    principle = Principle.EFFECTIVENESS
    feeds = ("outputs", "outcomes")

    def statistics(self, system: System) -> Sequence[Statistic]:
        bins = score_bins(system)
        return [histogram("outcomes", bins, ["outcome"])] if bins else []

    def measure(self, view: View) -> Iterator[Finding]:
        bins = score_bins(view.system)
        if bins is None:
            yield view.finding("auc", Status.NOT_APPLICABLE, "The system gives no score.")
            return
        if view.immature:
            yield immature(view, "auc")
            return
        cells = view.cells(histogram("outcomes", bins, ["outcome"])).dropna(subset=[bins.name])
        by_bin = cells.pivot_table(
            index=bins.name, columns="outcome", values="n", aggfunc="sum", fill_value=0
        )
        positives = by_bin.get(1, pd.Series(0, by_bin.index)).to_numpy(dtype=np.int64)
        negatives = by_bin.get(0, pd.Series(0, by_bin.index)).to_numpy(dtype=np.int64)
        yield self._auc(view, cells, bins.name, positives, negatives)
        outputs = view.system.feeds.outputs
        if outputs is not None and outputs.score is not None and outputs.score.probability:
            totals = cells.groupby(bins.name)["sum_score"].sum().reindex(by_bin.index).to_numpy(dtype=float)
            yield from self._calibration(view, positives + negatives, positives, totals)

    def _auc(
        self, view: View, cells: pd.DataFrame, name: str, positives: np.ndarray, negatives: np.ndarray
    ) -> Finding:
        n = int(min(positives.sum(), negatives.sum()))
        pairs = float(positives.sum()) * float(negatives.sum())
        found = intervals.auc(positives, negatives) if pairs else None
        estimate = None
        if pairs:
            used = cells[cells["n"] > 0]
            estimate = float(
                roc_auc_score(used["outcome"], used[name].astype(float), sample_weight=used["n"])
            )
        status, reason = judge_estimate(estimate, n, None, None, beyond=False)
        bound = float((positives * negatives).sum()) / pairs / 2 if pairs else 0.0
        return view.finding(
            "auc",
            status,
            reason,
            window=view.outcomes_window,
            estimate=estimate,
            interval=found.interval if found else None,
            n=n,
            details={"bound": bound, "positives": int(positives.sum()), "negatives": int(negatives.sum())},
        )

    def _calibration(
        self, view: View, n: np.ndarray, positives: np.ndarray, totals: np.ndarray
    ) -> Iterator[Finding]:
        scores = totals / SUM_SCALE
        total = int(n.sum())
        brier = calibration.brier(n, positives, scores)
        error = calibration.expected_calibration_error(n, positives, scores)
        details = (
            {}
            if brier is None
            else {
                "reliability": brier.reliability,
                "resolution": brier.resolution,
                "uncertainty": brier.uncertainty,
            }
        )
        for metric, estimate in (
            ("brier", brier.score if brier else None),
            ("expected_calibration_error", error),
        ):
            status, reason = judge_estimate(estimate, total, None, None, beyond=False)
            yield view.finding(
                metric,
                status,
                reason,
                window=view.outcomes_window,
                estimate=estimate,
                n=total,
                details=details if metric == "brier" else {},
            )


class OutcomeReview(Check):
    """The intended positive outcome is stated and was reviewed within the policy's term."""

    name = "effectiveness.outcome_review"
    principle = Principle.EFFECTIVENESS
    kind = Kind.FACTUAL

    def measure(self, view: View) -> Iterator[Finding]:
        yield aged(view, "outcome_review_age", "Intended outcome", view.system.intended_outcome.reviewed)


def _fraction(metric: str, cells: pd.DataFrame) -> tuple[int, int]:
    """Returns successes and denominator of a rate."""
    right = count(cells, predicted=1, outcome=1)
    match metric:
        case "accuracy":
            return right + count(cells, predicted=0, outcome=0), count(cells)
        case "precision":
            return right, count(cells, predicted=1)
        case "recall":
            return right, count(cells, outcome=1)
        case _:
            return count(cells, predicted=1, outcome=0), count(cells, outcome=0)


def _estimate(metric: str, cells: pd.DataFrame) -> float:
    truth, predicted, weight = cells["outcome"], cells["predicted"], cells["n"]
    match metric:
        case "accuracy":
            return float(accuracy_score(truth, predicted, sample_weight=weight))
        case "precision":
            return float(precision_score(truth, predicted, sample_weight=weight))
        case "recall":
            return float(recall_score(truth, predicted, sample_weight=weight))
        case _:
            return float(1 - recall_score(truth, predicted, pos_label=0, sample_weight=weight))


def _evidence(view: View, metric: str, fresh: pd.DataFrame, threshold: Threshold) -> Evidence:
    hits, n = _fraction(metric, fresh)
    process = Ceiling if threshold.side is Side.CEILING else Floor
    # Another target begins another stream: no evidence from before it was chosen.
    return view.advance(f"{metric}@{threshold.value:g}", process(threshold.value), (hits, n))
