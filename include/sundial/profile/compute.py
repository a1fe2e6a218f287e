"""Statistics as Ibis expressions over accepted partitions; only their small result leaves the engine."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd

from sundial.profile.analysis import finite
from sundial.profile.statistics import RANK_DIGITS, SUM_SCALE, Bin, Key, Sample, Statistic, key_name

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa
    from numpy.typing import NDArray


_KEY_DIGITS = 32


def expression(table: ir.Table, statistic: Statistic) -> ir.Table:
    """Returns day, counted, the keys by name, `n`, sums and extremes, as an Ibis expression.

    A histogram is one GROUP BY on `floor`, its bins unbounded: clipping the few result rows is cheaper than
    clipping every value. Sums are sums of whole numbers, see SUM_SCALE; halves are rounded up, since engines
    disagree about `round`.
    """
    if statistic.over == "outcomes":
        table = table.filter(table.outcome_counted.notnull())
        counted = table.outcome_counted
    else:
        counted = table.counted
    if isinstance(statistic, Sample):
        return _lowest(table.mutate(counted=counted), statistic)
    keys = {key_name(key): _key(table, key) for key in statistic.by}
    sums = {
        f"sum_{name}": (finite(table[name]) * SUM_SCALE + 0.5).floor().cast("int64").sum().cast("int64")
        for name in statistic.sums
    }
    extremes = {
        f"{end}_{name}": getattr(finite(table[name]), end)().cast("float64")
        for end in ("min", "max")
        for name in statistic.extremes
    }
    return table.group_by(day=table.day, counted=counted, **keys).agg(n=table.count(), **sums, **extremes)


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def floor(number: float) -> float:  # type: ignore[empty-body]
    """The engine's own: Ibis' casts to whole numbers, which NaN and 1e300 are not."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def to_hex(number: int) -> str:  # type: ignore[empty-body]
    """Engines have it by this name, some with large letters."""


def _lowest(table: ir.Table, sample: Sample) -> ir.Table:
    numbers = {name: finite(table[name]).cast("float64") for name in sample.sums}
    digits = table.key.cast("string").replace("-", "").substr(0, RANK_DIGITS)
    ranked = table.select("day", "counted", *sample.by, rank=digits, **numbers)
    place = ibis.row_number().over(ibis.window(group_by=["day", "counted"], order_by="rank"))
    return ranked.mutate(place=place).filter(lambda rows: rows.place < sample.size).drop("place")


def candidates(rows: ir.Table, size: int) -> ir.Table:
    """Returns the accepted rows that may be among the `size` lowest ranks of their partition.

    Sorting all of them would cost as much as all other statistics together. Ranks are as good as random, so
    that below this limit lie too few once in 10^9 partitions; then it is a sample all the same, the same one
    each time.
    """
    least = size + 6 * math.sqrt(size) + 20
    part = ibis.least(least / rows.count().cast("float64"), 1.0)
    first = to_hex((part * 16**RANK_DIGITS).floor().cast("int64")).lower().lpad(RANK_DIGITS, "0")
    highest = (part < 1).ifelse(first.rpad(_KEY_DIGITS, "0"), "f" * _KEY_DIGITS).cast("uuid")
    few = rows.join(rows.group_by("day", "counted").agg(highest=highest), ["day", "counted"])
    return few.filter(few.key.cast("uuid") <= few.highest).drop("highest")


def _key(table: ir.Table, key: Key) -> ir.Value:
    if isinstance(key, str):
        return table[key]
    # What is no whole number of bins stays so here: `tidy` has a few groups to mend, not every row.
    return floor(((table[key.column] - key.low) * key.per_unit).cast("float64"))


def run(connection: Any, table: ir.Table, plan: Sequence[Statistic]) -> Mapping[Statistic, pd.DataFrame]:
    """Runs the plan on an Ibis backend.

    Returns:
        For each statistic a frame with day and counted (datetime64), its keys, `n`, sums (int64) and extremes
        (float64), sorted by day, counted and keys. Bins and flags are nullable integers, bins within
        [0, bins); texts are categories.
    """
    return {
        statistic: tidy(connection.to_pyarrow(expression(table, statistic)), statistic) for statistic in plan
    }


