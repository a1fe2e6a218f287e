"""Rows that do not count as one each: sampling weights, and clusters whose rows are not independent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sundial.profile.aggregates import Aggregate
from sundial.profile.statistics import SUM_SCALE, Sample, Statistic
from sundial.register.models import System

if TYPE_CHECKING:
    import pandas as pd


def weighing(system: System, statistic: Statistic) -> Statistic:
    """Returns what is profiled for a statistic: with the sum of weights, where the rows have some.

    A sample is of rows, whatever they weigh, and so is an aggregate: it may sum `weight` itself. An event
    counts as one.
    """
    of_outputs = statistic.over in ("outputs", "outcomes")
    if isinstance(statistic, Sample | Aggregate) or not of_outputs or not _weighted(system):
        return statistic
    weight = "outcome_weight" if statistic.over == "outcomes" else "weight"
    return replace(statistic, sums=tuple(dict.fromkeys([*statistic.sums, weight])))


def _weighted(system: System) -> bool:
    outputs, outcomes = system.feeds.outputs, system.feeds.outcomes
    sources = (outputs and outputs.cluster, outputs and outputs.weight, outcomes and outcomes.weight)
    return any(source is not None for source in sources)


def counted(cells: pd.DataFrame, statistic: Statistic, asked: Statistic) -> pd.DataFrame:
    """Returns the cells with `n` as it counts: rows, or the sum of their weights.

    Weights are at most 1 and those of a cluster sum to 1 at most, so that n counts clusters, and every
    e-process of `sundial.stats` holds on it. `rows` then keeps the number of rows, and the sums stand in
    proportion to n. An aggregate's are as its expression names them.
    """
    if isinstance(statistic, Aggregate):
        return statistic.shown(cells)
    (*_, weight) = asked.sums or ("",)
    if asked == statistic:
        return cells
    rows, n = cells["n"], cells[f"sum_{weight}"] / SUM_SCALE
    share = (n / rows).fillna(0.0)
    sums = {f"sum_{name}": cells[f"sum_{name}"] * share for name in statistic.sums}
    return cells.drop(columns=f"sum_{weight}").assign(n=n, rows=rows, **sums)
