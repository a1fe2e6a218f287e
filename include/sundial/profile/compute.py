"""Statistics as Ibis expressions over accepted partitions; only their small result leaves the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis

from sundial.profile.statistics import SUM_SCALE, UNKNOWN, Bin, Key, Statistic, key_name

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd


@dataclass(frozen=True)
class Columns:
    """Which column of the accepted outputs is what; the rest of the names are the analysis table's own.

    Attributes:
        score: column of the score, if there is one.
        positive_at: score from which on an output is positive; None where `prediction` decides.
        prediction: column of the decision (0/1), if the feed has one.
        model_version: column of the model's version, if the feed has one.
        categories: text columns, groups included; a missing value becomes `Unknown`.
    """

    score: str | None
    positive_at: float | None
    prediction: str | None
    model_version: str | None
    categories: tuple[str, ...]


def analysis_table(outputs: ir.Table, outcomes: ir.Table | None, columns: Columns) -> ir.Table:
    """Returns one row an output: day, counted, predicted, score, outcome, outcome_counted and the categories.

    Args:
        outputs: accepted outputs with `key`, `day`, `counted` and the feed's own columns; their scores are
            finite or missing, and within the register's range: the gate holds them to it.
        outcomes: accepted outcomes with `key`, `day` (the output's), `outcome`, `counted`, `batch`; a later
            batch replaces the truth of an earlier one but not the week in which it counted.
        columns: which column is what; one that was not asked for when the outputs came is `Unknown`.
    """
    picked: dict[str, ir.Value] = {
        "key": outputs.key,
        "day": outputs.day,
        "counted": outputs.counted,
        "predicted": _predicted(outputs, columns),
    }
    if columns.score is not None:
        picked["score"] = outputs[columns.score].cast("float64")
    picked["model_version"] = _level(outputs, columns.model_version)
    for name in columns.categories:
        picked[name] = _level(outputs, name)
    table = outputs.select(**picked)
    if outcomes is None:
        return table.mutate(outcome=ibis.null("int64"), outcome_counted=ibis.null("date"))
    latest = outcomes.group_by(["day", "key"]).agg(
        outcome=outcomes.outcome.argmax(outcomes.batch), outcome_counted=outcomes.counted.min()
    )
    joined = table.left_join(latest, ["day", "key"])
    return joined.select(*table.columns, "outcome", "outcome_counted")


def _level(outputs: ir.Table, column: str | None) -> ir.Value:
    if column is None or column not in outputs.columns:
        return ibis.literal(UNKNOWN)
    return outputs[column].cast("string").fill_null(UNKNOWN)


def _predicted(outputs: ir.Table, columns: Columns) -> ir.Value:
    if columns.prediction is not None:
        return outputs[columns.prediction].cast("int64")
    return (outputs[columns.score] >= columns.positive_at).cast("int64")


def expression(table: ir.Table, statistic: Statistic) -> ir.Table:
    """Returns day, counted, the keys by name, `n` and one `sum_<column>` a sum, as an Ibis expression.

    A histogram is one GROUP BY on `floor`, its bins unbounded: clipping the few result rows is cheaper than
    clipping every value. Sums are sums of whole numbers, see SUM_SCALE.
    """
    if statistic.over == "outcomes":
        table = table.filter(table.outcome.notnull())
        counted = table.outcome_counted
    else:
        counted = table.counted
    keys = {key_name(key): _key(table, key) for key in statistic.by}
    sums = {
        f"sum_{name}": (table[name] * SUM_SCALE).round().cast("int64").sum().cast("int64")
        for name in statistic.sums
    }
    return table.group_by(day=table.day, counted=counted, **keys).agg(n=table.count(), **sums)


def _key(table: ir.Table, key: Key) -> ir.Value:
    if isinstance(key, str):
        return table[key]
    return ((table[key.column] - key.low) * key.per_unit).floor()


def run(connection: Any, table: ir.Table, plan: Sequence[Statistic]) -> Mapping[Statistic, pd.DataFrame]:
    """Runs the plan on an Ibis backend.

    Returns:
        For each statistic a frame with day and counted (datetime64), its keys, `n` and sums (int64). Bins are
        nullable integers within [0, bins), other keys as the table has them.
    """
    return {
        statistic: _tidy(connection.to_pandas(expression(table, statistic)), statistic) for statistic in plan
    }


def _tidy(frame: pd.DataFrame, statistic: Statistic) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    for key in statistic.by:
        if isinstance(key, Bin):
            values = frame[key.name].to_numpy(dtype=float, na_value=np.nan)
            clipped = np.clip(np.where(np.isfinite(values), values, 0), 0, key.bins - 1)
            frame[key.name] = pd.array(np.where(np.isfinite(values), clipped, np.nan), dtype="Int64")
    for column in ("day", "counted"):
        frame[column] = pd.to_datetime(frame[column]).astype("datetime64[s]")
    names = [key_name(key) for key in statistic.by]
    added = ["n", *(f"sum_{name}" for name in statistic.sums)]
    merged = frame.groupby(["day", "counted", *names], dropna=False, observed=True, as_index=False)[
        added
    ].sum()
    return merged.astype(dict.fromkeys(added, "int64"))
