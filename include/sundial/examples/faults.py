"""Faults that are seeded into generated data: each has a name, a size, and a first week."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

FaultName = Literal["quality_80", "quality_70", "share", "rare", "missing", "gap", "slide", "version", "late"]

FAULTS: Mapping[FaultName, str] = {
    "quality_80": "right outputs .90 → .80",
    "quality_70": "right outputs .90 → .70",
    "share": "a level of a category 50 → 60 %",
    "rare": "a rare level 1 → 5 %",
    "missing": "half a column missing",
    "gap": "one group's error rate +10 points",
    "slide": "right outputs fall by 0.5 points a week",
    "version": "another version of the model runs: right outputs .90 → .75",
    "late": "right outputs .90 → .70, and labels come 8 weeks later",
}

GOOD = 0.90
"""Share of right outputs without a fault."""
SLIDE = 0.005
GAP = 0.10
LATER_DAYS = 56
_QUALITY: Mapping[FaultName, float] = {"quality_80": 0.80, "quality_70": 0.70, "version": 0.75, "late": 0.70}

Weeks = NDArray[np.int64]
"""The week of each row, counted from 0."""


@dataclass(frozen=True)
class Fault:
    """A fault from a week on, counted from 0.

    Raises:
        ValueError: no fault has the name, or the week is before the first.
    """

    name: FaultName
    week: int

    def __post_init__(self) -> None:
        if self.name not in get_args(FaultName):
            raise ValueError(f"{self.name} is no fault; name one of {', '.join(FAULTS)}")
        if self.week < 0:
            raise ValueError(f"week {self.week} is before the first; weeks count from 0")


@dataclass(frozen=True)
class Seeded:
    """The faults of some rows, told by the week of each.

    Attributes:
        faults: what goes wrong, and from when on.
        week: of each row, shape (rows,).
    """

    faults: Collection[Fault]
    week: Weeks

    def quality(self) -> NDArray[np.float64]:
        """Returns each row's chance to be right."""
        right = np.full(len(self.week), GOOD)
        for fault in self.faults:
            since = self.week - fault.week
            if fault.name == "slide":
                right = np.where(since >= 0, np.maximum(GOOD - SLIDE * (since + 1), 0.5), right)
            elif fault.name in _QUALITY:
                right = np.where(since >= 0, _QUALITY[fault.name], right)
        return right

    def moved(self, name: Literal["share", "rare"], of_level: float, to: float) -> NDArray[np.float64]:
        """Returns a level's share for each row: `of_level`, and `to` where the fault is there."""
        return np.where(self.has(name), to, of_level)

    def has(self, name: FaultName) -> NDArray[np.bool_]:
        """Returns which rows have the fault."""
        there = np.zeros(len(self.week), dtype=bool)
        for fault in self.faults:
            if fault.name == name:
                there |= self.week >= fault.week
        return there
