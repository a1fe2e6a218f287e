"""What every evidence process is built on: the e-values of all its start weeks."""

from __future__ import annotations

from abc import ABC, abstractmethod

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

    def _sums(self) -> NDArray[np.float64]:
        """Sums of shape (starts, columns): row j is what start j has seen, summed from the last week back."""
        weeks = np.array(self._weeks, dtype=np.float64).reshape(-1, self._columns)
        return np.cumsum(weeks[::-1], axis=0)[::-1]

    def _log_starts(self) -> NDArray[np.float64]:
        if self._known is None:
            self._known = self._log_e_of(self._sums())
        return self._known

    @abstractmethod
    def _log_e_of(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log e for sums of shape (starts, columns)."""
