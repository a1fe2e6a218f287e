"""One type per column for a whole feed, though its chunks are read one by one."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.ipc as ipc

_MARKS_OF_NOTHING = pa.array(pyarrow.csv.ConvertOptions().null_values)
_NO_WHOLE_NUMBER = r"^[+-]?0\d"
_NO_NUMBER = r"^[+-]?(0\d|\d{16,}$)"


def common_type(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """The narrowest type that holds the values of both: whole numbers, numbers, text in the end."""
    if pa.types.is_date(one) and pa.types.is_timestamp(other):
        return other
    if pa.types.is_timestamp(one) and pa.types.is_date(other):
        return one
    both = [pa.schema([("values", kind)]) for kind in (one, other)]
    try:
        return pa.unify_schemas(both, promote_options="permissive").field(0).type
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.string()


class Types(Protocol):
    """Learns the types of a feed from its chunks, then gives every chunk those types."""

    def learn(self, chunk: pa.Table) -> None:
        """Take notice of one chunk."""

    def apply(self, chunk: pa.Table) -> pa.Table:
        """The chunk, in the types of all chunks."""


class CommonTypes:
    """The types of chunks whose values came with types."""

    def __init__(self, columns: Iterable[str]) -> None:
        self._types: dict[str, pa.DataType] = dict.fromkeys(columns, pa.null())

    def learn(self, chunk: pa.Table) -> None:
        """Widen each column's type by the chunk's."""
        self._types = {name: common_type(kind, chunk[name].type) for name, kind in self._types.items()}

    def apply(self, chunk: pa.Table) -> pa.Table:
        """Cast the chunk; where fractions made whole numbers floats, those beyond 2**53 are rounded."""
        return pa.table({name: chunk[name].cast(kind, safe=False) for name, kind in self._types.items()})


class TextTypes:
    """The types of chunks whose values came as text, as pyarrow infers them for CSV, over all of the text.

    Unlike there, digits that a number would change stay text: identifiers with leading zeros, and those that
    are too long for the numbers beside them.
    """

    def __init__(self, columns: Iterable[str]) -> None:
        kinds = [
            pa.int64(),
            pa.float64(),
            pa.bool_(),
            pa.date32(),
            pa.timestamp("us"),
            pa.timestamp("us", "UTC"),
        ]
        self._candidates: dict[str, list[pa.DataType]] = {name: list(kinds) for name in columns}
        self._seen: set[str] = set()

    def learn(self, chunk: pa.Table) -> None:
        """Drop the types that do not fit the chunk."""
        for name, candidates in self._candidates.items():
            values = _without_marks(chunk[name]).drop_null()
            if len(values):
                self._seen.add(name)
                self._candidates[name] = [kind for kind in candidates if _fits(values, kind)]

    def apply(self, chunk: pa.Table) -> pa.Table:
        """Cast the chunk; an empty cell is a null."""
        return pa.table({name: self._cast(name, chunk[name]) for name in self._candidates})

    def _cast(self, name: str, values: pa.ChunkedArray) -> pa.ChunkedArray:
        if name not in self._seen:
            return pa.chunked_array([pa.nulls(len(values))])
        candidates = self._candidates[name]
        if candidates:
            return _without_marks(values).cast(candidates[0])
        return pc.if_else(pc.equal(values, ""), None, values)


def _without_marks(values: pa.ChunkedArray) -> pa.ChunkedArray:
    trimmed = pc.utf8_trim_whitespace(values)
    return pc.if_else(pc.is_in(trimmed, value_set=_MARKS_OF_NOTHING), None, trimmed)


def _fits(values: pa.ChunkedArray, kind: pa.DataType) -> bool:
    try:
        values.cast(kind)
    except pa.ArrowInvalid:
        return False
    if pa.types.is_integer(kind):
        return not pc.any(pc.match_substring_regex(values, _NO_WHOLE_NUMBER)).as_py()
    if pa.types.is_floating(kind):
        return not pc.any(pc.match_substring_regex(values, _NO_NUMBER)).as_py()
    return True


def settle(chunks: Iterable[pa.Table], types: Types) -> Iterator[pa.Table]:
    """Read a source to its end, then give its chunks again, all in the same types.

    The chunks wait in a nameless temporary file, which the system removes even when the process is killed. So
    a source is not kept open while its rows are worked on, and one that breaks midway gives nothing at all.

    Args:
        chunks: tables with the same columns.
        types: decides the types.

    Yields:
        the same tables with the settled types.
    """
    with contextlib.closing(tempfile.TemporaryFile()) as spool:
        starts = []
        for chunk in chunks:
            types.learn(chunk)
            starts.append(spool.tell())
            with ipc.new_stream(
                spool, chunk.schema, options=ipc.IpcWriteOptions(compression="lz4")
            ) as stream:
                stream.write_table(chunk)
        for start in starts:
            spool.seek(start)
            yield types.apply(ipc.open_stream(spool).read_all())
