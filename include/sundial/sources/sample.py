"""A look at a source whose columns nobody has named yet, through the readers of the pull."""

from __future__ import annotations

import pyarrow as pa

from sundial.register.source import Source
from sundial.sources.connection import Resolve
from sundial.sources.errors import SourceBroken
from sundial.sources.fetch import fetch

_NO_COLUMN = "sundial: no column has this name"


def column_names(source: Source, *, resolve: Resolve, where: str) -> list[str]:
    """Returns the names of a source's columns, sorted.

    Raises:
        SourceError: it cannot be read.
    """
    offered: set[str] = set()
    asked = fetch(
        source,
        columns=[_NO_COLUMN],
        since=None,
        date_column=None,
        resolve=resolve,
        where=where,
        offered=offered,
    )
    try:
        next(asked)
    except SourceBroken:
        # Which columns there are a reader says by refusing one that is not.
        if not offered:
            raise
    return sorted(offered)


def sample(source: Source, rows: int, *, resolve: Resolve, where: str) -> pa.Table:
    """Returns about so many of a source's first rows, with all columns.

    Raises:
        SourceError: it cannot be read, or has no rows.
    """
    names = column_names(source, resolve=resolve, where=where)
    if not names:
        raise SourceBroken(f"{where}: the source has no rows yet. Give one that has some.")
    taken: list[pa.Table] = []
    for chunk in fetch(source, columns=names, since=None, date_column=None, resolve=resolve, where=where):
        taken.append(chunk)
        if sum(map(len, taken)) >= rows:
            break
    table = pa.concat_tables(taken)
    if not table.num_rows:
        raise SourceBroken(f"{where}: the source has no rows yet. Give one that has some.")
    return table


def column(source: Source, name: str, *, resolve: Resolve, where: str) -> pa.ChunkedArray:
    """Returns all values of one column.

    Raises:
        SourceError: it cannot be read.
    """
    chunks = fetch(source, columns=[name], since=None, date_column=None, resolve=resolve, where=where)
    return pa.concat_tables(list(chunks))[name]
