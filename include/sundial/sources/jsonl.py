"""JSON Lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import pyarrow as pa

from sundial.sources.errors import SourceBroken
from sundial.sources.records import tables_of
from sundial.sources.wanted import Wanted


def read(handle: BinaryIO, path: str, wanted: Wanted) -> Iterator[pa.Table]:
    """The wanted columns of one file of JSON Lines; blank lines are left out.

    Args:
        handle: the file, open at its start.
        path: its name, for messages.
        wanted: what to read.

    Yields:
        tables of at most 100,000 rows.

    Raises:
        SourceBroken: a wanted column is missing, or a line is no JSON object.
    """
    return tables_of(_objects(handle, path, wanted), wanted, path)


def _objects(handle: BinaryIO, path: str, wanted: Wanted) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(handle, start=1):
        text = line.removeprefix(b"\xef\xbb\xbf").strip()
        if not text:
            continue
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise SourceBroken(
                f"{wanted.where}: line {number} of {path} is no JSON object: cut short or damaged. "
                "Have the source deliver it again, one object a line."
            )
        yield value
