"""Civil days of the values of a date column."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from sundial.sources.errors import SourceBroken

_OFFSET = r"[T ].*(Z|[+-]\d{2}(:?\d{2})?)$"


def civil_days(values: pa.ChunkedArray, zone: ZoneInfo, where: str, column: str) -> pa.ChunkedArray:
    """Returns days as date32: an instant in the system's zone, a date or a wall-clock time as it stands.

    Raises:
        SourceBroken: text that is no ISO date or time.
    """
    if pa.types.is_null(values.type):
        return values.cast(pa.date32())
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        try:
            return _days_of_text(values, zone)
        except pa.ArrowInvalid as error:
            raise SourceBroken(
                f"{where}: column {column} has text that is no ISO date; send YYYY-MM-DD or an ISO 8601 time"
            ) from error
    if pa.types.is_timestamp(values.type) and values.type.tz is not None:
        values = _wall_clock(values, zone)
    if not (pa.types.is_date(values.type) or pa.types.is_timestamp(values.type)):
        raise SourceBroken(
            f"{where}: column {column} is {values.type}, no date; name the date column in the register"
        )
    return values.cast(pa.date32(), safe=False)


def _days_of_text(values: pa.ChunkedArray, zone: ZoneInfo) -> pa.ChunkedArray:
    """Returns the days of ISO text, in which some may have an offset and some may not."""
    instant = pc.fill_null(pc.match_substring_regex(values, _OFFSET), False)
    nothing = pa.scalar(None, values.type)
    instants = pc.if_else(instant, values, nothing).cast(pa.timestamp("us", "UTC"))
    civil = pc.if_else(instant, nothing, values).cast(pa.timestamp("us"))
    return pc.coalesce(_wall_clock(instants, zone), civil).cast(pa.date32(), safe=False)


def _wall_clock(instants: pa.ChunkedArray, zone: ZoneInfo) -> pa.ChunkedArray:
    return pc.local_timestamp(instants.cast(pa.timestamp("us", str(zone))))
