"""Rows that do not count as one each: sampling weights, and clusters whose rows are not independent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sundial.profile.aggregates import Aggregate
from sundial.profile.statistics import SUM_SCALE, TIMES, Sample, Statistic
from sundial.register.columns import WEIGHTS
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
    names = [name for name in statistic.sums if name != weight]
    products = (f"{weight}{TIMES}{name}" for name in names if name not in WEIGHTS)
    return replace(statistic, sums=(*names, *products, weight))


def _weighted(system: System) -> bool:
    outputs, outcomes = system.feeds.outputs, system.feeds.outcomes
    sources = (outputs and outputs.cluster, outputs and outputs.weight, outcomes and outcomes.weight)
    return any(source is not None for source in sources)


def counted(cells: pd.DataFrame, statistic: Statistic, asked: Statistic) -> pd.DataFrame:
    """Returns the cells with `n` and sums as they count: of rows, or of what they weigh.

    Weights are at most 1 and those of a cluster sum to 1 at most, so that n counts clusters, and every
    e-process of `sundial.stats` holds on it. `rows` and `rows_sum_<name>` then keep number and sums of the
    rows. An aggregate's are as its expression names them.
    """
    if isinstance(statistic, Aggregate):
        return statistic.shown(cells)
    (*_, weight) = asked.sums or ("",)
    if asked == statistic:
        return cells
    weighed = {
        f"sum_{name}": cells[f"sum_{name}" if name in WEIGHTS else f"sum_{weight}{TIMES}{name}"]
        for name in statistic.sums
    }
    of_rows = {f"rows_sum_{name}": cells[f"sum_{name}"] for name in statistic.sums}
    return cells.drop(columns=[f"sum_{name}" for name in asked.sums]).assign(
        n=cells[f"sum_{weight}"] / SUM_SCALE, rows=cells["n"], **weighed, **of_rows
    )
