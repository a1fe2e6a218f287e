"""Spans: weeks of a stored profile added up two by two, so that a long window reads few files.

A span of 2, 4, 8, 16 or 32 weeks has the cells of its days together. It is made of week files alone and named
by the hash of their names: one that is missing, or whose weeks changed, is left out and its halves are read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from sundial.lake import Lake
from sundial.profile.adding import summed
from sundial.profile.cells import Cells, lowest, stacked
from sundial.profile.statistics import Sample, Statistic
from sundial.profile.weekfile import Stored, tables_of

if TYPE_CHECKING:
    from collections.abc import Set

    import pyarrow as pa

LEVELS = 5
"""A span has 2 ** level weeks."""

SETTLED = 8
"""Weeks at the end that are never part of a span: late outcomes would have it made again every day."""

_EPOCH = date(1970, 1, 5)


@dataclass(frozen=True)
class Piece:
    """A file of cells: of one week by day, or of a span as one.

    Attributes:
        path: where it lies in the lake.
        first: Monday of its first week.
        last: Monday of its last week.
    """

    path: str
    first: date
    last: date

    @property
    def end(self) -> date:
        """The Sunday of its last week."""
        return self.last + timedelta(days=6)


def weeks_of(paths: Sequence[str]) -> Mapping[int, Piece]:
    """Returns the stored weeks by number, oldest first."""
    weeks = {}
    for path in sorted(paths):
        monday = date.fromisoformat(path.rsplit("/", 1)[1][:10])
        weeks[(monday - _EPOCH).days // 7] = Piece(path, monday, monday)
    return weeks


class Spans:
    """The spans of one system's profile under one plan."""

    def __init__(self, lake: Lake, folder: str, plan_id: str, plan: Sequence[Statistic]) -> None:
        self._lake = lake
        self._all = folder
        self._folder = f"{folder}/{plan_id}"
        self._plan = plan

    def update(self, paths: Sequence[str]) -> None:
        """Makes the spans of these week files that are not there, and removes all others."""
        weeks = weeks_of(paths)
        stored = set(self._lake.list(self._all))
        wanted = set()
        for level in range(1, LEVELS + 1):
            for number, span in self._of(weeks, level).items():
                wanted.add(span.path)
                if span.path not in stored:
                    halves = list(self._halves(weeks, stored, level, number))
                    self._lake.put_table(span.path, *self._rolled(halves, span))
                    stored.add(span.path)
        for path in stored - wanted:
            self._lake.delete(path)

    def stored(self) -> Set[str]:
        """Returns the paths of the spans that are there."""
        return set(self._lake.list(self._folder))

    def cover(
        self, weeks: Mapping[int, Piece], stored: Set[str], start: date, end: date, known_by: date
    ) -> Sequence[Piece]:
        """Returns the fewest files that have the days of [start, end]: spans wholly inside, else weeks."""
        inside = {number: week for number, week in weeks.items() if start <= week.end and week.first <= end}
        found: list[Piece] = []
        for level in range(LEVELS, 0, -1):
            for number, span in self._of(weeks, level).items():
                numbers = [n for n in range(number << level, (number + 1) << level) if n in weeks]
                whole = start <= span.first and span.end <= end and span.last <= known_by
                if whole and span.path in stored and all(n in inside for n in numbers):
                    found.append(span)
                    inside = {n: week for n, week in inside.items() if n not in numbers}
        return [*found, *inside.values()]

    def _of(self, weeks: Mapping[int, Piece], level: int) -> Mapping[int, Piece]:
        """Returns the spans of a level that there should be, by number: settled, of two weeks or more."""
        settled = max(weeks, default=0) - SETTLED
        groups: dict[int, list[Piece]] = {}
        for number, week in weeks.items():
            if ((number >> level) + 1 << level) - 1 <= settled:
                groups.setdefault(number >> level, []).append(week)
        return {
            number: self._piece(number, level, group) for number, group in groups.items() if len(group) > 1
        }

    def _piece(self, number: int, level: int, weeks: Sequence[Piece]) -> Piece:
        names = "\n".join(week.path for week in weeks)
        made_of = hashlib.sha256(names.encode()).hexdigest()[:12]
        first, size = _EPOCH + timedelta(weeks=number << level), 1 << level
        path = f"{self._folder}/{first}-{size}-weeks-{made_of}.parquet"
        return Piece(path, first, first + timedelta(weeks=size - 1))

    def _halves(
        self, weeks: Mapping[int, Piece], stored: Set[str], level: int, number: int
    ) -> Iterator[Piece]:
        """Yields the files of a span: the spans of the level below, and weeks that are in none."""
        below = self._of(weeks, level - 1) if level > 1 else {}
        for half in (2 * number, 2 * number + 1):
            if half in below and below[half].path in stored:
                yield below[half]
            else:
                numbers = range(half << level - 1, half + 1 << level - 1)
                yield from (weeks[n] for n in numbers if n in weeks)

    def _rolled(self, pieces: Sequence[Piece], span: Piece) -> Sequence[pa.Table]:
        files = [Stored(self._lake, piece.path, self._plan) for piece in pieces]
        cells = {s: _one([file.part(s) for file in files], s, span) for s in self._plan}
        return tables_of({}, cells)


def _one(parts: Sequence[Cells], statistic: Statistic, span: Piece) -> Cells:
    """Returns the cells with all days of the span as its first.

    What was known by its last week counts in that: a window that ends before is not answered by the span.
    """
    first, last = (int(np.datetime64(day, "D").astype(np.int64)) for day in (span.first, span.last))
    counted = [np.maximum(part.counted, last) for part in parts]
    found = []
    for week in np.unique(np.concatenate(counted)):
        of_week = [part.only(known == week) for part, known in zip(parts, counted, strict=True)]
        if isinstance(statistic, Sample):
            found += [
                replace(part, day=np.full_like(part.day, first), counted=np.full_like(part.day, week))
                for part in of_week
            ]
            continue
        keys, values = summed(of_week, statistic)
        days = np.full(len(values["n"]), first)
        found.append(Cells(days, np.full_like(days, week), keys, values))
    return lowest(stacked(found or parts[:1], statistic), statistic)
