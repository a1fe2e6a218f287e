"""The profile of a system: its statistics by partition, merged by addition for any window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from sundial.profile.statistics import Statistic, key_name

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Profile:
    """Statistics of many partitions in memory; answers what the plan answers, never a row."""

    def __init__(self, cells: Mapping[Statistic, pd.DataFrame]) -> None:
        """Takes one frame a statistic: day, counted, keys, n, sums."""
        self._cells = dict(cells)
        self._rolled: dict[Statistic, pd.DataFrame] = {}
        self._merged: dict[tuple[Statistic, bytes], pd.DataFrame] = {}

    def merge(self, other: Profile) -> Profile:
        """Returns the profile of both sets of rows together."""
        shared = self._cells.keys() & other._cells.keys()
        both = {
            s: _added(pd.concat([self._cells[s], other._cells[s]]), s, ["day", "counted"]) for s in shared
        }
        return Profile({**self._cells, **other._cells, **both})

    @cached_property
    def days(self) -> Sequence[date]:
        """The days that have outputs, sorted."""
        frames = [frame["day"] for statistic, frame in self._cells.items() if statistic.over == "outputs"]
        return [day.date() for day in pd.concat(frames).drop_duplicates().sort_values()] if frames else []

    def window(self, statistic: Statistic, start: date, end: date, known_by: date) -> pd.DataFrame:
        """Returns the keys, n and sums of the outputs of [start, end], as known in the week of `known_by`."""
        frame = self._by_partition(statistic)
        day, counted = frame["day"], frame["counted"]
        chosen = (
            (day >= pd.Timestamp(start)) & (day <= pd.Timestamp(end)) & (counted <= pd.Timestamp(known_by))
        )
        return self._sum(statistic, frame, chosen.to_numpy())

    def weeks(self, statistic: Statistic, first: date, last: date) -> pd.DataFrame:
        """Returns the keys, n and sums of what counts in these weeks and in no other: evidence uses it."""
        frame = self._by_partition(statistic)
        return self._sum(
            statistic, frame, frame["counted"].between(pd.Timestamp(first), pd.Timestamp(last)).to_numpy()
        )

    def _by_partition(self, statistic: Statistic) -> pd.DataFrame:
        if statistic not in self._rolled:
            source = next((s for s in self._cells if s.answers(statistic)), None)
            if source is None:
                raise KeyError(
                    f"no stored statistic answers {statistic}; declare it in the check's statistics()"
                )
            self._rolled[statistic] = _added(self._cells[source], statistic, ["day", "counted"])
        return self._rolled[statistic]

    def _sum(self, statistic: Statistic, frame: pd.DataFrame, chosen: NDArray[np.bool_]) -> pd.DataFrame:
        # Weeks in which nothing new counts ask for the same cells again: merging once is enough.
        asked = (statistic, chosen.tobytes())
        if asked not in self._merged:
            self._merged[asked] = _added(frame[chosen], statistic, [])
        return self._merged[asked]


def _added(frame: pd.DataFrame, statistic: Statistic, kept: Iterable[str]) -> pd.DataFrame:
    added = ["n", *(f"sum_{name}" for name in statistic.sums)]
    by = [*kept, *(key_name(key) for key in statistic.by)]
    if not by:
        return frame[added].sum().to_frame().T
    return frame.groupby(by, dropna=False, observed=True, as_index=False)[added].sum()
