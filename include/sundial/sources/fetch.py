"""Fetch: what a source has, wherever it is, as Arrow tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date

import pyarrow as pa

from sundial.register.source import FilesSource, HttpSource, Source, SqlSource
from sundial.sources.connection import Connection, Resolve
from sundial.sources.dates import keep_since
from sundial.sources.errors import SourceBroken
from sundial.sources.files import read_files
from sundial.sources.http import read_http
from sundial.sources.sql import read_sql
from sundial.sources.wanted import CHUNK_ROWS, Wanted


def fetch(
    source: Source,
    *,
    columns: Sequence[str],
    since: date | None,
    date_column: str | None,
    resolve: Resolve,
    where: str,
    offered: set[str] | None = None,
    seen: Callable[[pa.ChunkedArray], None] | None = None,
) -> Iterator[pa.Table]:
    """What a source has, in bounded chunks of one schema.

    Only the asked columns are read, wherever the source can leave out the others. A CSV, JSON or SQL source
    is read to its end, into a temporary file, before the first chunk comes.

    Args:
        source: where to read.
        columns: the columns to give, in this order.
        since: civil day before which rows are not wanted; None for all. Rows without a readable date are
            kept, and times with an offset from one day earlier (see `dates`).
        date_column: the column that `since` bounds; it need not be among `columns`.
        resolve: gives the connection of a name.
        where: which feed of which system this is, such as "compas-broward · outputs"; messages begin with it.
        offered: takes the names of all columns that the source has, as far as it was read.
        seen: takes the values of the date column as they were read, before what is too old is left out.

    Yields:
        tables of about 100,000 rows, at least one: it has no rows when the source has none.

    Raises:
        SourceUnreachable: the source does not answer at present.
        SourceRefused: the source does not accept the credentials.
        SourceBroken: the source is not the feed that was registered.
        ValueError: `columns` is empty or names a column twice.
    """
    asked = list(columns)
    if not asked or len(set(asked)) < len(asked):
        raise ValueError(f"{where}: ask for one column or more, each once")
    bounded = since is not None and date_column is not None
    needed = dict.fromkeys([*asked, date_column] if bounded and date_column else asked)
    wanted = Wanted(
        tuple(needed),
        since if bounded else None,
        date_column if bounded else None,
        where,
        set() if offered is None else offered,
    )

    def kept(table: pa.Table) -> pa.Table:
        if seen is not None and date_column is not None:
            seen(table[date_column])
        return keep_since(table, wanted).select(asked)

    yield from _rechunked(kept(table) for table in _read(source, resolve, wanted))


def _read(source: Source, resolve: Resolve, wanted: Wanted) -> Iterator[pa.Table]:
    match source:
        case FilesSource():
            connection = _connection(source.connection, resolve, wanted) if source.connection else None
            return read_files(source, connection, wanted)
        case SqlSource():
            return read_sql(source, _connection(source.connection, resolve, wanted), wanted)
        case HttpSource():
            return read_http(source, _connection(source.connection, resolve, wanted), wanted)


def _connection(name: str, resolve: Resolve, wanted: Wanted) -> Connection:
    try:
        return resolve(name)
    except LookupError:
        raise SourceBroken(
            f"{wanted.where}: there is no connection {name!r}. Define it, or correct the feed's connection."
        ) from None


def _rechunked(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Join small tables and cut large ones, to chunks of 100,000 rows and a rest."""
    held: list[pa.Table] = []
    rows, given = 0, False
    for table in tables:
        held.append(table)
        rows += table.num_rows
        if rows >= CHUNK_ROWS:
            joined = pa.concat_tables(held)
            whole = rows - rows % CHUNK_ROWS
            for start in range(0, whole, CHUNK_ROWS):
                given = True
                yield joined.slice(start, CHUNK_ROWS)
            held, rows = [joined.slice(whole)], rows - whole
    if held and (rows or not given):
        yield pa.concat_tables(held)
