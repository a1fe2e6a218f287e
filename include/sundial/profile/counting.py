"""Counts of accepted rows as arrays: what `compute.run` asks of an engine, to the same bit, for less.

A group by of an engine fills hash tables. Here keys become small whole numbers, and counting them is one
look-up each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sundial.profile.aggregates import KEPT, Aggregate
from sundial.profile.cells import SPARSE, Cells, Codes, Levels, distinct, order_of
from sundial.profile.statistics import FARTHEST, RANK_DIGITS, SUM_SCALE, Bin, Key, Sample, Statistic, key_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PIECE = 2**14
# Rows that are worked on at once: their numbers stay in the processor's cache.

_FEW = 2**16
# Possible cells that are counted however few rows there are.

_RANKS = 16**RANK_DIGITS

_FAR = 2**62
# Whole numbers nearer than that have differences among them.


@dataclass(frozen=True)
class _Key:
    """Codes of each row from 0 on, `size` where the key is missing; code 0 stands for `low`.

    Levels are in whatever order the codes have; `placed` tells their sorted one.
    """

    codes: NDArray[np.integer[Any]]
    size: int
    levels: Levels = None
    low: int = 0

    @cached_property
    def placed(self) -> NDArray[np.int64] | None:
        """The place of each code among the sorted levels, itself where it is missing; None without levels."""
        if self.levels is None:
            return None
        order = sorted(range(self.size), key=self.levels.__getitem__)
        return np.append(np.argsort(order), self.size).astype(np.int64)

    def found(self, codes: NDArray[np.integer[Any]]) -> Codes:
        """Returns codes as cells have them."""
        levels = None if self.levels is None else sorted(self.levels)
        of_cells = codes if self.placed is None else self.placed[codes]
        return np.where(of_cells == self.size, -1, of_cells + self.low).astype(np.int64), levels


class Rows:
    """Rows of the analysis table.

    Attributes:
        days: day and counted of each partition, as days since 1970, shape (2, partitions), sorted.
        partition: which of them each row belongs to.
    """

    def __init__(
        self,
        day: NDArray[np.int64],
        counted: NDArray[np.int64],
        columns: Mapping[str, pa.ChunkedArray],
        rank: NDArray[np.int64],
        chosen: NDArray[np.intp] | None = None,
    ) -> None:
        """Takes columns and ranks of all rows, which of them are meant, and day and counted of these."""
        self.days, self.partition = _partitions(day, counted)
        self._columns, self._rank, self._chosen = columns, rank, chosen
        self._codes: dict[str, _Key] = {}
        self._numbers: dict[str, NDArray[Any]] = {}

    def __len__(self) -> int:
        """Returns how many rows there are."""
        return len(self.partition)

    @cached_property
    def rank(self) -> NDArray[np.int64]:
        """The rank of each row in a sample."""
        return self._of(self._rank)

    def numbers(self, name: str) -> NDArray[Any]:
        """Returns a column as numbers, NaN where it is missing."""
        if name not in self._numbers:
            column = self._columns[name]
            plain = column.null_count == 0 and not pa.types.is_decimal(column.type)
            values = column if plain else column.cast(pa.float64(), safe=False)
            self._numbers[name] = self._of(values.to_numpy())
        return self._numbers[name]

    def key(self, key: Key) -> _Key:
        """Returns a key of each row."""
        if isinstance(key, Bin):
            return _Key(_bins(self.numbers(key.column), key), key.bins)
        if key not in self._codes:
            column = self._columns[key]
            of_all = _levels(column) if pa.types.is_dictionary(column.type) else _whole(column)
            self._codes[key] = _Key(self._of(of_all.codes), of_all.size, of_all.levels, of_all.low)
        return self._codes[key]

    def of(self, aggregate: Aggregate) -> Rows:
        """Returns the rows that pass the filters of an aggregate, with its columns."""
        kept = np.flatnonzero(self.numbers(aggregate.name_of(KEPT)) == 1)
        day, counted = self.days[:, self.partition[kept]]
        columns = {name: self._columns[aggregate.name_of(name)] for name in aggregate.made}
        chosen = kept if self._chosen is None else self._chosen[kept]
        return Rows(day, counted, columns, self._rank, chosen)

    def _of(self, values: NDArray[Any]) -> NDArray[Any]:
        return values if self._chosen is None else values[self._chosen]


def counted(rows: Rows, statistic: Statistic) -> Cells:
    """Returns the cells of a statistic as `compute.run` does.

    Args:
        rows: those that the statistic is over, counted in the week in which they count for it.
        statistic: with columns that the rows have.
    """
    if isinstance(statistic, Sample):
        return _drawn(rows, statistic)
    if isinstance(statistic, Aggregate):
        rows = rows.of(statistic)
    keys = {key_name(key): rows.key(key) for key in statistic.by}
    sizes = [rows.days.shape[1], *(key.size + 1 for key in keys.values())]
    size = math.prod(sizes)
    if size > max(SPARSE * len(rows), _FEW):
        found, place = distinct([rows.partition, *(key.codes for key in keys.values())], sizes)
        n = np.bincount(place, minlength=len(found[0]))
        there: NDArray[np.intp] | slice = slice(None)
    else:
        place = rows.partition
        for key in keys.values():
            # With one partition, as where days are large, the first key's codes are the number already.
            alone = place is rows.partition and sizes[0] == 1
            place = key.codes.astype(np.intp) if alone else place * (key.size + 1) + key.codes
        n = np.bincount(place, minlength=size)
        there = np.flatnonzero(n)
        found, rest = [], there
        for radix in reversed(sizes):
            rest, codes = np.divmod(rest, radix)
            found.insert(0, codes)
    values: dict[str, NDArray[Any]] = {"n": n.astype(np.int64)}
    for name in statistic.sums:
        values[f"sum_{name}"] = total = np.zeros(len(n), np.int64)
        np.add.at(total, place, _scaled(rows.numbers(name), statistic.unit(name)))
    for end, merge in (("min", np.fmin), ("max", np.fmax)):
        for name in statistic.extremes:
            values[f"{end}_{name}"] = extreme = np.full(len(n), np.nan)
            merge.at(extreme, place, _finite(rows.numbers(name)))
    cells = Cells(
        rows.days[0][found[0]],
        rows.days[1][found[0]],
        {name: key.found(codes) for (name, key), codes in zip(keys.items(), found[1:], strict=True)},
        {name: values[name][there] for name in statistic.merged},
    )
    placed = [key.placed for key in keys.values()]
    if all(places is None for places in placed):  # in their order already
        return cells
    own = zip(placed, found[1:], strict=True)
    sorted_by = [codes if places is None else places[codes] for places, codes in own]
    return cells.only(order_of([found[0], *sorted_by]))


def _drawn(rows: Rows, sample: Sample) -> Cells:
    """Returns the rows of the lowest ranks of each partition.

    Sorting all rows would cost as much as all other statistics. Ranks are as good as random, so that nearly
    always enough lie below a limit; where too few do, all of that partition are sorted.
    """
    there = np.bincount(rows.partition, minlength=rows.days.shape[1])
    least = sample.size + 6 * math.sqrt(sample.size) + 20
    limit = np.where(there > 2 * least, (least / np.maximum(there, least) * _RANKS).astype(np.int64), _RANKS)
    few = _below(rows, limit)
    short = np.bincount(rows.partition[few], minlength=len(there)) < np.minimum(there, sample.size)
    if short.any():
        limit[short] = _RANKS
        few = _below(rows, limit)
    order = few[np.lexsort([rows.rank[few], rows.partition[few]])]
    partition = rows.partition[order]
    first = np.searchsorted(partition, partition)
    order = order[np.arange(len(order)) - first < sample.size]
    keys = {key_name(key): rows.key(key) for key in sample.by}
    return Cells(
        rows.days[0][rows.partition[order]],
        rows.days[1][rows.partition[order]],
        {name: key.found(key.codes[order]) for name, key in keys.items()},
        {
            "rank": rows.rank[order],
            **{name: _finite(rows.numbers(name)[order].astype(float)) for name in sample.sums},
        },
    )


def _below(rows: Rows, limit: NDArray[np.int64]) -> NDArray[np.intp]:
    """Returns the rows whose rank is not above the limit of their partition."""
    return np.flatnonzero(rows.rank <= (limit if len(limit) == 1 else limit[rows.partition]))


def _partitions(
    day: NDArray[np.int64], counted: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if not len(day):
        return np.zeros((2, 0), np.int64), np.zeros(0, np.int64)
    first = np.array([[day.min()], [counted.min()]])
    if day.max() == first[0, 0] and counted.max() == first[1, 0]:  # a part of a large day
        return first, np.zeros(len(day), np.int64)
    sizes = [int(column.max() - low) + 1 for column, (low,) in zip((day, counted), first, strict=True)]
    found, place = distinct([day - first[0], counted - first[1]], sizes)
    return np.stack(found) + first, place


def _levels(column: pa.ChunkedArray) -> _Key:
    """Returns a text's levels; each piece of a column may have a dictionary of its own."""
    if any(chunk.dictionary.null_count for chunk in column.chunks):  # these Arrow cannot bring together
        column = column.cast(column.type.value_type).dictionary_encode()
    unified = column.unify_dictionaries()
    given = unified.chunk(0).dictionary.to_pylist() if unified.num_chunks else []
    levels = list(dict.fromkeys(given))
    of_chunks = [chunk.indices.cast(pa.int32()) for chunk in unified.chunks]
    indices = [(chunk.fill_null(len(given)) if chunk.null_count else chunk).to_numpy() for chunk in of_chunks]
    codes = indices[0] if len(indices) == 1 else np.concatenate([np.zeros(0, np.int32), *indices])
    if len(levels) < len(given):  # one of them stands there twice, as UNKNOWN may
        places = {level: place for place, level in enumerate(levels)}
        codes = np.array([*map(places.__getitem__, given), len(levels)])[codes]
    return _Key(codes, len(levels), levels)


