"""How much a system put out on which day, as its pulls saw it: what a halt is verified by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow.parquet as pq

from sundial.lake import Lake
from sundial.sources.landing import Landing
from sundial.store.database import Database
from sundial.store.results import Results


@dataclass(frozen=True)
class Volume:
    """What pulls of the outputs saw.

    Attributes:
        days: accepted rows by day; days without any are left out.
        last: the latest day that the source has brought a row of, accepted or not; None before the first.
        seen_until: the day up to which the last pull has asked the source, and has got an answer; None where
            it got none.
        asked_until: the day up to which it asked, with or without an answer; None before the first pull.
    """

    days: Mapping[date, int]
    last: date | None
    seen_until: date | None
    asked_until: date | None

    def between(self, first: date, last: date) -> int:
        """Returns the accepted rows from one day to another, both included."""
        return sum(rows for day, rows in self.days.items() if first <= day <= last)

    def after(self, day: date) -> Mapping[date, int]:
        """Returns the rows by day that came after a day; a day whose rows were all refused has 0."""
        found = {later: rows for later, rows in self.days.items() if later > day}
        if self.last is not None and self.last > day:
            found.setdefault(self.last, 0)
        return dict(sorted(found.items()))


def volume(lake: Lake, database: Database, system: str, since: date) -> Volume:
    """Returns what the pulls of a system's outputs saw from a day on.

    Args:
        lake: where accepted rows and batches lie.
        database: the store, which knows how each pull ended.
        system: its id.
        since: the first day that is counted.
    """
    folder = f"systems/{system}/accepted/outputs"
    days: defaultdict[date, int] = defaultdict(int)
    for path in lake.list(folder):
        day = date.fromisoformat(path[len(folder) + 1 :].partition("/")[0])
        if day >= since:
            with lake.open(path) as file:
                days[day] += pq.read_metadata(file).num_rows
    brought = [batch.last for batch in Landing(lake, system, "outputs").batches() if batch.last]
    pulled = Results(database).latest_pulls(system).get("outputs")
    return Volume(
        days=dict(days),
        last=date.fromisoformat(max(brought)) if brought else None,
        seen_until=pulled.as_of if pulled is not None and pulled.status == "ok" else None,
        asked_until=pulled.as_of if pulled is not None else None,
    )


def mean_daily(volume: Volume, last: date, days: int) -> float:
    """Returns accepted rows a day over the days up to one, that one included."""
    return volume.between(last - timedelta(days=days - 1), last) / days
