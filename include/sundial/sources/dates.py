"""The lower bound on dates: leave out only what is certainly older.

A date or a time without an offset is a civil day and is never shifted. A time with an offset is an instant:
its civil day depends on the system's zone, which a source does not know, so it is kept from one day earlier.
A missing date, or a text that is no ISO date, is kept as well: the gate judges it, with the reason on record.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sundial.sources.errors import SourceBroken
from sundial.sources.wanted import Wanted

_ISO_DATE = r"^\d{4}-\d{2}-\d{2}"
_OFFSET = r"[T ].*(Z|[+-]\d{2}(:?\d{2})?)$"


def day_before(since: date) -> date:
    """The earliest civil day, in UTC or any offset, on which an instant of the day `since` can be written."""
    return since - timedelta(days=1)


def bound_of(kind: pa.DataType, since: date) -> pa.Scalar | None:
    """The least value of an Arrow type that may be on or after a day; None for types that are no time."""
    if pa.types.is_date(kind):
        return pa.scalar(since, kind)
    if pa.types.is_timestamp(kind):
        if kind.tz is None:
            return pa.scalar(datetime.combine(since, time()), kind)
        return pa.scalar(datetime.combine(day_before(since), time(), UTC), kind)
    return None


def keep_since(table: pa.Table, wanted: Wanted) -> pa.Table:
    """The rows of a table that are not certainly older than the bound.

    Raises:
        SourceBroken: the date column holds neither dates, times nor text.
    """
    if wanted.since is None or wanted.date_column is None:
        return table
    column = table[wanted.date_column]
    if pa.types.is_null(column.type):
        return table
    bound = bound_of(column.type, wanted.since)
    if bound is not None:
        kept = pc.greater_equal(column, bound)
    elif pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        kept = _text_since(column, wanted.since)
    else:
        raise SourceBroken(
            f"{wanted.where}: the date column {wanted.date_column} holds {column.type}. "
            "Have the source give dates, times or ISO text (YYYY-MM-DD)."
        )
    return table.filter(pc.fill_null(kept, True))


def _text_since(column: pa.ChunkedArray, since: date) -> Any:
    no_date = pc.invert(pc.match_substring_regex(column, _ISO_DATE))
    late = pc.greater_equal(column, since.isoformat())
    instant = pc.and_(
        pc.match_substring_regex(column, _OFFSET), pc.greater_equal(column, day_before(since).isoformat())
    )
    return pc.or_(no_date, pc.or_(late, instant))
