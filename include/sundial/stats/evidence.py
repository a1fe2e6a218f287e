"""Carried evidence: e-processes and e-detectors on weekly counts, valid whenever one looks.

Each class takes one disjoint week at a time. `log_e` is the log of the e-process from the fixed start;
`log_detector` the log of the Shiryaev–Roberts e-detector, the sum over start weeks j of that e on the weeks
j..t, which held against A alarms falsely no more than once in A weeks on average (Shin, Ramdas and Rinaldo
2024, "E-detectors: a nonparametric framework for sequential change detection"). A week without outcomes
changes nothing and starts nothing. The detector triggers; it is not an e-value.

Counts may be sums of row weights in (0, 1], fixed before the outcomes: a row of a cluster of m rows weighs
1/m, a sampling weight is divided by the largest. Every process here multiplies, row by row, factors Y whose
expectation under the null is at most 1, or averages such products. It stays valid with Y^w in the place of
Y: one row has E[Y^w] <= (E Y)^w, as powers up to 1 are concave. Rows of a cluster whose weights add to v <= 1
have Π Y^w <= (Σ w Y / v)^v, the inequality of the weighted means, so their expectation is at most
(Σ w E[Y] / v)^v however they depend on each other. The same inequality across rows and clusters of different
expectations shows that only their weighted mean has to lie in the null. What is needed is that clusters are
independent of each other, also over the weeks: one whose rows arrive over several weeks counts in one.

`mirror` gives the process of a recovery, with the null that the bound is still broken; it starts fresh, in
the week after a remediation, and a recovery has passed when its `log_e` reaches ln 1,000.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sundial.stats.baseline import limits
from sundial.stats.cells import as_counts
from sundial.stats.logbeta import log_mixture_ceiling, log_mixture_floor
from sundial.stats.starts import Starts, Summed
from sundial.stats.two_sample import log_block_e, log_block_e_beyond

# What sums of weights may miss by rounding, for each outcome; a week that weighs less than it is empty.
_ROUNDING = 1e-9
# Weight of the processes that begin first, where others may join them.
_AT_FIRST = 0.9


class Evidence(Protocol):
    """What every evidence process answers."""

    @property
    def log_e(self) -> float:
        """Log of the e-process from the fixed start; 0 before any outcome."""

    @property
    def log_detector(self) -> float:
        """Log of the e-detector; -inf before any outcome."""


def log_mean_exp(logs: ArrayLike) -> float:
    """Log of the mean of exp(logs), without overflow: a mean of e-values is one (Vovk and Wang 2021).

    Args:
        logs: natural logs of e-values, any shape; -inf is an e-value of 0.

    Returns:
        Natural log of their mean.

    Raises:
        ValueError: when logs is empty.
    """
    values = np.asarray(logs, dtype=np.float64)
    if values.size == 0:
        raise ValueError("the mean of no e-values is undefined: give at least one process")
    return float(np.logaddexp.reduce(values.ravel()) - np.log(values.size))


def log_mean_joining(batches: Sequence[Sequence[float]]) -> float:
    """Log of a mean of e-processes that do not all begin at the same time.

    The first to begin share a weight of .9, those of the k-th later time .1 / (k (k + 1)); what is left is a
    bet on nothing, an e of 1. Weights that are fixed beforehand keep it an e-process. In a plain mean over
    those that there are, a newcomer's 1 would lift what had fallen.

    Args:
        batches: logs of the e-values, by the time at which their processes began, the first one first.

    Returns:
        The natural log of the weighted mean.

    Raises:
        ValueError: when there is no batch, or an empty one.
    """
    if not batches or not all(batches):
        raise ValueError("give the e-values of at least one process in each batch")
    weights = [_AT_FIRST, *((1 - _AT_FIRST) / (k * (k + 1)) for k in range(1, len(batches)))]
    parts = [math.log(1 - sum(weights))]
    parts += [math.log(weight) + log_mean_exp(logs) for weight, logs in zip(weights, batches, strict=True)]
    return float(np.logaddexp.reduce(parts))


class _Rate(Summed):
    """A bound on one rate, by the mixture e-value of its sums."""

    def __init__(self, p0: float, log_mixture: Callable[..., NDArray[np.float64]]) -> None:
        super().__init__(columns=2)
        if not 0 < p0 < 1:
            raise ValueError(
                f"p0 is {p0}: a bound on a rate must lie between 0 and 1, both excluded; check the threshold"
            )
        self.p0 = p0
        self._log_mixture = log_mixture

    def advance(self, successes: float, n: float) -> None:
        """Take one week's outcomes.

        Args:
            successes: outcomes that count towards the rate, or the sum of their weights.
            n: all outcomes of the week that were not counted before, or the sum of their weights.

        Raises:
            ValueError: when successes is not between 0 and n.
        """
        self.replay([(successes, n)])

    def replay(self, increments: Iterable[tuple[float, float]]) -> Self:
        """Advance by past weeks, each (successes, n), oldest first; computed once, at the end.

        Raises:
            ValueError: as `advance`.
        """
        for week in _counted(np.array(list(increments), dtype=np.float64).reshape(-1, 2)):
            if week[1] > 0:
                self._take(week)
        return self

    def _log_e_of(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._log_mixture(sums[:, 0], sums[:, 1], self.p0)


class Floor(_Rate):
    """Evidence that a rate fell below its floor; H0: p >= p0.

    The mixture over uniform alternatives (Robbins 1970), see `sundial.stats.logbeta.log_mixture_floor`.
    """

    def __init__(self, p0: float) -> None:
        """Fix the bound.

        Args:
            p0: the floor, a rate in (0, 1).

        Raises:
            ValueError: when p0 is not inside (0, 1).
        """
        super().__init__(p0, log_mixture_floor)

    def mirror(self) -> Ceiling:
        """Return the fresh process of a recovery; H0: p <= p0, still no better than the floor."""
        return Ceiling(self.p0)


class Ceiling(_Rate):
    """Evidence that a rate rose above its ceiling; H0: p <= p0: `Floor` on the failures."""

    def __init__(self, p0: float) -> None:
        """Fix the bound.

        Args:
            p0: the ceiling, a rate in (0, 1).

        Raises:
            ValueError: when p0 is not inside (0, 1).
        """
        super().__init__(p0, log_mixture_ceiling)

    def mirror(self) -> Floor:
        """Return the fresh process of a recovery; H0: p >= p0, still no better than the ceiling."""
        return Floor(self.p0)


class _Blocks(Starts):
    """Starts that bet on the rates of two groups, block by block.

    The rates are those of the start's own past weeks, (S + ½) / (N + 1), so e is 1 in a start's first week. A
    week in which one of the groups is empty has an e of 1 and opens no start; the running starts still learn
    from it.
    """

    def __init__(self) -> None:
        self._logs = np.zeros(0)
        # One row per start: successes a, n a, successes b, n b since then.
        self._sums = np.zeros((0, 4))

    @property
    def sign(self) -> int:
        """Learned difference of the fixed start: 1 for the first group above the second, −1 below, else 0."""
        if not len(self._sums):
            return 0
        theta_a, theta_b = _learned_rates(self._sums[:1])
        return int(np.sign(theta_a[0] - theta_b[0]))

    def advance(self, sa: float, na: float, sb: float, nb: float) -> None:
        """Take one week's outcomes: successes and n of the first group, then of the second, or their weights.

        Raises:
            ValueError: when a success count is not between 0 and its n.
        """
        self.replay([(sa, na, sb, nb)])

    def replay(self, increments: Iterable[tuple[float, float, float, float]]) -> Self:
        """Advance by past weeks, each (sa, na, sb, nb), oldest first, in one vectorised pass.

        Raises:
            ValueError: when a success count is not between 0 and its n.
        """
        self._replay(increments)
        return self

    def detectors(self, increments: Iterable[tuple[float, float, float, float]]) -> NDArray[np.float64]:
        """Advance as `replay` does, and return the log of the e-detector after each of the weeks.

        Raises:
            ValueError: as `replay`.
        """
        found: list[float] = []
        self._replay(increments, lambda logs: found.append(float(np.logaddexp.reduce(logs))))
        return np.array(found, dtype=np.float64)

    def _replay(
        self,
        increments: Iterable[tuple[float, float, float, float]],
        told: Callable[[NDArray[np.float64]], None] = lambda _: None,
    ) -> None:
        """Advances; tells the logs of the starts that there are after each week."""
        given = np.array(list(increments), dtype=np.float64)
        weeks = _counted(given.reshape(-1, 2)).reshape(-1, 4)
        both = (weeks[:, 1] > 0) & (weeks[:, 3] > 0)
        # A start bets from the week after its opening on, and where both groups have outcomes.
        opened = np.concatenate([np.full(len(self._sums), -1), np.flatnonzero(both)])
        before = np.vstack([np.zeros(4), np.cumsum(weeks, axis=0)])
        # Sums of start j before week t: what it had before these weeks, plus the weeks from its opening to t.
        base = np.vstack([self._sums, -before[:-1][both]])
        logs = np.concatenate([self._logs, np.zeros(int(both.sum()))])
        week, start = np.nonzero(both[:, None] & (opened < np.arange(len(weeks))[:, None]))
        theta_a, theta_b = _learned_rates(base[start] + before[week])
        sa_, na_, sb_, nb_ = weeks[week].T.copy()
        gains = np.zeros((len(weeks), len(logs)))
        gains[week, start] = self._log_gains(theta_a, theta_b, (sa_, na_, sb_, nb_))
        # Added in order, for the same rounding as one week at a time.
        after = np.cumsum(np.vstack([logs, gains]), axis=0)
        for begun, told_logs in zip(len(self._sums) + np.cumsum(both), after[1:], strict=True):
            told(told_logs[:begun])
        self._logs, self._sums = after[-1].copy(), base + before[-1]

    def _log_starts(self) -> NDArray[np.float64]:
        return self._logs

    @abstractmethod
    def _log_gains(
        self,
        theta_a: NDArray[np.float64],
        theta_b: NDArray[np.float64],
        block: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    ) -> NDArray[np.float64]:
        """Log e of blocks for rates learned before them, all of shape (blocks,)."""


class TwoSample(_Blocks):
    """Evidence that two groups' rates differ by more than a tolerance; H0: |pa − pb| <= tolerance.

    The e-variable for blocks of Turner, Ly and Grünwald (2022), see `sundial.stats.two_sample.log_block_e`
    for the formula and why its expectation under the null is at most 1. The rates it bets on are those of the
    start's own past weeks, (S + ½) / (N + 1), so e is 1 in a start's first week. A week in which one of the
    groups is empty has an e of 1 and opens no start; the running starts still learn from it.
    """

    def __init__(self, tolerance: float = 0.0) -> None:
        """Fix the tolerance.

        Args:
            tolerance: difference of two rates that does not matter, in [0, 1).

        Raises:
            ValueError: when the tolerance is not in [0, 1).
        """
        super().__init__()
        if not 0 <= tolerance < 1:
            raise ValueError(
                f"tolerance is {tolerance}: it must be at least 0 and below 1; check the threshold"
            )
        self.tolerance = tolerance

    def mirror(self) -> TwoSampleWithin | None:
        """Return the fresh process of a recovery; none for a tolerance of 0, which nothing can lie within."""
        return TwoSampleWithin(self.tolerance) if self.tolerance else None

    def _log_gains(
        self,
        theta_a: NDArray[np.float64],
        theta_b: NDArray[np.float64],
        block: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    ) -> NDArray[np.float64]:
        return log_block_e(theta_a, theta_b, block, self.tolerance)


class _Beyond(_Blocks):
    """Evidence that the first group is less than a gap above the second; H0: pa − pb >= gap."""

    def __init__(self, gap: float) -> None:
        super().__init__()
        self._gap = gap

    def _log_gains(
        self,
        theta_a: NDArray[np.float64],
        theta_b: NDArray[np.float64],
        block: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    ) -> NDArray[np.float64]:
        return log_block_e_beyond(theta_a, theta_b, block, self._gap)


class TwoSampleWithin(Starts):
    """Evidence that two groups' rates differ by less than a tolerance; H0: |pa − pb| >= tolerance.

    The null is the union of pa − pb >= tolerance and pb − pa >= tolerance: the smaller of their e-values is
    one for the union, start by start.
    """

    def __init__(self, tolerance: float) -> None:
        """Fix the tolerance.

        Args:
            tolerance: difference of two rates that does not matter, in (0, 1).

        Raises:
            ValueError: when the tolerance is not in (0, 1).
        """
        if not 0 < tolerance < 1:
            raise ValueError(
                f"tolerance is {tolerance}: nothing lies within it; it must be between 0 and 1, both excluded"
            )
        self.tolerance = tolerance
        self._above, self._below = _Beyond(tolerance), _Beyond(tolerance)

    def advance(self, sa: float, na: float, sb: float, nb: float) -> None:
        """Take one week's outcomes: successes and n of the first group, then of the second, or their weights.

        Raises:
            ValueError: when a success count is not between 0 and its n.
        """
        self.replay([(sa, na, sb, nb)])

    def replay(self, increments: Iterable[tuple[float, float, float, float]]) -> Self:
        """Advance by past weeks, each (sa, na, sb, nb), oldest first.

        Raises:
            ValueError: when a success count is not between 0 and its n.
        """
        weeks = list(increments)
        self._above.replay(weeks)
        self._below.replay((sb, nb, sa, na) for sa, na, sb, nb in weeks)
        return self

    def _log_starts(self) -> NDArray[np.float64]:
        return np.minimum(self._above._log_starts(), self._below._log_starts())


class _Bins(Summed):
    """Floors and ceilings on the shares of bins."""

    def __init__(
        self,
        bins: int,
        floors: tuple[NDArray[np.intp], NDArray[np.float64]],
        ceilings: tuple[NDArray[np.intp], NDArray[np.float64]],
    ) -> None:
        """Take the number of bins, and the bins that have a floor or a ceiling, each with its bound."""
        super().__init__(columns=bins)
        self._floor_bins, self._floors = floors
        self._ceiling_bins, self._ceilings = ceilings

    def advance(self, counts: ArrayLike) -> None:
        """Take one week's counts or sums of weights, shape (bins,), in the order of the baseline.

        Raises:
            ValueError: when the bins differ from the baseline's or a count is negative.
        """
        self.replay([counts])

    def replay(self, increments: Iterable[ArrayLike]) -> Self:
        """Advance by past weeks' counts, oldest first; computed once, at the end.

        Raises:
            ValueError: as `advance`; no week is taken then.
        """
        weeks = list(increments)
        for week in weeks:
            if np.shape(week) != (self._columns,):
                raise ValueError(
                    f"counts has shape {np.shape(week)}, the baseline {self._columns} bins: use its edges"
                )
        (counts,) = as_counts(np.array(weeks, dtype=np.float64).ravel(), names=("counts",))
        for week in counts.reshape(-1, self._columns):
            if week.any():
                self._take(week)
        return self


class Distribution(_Bins):
    """Evidence that a distribution over bins moved away from its baseline.

    Per bin the floor and the ceiling e-process against what the baseline leaves open of its share
    (`sundial.stats.baseline.limits`), moved by the practical floor, averaged over bins and sides (Vovk and
    Wang 2021), then summed over starts. The baseline is a sample too: taking its shares as exact alarms on
    streams that did not drift. Bounds outside (0, 1) are skipped.
    """

    def __init__(self, baseline_counts: ArrayLike, practical_floor: float = 0.02) -> None:
        """Fix the bounds.

        Args:
            baseline_counts: shape (bins,), counts; bins for missing and unseen values included.
            practical_floor: a move of a share that is too small to matter.

        Raises:
            ValueError: when the baseline is empty, or so small that no bin has a bound inside (0, 1).
        """
        (baseline,) = as_counts(baseline_counts, names=("baseline_counts",))
        n = float(baseline.sum())
        if n == 0:
            raise ValueError("baseline_counts sum to 0: a distribution needs a baseline with outcomes")
        low, high = limits(baseline, n)
        low, high = low - practical_floor, high + practical_floor
        floor_bins, ceiling_bins = np.flatnonzero(low > 0), np.flatnonzero(high < 1)
        if not floor_bins.size + ceiling_bins.size:
            raise ValueError(
                f"a baseline of {n:.0f} leaves no bound inside (0, 1): enlarge the baseline or merge its bins"
            )
        super().__init__(len(baseline), (floor_bins, low[floor_bins]), (ceiling_bins, high[ceiling_bins]))

    def mirror(self) -> DistributionWithin:
        """Return the fresh process of a recovery of the bounds that are broken since the accusing start.

        That is the start with the largest e up to now. When no share is beyond its bound since then, as
        before any outcome, every bound is asked for.
        """
        below, above = np.zeros(self._floors.size, bool), np.zeros(self._ceilings.size, bool)
        if self._weeks:
            since = self._sums()[int(np.argmax(self._log_starts()))]
            share = since / since.sum()
            below, above = share[self._floor_bins] < self._floors, share[self._ceiling_bins] > self._ceilings
        if not below.any() and not above.any():
            below, above = ~below, ~above
        return DistributionWithin(
            self._columns,
            (self._floor_bins[below], self._floors[below]),
            (self._ceiling_bins[above], self._ceilings[above]),
        )

    def _log_e_of(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        n = sums.sum(axis=1, keepdims=True)
        below = log_mixture_floor(sums[:, self._floor_bins], n, self._floors)
        above = log_mixture_ceiling(sums[:, self._ceiling_bins], n, self._ceilings)
        sides = np.hstack([below, above])
        mean: NDArray[np.float64] = np.logaddexp.reduce(sides, axis=1) - np.log(sides.shape[1])
        return mean


class DistributionWithin(_Bins):
    """Evidence that shares are back inside their bounds; H0: at least one of the bounds is still broken.

    Made by `Distribution.mirror`. The smallest of the bounds' mirrored e-values is one for that union.
    """

    def _log_e_of(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        n = sums.sum(axis=1, keepdims=True)
        above = log_mixture_ceiling(sums[:, self._floor_bins], n, self._floors)
        below = log_mixture_floor(sums[:, self._ceiling_bins], n, self._ceilings)
        least: NDArray[np.float64] = np.hstack([above, below]).min(axis=1)
        return least


_Pair = TypeVar("_Pair", bound=TwoSample | TwoSampleWithin)


class _EachAgainstTheRest(Generic[_Pair]):
    """One process for each of k groups, on the group and the sum of the others.

    Within a tolerance the rest may be a mixture of groups: it counts by its mean rate.
    """

    def __init__(self, processes: Sequence[_Pair]) -> None:
        """Take one process per group, in the order in which `advance` gives the groups.

        Raises:
            ValueError: with fewer than two groups, where there is no rest to compare with.
        """
        if len(processes) < 2:
            raise ValueError(
                f"{len(processes)} group: an omnibus compares each of at least two groups with the rest"
            )
        self.processes: tuple[_Pair, ...] = tuple(processes)

    def advance(self, successes: Sequence[float], n: Sequence[float]) -> None:
        """Take one week's successes and n per group, and advance each group against the sum of the others.

        Raises:
            ValueError: when the groups differ in number, or successes is not between 0 and n.
        """
        self.replay([(successes, n)])

    def replay(self, increments: Iterable[tuple[Sequence[float], Sequence[float]]]) -> Self:
        """Advance by past weeks, each (successes, n) per group, oldest first.

        Raises:
            ValueError: when the groups differ in number, or successes is not between 0 and n.
        """
        weeks = list(increments)
        for successes, n in weeks:
            if not len(successes) == len(n) == len(self.processes):
                raise ValueError(
                    f"a week has {len(successes)} success counts and {len(n)} totals for"
                    f" {len(self.processes)} groups: give each group one of both, 0 where it is absent"
                )
        for group, process in enumerate(self.processes):
            process.replay((s[group], n[group], _rest(s, group), _rest(n, group)) for s, n in weeks)
        return self


class Omnibus(_EachAgainstTheRest[TwoSample]):
    """Evidence that any of k groups differs from the rest: the mean of the groups' processes.

    A mean of e-processes of the same weeks is one, however they depend on each other (Vovk and Wang 2021),
    and so for detectors.
    """

    @property
    def log_e(self) -> float:
        """Log of the mean of the groups' e-processes from their fixed starts."""
        return log_mean_exp([process.log_e for process in self.processes])

    @property
    def log_detector(self) -> float:
        """Log of the mean of the groups' e-detectors."""
        return log_mean_exp([process.log_detector for process in self.processes])

    def mirror(self) -> OmnibusWithin | None:
        """Return the fresh process of a recovery of all groups; none when a group's tolerance is 0."""
        mirrors = [mirror for process in self.processes if (mirror := process.mirror()) is not None]
        return OmnibusWithin(mirrors) if len(mirrors) == len(self.processes) else None


