"""Evidence on the mean of values between two bounds, and on the area under the ROC curve, by betting.

A value scaled to x in [0, 1] with a mean of at most m multiplies the wealth of a gambler who stakes the part
c by 1 − c + c x/m, which is expected to be at most 1 (Waudby-Smith and Ramdas 2024, "Estimating means of
bounded random variables by betting"). The e-process is the mean wealth of gamblers with fixed stakes, their
"hedged" mixture: no stake needs a first week to be learned in, and the wealth of each depends on sums only.
The stakes halve every two steps, so one of them is within a factor of 2^¼ of the best, which costs 4 % of its
growth.

The null speaks of the mean over the rows, which may differ in theirs. Rows may weigh in (0, 1], see
`sundial.stats.evidence`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sundial.stats.cells import as_counts
from sundial.stats.starts import Summed

# The largest stays below 1, at which one bad value ruins a gambler; the smallest, a thousandth, is the best
# for a shift so small that it takes about a million rows to be seen.
_STAKES = 0.95 * 2.0 ** (-np.arange(21) / 2)


class _Bets(Summed):
    """The mean wealth of gamblers with fixed stakes, on rows of a few points."""

    def __init__(self, points: NDArray[np.float64], bound: float, *, above: bool) -> None:
        """Bet on values at `points` in [0, 1] that their mean is above the bound, or below it."""
        super().__init__(columns=len(points))
        relative = points / bound if above else (1 - points) / (1 - bound)
        # Log factor of a row, shape (points, stakes).
        self._log_gains = np.log1p(_STAKES * (relative[:, None] - 1))

    def _log_e_of(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        wealth = np.zeros((len(sums), len(_STAKES)))
        # Point by point rather than as a matrix product, whose rounding depends on the machine.
        for rows, gains in zip(sums.T, self._log_gains, strict=True):
            wealth += rows[:, None] * gains
        mean: NDArray[np.float64] = np.logaddexp.reduce(wealth, axis=1) - np.log(len(_STAKES))
        return mean


class _Mean(_Bets):
    """A bound on a mean, from counts in bins."""

    def __init__(self, m0: float, edges: ArrayLike, *, above: bool) -> None:
        self.edges = np.array(edges, dtype=np.float64)
        if self.edges.ndim != 1 or len(self.edges) < 2 or not np.all(np.diff(self.edges) > 0):
            raise ValueError("edges must be one row of at least two numbers that rise; check the bins")
        low, high = float(self.edges[0]), float(self.edges[-1])
        if not low < m0 < high:
            raise ValueError(
                f"m0 is {m0}: a bound on a mean must lie between the least and the greatest value, {low} and"
                f" {high}, both excluded; check the threshold"
            )
        super().__init__((self.edges - low) / (high - low), (m0 - low) / (high - low), above=above)
        self.m0 = m0
        self._above = above

    def advance(self, counts: ArrayLike, sums: ArrayLike | None = None) -> None:
        """Take one week's values.

        Without sums a row counts as the edge of its bin that speaks less for the claim. With them it is split
        between both edges so that the sum is kept: the logarithm of a factor is concave in the value, so this
        too can only lose evidence, and much less of it.

        Args:
            counts: rows per bin, or the sums of their weights, shape (bins,), in the order of the edges.
            sums: sums of the rows' values, weighted alike, shape (bins,).

        Raises:
            ValueError: when the bins differ from those of the edges, a count is negative or not finite, or
                a bin's sum cannot be that of values inside it.
        """
        (rows,) = as_counts(counts, names=("counts",))
        if len(rows) != len(self.edges) - 1:
            raise ValueError(
                f"counts has {len(rows)} bins, the edges {len(self.edges) - 1}: use the same edges"
            )
        if sums is None:
            upper = np.zeros(len(rows)) if self._above else rows
        else:
            upper = self._parts_at_upper_edges(rows, np.asarray(sums, dtype=np.float64))
        if rows.sum() > 0:
            self._take(np.append(rows - upper, 0.0) + np.append(0.0, upper))

    def replay(self, increments: Iterable[ArrayLike]) -> Self:
        """Advance by past weeks, oldest first; computed once, at the end.

        Args:
            increments: for each week the counts, shape (bins,), or the counts and after them the sums, flat
                of shape (2 bins,) or of shape (2, bins).

        Raises:
            ValueError: as for `advance`.
        """
        bins = len(self.edges) - 1
        for increment in increments:
            week = np.asarray(increment, dtype=np.float64).ravel()
            self.advance(*(week.reshape(2, bins) if len(week) == 2 * bins else (week,)))
        return self

    def _parts_at_upper_edges(
        self, rows: NDArray[np.float64], sums: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        if sums.shape != rows.shape:
            raise ValueError(f"sums has shape {sums.shape}, counts {rows.shape}: give one sum per bin")
        # From the low end, so that the slack for rounding does not depend on where zero lies.
        low, width = self.edges[:-1], np.diff(self.edges)
        upper = (sums - rows * low) / width
        slack = 1e-9 * (1 + rows * (1 + np.abs(low) / width))
        if not np.all((upper >= -slack) & (upper <= rows + slack)):
            raise ValueError("a bin's sum is not that of values inside its edges; check the profile's sums")
        return np.clip(upper, 0.0, rows)


class BoundedCeiling(_Mean):
    """Evidence that a mean rose above its ceiling; H0: mean <= m0."""

    def __init__(self, m0: float, edges: ArrayLike) -> None:
        """Fix the bound.

        Args:
            m0: ceiling, in the unit of the values.
            edges: shape (bins + 1,), rising; from the least to the greatest value that a row can have. Values
                are capped there before they are counted, and the mean is that of the capped values.

        Raises:
            ValueError: when the edges do not rise, or m0 is not between the first and the last.
        """
        super().__init__(m0, edges, above=True)

    def mirror(self) -> BoundedFloor:
        """Return the fresh process of a recovery; H0: mean >= m0, still no better than the ceiling."""
        return BoundedFloor(self.m0, self.edges)


class BoundedFloor(_Mean):
    """Evidence that a mean fell below its floor; H0: mean >= m0."""

    def __init__(self, m0: float, edges: ArrayLike) -> None:
        """Fix the bound.

        Args:
            m0: floor, in the unit of the values.
            edges: shape (bins + 1,), rising; from the least to the greatest value that a row can have. Values
                are capped there before they are counted, and the mean is that of the capped values.

        Raises:
            ValueError: when the edges do not rise, or m0 is not between the first and the last.
        """
        super().__init__(m0, edges, above=False)

    def mirror(self) -> BoundedCeiling:
        """Return the fresh process of a recovery; H0: mean <= m0, still no better than the floor."""
        return BoundedCeiling(self.m0, self.edges)


class _Area(_Bets):
    """A bound on the area under the ROC curve, from score cells.

    One pair of a positive and a negative gives 1, ½ or 0, with a mean of the area. Along a matching, in which
    every row is in at most one pair, the pairs are independent and their product of bets is an e-value, and
    so is its mean over matchings of any given chances. By Jensen's inequality the exponential of the mean of
    the logarithms is smaller still. Cells do not know rows, but they know that mean: chances exist under
    which the pair of rows i and j, of weights v and w, is matched with v w / max(V, W), V and W the sums of
    the weights, because no row is then in more than one pair (Birkhoff and von Neumann). So the log e of a
    week is min(V, W) times the mean over all pairs of the log of their bets.

    The week's positives are taken to be independent draws of one distribution, its negatives of another.
    Weights of a cluster may add to 1 where all its rows have the same outcome; pairs within a cluster with
    both outcomes would tell nothing of the area, so such a cluster has to be cut to one row.

    With `open_bins` a bin of the score has two places: the second one is for positives of which nobody knows
    whether they stand above the bin's negatives. They count for what the null says: evidence stays evidence.
    """

    def __init__(self, area: float, *, above: bool, open_bins: bool) -> None:
        if not 0 < area < 1:
            raise ValueError(
                f"area is {area}: a bound on it must lie between 0 and 1, both excluded; check the threshold"
            )
        super().__init__(np.array([0.0, 0.5, 1.0]), area, above=above)
        self.area, self.open_bins = area, open_bins
        self._below = above and open_bins

    def advance(self, positives: ArrayLike, negatives: ArrayLike) -> None:
        """Take one week's score cells; a week without positives or without negatives changes nothing.

        Args:
            positives: rows with a positive outcome per bin of the score, lowest first, shape (bins,); or the
                sums of their weights.
            negatives: the same of rows with a negative outcome; with `open_bins` the second place of a bin
                has none.

        Raises:
            ValueError: when the shapes differ, or a count is negative or not finite.
        """
        pos, neg = as_counts(positives, negatives, names=("positives", "negatives"))
        if self._below:
            pos, neg = (counts.reshape(-1, 2)[:, ::-1].ravel() for counts in (pos, neg))
        most = max(float(pos.sum()), float(neg.sum()))
        below = np.cumsum(neg) - neg
        above = np.cumsum(neg[::-1])[::-1] - neg
        if pos.sum() > 0 and neg.sum() > 0:
            self._take(np.array([(pos * np.maximum(part, 0)).sum() for part in (above, neg, below)]) / most)

    def replay(self, increments: Iterable[ArrayLike]) -> Self:
        """Advance by past weeks, oldest first; computed once, at the end.

        Args:
            increments: for each week the positives and the negatives, of shape (2, bins) or flat, positives
                first.

        Raises:
            ValueError: as for `advance`, or when a flat week has an odd number of counts.
        """
        for increment in increments:
            week = np.asarray(increment, dtype=np.float64).ravel()
            if len(week) % 2:
                raise ValueError(f"a week has {len(week)} counts: give positives and negatives of each bin")
            self.advance(*week.reshape(2, -1))
        return self


class AucFloor(_Area):
    """Evidence that the area under the ROC curve fell below its floor; H0: area >= auc0."""

    def __init__(self, auc0: float, *, open_bins: bool = False) -> None:
        """Fix the bound.

        Args:
            auc0: area under the ROC curve, in (0, 1).
            open_bins: whether each bin has a second place, for positives of unknown order.

        Raises:
            ValueError: when auc0 is not inside (0, 1).
        """
        super().__init__(auc0, above=False, open_bins=open_bins)

    def mirror(self) -> AucCeiling:
        """Return the fresh process of a recovery; H0: area <= auc0, still no better than the floor."""
        return AucCeiling(self.area, open_bins=self.open_bins)


class AucCeiling(_Area):
    """Evidence that the area under the ROC curve is above a bound; H0: area <= auc0."""

    def __init__(self, auc0: float, *, open_bins: bool = False) -> None:
        """Fix the bound.

        Args:
            auc0: area under the ROC curve, in (0, 1).
            open_bins: whether each bin has a second place, for positives of unknown order.

        Raises:
            ValueError: when auc0 is not inside (0, 1).
        """
        super().__init__(auc0, above=True, open_bins=open_bins)

    def mirror(self) -> AucFloor:
        """Return the fresh process of a recovery; H0: area >= auc0."""
        return AucFloor(self.area, open_bins=self.open_bins)
