"""What a score is worth: how well it ranks, and whether it is the probability that it claims to be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from checks.cells import immature, of_flagged_only, score_bins
from checks.measures import Scored, whole
from sundial.api import (
    SUM_SCALE,
    Check,
    Finding,
    Principle,
    Statistic,
    Status,
    System,
    View,
    calibration,
    histogram,
    intervals,
    judge_estimate,
)


class Ranking(Check):
    """AUC of the score over matured outputs, with its interval, and the calibration of a probability.

    Reported; as the intended outcome they stand under `effectiveness.rates`. AUC comes from 4,000 score
    bins: its error is at most half the share of pairs that share a bin (kept as `bound`). Brier score with
    Murphy's decomposition and the expected calibration error only where the score claims to be a probability.

    Formula:
        AUC = share of pairs of a positive and a negative whose positive scores higher, ties half; Brier =
        mean of (score − outcome)²; expected calibration error = Σ n_b / n |mean score_b − observed rate_b|.

    Read:
        AUC 0.5 ranks like chance, 1 perfectly. Where scores claim to be probabilities,
        `details.reliability` shows by score what came true.

    Source:
        DeLong, DeLong and Clarke-Pearson 1988; Brier 1950; Murphy 1973; Good 1952 for the log loss.
    """

    name = "effectiveness.ranking"
    principle = Principle.EFFECTIVENESS
    feeds = ("outputs", "outcomes")

    def statistics(self, system: System) -> Sequence[Statistic]:
        bins = score_bins(system)
        return [histogram("outcomes", bins, ["outcome"])] if bins and _decides(system) else []

    def measure(self, view: View) -> Iterator[Finding]:
        bins = score_bins(view.system)
        if bins is None or not _decides(view.system):
            yield view.finding("auc", Status.NOT_APPLICABLE, "The system gives no score of a yes or no.")
            return
        if of_flagged_only(view.system):
            reason = "The truth becomes known of positive outputs only; no score can be judged by them."
            yield view.finding("auc", Status.NOT_MEASURED, reason)
            return
        if view.immature:
            yield immature(view, "auc")
            return
        cells = view.cells(histogram("outcomes", bins, ["outcome"])).dropna(subset=[bins.name])
        cells = cells[cells["outcome"].isin([0, 1])]
        intended = view.system.intended_outcome.metric
        if intended != "auc":
            yield self._auc(view, cells, Scored("auc", bins))
        outputs = view.system.feeds.outputs
        if outputs is not None and outputs.score is not None and outputs.score.probability:
            yield from self._calibration(view, cells, Scored("auc", bins))

    def _auc(self, view: View, cells: pd.DataFrame, scored: Scored) -> Finding:
        positives, negatives = scored.by_outcome(cells)
        n = whole(float(min(positives.sum(), negatives.sum())))
        pairs = float(positives.sum()) * float(negatives.sum())
        found = intervals.auc(positives, negatives) if pairs else None
        estimate = None
        if pairs:
            from sklearn.metrics import roc_auc_score  # seconds to import: only where a figure is made

            used = cells[cells["n"] > 0]
            estimate = float(
                roc_auc_score(
                    used["outcome"].astype(int),
                    used[scored.bins.name].astype(float),
                    sample_weight=used["n"].astype(float),
                )
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
            details={
                "bound": bound,
                "positives": whole(float(positives.sum())),
                "negatives": whole(float(negatives.sum())),
            },
        )

    def _calibration(self, view: View, cells: pd.DataFrame, scored: Scored) -> Iterator[Finding]:
        positives, negatives = scored.by_outcome(cells)
        place = cells[scored.bins.name].to_numpy(dtype=np.int64)
        sums = cells[f"sum_{scored.bins.column}"].to_numpy(dtype=float) / SUM_SCALE * scored.bins.unit
        scores = np.bincount(place, sums, scored.bins.bins)
        n = positives + negatives
        total = whole(float(n.sum()))
        brier = calibration.brier(n, positives, scores)
        error = calibration.expected_calibration_error(n, positives, scores)
        details: dict[str, dict[str, object]] = {
            "expected_calibration_error": {
                "reliability": [
                    {
                        "mean_score": part.mean_score,
                        "observed": part.observed,
                        "interval": [part.interval.low, part.interval.high],
                        "n": whole(part.n),
                    }
                    for part in calibration.reliability(n, positives, scores)
                ]
            }
        }
        if brier is not None:
            details["brier"] = {
                "reliability": brier.reliability,
                "resolution": brier.resolution,
                "uncertainty": brier.uncertainty,
            }
        for metric, estimate in (
            ("brier", brier.score if brier else None),
            ("expected_calibration_error", error),
            ("log_loss", calibration.log_loss(n, positives, scores)),
        ):
            if metric == view.system.intended_outcome.metric:
                continue
            status, reason = judge_estimate(estimate, total, None, None, beyond=False)
            yield view.finding(
                metric,
                status,
                reason,
                window=view.outcomes_window,
                estimate=estimate,
                n=total,
                details=details.get(metric),
            )


def _decides(system: System) -> bool:
    outputs = system.feeds.outputs
    return outputs is not None and outputs.task in ("binary", "detection", "ranking")
