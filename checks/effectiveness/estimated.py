"""What the outcomes of the latest outputs would say, before they are known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

import numpy as np
import pandas as pd

from checks.cells import immature, of_flagged_only, score_bins
from checks.measures import Scored, whole
from sundial.api import (
    Bin,
    Check,
    Finding,
    Principle,
    Statistic,
    Status,
    System,
    View,
    Window,
    cbpe,
    histogram,
    judge_estimate,
)

WEEKS = 52
"""Matured weeks from which the calibration is learnt, at most."""


class Estimated(Check):
    """Performance of the window's outputs, estimated from calibrated scores (CBPE) before outcomes arrive.

    The calibration is isotonic, learnt on the outputs of the last year whose outcomes had their time. It
    holds while the relation of score and outcome does: it sees a change of what comes in, never one of the
    concept. So it is told with its calibration's age, reaches `ok` at most and never opens a sunset.

    Formula:
        with calibrated chances p: TP = Σ p of the positive outputs, FP = Σ (1 − p) of them, FN = Σ p of the
        negative ones; the measures are those of this table.

    Read:
        A hint of what the outcomes will say. Compare it with effectiveness.rates once they are there; where
        both differ the concept has moved.

    Source:
        NannyML, confidence-based performance estimation (CBPE).
    """

    name = "effectiveness.estimated"
    principle = Principle.EFFECTIVENESS
    feeds = ("outputs", "outcomes")

    def statistics(self, system: System) -> Sequence[Statistic]:
        bins = _bins(system)
        if bins is None:
            return []
        return [histogram("outputs", bins, ["predicted"]), histogram("outcomes", bins, ["outcome"])]

    def measure(self, view: View) -> Iterator[Finding]:
        bins = _bins(view.system)
        if bins is None:
            reason = "Only a yes or no with a score can be estimated before its outcome."
            yield view.finding("estimated_accuracy", Status.NOT_APPLICABLE, reason)
            return
        if of_flagged_only(view.system):
            reason = "The truth becomes known of positive outputs only; no score can be calibrated by them."
            yield view.finding("estimated_accuracy", Status.NOT_MEASURED, reason)
            return
        if view.immature:
            yield immature(view, "estimated_accuracy")
            return
        matured = view.outcomes_window
        learnt = Window(matured.end - timedelta(days=7 * WEEKS - 1), matured.end, WEEKS)
        known = view.cells(histogram("outcomes", bins, ["outcome"]), learnt)
        calibration = cbpe.calibrate(*Scored("auc", bins).by_outcome(known))
        rows = view.cells(histogram("outputs", bins, ["predicted"]))
        negative, positive = (_by_bin(rows[rows["predicted"] == value], bins) for value in (0, 1))
        n = whole(float(negative.sum() + positive.sum()))
        found = cbpe.estimate(calibration, negative, positive) if calibration is not None and n else None
        for metric in ("accuracy", "precision", "recall", "false_positive_rate"):
            figure = getattr(found, metric) if found is not None else None
            estimate = figure.estimate if figure else None
            status, reason = judge_estimate(estimate, n, None, None, beyond=False)
            yield view.finding(
                f"estimated_{metric}",
                status,
                "Estimated from the calibrated score, not from outcomes." if status is Status.OK else reason,
                window=view.outputs_window,
                estimate=estimate,
                interval=figure.interval if figure else None,
                n=n,
                details={
                    "calibrated_until": learnt.end.isoformat(),
                    "calibrated_days_ago": (view.end - learnt.end).days,
                    "calibrated_on": whole(float(known["n"].sum())),
                },
            )


def _bins(system: System) -> Bin | None:
    outputs = system.feeds.outputs
    return score_bins(system) if outputs is not None and outputs.task == "binary" else None


def _by_bin(cells: pd.DataFrame, bins: Bin) -> np.ndarray:
    known = cells.dropna(subset=[bins.name])
    place = known[bins.name].to_numpy(dtype=np.int64)
    return np.bincount(place, known["n"].to_numpy(dtype=float), bins.bins).astype(float)
