"""Cells of one statistic as arrays, between the engine that counted them and the frame that a check sees."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sundial.profile.statistics import Sample, Statistic, key_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

Levels = Sequence[str] | None
"""Levels of a key of text, sorted; None as those of whole numbers."""

Codes = tuple["NDArray[np.int64]", Levels]
"""Codes of a key, -1 where it is missing, and its levels."""

_ROOM = 2**62

SPARSE = 8
"""Possible keys for each row up to which all are counted; beyond it sorting is cheaper."""


@dataclass(frozen=True)
class Cells:
    """Cells of one statistic, as arrays of the same length.

    Attributes:
        day: days since 1970.
        counted: likewise.
        keys: codes and levels by the name of the key.
        values: what is merged, by the name of the column.
    """

    day: NDArray[np.int64]
    counted: NDArray[np.int64]
    keys: Mapping[str, Codes]
    values: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        """Returns how many cells there are."""
        return len(self.day)

    def only(self, chosen: NDArray[Any] | slice) -> Cells:
        """Returns the chosen cells, in the order of the choice where that has one."""
        if isinstance(chosen, np.ndarray) and chosen.dtype == bool and chosen.all():
            return self
        return Cells(
            self.day[chosen],
            self.counted[chosen],
            {name: (codes[chosen], levels) for name, (codes, levels) in self.keys.items()},
            {name: values[chosen] for name, values in self.values.items()},
        )

    def between(self, first: int, last: int) -> Cells:
        """Returns the cells of these days, both included; the cells must be in the order of their days."""
        start, stop = self.day.searchsorted([first, last + 1])
        return self if stop - start == len(self) else self.only(slice(start, stop))

    def frame(self) -> pd.DataFrame:
        """Returns day, counted (datetime64), keys (nullable integers or categories) and values."""
        dates = {name: _dates(days) for name, days in (("day", self.day), ("counted", self.counted))}
        keys = {name: decoded(codes, levels) for name, (codes, levels) in self.keys.items()}
        return pd.DataFrame({**dates, **keys, **self.values})


def stacked(parts: Sequence[Cells], statistic: Statistic) -> Cells:
    """Returns the cells of all parts, at least one, in the order of their days alone."""
    day = np.concatenate([part.day for part in parts])
    cells = parts[0]
    if len(parts) > 1:
        cells = Cells(
            day,
            np.concatenate([part.counted for part in parts]),
            {name: together([part.keys[name] for part in parts]) for name in map(key_name, statistic.by)},
            {name: np.concatenate([part.values[name] for part in parts]) for name in statistic.merged},
        )
    return cells if (day[1:] >= day[:-1]).all() else cells.only(np.argsort(day, kind="stable"))


def settled(cells: Cells, statistic: Statistic) -> Cells:
    """Returns each distinct cell once, sorted, missing keys last; of a sample its lowest."""
    if isinstance(statistic, Sample):
        return lowest(cells, statistic)
    codes = [np.where(codes < 0, codes.max(initial=0) + 1, codes) for codes, _ in cells.keys.values()]
    order = order_of([cells.day, cells.counted, *codes])
    cells = cells.only(order)
    starts = np.flatnonzero(changes([cells.day, cells.counted, *(code[order] for code in codes)], len(cells)))
    if len(starts) == len(cells):
        return cells
    merged = {
        name: getattr(np, merge).reduceat(cells.values[name], starts)
        for name, merge in statistic.merged.items()
    }
    return replace(cells.only(starts), values=merged)


def together(keys: Sequence[Codes]) -> Codes:
    """Returns the codes of all under each other, by the levels of all."""
    if all(levels is None for _, levels in keys):
        return np.concatenate([codes for codes, _ in keys]), None
    levels = sorted({level for _, some in keys for level in some or ()})
    places = {level: place for place, level in enumerate(levels)}
    codes = [np.append([places[level] for level in some or ()], -1).astype(np.int64)[c] for c, some in keys]
    return np.concatenate(codes), levels


def lowest(cells: Cells, statistic: Statistic) -> Cells:
    """Returns the cells without the rows of a sample beyond its size, by day and counted."""
    if not isinstance(statistic, Sample):
        return cells
    ranked = cells.only(np.lexsort([cells.values["rank"], cells.counted, cells.day]))
    place = np.arange(len(ranked))
    starts = np.flatnonzero(changes([ranked.day, ranked.counted], len(ranked)))
    return ranked.only(place - np.repeat(starts, np.diff([*starts, len(ranked)])) < statistic.size)


def known(cells: Mapping[Statistic, Cells]) -> NDArray[np.int64]:
    """Returns the distinct pairs of day and counted of the outcomes, as days since 1970, shape (2, pairs)."""
    parts = [part for s, part in cells.items() if s.over == "outcomes" and s.complete]
    if not parts:
        return np.zeros((2, 0), np.int64)
    fewest = min(parts, key=len)  # all have the same days
    return np.unique(np.stack([fewest.day, fewest.counted]), axis=1)


def versions(cells: Mapping[Statistic, Cells]) -> Sequence[tuple[str, date, date]]:
    """Returns of each version of the model, and each week in which outputs of it count, their first day."""
    parts = [part for s, part in cells.items() if s.over == "outputs" and "model_version" in s.by]
    if not parts:
        return ()
    fewest = min(parts, key=len)
    codes, levels = fewest.keys["model_version"]
    first: dict[tuple[int, int], int] = {}
    for code, counted, day in np.unique(np.stack([codes, fewest.counted, fewest.day]), axis=1).T.tolist():
        first.setdefault((code, counted), day)
    return [
        ((levels or ())[code], _date(counted), _date(day))
        for (code, counted), day in first.items()
        if code >= 0
    ]


def decoded(codes: NDArray[Any], levels: Levels) -> Any:
    """Returns a column of keys: levels of text, or whole numbers where there are none; -1 is missing."""
    if levels is not None:
        return pd.Categorical.from_codes(codes, pd.Index(list(levels), dtype="str"))
    return pd.arrays.IntegerArray(codes.astype(np.int64), codes < 0)


def distinct(
    codes: Sequence[NDArray[np.integer[Any]]], sizes: Sequence[int]
) -> tuple[Sequence[NDArray[np.int64]], NDArray[np.int64]]:
    """Returns each distinct combination of codes once, sorted, and which of them each row has.

    Args:
        codes: of each row, a column for each key, from 0 on.
        sizes: how many codes each key may have.
    """
    possible = math.prod(sizes)
    if possible > _ROOM:  # one number cannot tell them apart
        combinations, place = np.unique(np.stack(codes), axis=1, return_inverse=True)
        return list(combinations), place.ravel()
    number = np.zeros(len(codes[0]), np.int64)
    for column, size in zip(codes, sizes, strict=True):
        number = number * size + column
    if possible > SPARSE * max(len(number), 1):
        rest, place = np.unique(number, return_inverse=True)
    else:
        there = np.zeros(possible, dtype=bool)
        there[number] = True
        rest, place = np.flatnonzero(there), (np.cumsum(there) - 1)[number]
    found = []
    for size in reversed(sizes):
        rest, of_key = np.divmod(rest, size)
        found.append(of_key)
    return found[::-1], place


def order_of(columns: Sequence[NDArray[np.int64]]) -> NDArray[np.intp]:
    """Returns the order of rows by these columns of numbers from 0 on, the first one first."""
    place, size = np.zeros(len(columns[0]), np.int64), 1
    for column in columns:
        low = int(column.min(initial=_ROOM))
        span = max(int(column.max(initial=-1)) - low + 1, 1)
        size *= span
        if size > _ROOM:
            return np.lexsort(columns[::-1])
        place = place * span + (column - low)
    return np.argsort(place)  # one number a row: some four times as fast


def changes(columns: Sequence[NDArray[np.int64]], rows: int) -> NDArray[np.bool_]:
    """Returns where a row differs from the one before."""
    changed = np.zeros(rows, dtype=bool)
    changed[:1] = True
    for column in columns:
        changed[1:] |= column[1:] != column[:-1]
    return changed


def _dates(days: NDArray[np.int64]) -> NDArray[np.datetime64]:
    return days.astype("datetime64[D]").astype("datetime64[s]")


def _date(days: int) -> date:
    return date.fromordinal(days + date(1970, 1, 1).toordinal())
