"""What the tests of sources share: asking, and connections by name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pyarrow as pa

from sundial.register.source import Source
from sundial.sources.connection import Connection
from sundial.sources.fetch import fetch

WHERE = "compas-broward · outputs"


def ask(
    source: Source,
    columns: Sequence[str],
    *,
    since: date | None = None,
    by: str | None = None,
    connection: Connection | None = None,
) -> pa.Table:
    """All that a source gives, after checking that its chunks have one schema."""
    known = {"it": connection} if connection else {}
    chunks = list(
        fetch(source, columns=columns, since=since, date_column=by, resolve=known.__getitem__, where=WHERE)
    )
    assert chunks
    assert all(chunk.schema == chunks[0].schema for chunk in chunks)
    assert chunks[0].column_names == list(columns)
    return pa.concat_tables(chunks)