def tidy(found: pa.Table, statistic: Statistic) -> pd.DataFrame:
    """Returns what an engine found as `run` gives it: bins clipped into their range, in one order."""
    if isinstance(statistic, Sample):
        return _drawn(found, statistic)
    days = {name: _days(found[name]) for name in ("day", "counted")}
    keys = [_coded(found[key_name(key)], key) for key in statistic.by]
    order = np.lexsort(
        [np.where(code < 0, _LAST, code) for code, _ in reversed(keys)] + [*days.values()][::-1]
    )
    sorted_ = [column[order] for column in (*days.values(), *(code for code, _ in keys))]
    starts = np.flatnonzero(_changes(sorted_, len(order)))
    frame = pd.DataFrame({name: _dates(days[name][order][starts]) for name in days})
    for key, (code, levels) in zip(statistic.by, keys, strict=True):
        frame[key_name(key)] = decoded(code[order][starts], levels)
    for name, merge in statistic.merged.items():
        column = found[name]
        if merge == "add":  # nothing to add is null, and DuckDB's own sums have 128 bits
            column = column.fill_null(0).cast("int64")
        values = column.to_numpy()[order]
        frame[name] = getattr(np, merge).reduceat(values, starts) if len(starts) else values
    return frame


def _drawn(found: pa.Table, sample: Sample) -> pd.DataFrame:
    ranks = np.array([int(rank, 16) for rank in found["rank"].to_pylist()], dtype=np.int64)
    days = {name: _days(found[name]) for name in ("day", "counted")}
    order = np.lexsort([ranks, days["counted"], days["day"]])
    frame = pd.DataFrame({name: _dates(values[order]) for name, values in days.items()})
    for key in sample.by:
        code, levels = _coded(found[key_name(key)], key)
        frame[key_name(key)] = decoded(code[order], levels)
    frame["rank"] = ranks[order]
    for name in sample.sums:
        frame[name] = found[name].to_numpy()[order].astype(float)
    return frame


_LAST = np.iinfo(np.int64).max


def decoded(codes: NDArray[Any], levels: Sequence[str] | None) -> Any:
    """Returns a column of keys: levels of text, or whole numbers where there are none; -1 is missing."""
    if levels is not None:
        return pd.Categorical.from_codes(codes, pd.Index(list(levels), dtype="str"))
    return pd.arrays.IntegerArray(codes.astype(np.int64), codes < 0)


def encoded(column: pd.Series[Any]) -> tuple[NDArray[np.int64], Sequence[str] | None]:
    """Returns the codes of a column of keys and its levels, sorted; None as levels of whole numbers."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        categorical = column.array
    elif pd.api.types.is_numeric_dtype(column.dtype):
        return np.asarray(column.astype("Int64").to_numpy(dtype=np.int64, na_value=-1), np.int64), None
    else:
        categorical = pd.Categorical(column.astype("str"))
    used = categorical.remove_unused_categories()
    ordered = used.reorder_categories(sorted(used.categories))
    return ordered.codes.astype(np.int64), [str(level) for level in ordered.categories]


def _coded(column: pa.ChunkedArray, key: Key) -> tuple[NDArray[np.int64], Sequence[str] | None]:
    import pyarrow as pa

    kind = column.type
    if isinstance(key, Bin) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        values = column.to_numpy()
        known = np.isfinite(values) if values.dtype.kind == "f" else np.ones(len(values), dtype=bool)
        top = key.bins - 1 if isinstance(key, Bin) else _LAST
        numbers = np.where(known, values, 0)
        clipped = np.clip(numbers, 0, top) if isinstance(key, Bin) else numbers
        return np.where(known, clipped, -1).astype(np.int64), None
    return encoded(pd.Series(pd.Categorical(column.cast(pa.string()).to_pandas())))


def _days(column: pa.ChunkedArray) -> NDArray[np.int64]:
    days: NDArray[np.int64] = column.to_numpy().astype("datetime64[D]").astype(np.int64)
    return days


def _dates(days: NDArray[np.int64]) -> NDArray[np.datetime64]:
    return days.astype("datetime64[D]").astype("datetime64[s]")


def _changes(columns: Sequence[NDArray[np.int64]], rows: int) -> NDArray[np.bool_]:
    changed = np.zeros(rows, dtype=bool)
    changed[:1] = True
    for column in columns:
        changed[1:] |= column[1:] != column[:-1]
    return changed
