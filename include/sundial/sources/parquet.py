"""Parquet: only the wanted columns, and only row groups that the bound on dates may concern."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs as pafs
from fsspec import AbstractFileSystem

from sundial.sources.chunks import CommonTypes
from sundial.sources.dates import bound_of
from sundial.sources.wanted import CHUNK_ROWS, Wanted


def read(
    files: AbstractFileSystem,
    paths: Sequence[str],
    wanted: Wanted,
    reading: Callable[[str], AbstractContextManager[None]],
) -> Iterator[pa.Table]:
    """The wanted columns of Parquet files.

    All footers are read before the first row, so that every table has the types that hold all files.

    Args:
        files: where the files are.
        paths: their paths.
        wanted: what to read.
        reading: gives the context that turns a failure on a path into a SourceError.

    Yields:
        tables of at most 100,000 rows.

    Raises:
        SourceError: a file cannot be read, or lacks a column.
    """
    form = ds.ParquetFileFormat()
    system = pafs.PyFileSystem(pafs.FSSpecHandler(files))
    types = CommonTypes(wanted.columns)
    fragments = {}
    for path in paths:
        with reading(path):
            fragment = form.make_fragment(path, filesystem=system)
            wanted.check_present(fragment.physical_schema.names, path)
            types.learn(_plain(fragment.physical_schema.empty_table().select(wanted.columns)))
            fragments[path] = fragment
    for path, fragment in fragments.items():
        with reading(path):
            scanner = fragment.scanner(
                columns=list(wanted.columns),
                filter=_bound(fragment.physical_schema, wanted),
                batch_size=CHUNK_ROWS,
                batch_readahead=2,
                fragment_readahead=1,
            )
            yield types.apply(_plain(scanner.head(0)))
            for batch in scanner.to_batches():
                yield types.apply(_plain(pa.Table.from_batches([batch])))


def _plain(table: pa.Table) -> pa.Table:
    """Without dictionaries, 64-bit offsets and half precision: ways of storing, which differ between files.

    Half precision is widened, since few libraries compute with it.
    """
    return table.cast(pa.schema([(field.name, _plain_type(field.type)) for field in table.schema]))


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _plain_type(kind.value_type)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    return pa.float32() if pa.types.is_float16(kind) else kind


def _bound(schema: pa.Schema, wanted: Wanted) -> pc.Expression | None:
    if wanted.since is None or wanted.date_column is None:
        return None
    bound = bound_of(schema.field(wanted.date_column).type, wanted.since)
    if bound is None:
        return None
    column = pc.field(wanted.date_column)
    return (column >= bound) | column.is_null()
