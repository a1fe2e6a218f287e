"""Evidence that what follows from a score changed: the outcome's rate at levels of the score."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sundial.stats.baseline import limits
from sundial.stats.cells import as_counts
from sundial.stats.logbeta import log_mixture_ceiling, log_mixture_floor
from sundial.stats.starts import Summed

# Fewer outcomes of the baseline at a level say too little of its rate.
_LEAST = 30


class RatesByLevel(Summed):
    """Evidence that the rate of an outcome moved at some level, whatever the levels' shares do.

    Per level the floor and the ceiling e-process against what the baseline leaves open of its rate
    (`sundial.stats.baseline.limits`), moved by the practical floor, averaged over levels and sides: a mean of
    e-processes of the same weeks is one (Vovk and Wang 2021).
    Levels with fewer than 30 outcomes in the baseline, and bounds outside (0, 1), are skipped.
    """

    def __init__(self, successes: ArrayLike, n: ArrayLike, practical_floor: float = 0.02) -> None:
        """Fix the bounds.

        Args:
            successes: shape (levels,), positive outcomes of the baseline by level.
            n: shape (levels,), all outcomes of the baseline by level.
            practical_floor: a move of a rate that is too small to matter.

        Raises:
            ValueError: when a count is no count, successes exceed n, or no level has a bound inside (0, 1).
        """
        hits, rows = as_counts(successes, n, names=("successes", "n"))
        if np.any(hits > rows):
            raise ValueError("successes exceed n at a level; check the profile's counts")
        super().__init__(columns=2 * len(rows))
        known = rows >= _LEAST
        low, high = limits(hits, rows)
        low, high = low - practical_floor, high + practical_floor
        self._levels = len(rows)
        self._floor_at = np.flatnonzero(known & (low > 0))
        self._ceiling_at = np.flatnonzero(known & (high < 1))
        if not self._floor_at.size + self._ceiling_at.size:
            raise ValueError(
                f"no level of the baseline has {_LEAST} outcomes and a bound inside (0, 1); enlarge it"
            )
        self._floors = low[self._floor_at]
        self._ceilings = high[self._ceiling_at]

    def advance(self, successes: ArrayLike, n: ArrayLike) -> None:
        """Take one week's outcomes by level, each of shape (levels,), in the order of the baseline.

        Raises:
            ValueError: when the levels differ from the baseline's, or successes exceed n.
        """
        hits, rows = as_counts(successes, n, names=("successes", "n"))
        if len(rows) != self._levels or np.any(hits > rows * (1 + 1e-9)):
            raise ValueError(f"give successes and n of the baseline's {self._levels} levels")
        if rows.sum() > 0:
            self._take(np.append(np.minimum(hits, rows), rows))

    def replay(self, increments: Iterable[ArrayLike]) -> Self:
        """Advance by past weeks, oldest first; each has the successes of all levels, then their n, flat.

        Raises:
            ValueError: as `advance`.
        """
        for increment in increments:
            self.advance(*np.asarray(increment, dtype=np.float64).reshape(2, -1))
        return self

    def mirror(self) -> None:
        """Return None: what follows from a score is not repaired but learnt anew, with a new baseline."""

    def _log_e_of(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        hits, rows = sums[:, : self._levels], sums[:, self._levels :]
        below = log_mixture_floor(hits[:, self._floor_at], rows[:, self._floor_at], self._floors)
        above = log_mixture_ceiling(hits[:, self._ceiling_at], rows[:, self._ceiling_at], self._ceilings)
        sides = np.hstack([below, above])
        mean: NDArray[np.float64] = np.logaddexp.reduce(sides, axis=1) - np.log(sides.shape[1])
        return mean
