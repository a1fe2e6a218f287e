"""What is asked of a source, in one value that every reader takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from sundial.sources.errors import SourceBroken

CHUNK_ROWS = 100_000
"""Rows that are in memory at once, about."""


@dataclass(frozen=True)
class Wanted:
    """What to read.

    Attributes:
        columns: columns to read, the date column included where it bounds.
        since: civil day before which rows are not wanted; None for all.
        date_column: column that `since` bounds; None where there is no bound.
        where: which feed this is, for messages.
        offered: names of columns that the source turned out to have; readers add to it.
    """

    columns: tuple[str, ...]
    since: date | None
    date_column: str | None
    where: str
    offered: set[str] = field(default_factory=set, compare=False)

    def check_present(self, present: Iterable[str], inside: str) -> None:
        """Refuse a source that lacks a wanted column; what it has is noted.

        Args:
            present: the names of the columns that there are.
            inside: what has them, for the message.

        Raises:
            SourceBroken: naming the missing columns and those that are present.
        """
        names = list(present)
        self.offered.update(names)
        missing = [column for column in self.columns if column not in names]
        if missing:
            raise SourceBroken(
                f"{self.where}: {inside} has no column {', '.join(missing)}; "
                f"it has {', '.join(names) or 'none'}. "
                "Correct the feed's columns in its register entry, or have the source put the column back."
            )
        twice = [column for column in self.columns if names.count(column) > 1]
        if twice:
            raise SourceBroken(
                f"{self.where}: {inside} has more than one column {', '.join(twice)}. "
                "Have the source name them apart."
            )
