"""Which columns the analysis table of a system has, and which of the feed's they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from sundial.register.columns import FLAGS, LABELS, MEASURED
from sundial.register.events import EventsFeed
from sundial.register.measures import Task
from sundial.register.models import OutputsFeed, System


@dataclass(frozen=True)
class Columns:
    """Which column of the accepted outputs is what; the rest of the names are the analysis table's own.

    Attributes:
        score: column of the score, if there is one.
        positive_at: score from which on an output is positive; None where `prediction` decides.
        prediction: column of the decision (0/1) or of the class, if the feed has one.
        model_version: column of the model's version, if the feed has one.
        categories: text columns, groups and slices included; a missing value becomes `Unknown`.
        numbers: number columns.
        span: low and high end of the score, by which errors of a regression are divided.
        ranked: columns of list and rank, and how many places count.
        cluster: column of the cluster; a row of a cluster of m rows of its week weighs 1 / m.
        weight: column of the sampling weight, and the largest.
        outcome_weight: the largest sampling weight of outcomes; None where they have none.
        latency: column of the latency, and its objective.
        marked: column of whether an output was marked as made by AI.
        flags: columns of 0 and 1 that stand in place of texts.
    """

    score: str | None = None
    positive_at: float | None = None
    prediction: str | None = None
    model_version: str | None = None
    categories: tuple[str, ...] = ()
    task: Task = "binary"
    positive_class: str | None = None
    numbers: tuple[str, ...] = ()
    span: tuple[float, float] | None = None
    tolerance: float | None = None
    ranked: tuple[str, str, int] | None = None
    cluster: str | None = None
    weight: tuple[str, float] | None = None
    outcome_weight: float | None = None
    latency: tuple[str, float] | None = None
    failed: str | None = None
    marked: str | None = None
    flags: tuple[str, ...] = ()

    @classmethod
    def of(cls, system: System, outputs: OutputsFeed) -> Self:
        """Returns the columns as the register entry names them."""
        score, ranked, weight, latency = outputs.score, outputs.ranked, outputs.weight, outputs.latency
        outcomes = system.feeds.outcomes
        return cls(
            score=score.column if score else None,
            positive_at=score.positive_at if score else None,
            prediction=outputs.prediction,
            model_version=outputs.model_version,
            categories=(*system.categories, *(["pii_kinds"] if outputs.text else [])),
            task=outputs.task,
            positive_class=outputs.positive_class,
            numbers=tuple(number.column for number in outputs.numbers),
            span=(score.low, score.high) if score else None,
            tolerance=outcomes.tolerance if outcomes else None,
            ranked=(ranked.list, ranked.rank, ranked.top_k) if ranked else None,
            cluster=outputs.cluster,
            weight=(weight.column, weight.max) if weight else None,
            outcome_weight=outcomes.weight.max if outcomes and outcomes.weight else None,
            latency=(latency.column, latency.objective) if latency else None,
            failed=outputs.failed,
            marked=outputs.marked,
            flags=(*(["pii"] if outputs.text else []), *(["explained"] if outputs.explanation else [])),
        )

    @classmethod
    def of_events(cls, feed: EventsFeed) -> Self:
        """Returns the columns of accepted events: they have Sundial's names already."""
        return cls(categories=(*feed.flags, *feed.levels), numbers=tuple(feed.numbers))

    @property
    def weighted(self) -> bool:
        """Whether rows do not count as one each."""
        return any(source is not None for source in (self.cluster, self.weight, self.outcome_weight))

    @property
    def of_feed(self) -> frozenset[str]:
        """The feed's own columns that are one of these."""
        named = (
            *(self.score, self.prediction, self.model_version, self.cluster, self.failed, self.marked),
            *self.flags,
            *(self.ranked or ())[:2],
            *(self.weight or ())[:1],
            *(self.latency or ())[:1],
        )
        return frozenset(
            {*self.categories, *self.numbers, *(str(name) for name in named if name is not None)}
        )

    @property
    def texts(self) -> frozenset[str]:
        """Columns of the table that are levels."""
        return frozenset(
            {*self.categories, "model_version", "predicted", "outcome", *self._of_task(FLAGS | LABELS)}
        )

    @property
    def measured(self) -> frozenset[str]:
        """Columns of the table that are numbers: they can be binned and summed."""
        own = {"predicted", "outcome", "weight", "outcome_weight"}
        return frozenset({*self.numbers, *own, *self._of_task(FLAGS | MEASURED)})

    @property
    def truths(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The numbers and the flags that a known truth gives beside `outcome`."""
        match self.task:
            case "regression":
                numbers = ("error", "absolute_error", "squared_error", "truth", "squared_truth")
                return numbers, ("within_tolerance", "truth_cut")
            case "text":
                return ("rating",), ("escalated", "corrected")
            case _:
                return (), ()

    def _of_task(self, names: frozenset[str]) -> frozenset[str]:
        numbers, flags = self.truths
        there = {*numbers, *flags, "predicted_class", "outcome_class"}
        if self.task != "multiclass":
            there -= {"predicted_class", "outcome_class"}
        there |= {"score"} if self.score is not None else set()
        there |= {"latency", "late"} if self.latency is not None else set()
        there |= {"failed"} if self.failed is not None else set()
        there |= {"marked"} if self.marked is not None else set()
        there |= {*self.flags}
        there |= {"hit", "ndcg", "reciprocal_rank"} if self.ranked is not None else set()
        return names & there
