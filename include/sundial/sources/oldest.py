"""The oldest day that a source still has rows of: as far as it can be learnt without reading it once more."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from sundial.register.source import FilesSource, HttpSource, Source, SqlSource
from sundial.sources.connection import Resolve
from sundial.sources.days import civil_days
from sundial.sources.learnt import Oldest
from sundial.sources.sample import column
from sundial.sources.sql import least_sql

ONLY_SINCE = "the service gave rows since a date only; have it give all of them, without since_param"
"""Why the oldest day is not known."""


class Days:
    """Keeps the oldest of the days that a reader meets before the bound on dates is applied."""

    def __init__(self, name: str, zone: ZoneInfo, where: str) -> None:
        self.oldest: date | None = None
        self._name, self._zone, self._where = name, zone, where

    def see(self, values: pa.ChunkedArray) -> None:
        """Takes notice of some values of the date column. Raises SourceBroken where they are no dates."""
        least: date | None = pc.min(civil_days(values, self._zone, self._where, self._name)).as_py()
        if least is not None and (self.oldest is None or least < self.oldest):
            self.oldest = least


def oldest_of(
    source: Source, days: Days, name: str, asked: date, *, whole: bool, resolve: Resolve, where: str
) -> Oldest:
    """Returns the oldest day, after the source was read.

    CSV, JSON and a service without `since_param` are read whole in any case; of Parquet the one column is
    read, and a database is asked for its least value.

    Args:
        source: what was read.
        days: what was seen of it.
        name: the date column.
        asked: as-of date of the run.
        whole: whether no bound on dates was asked for.
        resolve: gives the connection of a name.
        where: which feed this is, for messages.

    Raises:
        SourceError: the source cannot be read.
    """
    match source:
        case _ if whole:
            pass
        case HttpSource() if source.since_param is not None:
            return Oldest(asked.isoformat(), None, ONLY_SINCE)
        case SqlSource():
            days.see(least_sql(source, resolve(source.connection), name, where))
        case FilesSource() if source.format == "parquet":
            days.see(column(source, name, resolve=resolve, where=where))
    return Oldest(asked.isoformat(), days.oldest.isoformat() if days.oldest else None)
