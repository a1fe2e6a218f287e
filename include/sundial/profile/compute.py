"""Statistics as Ibis expressions over accepted partitions; only their small result leaves the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sundial.profile.statistics import SUM_SCALE, Bin, Key, Statistic, key_name

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd


def expression(table: ir.Table, statistic: Statistic) -> ir.Table:
    """Returns day, counted, the keys by name, `n` and one `sum_<column>` a sum, as an Ibis expression.

    A histogram is one GROUP BY on `floor`, its bins unbounded: clipping the few result rows is cheaper than
    clipping every value. Sums are sums of whole numbers, see SUM_SCALE.
    """
    if statistic.over == "outcomes":
        table = table.filter(table.outcome_counted.notnull())
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