class OmnibusWithin(_EachAgainstTheRest[TwoSampleWithin]):
    """Evidence that all of k groups are within their tolerance of the rest; H0: at least one is not.

    The smallest of the groups' e-values is one for that union.
    """

    @property
    def log_e(self) -> float:
        """Log of the least of the groups' e-processes from their fixed starts."""
        return min(process.log_e for process in self.processes)

    @property
    def log_detector(self) -> float:
        """Log of the least of the groups' e-detectors."""
        return min(process.log_detector for process in self.processes)


def _counted(given: NDArray[np.float64]) -> NDArray[np.float64]:
    """Successes and n, of shape (weeks, 2), freed of what sums of weights miss by rounding."""
    successes, n = given.T
    slack = _ROUNDING * np.maximum(1.0, n)
    right = np.isfinite(n) & (n >= -slack) & (-slack <= successes) & (successes <= n + slack)
    if not right.all():
        some, of = given[~right][0].tolist()
        raise ValueError(
            f"{some} successes of {of}: successes must lie between 0 and n; check the profile's counts"
        )
    there = n > _ROUNDING
    return np.column_stack([np.where(there, np.clip(successes, 0.0, n), 0.0), np.where(there, n, 0.0)])


def _rest(counts: Sequence[float], group: int) -> float:
    """Sum of the other groups, added up rather than subtracted: exactly 0 where they are absent."""
    return sum(counts[:group]) + sum(counts[group + 1 :])


def _learned_rates(sums: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    theta_a: NDArray[np.float64] = (sums[:, 0] + 0.5) / (sums[:, 1] + 1)
    theta_b: NDArray[np.float64] = (sums[:, 2] + 0.5) / (sums[:, 3] + 1)
    return theta_a, theta_b
