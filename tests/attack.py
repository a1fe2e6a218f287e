"""An attack on what is published: integer programming finds which values a count that is not shown may have.

The unknowns are whole numbers of people by week, by the level of each column, and by what became of them.
All that was published are sums over some of them; a share that is printed with one decimal bounds a sum
from both sides.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

Person = tuple[int, str, str, str]
"""Week, level of the first column, level of the second, and what became of them: TP, FP, TN or FN."""
ATOMS = ("TP", "FP", "TN", "FN")
MEASURES = {
    "accuracy": ({"TP", "TN"}, {"FP", "FN"}),
    "precision": ({"TP"}, {"FP"}),
    "recall": ({"TP"}, {"FN"}),
    "specificity": ({"TN"}, {"FP"}),
    "false_positive_rate": ({"FP"}, {"TN"}),
    "true_positive_rate": ({"TP"}, {"FN"}),
    "selection_rate": ({"TP", "FP"}, {"TN", "FN"}),
}
"""Of each measure, who counts as a hit and who does not."""
LARGEST = 100_000


@dataclass
class Attack:
    """What an attacker has read so far; sums are over sets of unknowns."""

    weeks: range
    first: Sequence[str]
    second: Sequence[str]
    _rows: list[np.ndarray] = field(default_factory=list)
    _low: list[float] = field(default_factory=list)
    _high: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        people = itertools.product(self.weeks, self.first, self.second, ATOMS)
        self.unknowns: list[Person] = list(people)

    def those(
        self,
        atoms: Iterable[str],
        *,
        weeks: Iterable[int] | None = None,
        first: Iterable[str] | None = None,
        second: Iterable[str] | None = None,
    ) -> np.ndarray:
        """Returns the set of unknowns of these weeks, levels and outcomes, as ones among zeros."""
        asked = [
            {*(self.weeks if weeks is None else weeks)},
            {*(self.first if first is None else first)},
            {*(self.second if second is None else second)},
            {*atoms},
        ]
        return np.array([all(map(set.__contains__, asked, one)) for one in self.unknowns], dtype=float)

    def reads(self, of: np.ndarray, low: float, high: float | None = None) -> None:
        """Learns that a sum is a number, or lies between two."""
        self._rows.append(of)
        self._low.append(low)
        self._high.append(low if high is None else high)

    def reads_share(self, hits: np.ndarray, everybody: np.ndarray, percent: float, decimals: int = 1) -> None:
        """Learns what a printed percentage says: hits / everybody, rounded to so many decimals."""
        half = 0.5 * 10.0**-decimals / 100
        self.reads(hits - (percent / 100 - half) * everybody, 0, np.inf)
        self.reads(hits - (percent / 100 + half) * everybody, -np.inf, 0)

    def feasible(self, of: np.ndarray, at_most: int = 4) -> set[int]:
        """Returns the values that a sum may have, given all that was read; not more than asked for."""
        low, high = self._end(of, 1), self._end(of, -1)
        found: set[int] = set()
        for value in self._tried(low, high):
            if len(found) == at_most:
                break
            if value in (low, high) or self._possible(of, value):
                found.add(value)
        return found

    def _tried(self, low: int, high: int) -> Iterator[int]:
        yield low
        if high != low:
            yield high
        yield from range(low + 1, high)

    def _end(self, of: np.ndarray, sign: int) -> int:
        solved = self._solve(sign * of, [])
        assert solved is not None, "what was published contradicts itself"
        return round(float(of @ solved))

    def _possible(self, of: np.ndarray, value: int) -> bool:
        return self._solve(np.zeros_like(of), [(of, value)]) is not None

    def _solve(self, goal: np.ndarray, more: Sequence[tuple[np.ndarray, int]]) -> np.ndarray | None:
        rows = [*self._rows, *(row for row, _ in more)]
        low, high = [*self._low, *(v for _, v in more)], [*self._high, *(v for _, v in more)]
        known = [LinearConstraint(csr_array(np.array(rows)), low, high)] if rows else []
        found = milp(goal, constraints=known, integrality=np.ones_like(goal), bounds=Bounds(0, LARGEST))
        assert found.status in (0, 2), found.message
        return found.x
