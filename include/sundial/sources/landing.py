"""Where a pull lands: batches of one feed, each a Parquet file made valid by its manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING

from sundial.lake import Lake
from sundial.register.events import FeedName

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Batch:
    """The manifest of what one pull of one feed brought.

    Attributes:
        id: as-of date, number among the batches of that date, and the start of the content's hash: batches
            sort by the date that they were asked for, and then by arrival.
        first: earliest day of its rows by the feed's own date; None when no row has one.
        last: latest such day up to the as-of date: the watermark.
        open: whether it has rows without a day, or of one after the as-of date: later pulls meet these again.
        columns: kind of value by column: `number`, `text`, or the Arrow type.
        model_versions: rows by model version; empty where the feed has none.
        offered: names of all columns that the source had; None of batches that were landed before Sundial
            kept them.
    """

    id: str
    system: str
    feed: FeedName
    as_of: str
    rows: int
    sha256: str
    first: str | None
    last: str | None
    open: bool
    columns: Mapping[str, str]
    model_versions: Mapping[str, int]
    offered: Sequence[str] | None = None


class Landing:
    """The batches of one feed of one system in the lake."""

    def __init__(self, lake: Lake, system: str, feed: FeedName) -> None:
        self._lake = lake
        self._folder = f"systems/{system}/landing/{feed}"

    def batches(self) -> Sequence[Batch]:
        """Returns all batches, oldest as-of date first, those of one date as they came."""
        return [Batch(**json.loads(data)) for data in self._lake.get_each(self._manifests())]

    def last_by(self, day: date) -> Batch | None:
        """Returns the last batch as of a day or before; None before the first."""
        start = len(self._folder) + 1
        by_then = [path for path in self._manifests() if path[start:][:10] <= day.isoformat()]
        return Batch(**self._lake.get_json(by_then[-1])) if by_then else None

    def _manifests(self) -> Sequence[str]:
        return [path for path in self._lake.list(self._folder) if path.endswith(".json")]

    def path(self, batch_id: str) -> str:
        """Returns the path of the batch's rows in the lake."""
        return f"{self._folder}/{batch_id}.parquet"

    def rows(self, batch_id: str) -> pa.Table:
        """Returns the batch's rows as landed: pseudonymised, not judged yet."""
        return self._lake.get_table(self.path(batch_id))

    def add(self, batch: Batch, content: bytes) -> None:
        """Writes the Parquet content, then the manifest: a batch without one does not exist."""
        self._lake.put(self.path(batch.id), content)
        self._lake.put_json(f"{self._folder}/{batch.id}.json", asdict(batch))


def watermark(batches: Sequence[Batch]) -> date | None:
    """Returns the latest day that the feed has brought; None before the first batch."""
    days = [date.fromisoformat(batch.last) for batch in batches if batch.last]
    return max(days, default=None)