def _whole(column: pa.ChunkedArray) -> _Key:
    if pa.types.is_integer(column.type) and column.null_count:
        ends = pc.min_max(column)
        least, most = ends["min"].as_py(), ends["max"].as_py()
        if least is not None and least > -_FAR and most < _FAR:
            size = most - least + 1
            codes = column.cast(pa.int64()).fill_null(most + 1).to_numpy()
            return _Key(codes - least if least else codes, size, low=least)
    values = column.to_numpy()
    if values.dtype.kind == "i" and len(values):
        least, most = int(values.min()), int(values.max())
        # In whole numbers of this width the difference may have no place.
        codes = values.astype(np.int64) - least if least else values
        return _Key(codes, most - least + 1, low=least)
    known = np.isfinite(values) if values.dtype.kind == "f" else np.ones(len(values), dtype=bool)
    numbers = np.where(known, values, 0).astype(np.int64)
    low = int(numbers[known].min(initial=0))
    size = int(numbers[known].max(initial=-1)) - low + 1
    return _Key(np.where(known, numbers - low, size), size, low=low)


def _bins(values: NDArray[Any], key: Bin) -> NDArray[np.int32]:
    def place(piece: NDArray[Any], out: NDArray[np.float64]) -> None:
        np.subtract(piece, key.low, out=out, dtype=np.float64)
        out *= key.per_unit
        known = None if math.isfinite(out.sum()) else np.isfinite(out)
        np.clip(out, 0, key.bins - 1, out=out)  # to make it whole cuts it: at 0 or above that is its floor
        if known is not None:
            out[~known] = key.bins

    return _by_piece(values, place, np.int32)


def _scaled(values: NDArray[Any], unit: float) -> NDArray[np.int64]:
    """Returns whole multiples of unit / SUM_SCALE, as `compute.expression` has them; 0 where missing."""

    def scale(piece: NDArray[Any], out: NDArray[np.float64]) -> None:
        np.divide(piece, unit, out=out, dtype=np.float64)
        known = None if math.isfinite(out.sum()) else np.isfinite(piece)
        np.clip(out, -FARTHEST, FARTHEST, out=out)
        out *= SUM_SCALE
        out += 0.5
        np.floor(out, out=out)
        if known is not None:
            out[~known] = 0

    return _by_piece(values, scale, np.int64)


def _by_piece(
    values: NDArray[Any],
    work: Callable[[NDArray[Any], NDArray[np.float64]], None],
    kind: type[np.integer[Any]],
) -> NDArray[Any]:
    done, out = np.empty(len(values), kind), np.empty(_PIECE)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(values), _PIECE):
            piece = values[start : start + _PIECE]
            made = out[: len(piece)]
            work(piece, made)
            done[start : start + _PIECE] = made
    return done


def _finite(values: NDArray[Any]) -> NDArray[Any]:
    return np.where(np.isfinite(values), values, np.nan)
