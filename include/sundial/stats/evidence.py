"""Carried evidence: e-processes and e-detectors on weekly counts, valid whenever one looks.

Each class takes one disjoint week at a time. `log_e` is the log of the e-process from the fixed start;
`log_detector` the log of the Shiryaev–Roberts e-detector, the sum over start weeks j of that e on the weeks
j..t, which held against A alarms falsely no more than once in A weeks on average. A week without outcomes
changes nothing and starts nothing. The detector triggers; it is not an e-value.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sundial.stats.cells import as_counts, require_counts
from sundial.stats.logbeta import log_mixture_ceiling, log_mixture_floor
from sundial.stats.two_sample import log_block_e

# Standard errors of the baseline's share added to the practical floor of a drift bound.
_BASELINE_ERRORS = 3.0


class Evidence(Protocol):
    """What every evidence process answers."""

    @property
    def log_e(self) -> float:
        """Log of the e-process from the fixed start; 0 before any outcome."""

    @property
    def log_detector(self) -> float:
        """Log of the e-detector; -inf before any outcome."""


def log_mean_exp(logs: ArrayLike) -> float:
    """Log of the mean of exp(logs), without overflow.

    Raises:
        ValueError: when logs is empty.
    """
    values = np.asarray(logs, dtype=np.float64)
    if values.size == 0:
        raise ValueError("the mean of no e-values is undefined: give at least one process")
    return float(np.logaddexp.reduce(values.ravel()) - np.log(values.size))


class _Starts(ABC):
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


class _Summed(_Starts):
    """Starts whose e-value depends on their sums only, computed when somebody looks."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._weeks: list[ArrayLike] = []
        self._known: NDArray[np.float64] | None = None

    def _take(self, week: ArrayLike) -> None:
        self._weeks.append(week)
        self._known = None

    def _log_starts(self) -> NDArray[np.float64]:
        if self._known is None:
            weeks = np.array(self._weeks, dtype=np.float64).reshape(-1, self._columns)
            # Summed from the last week back: row j is what start j has seen.
            self._known = self._log_e_of(np.cumsum(weeks[::-1], axis=0)[::-1])
        return self._known

    @abstractmethod
    def _log_e_of(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log e for sums of shape (starts, columns)."""


class _Rate(_Summed):
    """A bound on one rate, by the mixture e-value of its sums."""

    def __init__(self, p0: float, log_mixture: Callable[..., NDArray[np.float64]]) -> None:
        super().__init__(columns=2)
        if not 0 < p0 < 1:
            raise ValueError(
                f"p0 is {p0}: a bound on a rate must lie between 0 and 1, both excluded; check the threshold"
            )
        self.p0 = p0
        self._log_mixture = log_mixture

    def advance(self, successes: int, n: int) -> None:
        """Take one week's outcomes.

        Args:
            successes: outcomes that count towards the rate.
            n: all outcomes of the week that were not counted before.

        Raises:
            ValueError: when successes is not between 0 and n.
        """
        require_counts(successes, n)
        if n > 0:
            self._take((successes, n))

    def replay(self, increments: Iterable[tuple[int, int]]) -> Self:
        """Advance by past weeks, each (successes, n), oldest first; computed once, at the end."""
        for successes, n in increments:
            self.advance(successes, n)
        return self

    def _log_e_of(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._log_mixture(sums[:, 0], sums[:, 1], self.p0)


class Floor(_Rate):
    """Evidence that a rate fell below its floor; H0: p >= p0."""

    def __init__(self, p0: float) -> None:
        super().__init__(p0, log_mixture_floor)


class Ceiling(_Rate):
    """Evidence that a rate rose above its ceiling; H0: p <= p0."""

    def __init__(self, p0: float) -> None:
        super().__init__(p0, log_mixture_ceiling)


class TwoSample(_Starts):
    """Evidence that two groups' rates differ by more than a tolerance; H0: |pa − pb| <= tolerance.

    The e-variable for blocks of Turner, Ly and Grünwald (2022), see `sundial.stats.two_sample.log_block_e`
    for the formula and why its expectation under the null is at most 1. The rates it bets on are those of the
    start's own past weeks, (S + ½) / (N + 1), so e is 1 in a start's first week. A week in which one of the
    groups is empty has an e of 1 and opens no start; the running starts still learn from it.
    """

    def __init__(self, tolerance: float = 0.0) -> None:
        if not 0 <= tolerance < 1:
            raise ValueError(
                f"tolerance is {tolerance}: it must be at least 0 and below 1; check the threshold"
            )
        self.tolerance = tolerance
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

    def advance(self, sa: int, na: int, sb: int, nb: int) -> None:
        """Take one week's outcomes: successes and n of the first group, then of the second.

        Raises:
            ValueError: when a success count is not between 0 and its n.
        """
        self.replay([(sa, na, sb, nb)])

    def replay(self, increments: Iterable[tuple[int, int, int, int]]) -> Self:
        """Advance by past weeks, each (sa, na, sb, nb), oldest first, in one vectorised pass.

        Raises:
            ValueError: when a success count is not between 0 and its n.
        """
        rows = list(increments)
        for sa, na, sb, nb in rows:
            require_counts(sa, na)
            require_counts(sb, nb)
        weeks = np.array(rows, dtype=np.float64).reshape(-1, 4)
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
        gains[week, start] = log_block_e(theta_a, theta_b, (sa_, na_, sb_, nb_), self.tolerance)
        for gain in gains:  # in the order of the weeks, for the same rounding as one at a time
            logs += gain
        self._logs, self._sums = logs, base + before[-1]
        return self

    def _log_starts(self) -> NDArray[np.float64]:
        return self._logs


class Distribution(_Summed):
    """Evidence that a distribution over bins moved away from its baseline.

    Per bin the floor and the ceiling e-process against the baseline's share ∓ (practical floor + 3 standard
    errors of that share), averaged over bins and sides, then summed over starts. The baseline is a sample
    too: taking its shares as exact alarms on streams that did not drift. Bounds outside (0, 1) are skipped.
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
        super().__init__(columns=len(baseline))
        n = float(baseline.sum())
        if n == 0:
            raise ValueError("baseline_counts sum to 0: a distribution needs a baseline with outcomes")
        share = baseline / n
        margin = practical_floor + _BASELINE_ERRORS * np.sqrt(share * (1 - share) / n)
        self._floor_bins = np.flatnonzero(share - margin > 0)
        self._ceiling_bins = np.flatnonzero(share + margin < 1)
        self._floors = (share - margin)[self._floor_bins]
        self._ceilings = (share + margin)[self._ceiling_bins]
        if not self._floors.size + self._ceilings.size:
            raise ValueError(
                f"a baseline of {n:.0f} leaves no bound inside (0, 1): enlarge the baseline or merge its bins"
            )

    def advance(self, counts: ArrayLike) -> None:
        """Take one week's counts, shape (bins,), in the order of the baseline.

        Raises:
            ValueError: when the bins differ from the baseline's or a count is negative.
        """
        (week,) = as_counts(counts, names=("counts",))
        if len(week) != self._columns:
            raise ValueError(
                f"counts has {len(week)} bins, the baseline {self._columns}: use the baseline's edges"
            )
        if week.sum() > 0:
            self._take(week)

    def replay(self, increments: Iterable[ArrayLike]) -> Self:
        """Advance by past weeks' counts, oldest first; computed once, at the end."""
        for counts in increments:
            self.advance(counts)
        return self

    def _log_e_of(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        n = sums.sum(axis=1, keepdims=True)
        below = log_mixture_floor(sums[:, self._floor_bins], n, self._floors)
        above = log_mixture_ceiling(sums[:, self._ceiling_bins], n, self._ceilings)
        sides = np.hstack([below, above])
        mean: NDArray[np.float64] = np.logaddexp.reduce(sides, axis=1) - np.log(sides.shape[1])
        return mean


class Omnibus:
    """Evidence that any of k groups differs from the rest: the mean of the groups' processes.

    A mean of e-processes of the same weeks is one, however they depend on each other, and so for detectors.
    Within a tolerance the rest may be a mixture of groups: it counts by its mean rate.
    """

    def __init__(self, processes: Sequence[TwoSample]) -> None:
        """Take one process per group, in the order in which `advance` gives the groups.

        Raises:
            ValueError: with fewer than two groups, where there is no rest to compare with.
        """
        if len(processes) < 2:
            raise ValueError(
                f"{len(processes)} group: an omnibus compares each of at least two groups with the rest"
            )
        self.processes = tuple(processes)

    @property
    def log_e(self) -> float:
        """Log of the mean of the groups' e-processes from their fixed starts."""
        return log_mean_exp([process.log_e for process in self.processes])

    @property
    def log_detector(self) -> float:
        """Log of the mean of the groups' e-detectors."""
        return log_mean_exp([process.log_detector for process in self.processes])

    def advance(self, successes: Sequence[int], n: Sequence[int]) -> None:
        """Take one week's successes and n per group, and advance each group against the sum of the others.

        Raises:
            ValueError: when the groups differ in number, or successes is not between 0 and n.
        """
        self.replay([(successes, n)])

    def replay(self, increments: Iterable[tuple[Sequence[int], Sequence[int]]]) -> Self:
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
            process.replay((s[group], n[group], sum(s) - s[group], sum(n) - n[group]) for s, n in weeks)
        return self


def _learned_rates(sums: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    theta_a: NDArray[np.float64] = (sums[:, 0] + 0.5) / (sums[:, 1] + 1)
    theta_b: NDArray[np.float64] = (sums[:, 2] + 0.5) / (sums[:, 3] + 1)
    return theta_a, theta_b
