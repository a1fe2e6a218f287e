"""CSV: the wanted columns as text; their types are known only when all files were read."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv

from sundial.sources.errors import SourceBroken
from sundial.sources.wanted import Wanted

_BLOCK_BYTES = 8 << 20
_HEADER_BYTES = 1 << 20


def read(handle: BinaryIO, path: str, wanted: Wanted) -> Iterator[pa.Table]:
    """The wanted columns of one CSV file.

    Args:
        handle: the file, open at its start; it must be able to go back there.
        path: its name, for messages.
        wanted: what to read.

    Yields:
        tables of text, of a few megabytes each.

    Raises:
        SourceBroken: a wanted column is missing, or a row has too few or too many fields.
        ValueError: the file cannot be read as CSV in UTF-8.
    """
    wanted.check_present(_header(handle), path)
    if not handle.read(1):
        yield pa.table({name: pa.array([], pa.string()) for name in wanted.columns})
        return
    handle.seek(0)

    uneven: list[pyarrow.csv.InvalidRow] = []

    def refuse(row: pyarrow.csv.InvalidRow) -> str:
        uneven.append(row)
        return "error"

    try:
        reader = pyarrow.csv.open_csv(
            handle,
            read_options=pyarrow.csv.ReadOptions(block_size=_BLOCK_BYTES),
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=refuse),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=list(wanted.columns),
                column_types=dict.fromkeys(wanted.columns, pa.string()),
                strings_can_be_null=False,
            ),
        )
        for batch in reader:
            yield pa.Table.from_batches([batch])
    except pa.ArrowInvalid:
        if not uneven:
            raise
        row = uneven[0]
        line = f" (row {row.number})" if row.number is not None else ""
        raise SourceBroken(
            f"{wanted.where}: {path} has a row{line} of {row.actual_columns} fields under a header of "
            f"{row.expected_columns}: cut short, or a comma or quote that is not escaped. "
            "Have the source deliver it again, correctly quoted."
        ) from None


def _header(handle: BinaryIO) -> list[str]:
    line = b""
    while not line.strip():
        line = handle.readline(_HEADER_BYTES)
        if not line:
            return []
    return next(csv.reader([line.decode("utf-8-sig").rstrip("\r\n")]))
