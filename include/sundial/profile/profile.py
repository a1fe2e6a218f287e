"""The profile of a system: its statistics by partition, merged for any window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sundial.profile.cells import Cells, decoded, known, lowest, stacked, versions
from sundial.profile.statistics import Sample, Statistic, key_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EPOCH = date(1970, 1, 1).toordinal()

_KEPT = 256
"""Windows that are kept merged: the checks of a week ask for the same ones."""


@dataclass(frozen=True)
class _Indexed:
    """Cells of one statistic, sorted by day, with the place of each in its distinct keys.

    Attributes:
        by_counted: the cells by the week in which they count.
        size: how many distinct keys there are.
        names: the columns of a merged frame: keys, then values.
    """

    day: NDArray[np.int64]
    counted: NDArray[np.int64]
    by_counted: NDArray[np.intp]
    place: NDArray[np.int64]
    size: int
    keys: Mapping[str, Any]
    values: Mapping[str, NDArray[Any]]
    names: pd.Index[str]


@dataclass(frozen=True)
class Correction:
    """Outcomes of one day that their source has corrected.

    Attributes:
        day: of their outputs.
        counted: the week in which they count as evidence.
        after: last week whose judging could not know yet what was replaced since.
        until: last week whose judging could not know of the correction yet; it counts from then on.
        n: how many outcomes.
    """

    day: date
    counted: date
    after: date
    until: date
    n: int


class Profile:
    """Statistics of many partitions in memory; answers what the plan answers, never a row."""

    def __init__(self, cells: Mapping[Statistic, Cells], corrections: Sequence[Correction] = ()) -> None:
        """Takes the cells of each statistic, in any order, and what was corrected."""
        self._cells = cells
        self._corrections = corrections
        self._indexed: dict[Statistic, _Indexed] = {}
        self._merged: dict[tuple[object, ...], pd.DataFrame] = {}

    def merge(self, other: Profile) -> Profile:
        """Returns the profile of both sets of rows together."""
        shared = self._cells.keys() & other._cells.keys()
        both = {s: lowest(stacked([self._cells[s], other._cells[s]], s), s) for s in shared}
        return Profile({**self._cells, **other._cells, **both}, [*self._corrections, *other._corrections])

    @cached_property
    def days(self) -> Sequence[date]:
        """The days that have rows, sorted."""
        days = [cells.day for statistic, cells in self._cells.items() if statistic.over != "outcomes"]
        found = np.unique(np.concatenate([np.zeros(0, np.int64), *days]))
        return [day.item() for day in found.astype("datetime64[D]")]

    def versions(self, known_by: date) -> Mapping[str, date]:
        """Returns the first day of each version of the model, as known by then.

        Empty where no statistic counts outputs by `model_version`.
        """
        first: dict[str, date] = {}
        for version, counted, day in self._versions:
            if counted <= known_by:
                first[version] = min(day, first.get(version, day))
        return first

    @cached_property
    def _versions(self) -> Sequence[tuple[str, date, date]]:
        return versions(self._cells)

    def window(self, statistic: Statistic, start: date, end: date, known_by: date) -> pd.DataFrame:
        """Returns the keys, n, sums and extremes of the outputs of [start, end], as known by `known_by`."""
        cells = self._of(statistic)
        first, stop = cells.day.searchsorted([_day(start), _day(end) + 1])
        known = cells.counted[first:stop] <= _day(known_by)
        # Of the same days, as many known cells are the same ones.
        asked = (statistic, int(first), int(stop), int(known.sum()))
        chosen = slice(first, stop) if known.all() else first + np.flatnonzero(known)
        return self._sum(asked, statistic, cells, chosen)

    def weeks(self, statistic: Statistic, first: date, last: date) -> pd.DataFrame:
        """Returns the keys, n and sums of what counts in these weeks and in no other: evidence uses it."""
        cells = self._of(statistic)
        days = [_day(first), _day(last) + 1]
        start, stop = cells.counted.searchsorted(days, sorter=cells.by_counted)
        asked = (statistic, "weeks", int(start), int(stop))
        return self._sum(asked, statistic, cells, cells.by_counted[start:stop])

    def corrected(self, first: date) -> Sequence[Correction]:
        """Returns the corrections of outcomes that counted before the week `first` and are new to it."""
        return [c for c in self._corrections if c.counted < first and c.after < first <= c.until]

    def late(self, start: date, end: date, after: date, until: date) -> bool:
        """Tells whether outcomes of [start, end] count in a week after the one and not after the other."""
        day, counted = self._known
        of_window = (day >= _day(start)) & (day <= _day(end))
        return bool((of_window & (counted > _day(after)) & (counted <= _day(until))).any())

    @cached_property
    def _known(self) -> NDArray[np.int64]:
        return known(self._cells)

    def sample(self, sample: Sample, start: date, end: date, known_by: date) -> pd.DataFrame:
        """Returns the rows of a sample of [start, end], as known by `known_by`, lowest ranks first.

        Returns:
            At most `sample.size` rows with `rank` (int64), the columns of text (str) and of numbers (float64,
            NaN where unknown).

        Raises:
            KeyError: no check of the plan declared it.
        """
        stored = next((s for s in self._cells if s.answers(sample)), None)
        if stored is None:
            raise KeyError(f"no stored sample answers {sample}; declare it in the check's statistics()")
        cells = self._cells[stored]
        chosen = (cells.day >= _day(start)) & (cells.day <= _day(end)) & (cells.counted <= _day(known_by))
        there = np.flatnonzero(
            chosen
        )  # a frame of what is drawn only: of a year there are fifty times as many
        lowest_ranks = np.argsort(cells.values["rank"][there], kind="stable")[: sample.size]
        drawn = cells.only(there[lowest_ranks]).frame()
        texts = [key_name(key) for key in sample.by]
        kinds = {name: "str" for name in texts if isinstance(drawn[name].dtype, pd.CategoricalDtype)}
        return drawn[["rank", *texts, *sample.sums]].reset_index(drop=True).astype(kinds)

    def _of(self, statistic: Statistic) -> _Indexed:
        if statistic not in self._indexed:
            source = next((s for s in self._cells if s.answers(statistic)), None)
            if source is None:
                raise KeyError(
                    f"no stored statistic answers {statistic}; declare it in the check's statistics()"
                )
            self._indexed[statistic] = _indexed(self._cells[source], statistic)
        return self._indexed[statistic]

    def _sum(
        self,
        asked: tuple[object, ...],
        statistic: Statistic,
        cells: _Indexed,
        chosen: slice | NDArray[np.intp],
    ) -> pd.DataFrame:
        if asked not in self._merged:
            if len(self._merged) >= _KEPT:
                del self._merged[next(iter(self._merged))]
            self._merged[asked] = _merged(statistic, cells, chosen)
        return self._merged[asked].copy(deep=False)  # on write pandas copies: it is the asker's own


def _indexed(cells: Cells, statistic: Statistic) -> _Indexed:
    if (cells.day[1:] < cells.day[:-1]).any():
        cells = cells.only(np.argsort(cells.day, kind="stable"))
    place, distinct = np.zeros(len(cells), np.int64), np.zeros(1, np.int64)
    keys: dict[str, Any] = {}
    for name in (key_name(key) for key in statistic.by):
        codes, levels = cells.keys[name]
        # Missing ones come last, as in pandas' groupby.
        size = int(codes.max(initial=-1)) + 2
        distinct, place = np.unique(place * size + np.where(codes < 0, size - 1, codes), return_inverse=True)
        before, code = np.divmod(distinct, size)
        column = decoded(np.where(code == size - 1, -1, code), levels)
        keys = {other: values[before] for other, values in keys.items()}
        keys[name] = column if levels is None else pd.Series(column).astype("str").array
    return _Indexed(
        day=cells.day,
        counted=cells.counted,
        by_counted=np.argsort(cells.counted, kind="stable"),
        place=place,
        size=len(distinct),
        keys=keys,
        values={name: cells.values[name] for name in statistic.merged},
        names=names([*keys, *statistic.merged]),
    )


def names(columns: Sequence[str]) -> pd.Index[str]:
    """Returns the columns' names as objects: as texts of Arrow each look at a column takes twice as long."""
    index: pd.Index[str] = pd.Index(list[Any](columns), dtype="object")
    return index


def _merged(statistic: Statistic, cells: _Indexed, chosen: slice | NDArray[np.intp]) -> pd.DataFrame:
    place, size = cells.place[chosen], cells.size
    there = np.bincount(place, minlength=size) > 0 if statistic.by else np.ones(size, dtype=bool)
    columns = [column if there.all() else column[there] for column in cells.keys.values()]
    for name, merge in statistic.merged.items():
        values = cells.values[name]
        merged = np.zeros(size, values.dtype) if merge == "add" else np.full(size, np.nan)
        getattr(np, merge).at(merged, place, values[chosen])
        columns.append(merged[there])
    frame = pd.DataFrame(dict(enumerate(columns)), copy=False)
    frame.columns = cells.names  # made once: pandas takes longer for the names than for the numbers
    return frame


def _day(day: date) -> int:
    return day.toordinal() - _EPOCH
