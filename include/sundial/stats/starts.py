"""What every evidence process is built on: the e-values of all its start weeks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Starts(ABC):
    """The e-values of all start weeks."""

    @property
    def log_e(self) -> float:
        """Log of the e-process from the fixed start; 0 before any outcome."""
        starts = self._log_starts()
        return float(starts[0]) if starts.size else 0.0

    @property
    def log_detector(self) -> float:
        """Log of the e-detector, summed over start weeks; -inf before any outcome."""
        return float(np.logaddexp.reduce(self._log_starts()))

    @abstractmethod
    def replay(self, increments: Any) -> Self:
        """Advance by past weeks, oldest first."""

    def detectors(self, increments: Sequence[Any]) -> NDArray[np.float64]:
        """Advance by weeks, oldest first, and return the log of the e-detector after each of them."""
        return np.array([self.replay([week]).log_detector for week in increments], dtype=np.float64)

    @abstractmethod
    def _log_starts(self) -> NDArray[np.float64]:
        """Log e of every start week up to now, first start first."""


class Summed(Starts):
    """Starts whose e-value depends on their sums only, computed when somebody looks."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._weeks: list[ArrayLike] = []
        self._known: NDArray[np.float64] | None = None

    def _take(self, week: ArrayLike) -> None:
        self._weeks.append(week)
        self._known = None

    def _sums(self, until: int | None = None) -> NDArray[np.float64]:
        """Sums of shape (starts, columns): row j is what start j has seen, summed from the last week back."""
        weeks = np.array(self._weeks[:until], dtype=np.float64).reshape(-1, self._columns)
        return np.cumsum(weeks[::-1], axis=0)[::-1]

    def detectors(self, increments: Sequence[Any]) -> NDArray[np.float64]:
        """Advance by weeks, oldest first, and return the log of the e-detector after each of them.

        All starts of all weeks are computed at once: a tenth of the time of one week after the other.
        """
        seen = [len(self.replay([week])._weeks) for week in increments]
        ends = [end for end in dict.fromkeys(seen) if end]
        if not ends:
            return np.full(len(seen), -np.inf)
        logs = self._log_e_of(np.concatenate([self._sums(end) for end in ends]))
        found = np.logaddexp.reduceat(logs, np.concatenate([[0], np.cumsum(ends)[:-1]]))
        by_end = {0: -np.inf, **dict(zip(ends, found.tolist(), strict=True))}
        return np.array([by_end[end] for end in seen], dtype=np.float64)

    def _log_starts(self) -> NDArray[np.float64]:
        if self._known is None:
            self._known = self._log_e_of(self._sums())
        return self._known

    @abstractmethod
    def _log_e_of(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log e for sums of shape (starts, columns)."""
