"""The system's own measures against its intended outcome."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from checks.cells import immature, of_flagged_only
from checks.measures import OPEN, Measure, Reading, measure_of
from sundial.api import (
    Check,
    Evidence,
    Finding,
    Principle,
    Side,
    Statistic,
    Status,
    System,
    Task,
    Threshold,
    View,
    judge_estimate,
)

REPORTED: dict[Task, tuple[str, ...]] = {
    "binary": ("accuracy", "precision", "recall", "false_positive_rate"),
    "multiclass": ("accuracy",),
    "regression": ("mean_absolute_error", "within_tolerance"),
    "ranking": ("precision", "recall", "hit_rate", "ndcg", "reciprocal_rank"),
    "detection": ("precision", "recall"),
    "text": ("resolution_rate", "escalation_rate", "correction_rate", "mean_rating"),
}
"""What is shown of each task, beside the intended outcome's own measure."""

NEEDS_ALL = frozenset(
    {"accuracy", "recall", "specificity", "false_positive_rate", "false_negative_rate", "auc", "brier"}
)
"""Measures that the truth of positive outputs alone does not give."""


class Rates(Check):
    """The measures of the system's task over matured outputs, its intended outcome's against the target.

    The measure that the register names as intended outcome is held against its target with carried evidence;
    the others are reported. Figures are scikit-learn's on cells, equal to those on rows. A detection that
    stays unknown counts in the system's favour for the evidence; both bounds are shown.

    Formula:
        each measure is a share hits / n, or a mean sum / n, of outputs with known truth: accuracy = (TP +
        TN) / n, precision = TP / (TP + FP), recall = TP / (TP + FN), false-positive rate = FP / (FP + TN).

    Read:
        The one with a threshold is the register's intended outcome; a confirmed one opens a sunset
        recommendation. The window ends a maturity before the week, so that its outcomes had their time.

    Source:
        Scikit-learn, model evaluation; Wilson 1927; Robbins 1970 and Waudby-Smith and Ramdas 2024 for the
        evidence.
    """

    name = "effectiveness.rates"
    principle = Principle.EFFECTIVENESS
    feeds = ("outputs", "outcomes")

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [measure.statistic for measure in measures(system)]

    def measure(self, view: View) -> Iterator[Finding]:
        intended = view.system.intended_outcome
        for measure in measures(view.system):
            if measure.metric == intended.metric:
                threshold = Threshold(
                    "intended_outcome.target",
                    intended.target,
                    measure.side,
                    intended.approved_by,
                    intended.approved_on,
                )
                yield against(view, measure, threshold)
            else:
                yield against(view, measure, None)


def measures(system: System) -> list[Measure]:
    """Returns the measures that are shown of a system, the intended outcome's among them."""
    outputs, outcomes = system.feeds.outputs, system.feeds.outcomes
    if outputs is None:
        return []
    names = dict.fromkeys([*REPORTED[outputs.task], system.intended_outcome.metric])
    there = {
        "within_tolerance": outcomes is not None and outcomes.tolerance is not None,
        "escalation_rate": outcomes is not None and outcomes.escalated is not None,
        "correction_rate": outcomes is not None and outcomes.corrected is not None,
        "mean_rating": outcomes is not None and outcomes.rating is not None,
    }
    return [measure_of(system, name) for name in names if there.get(name, True)]


def against(view: View, measure: Measure, threshold: Threshold | None, metric: str | None = None) -> Finding:
    """Returns the finding of a measure, held against a threshold with the evidence that it carries.

    Args:
        view: the judged week.
        measure: what is measured.
        threshold: its bound; None where it is only reported.
        metric: the finding's name, the measure's own unless given.
    """
    metric = metric or measure.metric
    if of_flagged_only(view.system) and measure.metric in NEEDS_ALL:
        return view.finding(
            metric,
            Status.NOT_MEASURED,
            "The truth becomes known of positive outputs only; have a random sample of the others checked, "
            "and register it as known_for: sample.",
        )
    evidence = None
    if threshold is not None:
        evidence = carried(view, measure, threshold, metric)
    reading = measure.read(view.cells(measure.statistic))
    if measure.statistic.over == "outcomes" and view.immature and not (evidence and evidence.confirmed):
        return immature(view, metric)
    status, reason = judge_estimate(
        reading.estimate, reading.n, threshold, evidence, beyond=_beyond(reading, threshold)
    )
    bound = (reading.details or {}).get("bound", 0.0)
    if status is Status.INSUFFICIENT and bound > OPEN:
        reason = (
            f"The scores lie so close together that their bins leave {bound:.2f} of it open; give the score "
            "on a scale on which they lie apart, such as the logarithm, or register narrower ends."
        )
    return view.finding(
        metric,
        status,
        reason,
        window=view.window_of(measure.statistic),
        estimate=reading.estimate,
        interval=reading.interval,
        n=reading.n,
        threshold=threshold,
        evidence=evidence,
        details=reading.details,
    )


def carried(view: View, measure: Measure, threshold: Threshold, metric: str) -> Evidence:
    """Returns the evidence that the measure lies beyond the threshold, this week's cells added."""
    # Another threshold begins another stream: no evidence from before it was chosen.
    return view.advance(
        f"{metric}@{threshold.value:g}",
        measure.process(threshold.value, threshold.side),
        measure.increment(view.new_cells(measure.statistic)),
        over=measure.statistic.over,
    )


def _beyond(reading: Reading, threshold: Threshold | None) -> bool:
    if reading.estimate is None or threshold is None:
        return False
    # What cannot be known counts in the system's favour here, too.
    estimate = (reading.details or {}).get("upper_bound", reading.estimate)
    return estimate > threshold.value if threshold.side is Side.CEILING else estimate < threshold.value
