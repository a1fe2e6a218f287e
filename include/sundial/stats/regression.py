"""Quality of predicted numbers from sums that merge by addition, with scikit-learn's values."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sundial.stats.intervals import Interval, mean

# Beyond this share of the sum of squares, what is left of a variance is rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Errors:
    """Sums over rows of the error e = prediction − truth, in the unit of the output, rows by weight.

    Attributes:
        n: sum of the weights; the number of rows where they do not weigh.
        error: sum of e.
        absolute: sum of |e|.
        squared: sum of e².
        truth: sum of the truths.
        truth_squared: sum of their squares.
        effective_n: how many rows the weights are worth (`cells.effective_n`); n unless given.
    """

    n: float
    error: float
    absolute: float
    squared: float
    truth: float
    truth_squared: float
    effective_n: float | None = None

    def __post_init__(self) -> None:
        sums = (self.n, self.absolute, self.squared, self.truth_squared, self.effective_n or 0.0)
        if not all(math.isfinite(s) and s >= 0 for s in sums):
            raise ValueError("n or a sum of absolute or squared values is negative or infinite")
        if not (math.isfinite(self.error) and math.isfinite(self.truth)):
            raise ValueError(
                "the sum of errors or of truths is not finite: leave infinities out and count them"
            )

    def mean_absolute_error(self) -> float | None:
        """scikit-learn's `mean_absolute_error`, in the unit of the output; None without rows."""
        return self.absolute / self.n if self.n else None

    def mean_error(self) -> float | None:
        """Bias: the mean of prediction − truth, above 0 where too much is predicted; None without rows."""
        return self.error / self.n if self.n else None

    def mean_squared_error(self) -> float | None:
        """scikit-learn's `mean_squared_error`, in the squared unit of the output; None without rows."""
        return self.squared / self.n if self.n else None

    def root_mean_squared_error(self) -> float | None:
        """scikit-learn's `root_mean_squared_error`, in the unit of the output; None without rows."""
        return math.sqrt(self.squared / self.n) if self.n else None

    def r2(self) -> float | None:
        """scikit-learn's `r2_score`: 1 − squared errors over squared distances from the mean truth.

        The latter is a difference of two sums: center the truths before summing where their mean is more than
        about a thousand times their spread.

        Returns:
            The score, at most 1; None where all truths are alike, where scikit-learn says 0 or 1.
        """
        spread = self.truth_squared - self.truth**2 / self.n if self.n else 0.0
        return 1 - self.squared / spread if spread > _ROUNDING * self.truth_squared else None

    def mean_absolute_error_interval(self, level: float = 0.95) -> Interval | None:
        """Student's t interval of the mean absolute error, cut at 0; None with fewer than two rows.

        In the unit of the output, see `sundial.stats.intervals.mean`.
        """
        found = self._interval(self.absolute, level)
        return found and Interval(max(found.low, 0.0), found.high, found.method)

    def mean_error_interval(self, level: float = 0.95) -> Interval | None:
        """Student's t interval of the mean error; None with fewer than two rows."""
        return self._interval(self.error, level)

    def _interval(self, total: float, level: float) -> Interval | None:
        rows = self.n if self.effective_n is None else self.effective_n
        if not self.n:
            return None
        return mean(total * rows / self.n, self.squared * rows / self.n, rows, level)
