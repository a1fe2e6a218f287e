"""The analysis table: accepted outputs and their truth as one row an output, for every task."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import ibis

from sundial.profile.clusters import SIZE, beside, sizes
from sundial.profile.columns import Columns
from sundial.profile.statistics import TIMES, UNKNOWN
from sundial.profile.values import finite, text
from sundial.register.columns import WEIGHTS

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
    if columns.cluster is not None and columns.cluster in outputs.columns:
        outputs = beside(outputs, sizes(outputs, columns.cluster), columns.cluster)
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
    """Returns the analysis table of outputs with the columns of their truth, if any has one.

    Where they come in clusters, they have the size of each one's, too.
    """
    there = [name for name in (*OF_TRUTH, PLACE) if name in rows.columns]
    joined = rows.select(**_of_outputs(rows, columns), **{name: rows[name] for name in there})
    if "truth_" in there:
        joined = joined.mutate(**_of_truth(joined, columns)).drop("truth_")
    else:
        joined = joined.mutate(outcome_counted=ibis.null("date"), **_no_truth(columns))
    if columns.ranked is not None:
        joined = _with_lists(joined, columns.ranked[2])
    joined = joined.mutate(outcome_weight=_outcome_weight(joined, columns))
    return joined.mutate(**_products(joined, columns))


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
        picked["predicted_class"] = text(outputs[columns.prediction])
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
    return text(outputs[column]).fill_null(UNKNOWN)


def _number(outputs: ir.Table, column: str) -> ir.Value:
    """Returns the column as numbers; a text that is none, as after a change of its type, is missing."""
    if column not in outputs.columns:
        return ibis.null("float64")
    values = outputs[column]
    return values.try_cast("float64") if values.type().is_string() else values.cast("float64")


def _whole(outputs: ir.Table, column: str) -> ir.Value:
    """Returns the column as whole numbers; what lies beyond all that is meant does not stop the others."""
    return finite(_number(outputs, column)).clip(-_MOST, _MOST).cast("int64")


def _predicted(outputs: ir.Table, columns: Columns) -> ir.Value:
    if columns.ranked is not None:
        return (_whole(outputs, columns.ranked[1]) <= columns.ranked[2]).cast("int64")
    if columns.task == "multiclass":
        if columns.positive_class is None or columns.prediction is None:
            return ibis.null("int64")
        return (text(outputs[columns.prediction]) == columns.positive_class).cast("int64")
    if columns.prediction is not None:
        return outputs[columns.prediction].cast("int64")
    if columns.score is not None and columns.positive_at is not None:
        return (outputs[columns.score] >= columns.positive_at).cast("int64")
    return ibis.literal(1, "int64") if columns.task == "detection" else ibis.null("int64")


def _weight(outputs: ir.Table, columns: Columns) -> ir.Value:
    weight: ir.Value = ibis.literal(1.0, "float64")
    if columns.weight is not None and columns.weight[0] in outputs.columns:
        weight = outputs[columns.weight[0]].cast("float64") / columns.weight[1]
    if SIZE in outputs.columns:
        weight = weight / outputs[SIZE].fill_null(1).cast("float64")
    return weight


def _no_truth(columns: Columns) -> dict[str, ir.Value]:
    numbers, flags = columns.truths
    nothing: dict[str, ir.Value] = {name: ibis.null("float64") for name in numbers}
    nothing |= {name: ibis.null("int64") for name in ("outcome", *flags)}
    if columns.task == "multiclass":
        nothing["outcome_class"] = ibis.null("string")
    return nothing


def _of_truth(joined: ir.Table, columns: Columns) -> dict[str, ir.Value]:
    truth = joined.truth_
    match columns.task:
        case "multiclass":
            label = text(truth)
            positive = (
                ibis.null("int64") if columns.positive_class is None else (label == columns.positive_class)
            )
            return {"outcome_class": label, "outcome": positive.cast("int64")}
        case "regression" if columns.span is not None:
            low, high = columns.span
            place = (truth.cast("float64") - low) / (high - low)
            error = (joined.score - truth.cast("float64")) / (high - low)
            cut = (place.abs() > _FARTHEST) | (error.abs() > _FARTHEST)
            place, error = (value.clip(-_FARTHEST, _FARTHEST) for value in (place, error))
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
                "truth_cut": cut.cast("int64"),
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


def _products(joined: ir.Table, columns: Columns) -> dict[str, ir.Value]:
    """Returns each number times each weight, where rows weigh: who does not ask does not pay."""
    numbers = columns.measured - WEIGHTS if columns.weighted else frozenset[str]()
    return {
        f"{weight}{TIMES}{name}": joined[name].cast("float64") * joined[weight]
        for weight in sorted(WEIGHTS)
        for name in sorted(numbers & {*joined.columns})
    }


def _outcome_weight(joined: ir.Table, columns: Columns) -> ir.Value:
    if columns.outcome_weight is None or "outcome_weight" not in joined.columns:
        return joined.weight
    return joined.weight * joined.outcome_weight.cast("float64") / columns.outcome_weight
