"""What pulls learnt of a system's sources beside the rows: small manifests in the lake, by as-of date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from http import HTTPStatus
from typing import Any

from sundial.lake import Lake
from sundial.register.events import FeedName
from sundial.sources.landing import Landing
from sundial.stats.suppression import small


@dataclass(frozen=True)
class Probe:
    """What one look at a page brought.

    Attributes:
        day: as-of date of the run that looked.
        page: its address.
        asked: whether it was asked; False where the guards refuse the address.
        status: of the HTTP answer; None without one.
        problem: why there is none, with the remedy.
    """

    day: str
    page: str
    asked: bool
    status: int | None = None
    problem: str | None = None

    @property
    def reachable(self) -> bool:
        """Whether the page came."""
        return self.status == HTTPStatus.OK


@dataclass(frozen=True)
class Oldest:
    """The oldest day as a run learnt it.

    Attributes:
        asked: as-of date of the run.
        day: None where there are no rows, or it could not be learnt.
        unknown: why it could not.
    """

    asked: str
    day: str | None
    unknown: str | None = None


@dataclass(frozen=True)
class Published:
    """What was published of a system's figures, read again from what was filed.

    Attributes:
        last: day of the last publication of figures.
        counts: how many counts are public.
        withheld: how many cells of the last published window are not shown by themselves.
        small: how many public counts are from 1 to 10; none should be.
        small_since: day from which on the first of them is public; None where there is none.
    """

    last: date
    counts: int
    withheld: int
    small: int
    small_since: date | None


def published_path(system: str) -> str:
    """Returns where in the lake the record of all published figures of a system lies."""
    return f"published/{system}.json"


class Learnt:
    """What was learnt of one system's sources, and published of it, read when a check asks."""

    def __init__(self, lake: Lake, system: str) -> None:
        self._lake, self._system = lake, system

    def page(self, page: str, week: date) -> Probe | None:
        """Returns the last look at a page in a week that begins on the Monday; None without one."""
        found = (self.page_on(day) for day in _backwards(week))
        return next((probe for probe in found if probe is not None and probe.page == page), None)

    def page_on(self, as_of: date) -> Probe | None:
        """Returns what the run as of a day saw; None where it did not look."""
        kept = self._kept("notice", as_of)
        return Probe(**kept) if kept is not None else None

    def keep_page(self, probe: Probe) -> None:
        """Keeps what a run saw, in the place of what it saw when it was tried before."""
        self._lake.put_json(self._path("notice", probe.day), asdict(probe))

    def oldest(self, week: date) -> Oldest | None:
        """Returns the oldest day of the outputs' source, as last learnt in a week; None where nobody did."""
        found = (self._kept("oldest", day) for day in _backwards(week))
        return next((Oldest(**kept) for kept in found if kept is not None), None)

    def keep_oldest(self, oldest: Oldest) -> None:
        """Keeps the oldest day as a run learnt it."""
        self._lake.put_json(self._path("oldest", oldest.asked), asdict(oldest))

    def offered(self, feed: FeedName, day: date) -> Sequence[str] | None:
        """Returns the names of the columns that a feed's source had, by the last batch up to a day.

        None where no batch had come by then, or Sundial did not keep the names yet.
        """
        batch = Landing(self._lake, self._system, feed).last_by(day)
        return batch.offered if batch is not None else None

    def published(self, day: date) -> Published | None:
        """Returns what was published by a day; None where nothing was."""
        path = published_path(self._system)
        filed = self._lake.get_json(path)["windows"] if self._lake.exists(path) else []
        windows = [one for one in filed if date.fromisoformat(one["published"]) <= day]
        if not windows:
            return None
        counts = [
            (count, date.fromisoformat(window["published"]))
            for window in windows
            for table in window["tables"]
            for row in table["rows"]
            for count in (row["hits"], row["n"] - row["hits"])
        ]
        since = [public for count, public in counts if small(count)]
        last = windows[-1]
        return Published(
            last=date.fromisoformat(last["published"]),
            counts=len(counts),
            withheld=last["suppressed"],
            small=len(since),
            small_since=min(since, default=None),
        )

    def _kept(self, what: str, as_of: date) -> dict[str, Any] | None:
        path = self._path(what, as_of.isoformat())
        return self._lake.get_json(path) if self._lake.exists(path) else None

    def _path(self, what: str, as_of: str) -> str:
        return f"systems/{self._system}/learnt/{what}/{as_of}.json"


def _backwards(week: date) -> Iterator[date]:
    return (week + timedelta(days=n) for n in range(6, -1, -1))
