"""The profile of stored files, of which only those are read that a question is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sundial.lake import Lake
from sundial.profile.adding import added
from sundial.profile.cells import Cells, stacked
from sundial.profile.profile import Correction, Profile
from sundial.profile.spans import Piece, Spans, weeks_of
from sundial.profile.statistics import Sample, Statistic
from sundial.profile.weekfile import About, Stored, about_file, empty

if TYPE_CHECKING:
    from collections.abc import Set

    from numpy.typing import NDArray

_OPEN = 32
"""Files that are kept in memory: the weeks of a long window, and more."""

_KEPT = 256
"""Answers that are kept: the checks of a week ask the same."""


class StoredProfile(Profile):
    """A profile that adds up, for each question, the cells of the files that it is about."""

    def __init__(self, lake: Lake, paths: Sequence[str], spans: Spans, plan: Sequence[Statistic]) -> None:
        """Takes the week files that there are now."""
        super().__init__({})
        self._lake = lake
        self._plan = plan
        self._spans = spans
        self._weeks = weeks_of(paths)
        self._open: dict[str, Stored] = {}
        self._covers: dict[tuple[date, ...], Sequence[Piece]] = {}
        self._answers: dict[tuple[Statistic, *tuple[date, ...]], pd.DataFrame] = {}

    @cached_property
    def _about(self) -> dict[str, About]:
        return {week.path: about_file(self._lake, week.path) for week in self._weeks.values()}

    @cached_property
    def days(self) -> Sequence[date]:
        """The days that have rows, sorted."""
        return sorted(day for about in self._about.values() for day in about.days)

    @cached_property
    def _known(self) -> NDArray[np.int64]:
        return np.concatenate([np.zeros((2, 0), np.int64), *(a.known for a in self._about.values())], axis=1)

    @cached_property
    def _versions(self) -> Sequence[tuple[str, date, date]]:
        return [version for about in self._about.values() for version in about.versions]

    def corrected(self, first: date) -> Sequence[Correction]:
        """Returns the corrections of outcomes that counted before the week `first` and are new to it."""
        found = [correction for about in self._about.values() for correction in about.corrected]
        return Profile({}, found).corrected(first)

    def window(self, statistic: Statistic, start: date, end: date, known_by: date) -> pd.DataFrame:
        """Returns the keys, n, sums and extremes of the outputs of [start, end], as known by `known_by`."""
        asked = statistic, start, end, known_by
        if asked not in self._answers:
            first, last, known = _day(start), _day(end), _day(known_by)
            self._answer(
                asked,
                self._cover(start, end, known_by),
                lambda part: (part.day >= first) & (part.day <= last) & (part.counted <= known),
            )
        return self._answers[asked].copy(deep=False)  # on write pandas copies: it is the asker's own

    def weeks(self, statistic: Statistic, first: date, last: date) -> pd.DataFrame:
        """Returns the keys, n and sums of what counts in these weeks and in no other: evidence uses it."""
        asked = statistic, first, last
        if asked not in self._answers:
            start, stop = _day(first), _day(last)
            pieces = [
                week
                for week in self._weeks.values()
                if (counted := self._about[week.path].counted) and counted[0] <= last and first <= counted[1]
            ]
            self._answer(asked, pieces, lambda part: (part.counted >= start) & (part.counted <= stop))
        return self._answers[asked].copy(deep=False)  # on write pandas copies: it is the asker's own

    def sample(self, sample: Sample, start: date, end: date, known_by: date) -> pd.DataFrame:
        """Returns the rows of a sample of [start, end], as `Profile.sample` does."""
        source = self._source(sample)
        files = self._files(self._cover(start, end, known_by))
        parts = [file.part(source) for file in files] or [empty(source)]
        return Profile({source: stacked(parts, source)}).sample(sample, start, end, known_by)

    def _cover(self, start: date, end: date, known_by: date) -> Sequence[Piece]:
        asked = start, end, known_by
        if asked not in self._covers:
            self._covers[asked] = self._spans.cover(self._weeks, self._whole, *asked)
        return self._covers[asked]

    @cached_property
    def _whole(self) -> Set[str]:
        return self._spans.stored()

    def _answer(
        self,
        asked: tuple[Statistic, *tuple[date, ...]],
        pieces: Iterable[Piece],
        chosen: Callable[[Cells], NDArray[np.bool_]],
    ) -> None:
        source = self._source(asked[0])
        parts = [file.part(source) for file in self._files(pieces)] or [empty(source)]
        if len(self._answers) >= _KEPT:
            del self._answers[next(iter(self._answers))]
        self._answers[asked] = added([part.only(chosen(part)) for part in parts], asked[0])

    def _source(self, statistic: Statistic) -> Statistic:
        source = next((s for s in self._plan if s.answers(statistic)), None)
        if source is None:
            raise KeyError(f"no stored statistic answers {statistic}; declare it in the check's statistics()")
        return source

    def _files(self, pieces: Iterable[Piece]) -> Sequence[Stored]:
        """Returns the files, the oldest first; what was read longest ago is forgotten."""
        found = []
        for piece in sorted(pieces, key=lambda piece: piece.first):
            file = self._open.pop(piece.path, None)
            if file is None:
                if len(self._open) >= _OPEN:
                    del self._open[next(iter(self._open))]
                file = Stored(self._lake, piece.path, self._plan)
            self._open[piece.path] = file
            found.append(file)
        return found


def _day(day: date) -> int:
    return int(np.datetime64(day, "D").astype(np.int64))
