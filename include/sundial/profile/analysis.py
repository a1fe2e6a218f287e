"""The analysis table: accepted outputs and their truth as one row an output, for every task."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import ibis

from sundial.profile.statistics import UNKNOWN
from sundial.register.columns import FLAGS, LABELS, MEASURED
from sundial.register.events import EventsFeed
from sundial.register.measures import Task
from sundial.register.models import OutputsFeed, System

if TYPE_CHECKING:
    import ibis.expr.types as ir

OF_OUTCOMES = ("outcome_weight", "rating", "escalated", "corrected")
"""Columns that accepted outcomes may have beside `outcome`."""

OF_TRUTH = ("outcome_counted", "truth_", *OF_OUTCOMES)
"""Columns that an output has of its truth."""

_FARTHEST = 30.0
"""Spans of the score beyond which a truth is not farther off: the sums of squares stay whole numbers."""


_MOST = 2**31

PLACE = "place_"
"""Column that may number the rows; the analysis table has it then."""


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
        cluster: column of the cluster; a row of a cluster of m rows of its day weighs 1 / m.
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

    def _of_task(self, names: frozenset[str]) -> frozenset[str]:
        numbers, flags = _truths(self)
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


def analysis_table(outputs: ir.Table, outcomes: ir.Table | None, columns: Columns) -> ir.Table:
    """Returns one row an output: day, counted, what was put out, its truth, the categories and the numbers.

    Args:
        outputs: accepted outputs with `key`, `day`, `counted` and the feed's own columns; their scores are
            finite or missing, and within the register's range: the gate holds them to it.
        outcomes: accepted outcomes, as `latest` takes them.
        columns: which column is what; one that was not asked for when the outputs came is `Unknown`.

    Returns:
        `outcome_counted` is null where the truth is not known. Errors are in units of the score's span, so
        that their sums fit. Lists of a ranking have their figures on one of their rows, that which became
        known last, once every item's truth is known.
    """
    if outcomes is None:
        return derived(outputs, columns)
    truths = latest(outcomes)
    rows = outputs.left_join(truths, ["day", "key"])
    return derived(rows.select(*outputs.columns, *(n for n in truths.columns if n in OF_TRUTH)), columns)


def latest(outcomes: ir.Table) -> ir.Table:
    """Returns the truth of each output: day, key and of `OF_TRUTH` what there is.

    Args:
        outcomes: accepted outcomes with `key`, `day` (the output's), `outcome`, `counted`, `batch`, and of
            `OF_OUTCOMES` what there is; a later batch replaces the truth of an earlier one but not the week
            in which it counted.
    """
    kept = {name: outcomes[name] for name in OF_OUTCOMES if name in outcomes.columns}
    return outcomes.group_by(["day", "key"]).agg(
        outcome_counted=outcomes.counted.min(),
        **{
            name: truth.argmax(outcomes.batch) for name, truth in {"truth_": outcomes.outcome, **kept}.items()
        },
    )


def derived(rows: ir.Table, columns: Columns) -> ir.Table:
    """Returns the analysis table of outputs with the columns of their truth, if any has one."""
    there = [name for name in (*OF_TRUTH, PLACE) if name in rows.columns]
    joined = rows.select(**_of_outputs(rows, columns), **{name: rows[name] for name in there})
    if "truth_" in there:
        joined = joined.mutate(**_of_truth(joined, columns)).drop("truth_")
    else:
        joined = joined.mutate(outcome_counted=ibis.null("date"), **_no_truth(columns))
    if columns.ranked is not None:
        joined = _with_lists(joined, columns.ranked[2])
    return joined.mutate(outcome_weight=_outcome_weight(joined, columns))


def corrections(outcomes: ir.Table) -> ir.Table:
    """Returns how many outcomes are known otherwise now than they were: day, counted, after, until, n.

    Args:
        outcomes: accepted outcomes, as `analysis_table` takes them.

    Returns:
        `counted` is the week in which they count; whoever looked after the week `after` and not after `until`
        met what has been replaced since. What went there and back is no correction.
    """
    again = outcomes.group_by("key").having(outcomes.count() > 1).agg()
    rows = outcomes.semi_join(again, "key")
    of_key = ibis.window(group_by=["day", "key"])
    in_order = ibis.window(group_by=["day", "key"], order_by="batch")
    so_far = ibis.window(group_by=["day", "key"], order_by="batch", preceding=(None, 0))
    named = [rows[name] for name in ("outcome", *OF_OUTCOMES) if name in rows.columns]
    same = (
        value.argmax(rows.batch).over(so_far).identical_to(value.argmax(rows.batch).over(of_key))
        for value in named
    )
    told = rows.select(
        *("day", "key", "batch"),
        counted=rows.counted.min().over(of_key),
        after=rows.counted.max().over(so_far),
        same=ibis.and_(*same),
    )
    told = told.mutate(until=told.after.lead().over(in_order))
    told = told.filter(~told.same, told.after < told.until)
    return told.group_by(["day", "counted", "after", "until"]).agg(n=told.count())


def _of_outputs(outputs: ir.Table, columns: Columns) -> dict[str, ir.Value]:
    picked: dict[str, ir.Value] = {
        "key": outputs.key,
        "day": outputs.day,
        "counted": outputs.counted,
        "predicted": _predicted(outputs, columns),
        "weight": _weight(outputs, columns),
        "model_version": _level(outputs, columns.model_version),
    }
    if columns.score is not None:
        picked["score"] = outputs[columns.score].cast("float64")
    if columns.task == "multiclass" and columns.prediction is not None:
        picked["predicted_class"] = outputs[columns.prediction].cast("string")
    if columns.ranked is not None:
        picked["list"] = outputs[columns.ranked[0]].cast("string")
        picked["rank"] = _whole(outputs, columns.ranked[1])
    if columns.latency is not None:
        latency = finite(_number(outputs, columns.latency[0]))
        picked["latency"] = latency
        picked["late"] = (latency > columns.latency[1]).cast("int64")
    if columns.failed is not None:
        picked["failed"] = _whole(outputs, columns.failed)
    if columns.marked is not None:
        picked["marked"] = _whole(outputs, columns.marked)
    picked |= {name: _whole(outputs, name) for name in columns.flags}
    picked |= {name: _number(outputs, name) for name in columns.numbers}
    picked |= {name: _level(outputs, name) for name in columns.categories}
    return picked


def _level(outputs: ir.Table, column: str | None) -> ir.Value:
    if column is None or column not in outputs.columns:
        return ibis.literal(UNKNOWN)
    return outputs[column].cast("string").fill_null(UNKNOWN)


def _number(outputs: ir.Table, column: str) -> ir.Value:
    """Returns the column as numbers; a text that is none, as after a change of its type, is missing."""
    if column not in outputs.columns:
        return ibis.null("float64")
    values = outputs[column]
    return values.try_cast("float64") if values.type().is_string() else values.cast("float64")


def _whole(outputs: ir.Table, column: str) -> ir.Value:
    """Returns the column as whole numbers; what lies beyond all that is meant does not stop the others."""
    return finite(_number(outputs, column)).clip(-_MOST, _MOST).cast("int64")


def finite(value: ir.Value) -> ir.Value:
    """Returns the number, or null where it is NaN or infinite, which are no measurement.

    Not by `isnan`: DuckDB 2.0 takes the statistics of a Parquet column, which leave NaN out, for a proof
    that there is none, and then fails to cast it.
    """
    return (value * 0.0 == 0.0).ifelse(value, None) if value.type().is_floating() else value


def _predicted(outputs: ir.Table, columns: Columns) -> ir.Value:
    if columns.ranked is not None:
        return (_whole(outputs, columns.ranked[1]) <= columns.ranked[2]).cast("int64")
    if columns.task == "multiclass":
        if columns.positive_class is None or columns.prediction is None:
            return ibis.null("int64")
        return (outputs[columns.prediction].cast("string") == columns.positive_class).cast("int64")
    if columns.prediction is not None:
        return outputs[columns.prediction].cast("int64")
    if columns.score is not None and columns.positive_at is not None:
        return (outputs[columns.score] >= columns.positive_at).cast("int64")
    return ibis.literal(1, "int64") if columns.task == "detection" else ibis.null("int64")


def _weight(outputs: ir.Table, columns: Columns) -> ir.Value:
    weight: ir.Value = ibis.literal(1.0, "float64")
    if columns.weight is not None and columns.weight[0] in outputs.columns:
        weight = outputs[columns.weight[0]].cast("float64") / columns.weight[1]
    if columns.cluster is not None and columns.cluster in outputs.columns:
        cluster = outputs[columns.cluster]
        size = outputs.key.count().over(ibis.window(group_by=[outputs.day, cluster]))
        weight = weight / cluster.isnull().ifelse(1, size).cast("float64")
    return weight


def _no_truth(columns: Columns) -> dict[str, ir.Value]:
    numbers, flags = _truths(columns)
    nothing: dict[str, ir.Value] = {name: ibis.null("float64") for name in numbers}
    nothing |= {name: ibis.null("int64") for name in ("outcome", *flags)}
    if columns.task == "multiclass":
        nothing["outcome_class"] = ibis.null("string")
    return nothing


def _truths(columns: Columns) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns the numbers and the flags that a known truth gives beside `outcome`."""
    match columns.task:
        case "regression":
            numbers = ("error", "absolute_error", "squared_error", "truth", "squared_truth")
            return numbers, ("within_tolerance",)
        case "text":
            return ("rating",), ("escalated", "corrected")
        case _:
            return (), ()


def _of_truth(joined: ir.Table, columns: Columns) -> dict[str, ir.Value]:
    truth = joined.truth_
    match columns.task:
        case "multiclass":
            label = truth.cast("string")
            positive = (
                ibis.null("int64") if columns.positive_class is None else (label == columns.positive_class)
            )
            return {"outcome_class": label, "outcome": positive.cast("int64")}
        case "regression" if columns.span is not None:
            low, high = columns.span
            place = ((truth.cast("float64") - low) / (high - low)).clip(-_FARTHEST, _FARTHEST)
            error = ((joined.score - truth.cast("float64")) / (high - low)).clip(-_FARTHEST, _FARTHEST)
            right = (joined.score - truth.cast("float64")).abs() <= (columns.tolerance or 0.0)
            positive = (
                ibis.null("int64")
                if columns.positive_at is None
                else (truth >= columns.positive_at).cast("int64")
            )
            return {
                "outcome": positive,
                "error": error,
                "absolute_error": error.abs(),
                "squared_error": error * error,
                "truth": place,
                "squared_truth": place * place,
                "within_tolerance": right.cast("int64"),
            }
        case "text":
            there = joined.columns
            return {
                "outcome": truth.cast("int64"),
                "rating": joined.rating.cast("float64") if "rating" in there else ibis.null("float64"),
                **{
                    name: joined[name].cast("int64") if name in there else ibis.null("int64")
                    for name in ("escalated", "corrected")
                },
            }
        case _:
            return {"outcome": truth.cast("int64")}


def _with_lists(joined: ir.Table, top_k: int) -> ir.Table:
    """Adds hit, reciprocal rank and NDCG of the first `top_k` places (Järvelin and Kekäläinen 2002).

    A list without anything relevant has no NDCG and no reciprocal rank: nothing could have been found.
    """
    of_list = ibis.window(group_by=[joined.day, joined.list])
    relevant = (joined.outcome == 1).ifelse(1, 0)
    shown = joined["rank"] <= top_k
    known = (joined.outcome_counted.count().over(of_list) == joined.key.count().over(of_list)) & (
        joined.key.count().over(of_list) > 0
    )
    found = relevant.sum().over(of_list)
    gain = (shown & (relevant == 1)).ifelse(1 / (joined["rank"].cast("float64") + 1).log2(), 0.0)
    gains = {place: 1 / math.log2(place + 1) for place in range(1, top_k + 1)}
    ideal = sum(((found >= place).ifelse(worth, 0.0) for place, worth in gains.items()), ibis.literal(0.0))
    inverse = (shown & (relevant == 1)).ifelse(1 / joined["rank"].cast("float64"), 0.0)
    last = ibis.row_number().over(
        ibis.window(
            group_by=[joined.day, joined.list], order_by=[ibis.desc(joined.outcome_counted), joined.key]
        )
    )
    speaks = known & (last == 0)
    relevant_there = speaks & (found > 0)
    return joined.mutate(
        hit=speaks.ifelse(inverse.max().over(of_list) > 0, None).cast("int64"),
        reciprocal_rank=relevant_there.ifelse(inverse.max().over(of_list), None),
        ndcg=relevant_there.ifelse(gain.sum().over(of_list) / ideal, None),
    )


def _outcome_weight(joined: ir.Table, columns: Columns) -> ir.Value:
    if columns.outcome_weight is None or "outcome_weight" not in joined.columns:
        return joined.weight
    return joined.weight * joined.outcome_weight.cast("float64") / columns.outcome_weight
