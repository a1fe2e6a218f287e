"""Distances between two windows of a number, from histograms on shared bins, with the error that bins bring.

A histogram forgets where in a bin its rows lie, so a distance between rows is known within a bracket.
Extremes and sums per bin, which merge as counts do, narrow it: bins of one value each leave no error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sundial.stats.cells import as_counts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Distance:
    """A distance and the bracket that holds the value of the rows themselves.

    Attributes:
        estimate: in the unit of the distance; None where the bins do not bound it.
        lower: the rows' own distance is no less.
        upper: and no more; infinite where the bins do not bound it.
    """

    estimate: float | None
    lower: float
    upper: float

    @property
    def resolution(self) -> float:
        """The most by which the estimate may be off because rows were binned."""
        if self.estimate is None:
            return float("inf")
        return max(self.upper - self.estimate, self.estimate - self.lower)


@dataclass(frozen=True, eq=False)
class Histogram:
    """Rows of one window by bins that keep the order of their values; a row without a value is in none.

    Attributes:
        edges: shape (bins + 1,), not falling, in the column's unit. A bin takes values from its lower edge up
            to its upper one. An end bin that also takes what lies beyond has an infinite outer edge.
        counts: shape (bins,), rows or their weights.
        sums: shape (bins,), sum of the (weighted) values, or None if not kept.
        minima: shape (bins,), least value of a bin, or None if not kept; read only where there are rows.
        maxima: shape (bins,), greatest value; kept if and only if `minima` are.

    Raises:
        ValueError: when the shapes differ, edges fall, or a bin's extremes are missing or contradict each
            other.
    """

    edges: Floats
    counts: Floats
    sums: Floats | None = None
    minima: Floats | None = None
    maxima: Floats | None = None

    def __post_init__(self) -> None:
        (counts,) = as_counts(self.counts, names=("counts",))
        columns = {"edges": self.edges, "sums": self.sums, "minima": self.minima, "maxima": self.maxima}
        for name, column in columns.items():
            if column is None:
                continue
            array = np.array(column, dtype=np.float64)
            if array.shape != (len(counts) + (name == "edges"),):
                raise ValueError(f"{name} has shape {array.shape} for {len(counts)} bins")
            object.__setattr__(self, name, array)
        object.__setattr__(self, "counts", counts)
        if not np.all(self.edges[1:] >= self.edges[:-1]):
            raise ValueError("edges must be numbers that do not fall")
        if (self.minima is None) != (self.maxima is None):
            raise ValueError("minima and maxima belong together: give both or neither")
        if self.minima is not None and self.maxima is not None:
            used = counts > 0
            low, high = self.minima[used], self.maxima[used]
            if not (np.all(low <= high) and np.all(high[:-1] <= low[1:])):
                raise ValueError("extremes of bins with rows must be numbers in the order of the bins")

    def merge(self, other: Histogram) -> Histogram:
        """Returns the histogram of both windows' rows; sums and extremes stay where both have them.

        Raises:
            ValueError: when the bins differ.
        """
        _require_shared_bins(self, other)
        sums = None if self.sums is None or other.sums is None else self.sums + other.sums
        hull = _hull(self, other)
        low, high = (None, None) if hull is None else hull
        return Histogram(self.edges, self.counts + other.counts, sums, low, high)


def kolmogorov_smirnov(p: Histogram, q: Histogram) -> Distance | None:
    """Kolmogorov–Smirnov distance sup |F_p − F_q| as a bracket that holds `scipy.stats.ks_2samp`'s statistic.

    The statistic is Smirnov's of two samples (1939).

    Between two edges, F_p − F_q starts at d and can reach d + (p's share of the bin) where all of p lies
    before q, and d − (q's share) where all of q lies before p: the upper end. The lower end is the greatest
    difference at an edge, or inside a bin whose extremes show that the rows lie in such an order. Where they
    show that the order is impossible (a bin of one value in both windows: neither is possible), the bin adds
    nothing to the upper end. Only the order of bins matters, so infinite values and open end bins are in
    order.

    Args:
        p: the one window.
        q: the other, on the same bins.

    Returns:
        The distance, in [0, 1], its estimate the lower end, which is the one that converges fast as bins
        narrow; None when a window is empty.

    Raises:
        ValueError: when the bins differ.
    """
    pair = _used(p, q)
    if pair is None:
        return None
    a, b, hull = pair.p, pair.q, pair.extremes
    before, after = pair.before, pair.after
    p_first = a.through / a.n - (b.through - b.counts) / b.n
    q_first = (a.through - a.counts) / a.n - b.through / b.n
    inside = np.vstack([p_first, q_first])
    at_edges = np.vstack([before, after])
    if hull is None:
        surely, maybe = np.zeros_like(inside, dtype=bool), np.ones_like(inside, dtype=bool)
    else:
        (p_low, p_high), (q_low, q_high) = hull
        both = (a.counts > 0) & (b.counts > 0)
        surely = both & np.vstack([p_high < q_low, q_high < p_low])
        maybe = both & ~np.vstack([p_low >= q_high, q_low >= p_high])
    edges = float(np.abs(at_edges).max())
    lower = max(edges, float(np.abs(inside).max(where=surely, initial=0.0)))
    upper = max(lower, float(np.abs(inside).max(where=maybe, initial=0.0)))
    return Distance(lower, lower, upper)


def wasserstein(p: Histogram, q: Histogram, sum_step: float = 0.0) -> Distance | None:
    """Wasserstein-1 distance ∫ |F_p − F_q| dx, in the column's unit, with a bound of its error.

    The formula is Vallender's (1974).

    Between bins F_p − F_q is known. In a bin, of width w, it starts at d and lies in [d − q's share, d + p's
    share]; the sums of a bin give each window's integral there. So where the sign cannot change the part of
    the bin is exact; elsewhere it is at least the modulus of the integral, and at most what convexity allows:
    the mean of |d + A − B| over the corners A in {0, p's share}, B in {0, q's share}, with the means that the
    sums give and A, B as opposed as they can be. An open end bin with sums and without extremes adds between
    the difference and the sum of the two windows' excess over its inner edge. Without sums, the range of the
    difference times the width bounds the part.

    Args:
        p: the one window.
        q: the other, on the same bins.
        sum_step: values were rounded to multiples of this before they were summed (0: they were not); moving
            every row by half a step moves the distance by at most a step.

    Returns:
        The distance, its estimate as if rows were spread evenly where the sums leave it open. It has no
        estimate, and no upper end, when rows are infinite, or lie in an open end bin that has neither sums
        nor extremes. None when a window is empty.

    Raises:
        ValueError: when the bins differ.
    """
    pair = _used(p, q)
    if pair is None:
        return None
    a, b = pair.p, pair.q
    low, high = pair.low, pair.high
    with np.errstate(invalid="ignore"):
        gaps = low[1:] - high[:-1]
        between = np.where(pair.after[:-1] == 0, 0.0, np.abs(pair.after[:-1]) * gaps)
        width = high - low
    if a.means is None or b.means is None:
        least, most = _without_sums(pair, width)
    else:
        least, most = _with_sums(pair, width, a.means, b.means)
    known = np.isfinite(most)
    even = least.copy()
    evenly = width[known] * _mean_modulus(pair.before, pair.after)[known]
    even[known] = np.clip(np.where(np.isfinite(evenly), evenly, 0.0), least[known], most[known])
    bounded = bool(known.all() and np.isfinite(between).all())
    outside = float(between[np.isfinite(between)].sum())
    lower = max(outside + float(least.sum()) - sum_step, 0.0)
    if not bounded:
        return Distance(None, lower, float("inf"))
    return Distance(outside + float(even.sum()), lower, outside + float(most.sum()) + sum_step)


def quantile_groups(counts: ArrayLike, groups: int = 10) -> NDArray[np.intp]:
    """Groups fine bins to the quantile groups of a baseline, such as its tenths.

    A cut lies at the edge of a fine bin whose cumulative share is nearest to its quantile, so that regrouped
    counts are exact: no bin is split. A heavy bin takes several quantiles and leaves fewer groups.

    Args:
        counts: shape (bins,), the baseline's fine histogram.
        groups: how many, 1 or more.

    Returns:
        First fine bin of each group, rising from 0, for `regroup`; every group has rows of the baseline.

    Raises:
        ValueError: when the baseline is empty or groups is less than 1.
    """
    (fine,) = as_counts(counts, names=("counts",))
    through = np.cumsum(fine)
    if groups < 1 or not fine.any():
        raise ValueError(
            f"{groups} groups of {fine.sum():g} rows: give 1 group or more and a baseline with rows"
        )
    targets = np.arange(1, groups) * through[-1] / groups
    reached = np.searchsorted(through, targets)
    short = np.where(reached > 0, through[reached - 1], 0.0)
    nearest = np.unique(np.where(targets - short <= through[reached] - targets, short, through[reached]))
    inner = nearest[(nearest > 0) & (nearest < through[-1])]
    starts: NDArray[np.intp] = np.append(0, np.searchsorted(through, inner) + 1)
    return starts


def regroup(counts: ArrayLike, starts: NDArray[np.intp]) -> Floats:
    """Adds up fine bins to groups, exactly.

    Args:
        counts: shape (..., bins), counts or sums.
        starts: first bin of each group, from `quantile_groups`.

    Returns:
        Array of shape (..., groups).

    Raises:
        IndexError: when a group starts behind the last bin.
    """
    grouped: Floats = np.add.reduceat(np.asarray(counts, dtype=np.float64), starts, axis=-1)
    return grouped


@dataclass(frozen=True)
class _Window:
    """One window over the bins that either uses."""

    n: float
    counts: Floats
    through: Floats
    means: Floats | None

    @property
    def shares(self) -> Floats:
        return self.counts / self.n


@dataclass(frozen=True)
class _Pair:
    """Both windows over the bins that either uses, F_p − F_q around each bin, and where its rows lie."""

    p: _Window
    q: _Window
    before: Floats
    after: Floats
    low: Floats
    high: Floats
    extremes: tuple[tuple[Floats, Floats], tuple[Floats, Floats]] | None


def _used(p: Histogram, q: Histogram) -> _Pair | None:
    _require_shared_bins(p, q)
    if not (p.counts.any() and q.counts.any()):
        return None
    used = p.counts + q.counts > 0
    a, b = (_window(h, used) for h in (p, q))
    after = a.through / a.n - b.through / b.n
    before = np.append(0.0, after[:-1])
    hull = _hull(p, q)
    if hull is None or p.minima is None or p.maxima is None or q.minima is None or q.maxima is None:
        return _Pair(a, b, before, after, p.edges[:-1][used], p.edges[1:][used], None)
    extremes = (p.minima[used], p.maxima[used]), (q.minima[used], q.maxima[used])
    return _Pair(a, b, before, after, hull[0][used], hull[1][used], extremes)


def _window(histogram: Histogram, used: NDArray[np.bool_]) -> _Window:
    counts = histogram.counts[used]
    through = np.cumsum(counts)
    means = None
    if histogram.sums is not None:
        means = np.divide(histogram.sums[used], counts, out=np.zeros_like(counts), where=counts > 0)
    return _Window(float(through[-1]), counts, through, means)


def _require_shared_bins(p: Histogram, q: Histogram) -> None:
    if not np.array_equal(p.edges, q.edges):
        raise ValueError("the histograms have different edges: distances need the same bins in both windows")


def _hull(p: Histogram, q: Histogram) -> tuple[Floats, Floats] | None:
    """Least and greatest value of both windows' rows per bin; empty bins have inf and -inf."""
    if p.minima is None or p.maxima is None or q.minima is None or q.maxima is None:
        return None
    low = np.minimum(*(np.where(h.counts > 0, m, np.inf) for h, m in ((p, p.minima), (q, q.minima))))
    high = np.maximum(*(np.where(h.counts > 0, m, -np.inf) for h, m in ((p, p.maxima), (q, q.maxima))))
    return low, high


def _without_sums(pair: _Pair, width: Floats) -> tuple[Floats, Floats]:
    floor, ceiling = pair.before - pair.q.shares, pair.before + pair.p.shares
    finite = np.isfinite(width)
    span = np.where(finite, width, 0.0)
    least = span * np.maximum(np.maximum(floor, -ceiling), 0.0)
    most = np.where(finite, span * np.maximum(-floor, ceiling), np.inf)
    return least, most


def _with_sums(pair: _Pair, width: Floats, p_means: Floats, q_means: Floats) -> tuple[Floats, Floats]:
    d, a, b = pair.before, pair.p.shares, pair.q.shares
    finite = np.isfinite(width) & np.isfinite(p_means) & np.isfinite(q_means)
    span = np.where(finite, width, 0.0)
    # How much of the bin each window has, on average over its width, left behind.
    alpha, beta = (_left_behind(pair, span, share, mean) for share, mean in ((a, p_means), (b, q_means)))
    both = np.maximum(alpha + beta - 1, 0.0)
    corners = both * np.abs(d + a - b) + (alpha - both) * np.abs(d + a)
    corners += (beta - both) * np.abs(d - b) + (1 - alpha - beta + both) * np.abs(d)
    least = span * np.abs(d + a * alpha - b * beta)
    # The convex bound is never below the modulus of the mean; rounding may put it a hair there.
    most = np.where(finite, np.maximum(span * corners, least), np.inf)
    # An open end: all that lies beyond the inner edge, which is the only finite one.
    for inner, side in ((pair.high, np.isneginf(pair.low)), (pair.low, np.isposinf(pair.high))):
        if pair.extremes is None:
            ends = side & np.isfinite(inner) & np.isfinite(p_means) & np.isfinite(q_means)
            p_excess, q_excess = (
                s[ends] * np.abs(m[ends] - inner[ends]) for s, m in ((a, p_means), (b, q_means))
            )
            least[ends], most[ends] = np.abs(p_excess - q_excess), p_excess + q_excess
    return least, most


def _left_behind(pair: _Pair, width: Floats, share: Floats, mean: Floats) -> Floats:
    held = (width > 0) & (share > 0)
    part = np.zeros_like(width)
    part[held] = np.clip((pair.high[held] - mean[held]) / width[held], 0.0, 1.0)
    return part


def _mean_modulus(start: Floats, end: Floats) -> Floats:
    """Mean of |x| along the straight line from start to end."""
    crossing = start * end < 0
    size = np.abs(start) + np.abs(end)
    turned = np.divide(start**2 + end**2, 2 * size, out=np.zeros_like(size), where=size > 0)
    return np.where(crossing, turned, size / 2)
