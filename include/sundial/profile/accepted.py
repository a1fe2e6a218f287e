"""Accepted rows of some days as one Arrow table, each output beside its truth."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sundial.profile.analysis import OF_OUTCOMES, OF_TRUTH, latest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sundial.lake import Lake

AT_ONCE = 2**17
"""Rows of outputs in one table, unless one must have all."""

_OWN = ("key", "day", "counted")

_KEYS_STAY = "SET arrow_lossless_conversion = true"
# Else the engine gives them as texts.


def outputs_of(
    lake: Lake, connection: Any, paths: Sequence[str], columns: Collection[str], *, whole: bool
) -> Iterator[pa.Table]:
    """Returns key, day, counted and those of the columns that there are, in tables in the order of the days.

    Text comes as a dictionary. Files that do not agree on their columns are read by the engine, which finds
    types that hold all.

    Args:
        lake: where the rows lie.
        connection: an Ibis backend on DuckDB that the lake is attached to.
        paths: of accepted outputs.
        columns: of the feed.
        whole: whether all rows must be in one table.
    """
    return _read(lake, connection, paths, [*_OWN, *sorted(columns)], math.inf if whole else AT_ONCE)


@dataclass(frozen=True)
class Truths:
    """Truths of outputs, in the order of their days and of the first halves of their keys.

    Attributes:
        keys: the two halves of each key, as `halves` gives them.
        days: of the outputs, as days since 1970.
        columns: what `aligned` adds.
    """

    keys: NDArray[np.uint64]
    days: NDArray[np.int64]
    columns: pa.Table

    @classmethod
    def of(cls, rows: pa.Table) -> Self:
        """Takes key, day and the columns that there are of a truth, in the order of the days."""
        columns = rows.select([name for name in OF_TRUTH if name in rows.column_names]).combine_chunks()
        keys, days = halves(rows), days_of(rows)
        if ((keys[1:, 0] < keys[:-1, 0]) & (days[1:] == days[:-1])).any():
            order = np.lexsort([keys[:, 0], days])
            keys, days, columns = keys[order], days[order], columns.take(order)
        return cls(keys, days, columns)


def truths_of(lake: Lake, connection: Any, paths: Sequence[str], *, corrected: bool) -> Truths | None:
    """Returns the truth of each output that has one; None where no path is given.

    Args:
        lake: where the rows lie.
        connection: as `outputs_of` takes it.
        paths: of accepted outcomes.
        corrected: whether an output may have outcomes in several batches.
    """
    if corrected:
        rows = latest(view(lake, connection, "outcomes", paths)).order_by("day")
        return Truths.of(_to_arrow(connection, rows))
    names = {"counted": "outcome_counted", "outcome": "truth_"}
    for found in _read(lake, connection, paths, [*_OWN, "outcome", *OF_OUTCOMES], math.inf):
        return Truths.of(found.rename_columns(names))
    return None


def aligned(outputs: pa.Table, truths: Truths | None) -> pa.Table:
    """Returns the outputs with the columns of their truths, null where none is known.

    Outputs are in the order of their days. Keys are hashes: their first half finds, their second half proves.
    """
    if truths is None:
        return outputs
    place = np.full(len(outputs), -1, np.int64)
    ours, days = halves(outputs), days_of(outputs)
    for day in days[np.append(True, days[1:] != days[:-1])[: len(days)]]:
        here, there = (slice(*d.searchsorted([day, day + 1])) for d in (days, truths.days))
        _find(ours[here], truths.keys[there], there.start, place[here])
    for name in truths.columns.column_names:
        outputs = outputs.append_column(name, _taken(truths.columns[name], place))
    return outputs


def _taken(column: pa.ChunkedArray, place: NDArray[np.int64]) -> pa.Array:
    """Returns the value at each place, null where that is -1."""
    missing = place < 0
    values = column.cast(pa.int32()) if column.type == pa.date32() else column
    if values.null_count or not len(values) or not pa.types.is_integer(values.type):
        return column.take(pa.array(place, mask=missing)).combine_chunks()
    return pa.array(values.to_numpy()[place], values.type, mask=missing).cast(column.type)


def _find(ours: NDArray[np.uint64], theirs: NDArray[np.uint64], start: int, place: NDArray[np.int64]) -> None:
    """Writes for each of our keys where, from `start` on, the same one of theirs is; theirs are in order."""
    if not len(ours):
        return
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


def halves(rows: pa.Table) -> NDArray[np.uint64]:
    """Returns the two halves of each key, as numbers in the order of the keys, shape (rows, 2).

    Raises:
        ValueError: the keys are none of 16 bytes.
    """
    return _halves(rows).astype(np.uint64)


def first_half(rows: pa.Table) -> NDArray[np.uint64]:
    """Returns the first half of each key; raises what `halves` does."""
    return _halves(rows)[:, 0].astype(np.uint64)


def _halves(rows: pa.Table) -> NDArray[Any]:
    if rows["key"].type != pa.uuid():
        raise ValueError(
            f"the accepted rows have keys of type {rows['key'].type}, from before keys had 16 bytes; "
            "delete this system's folder accepted/ in the lake, and pull its rows anew"
        )
    parts = [
        np.frombuffer(chunk.storage.buffers()[1], ">u8").reshape(-1, 2)[chunk.offset :][: len(chunk)]
        for chunk in rows["key"].chunks
    ]
    return parts[0] if len(parts) == 1 else np.concatenate([np.empty((0, 2), ">u8"), *parts])


def days_of(rows: pa.Table, name: str = "day") -> NDArray[np.int64]:
    """Returns a column of dates as days since 1970."""
    days: NDArray[np.int64] = rows[name].cast(pa.int32()).to_numpy().astype(np.int64)
    return days


def view(lake: Lake, connection: Any, name: str, paths: Sequence[str]) -> Any:
    """Returns the files as a table of the engine."""
    # Not by Ibis' read_parquet, which would download an extension of DuckDB to read s3://.
    uris = [lake.uri(path) for path in paths]
    connection.con.read_parquet(uris, union_by_name=True).create_view(name)
    return connection.table(name)


def _read(
    lake: Lake, connection: Any, paths: Sequence[str], names: Sequence[str], at_once: float
) -> Iterator[pa.Table]:
    forms = [_form(lake, path, names) for path in paths]
    if any(form != forms[0] for form in forms):
        pieces = _by_engine(lake, connection, paths, names)
    else:
        pieces = _by_row_groups(lake, paths, forms[0].keys() if forms else (), at_once)
    waiting: list[pa.Table] = []
    for piece in pieces:
        waiting.append(piece)
        if sum(map(len, waiting)) >= at_once:
            yield _in_days(pa.concat_tables(waiting))
            waiting = []
    if waiting:
        yield _in_days(pa.concat_tables(waiting))


def _form(lake: Lake, path: str, names: Sequence[str]) -> Mapping[str, pa.DataType]:
    with lake.open(path) as file:
        schema = pq.read_schema(file)
    return {name: schema.field(name).type for name in names if name in schema.names}


def _by_row_groups(
    lake: Lake, paths: Sequence[str], names: Iterable[str], at_once: float
) -> Iterator[pa.Table]:
    """Opens one file after another: a history of small ones has more than a process may have open.

    Row groups that are read together come as one array a column, which nothing has to join any more.
    """
    for path in paths:
        with pq.ParquetFile(lake.readable(path), read_dictionary=list(names)) as file:
            for groups in _together(file.metadata, at_once):
                yield file.read_row_groups(groups, list(names))


def _together(file: pq.FileMetaData, at_once: float) -> Iterator[Sequence[int]]:
    """Yields row groups in their order, as many as have no more rows, at least one."""
    groups, rows = list[int](), 0
    for group in range(file.num_row_groups):
        more = file.row_group(group).num_rows
        if groups and rows + more > at_once:
            yield groups
            groups, rows = [], 0
        groups, rows = [*groups, group], rows + more
    if groups:
        yield groups


def _by_engine(lake: Lake, connection: Any, paths: Sequence[str], names: Sequence[str]) -> Iterator[pa.Table]:
    rows = view(lake, connection, "accepted", paths)
    sql = str(connection.compile(rows.select([name for name in names if name in rows.columns])))
    cursor = connection.con.cursor()  # its own: others ask while it still gives rows
    cursor.execute(_KEYS_STAY)
    for batch in cursor.sql(sql).to_arrow_reader(AT_ONCE):
        yield pa.Table.from_batches([batch])
    cursor.close()


def _in_days(rows: pa.Table) -> pa.Table:
    days = days_of(rows)
    return rows if (days[1:] >= days[:-1]).all() else rows.take(np.argsort(days, kind="stable"))


def _to_arrow(connection: Any, table: Any) -> pa.Table:
    connection.con.execute(_KEYS_STAY)
    return connection.con.sql(str(connection.compile(table))).to_arrow_table()
