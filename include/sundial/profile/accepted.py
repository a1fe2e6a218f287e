"""Accepted rows of some days as Arrow tables."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sundial.lake import Lake
    from sundial.profile.engine import Engine

AT_ONCE = 2 * 2**16
"""Rows of outputs in one table, unless one must have all."""

OWN = ("key", "day", "counted")
"""Columns that every accepted row has."""

_KEYS_STAY = "SET arrow_lossless_conversion = true"
# Else the engine gives them as texts.


def outputs_of(
    lake: Lake, engine: Engine, paths: Sequence[str], columns: Collection[str], *, whole: bool
) -> Iterator[pa.Table]:
    """Returns key, day, counted and those of the columns that there are, in tables in the order of the days.

    Text comes as a dictionary. Files that do not agree on their columns are read by the engine, which finds
    types that hold all.

    Args:
        lake: where the rows lie.
        engine: for files that differ.
        paths: of accepted outputs.
        columns: of the feed.
        whole: whether all rows must be in one table.
    """
    if not paths:
        return
    names = [*OWN, *sorted(columns)]
    there = shared(lake, paths, names)
    if there is None:
        pieces = by_engine(lake, engine, paths, names)
    else:
        pieces = _by_row_groups(lake, paths, there, math.inf if whole else AT_ONCE)
    waiting: list[pa.Table] = []
    for piece in pieces:
        waiting.append(piece)
        del piece  # what a loop still names is in memory while the next is read
        if not whole and sum(map(len, waiting)) >= AT_ONCE:
            yield _in_days(pa.concat_tables(waiting))
            waiting = []
    if waiting:
        yield _in_days(pa.concat_tables(waiting))


def halves(rows: pa.Table) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Returns the first and the second half of each key, as numbers in the order of the keys.

    Raises:
        ValueError: the keys are none of 16 bytes.
    """
    both = _halves(rows)
    return both[:, 0].astype(np.uint64), both[:, 1].astype(np.uint64)


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


def shared(lake: Lake, paths: Sequence[str], names: Sequence[str]) -> Sequence[str] | None:
    """Returns those of the columns that the files have; None where the files or their types differ."""
    forms = [_form(lake, path, names) for path in paths]
    return list(forms[0]) if all(form == forms[0] for form in forms) else None


def _form(lake: Lake, path: str, names: Sequence[str]) -> Mapping[str, pa.DataType]:
    with lake.open(path) as file:
        schema = pq.read_schema(file)
    return {name: schema.field(name).type for name in names if name in schema.names}


def _by_row_groups(
    lake: Lake, paths: Sequence[str], names: Sequence[str], at_once: float
) -> Iterator[pa.Table]:
    """Opens one file after another: a history of small ones has more than a process may have open.

    Row groups that are read together come as one array a column, which nothing has to join any more.
    """
    for path in paths:
        with lake.parquet(path, names) as file:
            for groups in _together(file.metadata, at_once):
                yield _with_gaps(file.read_row_groups(groups, names))


def _with_gaps(rows: pa.Table) -> pa.Table:
    """Returns the rows as they are: a column has gaps in some files only, which makes two kinds of tables."""
    return pa.table(rows.columns, names=rows.column_names)


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


def by_engine(lake: Lake, engine: Engine, paths: Sequence[str], names: Sequence[str]) -> Iterator[pa.Table]:
    """Yields those of the columns that there are, with types that hold those of all files, in their order."""
    connection = engine.connection
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


def to_arrow(connection: Any, table: Any) -> pa.Table:
    """Returns what an expression gives, keys as they lie."""
    connection.con.execute(_KEYS_STAY)
    return connection.con.sql(str(connection.compile(table))).to_arrow_table()
