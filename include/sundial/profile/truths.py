"""Truths of outputs, of which no more is in memory than a table of outputs needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sundial.profile.accepted import AT_ONCE, OWN, by_engine, days_of, halves, shared, to_arrow, view
from sundial.profile.analysis import OF_OUTCOMES, OF_TRUTH, latest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sundial.lake import Lake
    from sundial.profile.engine import Engine

_NAMES = {"counted": "outcome_counted", "outcome": "truth_"}
_Halves = tuple["NDArray[np.uint64]", "NDArray[np.uint64]"]
_EPOCH = date(1970, 1, 1).toordinal()
_ANY = (0, 2**64 - 1)


@dataclass(frozen=True)
class _Known:
    """Truths in memory, in the order of their days and of the first halves of their keys.

    Attributes:
        first: the first half of each key, as `halves` gives it.
        second: the second half.
        days: of the outputs, as days since 1970.
        columns: what an output gets of its truth.
    """

    first: NDArray[np.uint64]
    second: NDArray[np.uint64]
    days: NDArray[np.int64]
    columns: pa.Table

    @classmethod
    def of(cls, rows: pa.Table) -> Self:
        """Takes key, day and the columns that there are of a truth."""
        columns = rows.select([name for name in OF_TRUTH if name in rows.column_names]).combine_chunks()
        (first, second), days = halves(rows), days_of(rows)
        if not ((days[1:] >= days[:-1]).all() and (first[1:] >= first[:-1]).all()):
            order = np.lexsort([first, days])
            first, second, days, columns = first[order], second[order], days[order], columns.take(order)
        return cls(first, second, days, columns)


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
        (first, second), days = halves(outputs), days_of(outputs)
        # Parts are in the order of the keys, as outputs are: the next table needs others.
        held: dict[_Part, _Known] = {}
        starts: dict[_Part, int] = {}
        for day in days[np.append(True, days[1:] != days[:-1])[: len(days)]].tolist():
            here = slice(*days.searchsorted([day, day + 1]))
            for part in self._asked(day, first[here]):
                if part not in held:
                    starts[part] = sum(len(known.days) for known in held.values())
                    held[part] = self._held[part] if part in self._held else part.read()
                known = held[part]
                there = slice(*known.days.searchsorted([day, day + 1]))
                ours, theirs = (first[here], second[here]), (known.first[there], known.second[there])
                _find(ours, theirs, starts[part] + there.start, place[here])
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


def truths_of(lake: Lake, engine: Engine, paths: Sequence[str], *, corrected: bool) -> Truths | None:
    """Returns the truth of each output that has one; None where no path is given.

    Args:
        lake: where the rows lie.
        engine: for files that differ, or outcomes in several batches.
        paths: of accepted outcomes.
        corrected: whether an output may have outcomes in several batches.
    """
    if not paths:
        return None
    if corrected:
        connection = engine.connection
        return Truths.of(to_arrow(connection, latest(view(lake, connection, "outcomes", paths))))
    names = [*OWN, "outcome", *OF_OUTCOMES]
    there = shared(lake, paths, names)
    if there is None:
        return Truths.of(_named(pa.concat_tables(by_engine(lake, engine, paths, names))))
    return Truths([part for path in paths for part in _parts(lake, path, there)])


def _named(outcomes: pa.Table) -> pa.Table:
    # Not only renamed: a column has gaps in some files only, which makes two kinds of tables.
    return pa.table(outcomes.columns, names=[_NAMES.get(name, name) for name in outcomes.column_names])


def _parts(lake: Lake, path: str, names: Sequence[str]) -> Iterator[_Part]:
    """Yields a small file as it is, of a large one each row group that is yet to read."""
    file = lake.parquet(path, names)
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


def _find(ours: _Halves, theirs: _Halves, start: int, place: NDArray[np.int64]) -> None:
    """Writes for each of our keys where, from `start` on, the same one of theirs is; theirs are in order."""
    first, second = ours
    order = None if (first[1:] >= first[:-1]).all() else np.argsort(first, kind="stable")
    if order is not None:  # those of accepted files are
        first, second = first[order], second[order]
    # A piece of a day has few of its keys, and a part of its truths few of the piece's.
    low, high = theirs[0].searchsorted(first[0]), theirs[0].searchsorted(first[-1], side="right")
    sought, proof = theirs[0][low:high], theirs[1][low:high]
    at = first.searchsorted(sought)
    open_ = np.arange(len(sought))
    while len(open_):  # once, but for keys whose first halves are the same
        there = at < len(first)
        near = np.minimum(at, len(first) - 1)
        of_key = (first[near] == sought) & there
        same = of_key & (second[near] == proof)
        rows = near[same]
        place[rows if order is None else order[rows]] = start + low + open_[same]
        again = of_key & ~same
        at, sought, proof, open_ = at[again] + 1, sought[again], proof[again], open_[again]
