"""Statistics as Ibis expressions over accepted partitions; only their small result leaves the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np

from sundial.profile.aggregates import KEPT, Aggregate
from sundial.profile.cells import Cells, Codes, settled
from sundial.profile.statistics import FARTHEST, RANK_DIGITS, SUM_SCALE, Bin, Key, Sample, Statistic, key_name
from sundial.profile.values import finite

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa
    from numpy.typing import NDArray


def expression(table: ir.Table, statistic: Statistic) -> ir.Table:
    """Returns day, counted, the keys by name, `n`, sums and extremes, as an Ibis expression.

    A histogram is one GROUP BY on `floor`, its bins unbounded: clipping the few result rows is cheaper than
    clipping every value. Sums are sums of whole numbers, see SUM_SCALE.
    """
    if statistic.over == "outcomes":
        table = table.filter(table.outcome_counted.notnull())
        counted = table.outcome_counted
    else:
        counted = table.counted
    if isinstance(statistic, Sample):
        return _lowest(table.mutate(counted=counted), statistic)
    if isinstance(statistic, Aggregate):
        table = table.select(day=table.day, counted=counted, **statistic.on(table))
        table = table.filter(table[KEPT] == 1)
        counted = table.counted
    keys = {key_name(key): _key(table, key) for key in statistic.by}
    sums = {
        f"sum_{name}": _scaled(table[name], statistic.unit(name)).sum().cast("int64")
        for name in statistic.sums
    }
    extremes = {
        f"{end}_{name}": getattr(finite(table[name]), end)().cast("float64")
        for end in ("min", "max")
        for name in statistic.extremes
    }
    return table.group_by(day=table.day, counted=counted, **keys).agg(n=table.count(), **sums, **extremes)


def _scaled(value: ir.Value, unit: float) -> ir.Value:
    """Returns the value in whole parts of its unit, halves rounded up, as engines disagree about `round`."""
    units = finite(value) / unit if unit != 1 else finite(value)
    return (units.clip(-FARTHEST, FARTHEST) * SUM_SCALE + 0.5).floor().cast("int64")


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def floor(number: float) -> float:  # type: ignore[empty-body]
    """The engine's own: Ibis' casts to whole numbers, which NaN and 1e300 are not."""


def _lowest(table: ir.Table, sample: Sample) -> ir.Table:
    numbers = {name: finite(table[name]).cast("float64") for name in sample.sums}
    digits = table.key.cast("string").replace("-", "").substr(0, RANK_DIGITS)
    ranked = table.select("day", "counted", *sample.by, rank=digits, **numbers)
    place = ibis.row_number().over(ibis.window(group_by=["day", "counted"], order_by="rank"))
    return ranked.mutate(place=place).filter(lambda rows: rows.place < sample.size).drop("place")


def _key(table: ir.Table, key: Key) -> ir.Value:
    if isinstance(key, str):
        return table[key]
    # What is no whole number of bins stays so here: `tidy` has a few groups to mend, not every row.
    return floor(((table[key.column] - key.low) * key.per_unit).cast("float64"))


def run(connection: Any, table: ir.Table, plan: Sequence[Statistic]) -> Mapping[Statistic, Cells]:
    """Runs the plan on an Ibis backend.

    Returns:
        For each statistic its cells, sorted by day, counted and keys, missing ones last: bins within
        [0, bins), sums as int64, extremes as float64.
    """
    return {
        statistic: tidy(connection.to_pyarrow(expression(table, statistic)), statistic) for statistic in plan
    }


def tidy(found: pa.Table, statistic: Statistic) -> Cells:
    """Returns what an engine found as `run` gives it: bins clipped into their range, in one order."""
    if isinstance(statistic, Sample):
        return _drawn(found, statistic)
    cells = Cells(
        _days(found["day"]),
        _days(found["counted"]),
        {key_name(key): _coded(found[key_name(key)], key) for key in statistic.by},
        {name: _merged(found[name], merge) for name, merge in statistic.merged.items()},
    )
    return settled(cells, statistic)


def _merged(column: pa.ChunkedArray, merge: str) -> NDArray[Any]:
    values: NDArray[Any]
    if merge == "add":  # nothing to add is null, and DuckDB's own sums have 128 bits
        values = (column.fill_null(0) if column.null_count else column).cast("int64").to_numpy()
    else:
        values = column.to_numpy()
    return values


def _drawn(found: pa.Table, sample: Sample) -> Cells:
    ranks = np.array([int(rank, 16) for rank in found["rank"].to_pylist()], dtype=np.int64)
    cells = Cells(
        _days(found["day"]),
        _days(found["counted"]),
        {key_name(key): _coded(found[key_name(key)], key) for key in sample.by},
        {"rank": ranks, **{name: found[name].to_numpy().astype(float) for name in sample.sums}},
    )
    return cells.only(np.lexsort([ranks, cells.counted, cells.day]))


def _coded(column: pa.ChunkedArray, key: Key) -> Codes:
    import pyarrow as pa

    kind = column.type
    if isinstance(key, Bin) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        values = column.to_numpy()
        known = np.isfinite(values) if values.dtype.kind == "f" else np.ones(len(values), dtype=bool)
        numbers = np.where(known, values, 0)
        clipped = np.clip(numbers, 0, key.bins - 1) if isinstance(key, Bin) else numbers
        return np.where(known, clipped, -1).astype(np.int64), None
    texts = column.cast(pa.string()).combine_chunks().dictionary_encode()
    there = texts.dictionary.to_pylist()
    levels = sorted(there)
    places = {level: place for place, level in enumerate(levels)}
    return np.array([*map(places.__getitem__, there), -1])[texts.indices.fill_null(-1).to_numpy()], levels


def _days(column: pa.ChunkedArray) -> NDArray[np.int64]:
    days: NDArray[np.int64] = column.to_numpy().astype("datetime64[D]").astype(np.int64)
    return days
