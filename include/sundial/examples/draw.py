"""Rows by chance: the days of some weeks, levels by their shares, and when something becomes known."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sundial.examples.faults import LATER_DAYS, Fault, Seeded

FIRST = date(2024, 12, 30)
"""Monday of the first generated week."""
BASELINE_WEEKS = 13
"""Weeks from `FIRST` on that the entries have as baseline."""

_WORKDAYS = (0.19, 0.19, 0.19, 0.19, 0.16, 0.05, 0.03)

Feeds = Mapping[str, pd.DataFrame]
"""Rows by feed, under the columns that the register entry names."""


@dataclass(frozen=True)
class Rows:
    """Rows of some weeks, spread over their days.

    Attributes:
        rng: where chance comes from.
        seeded: the faults of the rows.
        day: of each row, as datetime64[D].
    """

    rng: np.random.Generator
    seeded: Seeded
    day: NDArray[np.datetime64]

    @property
    def n(self) -> int:
        """How many rows there are."""
        return len(self.day)

    def one_of(self, shares: Mapping[str, float]) -> NDArray[Any]:
        """Returns a level for each row, drawn by its share."""
        levels: NDArray[Any] = np.array([*shares], dtype=object)
        return levels[self.rng.choice(len(levels), self.n, p=[*shares.values()])]

    def with_level(self, level: str, share: NDArray[np.float64], others: Mapping[str, float]) -> NDArray[Any]:
        """Returns a level for each row: one by its row's share, the others by theirs among the rest."""
        return np.where(self.chance(share), level, self.one_of(others))

    def gone(self, values: NDArray[Any], p: float | NDArray[np.float64]) -> NDArray[Any]:
        """Returns the values, of which each is missing with its chance."""
        left = values.copy()
        left[self.chance(p)] = None
        return left

    def half_gone(self, values: NDArray[Any]) -> NDArray[Any]:
        """Returns the values, of which half are missing where the fault is there."""
        return self.gone(values, np.where(self.seeded.has("missing"), 0.5, 0.0))

    def chance(self, p: float | NDArray[np.float64]) -> NDArray[np.bool_]:
        """Returns which rows are drawn, each with its chance."""
        return self.rng.random(self.n) < p

    def after(self, least: int, most: int) -> NDArray[np.datetime64]:
        """Returns a day for each row, so many days after its own; labels that are late come later."""
        delay = self.rng.integers(least, most + 1, self.n) + LATER_DAYS * self.seeded.has("late")
        known: NDArray[np.datetime64] = self.day + delay.astype("timedelta64[D]")
        return known

    def keys(self, start: str) -> NDArray[Any]:
        """Returns a key for each row."""
        return np.array([f"{start}-{place:07d}" for place in range(self.n)], dtype=object)

    def score(self, positive: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Returns a number in [0, 1) for each row, at least one half where the output is positive."""
        return np.round(np.where(positive, 0.5, 0.0) + 0.5 * self.rng.beta(2, 2, self.n) * 0.999, 4)


def rows_of(rng: np.random.Generator, weeks: int, a_week: float, faults: Collection[Fault]) -> Rows:
    """Returns rows for some weeks from `FIRST` on: so many a week in the mean, most on workdays."""
    week = np.repeat(np.arange(weeks), rng.poisson(a_week, weeks))
    weekday = np.sort(week * 7 + rng.choice(7, len(week), p=_WORKDAYS))
    return Rows(rng, Seeded(faults, weekday // 7), np.datetime64(FIRST) + weekday.astype("timedelta64[D]"))


def each_day(rng: np.random.Generator, weeks: int, faults: Collection[Fault]) -> Rows:
    """Returns one row a day."""
    place = np.arange(7 * weeks)
    return Rows(rng, Seeded(faults, place // 7), np.datetime64(FIRST) + place.astype("timedelta64[D]"))


def each_monday(
    rng: np.random.Generator, weeks: int, people: int, faults: Collection[Fault]
) -> tuple[Rows, Sequence[str]]:
    """Returns one row a person and week, and who it is."""
    place = np.arange(weeks * people)
    day = np.datetime64(FIRST) + (place // people * 7).astype("timedelta64[D]")
    return Rows(rng, Seeded(faults, place // people), day), [f"staff-{p % people:03d}" for p in place]


def frame(columns: Mapping[str, Any]) -> pd.DataFrame:
    """Returns the columns as a frame, with days as dates."""
    made = pd.DataFrame(columns)
    for name in made.columns:
        if made[name].dtype.kind == "M":
            made[name] = made[name].dt.date
    return made
