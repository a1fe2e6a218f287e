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


class Learnt:
    """What was learnt of one system's sources, read when a check asks."""

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

    def _kept(self, what: str, as_of: date) -> dict[str, Any] | None:
        path = self._path(what, as_of.isoformat())
        return self._lake.get_json(path) if self._lake.exists(path) else None

    def _path(self, what: str, as_of: str) -> str:
        return f"systems/{self._system}/learnt/{what}/{as_of}.json"


def _backwards(week: date) -> Iterator[date]:
    return (week + timedelta(days=n) for n in range(6, -1, -1))
