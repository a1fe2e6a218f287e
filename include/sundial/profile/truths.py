"""Truths of outputs, of which no more is in memory than a table of outputs needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sundial.profile.accepted import AT_ONCE, OWN, by_engine, days_of, halves, shared, to_arrow, view
from sundial.profile.analysis import OF_OUTCOMES, OF_TRUTH, latest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sundial.lake import Lake

_NAMES = {"counted": "outcome_counted", "outcome": "truth_"}
_EPOCH = date(1970, 1, 1).toordinal()
_ANY = (0, 2**64 - 1)


@dataclass(frozen=True)
class _Known:
    """Truths in memory, in the order of their days and of the first halves of their keys.

    Attributes:
        keys: the two halves of each key, as `halves` gives them.
        days: of the outputs, as days since 1970.
        columns: what an output gets of its truth.
    """

    keys: NDArray[np.uint64]
    days: NDArray[np.int64]
    columns: pa.Table

    @classmethod
    def of(cls, rows: pa.Table) -> Self:
        """Takes key, day and the columns that there are of a truth."""
        columns = rows.select([name for name in OF_TRUTH if name in rows.column_names]).combine_chunks()
        keys, days = halves(rows), days_of(rows)
        day, key = days[1:] - days[:-1], keys[1:, 0] < keys[:-1, 0]
        if ((day < 0) | ((day == 0) & key)).any():
            order = np.lexsort([keys[:, 0], days])
            keys, days, columns = keys[order], days[order], columns.take(order)
        return cls(keys, days, columns)


@dataclass(frozen=True, eq=False)
class _Part:
    """A part of the truths, and what is known of it before it is read.

    Attributes:
        days: of the outputs, as days since 1970.
        keys: between which two the first halves of its keys are, both included.
        read: reads it.
    """

    days: Sequence[int]
    keys: tuple[int, int]
    read: Callable[[], _Known]

    @classmethod
    def in_memory(cls, rows: pa.Table) -> Self:
        """Takes the rows of an outcome or more, as `_Known` does."""
        known = _Known.of(rows)
        return cls(np.unique(known.days).tolist(), _ANY, lambda: known)


class Truths:
    """Truths of outputs, read when a table of outputs asks for them."""

    def __init__(self, parts: Sequence[_Part]) -> None:
        """Takes the parts, at least one."""
        self._parts = parts
        self._of_day: dict[int, list[_Part]] = {}
        for part in parts:
            for day in part.days:
                self._of_day.setdefault(day, []).append(part)
        self._held: dict[_Part, _Known] = {}

    @classmethod
    def of(cls, rows: pa.Table) -> Self:
        """Takes key, day and the columns that there are of a truth."""
        return cls([_Part.in_memory(rows)])

    def beside(self, outputs: pa.Table) -> pa.Table:
        """Returns the outputs with the columns of their truths, null where none is known.

        Outputs are in the order of their days. Keys are hashes: their first half finds, their second half
        proves.
        """
        place = np.full(len(outputs), -1, np.int64)
        ours, days = halves(outputs), days_of(outputs)
        # Parts are in the order of the keys, as outputs are: the next table needs others.
        held: dict[_Part, _Known] = {}
        starts: dict[_Part, int] = {}
        for day in days[np.append(True, days[1:] != days[:-1])[: len(days)]].tolist():
            here = slice(*days.searchsorted([day, day + 1]))
            for part in self._asked(day, ours[here, 0]):
                if part not in held:
                    starts[part] = sum(len(known.days) for known in held.values())
                    held[part] = self._held[part] if part in self._held else part.read()
                known = held[part]
                there = slice(*known.days.searchsorted([day, day + 1]))
                _find(ours[here], known.keys[there], starts[part] + there.start, place[here])
        self._held = held
        found = [known.columns for known in held.values()] or [self._parts[0].read().columns]
        for name, column in zip(found[0].column_names, pa.concat_tables(found).columns, strict=True):
            outputs = outputs.append_column(name, _taken(column, place))
        return outputs

    def _asked(self, day: int, first: NDArray[np.uint64]) -> Iterator[_Part]:
        """Yields the parts that may have one of the keys, told by their first halves."""
        least, most = int(first.min()), int(first.max())
        for part in self._of_day.get(day, ()):
            if part.keys[0] <= most and least <= part.keys[1]:
                yield part


def truths_of(lake: Lake, connection: Any, paths: Sequence[str], *, corrected: bool) -> Truths | None:
    """Returns the truth of each output that has one; None where no path is given.

    Args:
        lake: where the rows lie.
        connection: an Ibis backend on DuckDB that the lake is attached to.
        paths: of accepted outcomes.
        corrected: whether an output may have outcomes in several batches.
    """
    if not paths:
        return None
    if corrected:
        return Truths.of(to_arrow(connection, latest(view(lake, connection, "outcomes", paths))))
    names = [*OWN, "outcome", *OF_OUTCOMES]
    there = shared(lake, paths, names)
    if there is None:
        return Truths.of(_named(pa.concat_tables(by_engine(lake, connection, paths, names))))
    return Truths([part for path in paths for part in _parts(lake, path, there)])


def _named(outcomes: pa.Table) -> pa.Table:
    return outcomes.rename_columns([_NAMES.get(name, name) for name in outcomes.column_names])


def _parts(lake: Lake, path: str, names: Sequence[str]) -> Iterator[_Part]:
    """Yields a small file as it is, of a large one each row group that is yet to read."""
    file = pq.ParquetFile(lake.readable(path), read_dictionary=names)
    told = [_told(file.metadata, group) for group in range(file.num_row_groups)]
    if file.metadata.num_rows <= AT_ONCE or None in told:
        with file:
            yield _Part.in_memory(_named(file.read(names)))
        return
    for group, (days, keys) in enumerate(filter(None, told)):
        yield _Part(days, keys, partial(_group, file, group, names))


def _group(file: pq.ParquetFile, group: int, names: Sequence[str]) -> _Known:
    return _Known.of(_named(file.read_row_group(group, names)))


def _told(file: pq.FileMetaData, group: int) -> tuple[Sequence[int], tuple[int, int]] | None:
    """Returns days and first halves of keys of a row group from what the file tells of it."""
    of_group = file.row_group(group)
    columns = (of_group.column(place) for place in range(of_group.num_columns))
    told = {column.path_in_schema: column.statistics for column in columns}
    key, day = told["key"], told["day"]
    if not (key and day and key.has_min_max and day.has_min_max and isinstance(key.min, bytes)):
        return None
    days = range(day.min.toordinal() - _EPOCH, day.max.toordinal() - _EPOCH + 1)
    least, most = (int.from_bytes(end[:8]) for end in (key.min, key.max))
    return days, (least, most)


def _taken(column: pa.ChunkedArray, place: NDArray[np.int64]) -> pa.Array:
    """Returns the value at each place, null where that is -1."""
    missing = place < 0
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    column = column.combine_chunks()
    values = column.cast(pa.int32()) if column.type == pa.date32() else column
    if values.null_count or not len(values) or not pa.types.is_integer(values.type):
        return column.take(pa.array(place, mask=missing))
    return pa.array(values.to_numpy()[place], values.type, mask=missing).cast(column.type)


def _find(ours: NDArray[np.uint64], theirs: NDArray[np.uint64], start: int, place: NDArray[np.int64]) -> None:
    """Writes for each of our keys where, from `start` on, the same one of theirs is; theirs are in order."""
    order = _in_order(ours)
    ours = ours if order is None else ours[order]
    # A piece of a day has few of its keys.
    low = theirs[:, 0].searchsorted(ours[0, 0])
    sought = theirs[low : theirs[:, 0].searchsorted(ours[-1, 0], side="right")]
    at = ours[:, 0].searchsorted(sought[:, 0])
    open_ = None
    while True:  # once, but for keys whose first halves are the same
        near, asked = (at, sought) if open_ is None else (at[open_], sought[open_])
        there = near < len(ours)
        near = np.minimum(near, len(ours) - 1)
        of_key = (ours[near, 0] == asked[:, 0]) & there
        same = of_key & (ours[near, 1] == asked[:, 1])
        found = np.flatnonzero(same)
        rows = near[found] if order is None else order[near[found]]
        place[rows] = start + low + (found if open_ is None else open_[found])
        again = np.flatnonzero(of_key & ~same)
        if not len(again):
            return
        open_ = again if open_ is None else open_[again]
        at[open_] += 1


def _in_order(keys: NDArray[np.uint64]) -> NDArray[np.intp] | None:
    """Returns what brings the keys into their order; None where they are, as those of accepted files."""
    first = keys[:, 0]
    return None if (first[1:] >= first[:-1]).all() else np.argsort(first, kind="stable")
