"""What a check may ask of the rows: counts by key, histograms on fixed edges, sums; all merge by addition."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

UNKNOWN = "Unknown"
"""The level of a missing category: kept and counted like any other."""

SUM_SCALE = 2**30
"""Sums are kept as whole multiples of 1 / SUM_SCALE, so that the order of rows changes nothing."""

Over = Literal["outputs", "outcomes"]
"""`outputs`: every output, in the week it counts. `outcomes`: those with known truth, when that counts."""


@dataclass(frozen=True)
class Bin:
    """A key of `floor((column - low) * bins / (high - low))`; outside [low, high] the end bins take it.

    A missing value has the key None.
    """

    column: str
    low: float
    high: float
    bins: int

    @property
    def name(self) -> str:
        """The column that the key has in a profile."""
        return f"{self.column}@{self.bins}"

    @property
    def per_unit(self) -> float:
        """Bins per unit of the column."""
        return self.bins / (self.high - self.low)


Key = str | Bin
"""A column of the analysis table, or bins of one."""


def key_name(key: Key) -> str:
    """Returns the column that the key has in a profile."""
    return key if isinstance(key, str) else key.name


@dataclass(frozen=True)
class Statistic:
    """Counts `n`, and sums of columns, by keys.

    The analysis table has, beside the feed's own category columns (text), `predicted` (0/1), `outcome` (0/1,
    only over outcomes), `score` (number) and `model_version` (text).
    """

    over: Over
    by: tuple[Key, ...]
    sums: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Names the statistic in stored profiles; the same declaration has the same id everywhere."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]

    def answers(self, other: Statistic) -> bool:
        """Whether rolling this one up gives the other."""
        return self.over == other.over and set(other.by) <= set(self.by) and set(other.sums) <= set(self.sums)


def counts(over: Over, by: Sequence[Key]) -> Statistic:
    """Counts by key."""
    return Statistic(over, tuple(by))


def histogram(over: Over, bins: Bin, by: Sequence[Key] = ()) -> Statistic:
    """Counts and the sum of a column in each of its bins, by further keys."""
    return Statistic(over, (bins, *by), (bins.column,))


def fuse(wanted: Iterable[Statistic]) -> tuple[Statistic, ...]:
    """Returns the fewest of the wanted statistics that answer all of them, in a stable order."""
    distinct = sorted(set(wanted), key=lambda s: (-len(s.by), -len(s.sums), s.id))
    kept: list[Statistic] = []
    for statistic in distinct:
        if not any(other.answers(statistic) for other in kept):
            kept.append(statistic)
    return tuple(sorted(kept, key=lambda s: s.id))


def plan_id(plan: Iterable[Statistic]) -> str:
    """Identifies a plan; profiles of another plan are not its profiles."""
    return hashlib.sha256(" ".join(sorted(s.id for s in plan)).encode()).hexdigest()[:12]
