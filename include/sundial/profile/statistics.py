"""What a check may ask of the rows: counts by key, histograms on fixed edges, sums, extremes; all merge."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from sundial.register.events import FeedName

UNKNOWN = "Unknown"
"""The level of a missing category: kept and counted like any other."""

SUM_SCALE = 2**30
"""Sums are kept as whole multiples of unit / SUM_SCALE, so that the order of rows changes nothing."""

FARTHEST = 2**10
"""Units beyond which a value is summed as if it lay there: 2^23 such rows still have a sum of 63 bits."""

FORMAT = 3
"""Raised whenever stored cells mean something else: profiles of another format are computed again."""

RANK_DIGITS = 15
"""Hexadecimal digits of a key that are its rank in a sample: as many as a whole number of 64 bits takes."""

Over = FeedName
"""`outputs`: every output, in the week it counts. `outcomes`: those with known truth, when that counts.
A feed of events: its rows, by their own day, and reviews by the day of their output.
"""


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

    @property
    def unit(self) -> float:
        """Unit of the column's sums: the power of two, 1 or more, that neither end lies beyond."""
        return 2.0 ** max(math.ceil(math.log2(max(abs(self.low), abs(self.high)))), 0)


Key = str | Bin
"""A column of the analysis table, or bins of one."""


def key_name(key: Key) -> str:
    """Returns the column that the key has in a profile."""
    return key if isinstance(key, str) else key.name


TIMES = "*"
"""Between the names of a weight and of a column: their product is a column of the analysis table, too."""


@dataclass(frozen=True)
class Statistic:
    """Counts `n`, sums of columns, and where asked their extremes, by keys.

    Extremes are exact and merge by minimum and maximum; all else merges by addition. Sums are in units of
    their column's bins, and beyond FARTHEST units cut: one row must not stop all others from being counted.

    The analysis table has, beside the feed's own category columns (text), `predicted` (0/1), `outcome` (0/1,
    only over outcomes), `score` (number) and `model_version` (text).
    """

    over: Over
    by: tuple[Key, ...]
    sums: tuple[str, ...] = ()
    extremes: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Names the statistic in stored profiles; the same declaration has the same id everywhere."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]

    @property
    def columns(self) -> frozenset[str]:
        """The columns of the analysis table that it reads."""
        keys = (key.column if isinstance(key, Bin) else key for key in self.by)
        return frozenset({*keys, *self.sums, *self.extremes})

    @property
    def complete(self) -> bool:
        """Whether every row is in one of its cells: some are drawn, or pass a filter, in other kinds."""
        return type(self) is Statistic

    def unit(self, column: str) -> float:
        """Returns the unit of a column's sum, or of its product's: that of its bins, 1 without."""
        name = column.rpartition(TIMES)[2]
        return next((key.unit for key in self.by if isinstance(key, Bin) and key.column == name), 1.0)

    def answers(self, other: Statistic) -> bool:
        """Whether rolling this one up gives the other."""
        return (
            other.complete
            and self.over == other.over
            and set(other.by) <= set(self.by)
            and set(other.sums) <= set(self.sums)
            and all(self.unit(name) == other.unit(name) for name in other.sums)
            and set(other.extremes) <= set(self.extremes)
        )

    @property
    def merged(self) -> Mapping[str, str]:
        """The columns beside the keys, each with the name of the NumPy function that merges it."""
        return {
            "n": "add",
            **{f"sum_{name}": "add" for name in self.sums},
            **{f"min_{name}": "fmin" for name in self.extremes},
            **{f"max_{name}": "fmax" for name in self.extremes},
        }


@dataclass(frozen=True)
class Sample(Statistic):
    """Some rows of a window: those with the lowest ranks, the same however the rows were cut or ordered.

    A rank is the first 60 bits of the row's key. That is a keyed hash, so that the rank is as good as random
    and stays the row's own; the rest of the key is not kept. `by` are columns of text and `sums` columns of
    numbers, as they are. The sample of a union is the lowest ranks of both samples.
    """

    size: int = 1000

    def answers(self, other: Statistic) -> bool:
        """Whether the other sample is part of this one."""
        return (
            isinstance(other, Sample)
            and self.over == other.over
            and set(other.by) <= set(self.by)
            and set(other.sums) <= set(self.sums)
            and other.size <= self.size
        )

    @property
    def merged(self) -> Mapping[str, str]:
        """The columns beside the keys; rows of a sample are never merged."""
        return {"rank": "add", **dict.fromkeys(self.sums, "fmin")}


def sample(over: Over, texts: Sequence[str], numbers: Sequence[str], size: int = 1000) -> Sample:
    """Takes rows with these columns, at most `size` of a window."""
    return Sample(over, tuple(texts), tuple(numbers), size=size)


def counts(over: Over, by: Sequence[Key]) -> Statistic:
    """Counts by key.

    Args:
        over: outputs or outcomes.
        by: columns or bins whose levels are counted apart; none for the rows together.
    """
    return Statistic(over, tuple(by))


def histogram(over: Over, bins: Bin, by: Sequence[Key] = (), *, extremes: bool = False) -> Statistic:
    """Counts and the sum of a column in each of its bins, by further keys.

    Args:
        over: outputs or outcomes.
        bins: the bins of one column.
        by: further keys.
        extremes: also `min_<column>` and `max_<column>` of each bin, NaN where nothing is known: a bin that
            has one value is an atom of the distribution, not a stretch of it.
    """
    return Statistic(over, (bins, *by), (bins.column,), (bins.column,) if extremes else ())


def fuse(wanted: Iterable[Statistic]) -> tuple[Statistic, ...]:
    """Returns the fewest of the wanted statistics that answer all of them, in a stable order."""
    distinct = sorted(set(wanted), key=lambda s: (-len(s.by), -len(s.sums), -len(s.extremes), s.id))
    kept: list[Statistic] = []
    for statistic in distinct:
        if not any(other.answers(statistic) for other in kept):
            kept.append(statistic)
    return tuple(sorted(kept, key=lambda s: s.id))


def plan_id(plan: Iterable[Statistic]) -> str:
    """Identifies a plan; profiles of another plan are not its profiles."""
    text = " ".join([f"format {FORMAT}", *sorted(s.id for s in plan)])
    return hashlib.sha256(text.encode()).hexdigest()[:12]
