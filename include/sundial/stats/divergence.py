"""Distances between two samples of counts over the same bins: they size a move, evidence decides."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy

from sundial.stats.cells import as_counts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_PSEUDO_COUNT = 0.5


@dataclass(frozen=True)
class ChiSquare:
    """A chi-square test of homogeneity (Pearson 1900).

    Attributes:
        statistic: Pearson's, of levels − 1 degrees of freedom.
        levels: how many were left after pooling.
        p_value: chance of the statistic or more under equal shares.
        cramers_v: size of the difference (Cramér 1946), √(statistic / n) for two samples: 0 for equal shares,
            1 for disjoint ones, over the pooled levels.
    """

    statistic: float
    levels: int
    p_value: float
    cramers_v: float


def psi(p_counts: ArrayLike, q_counts: ArrayLike) -> float | None:
    """Population stability index, Σ (p − q) ln(p / q).

    It is Jeffreys's divergence (1946), under the name that it has in credit scoring.

    Zeros: a bin that is empty in both samples is left out; every other bin of both gets half a count more, so
        that an empty bin gives a finite value that shrinks with the samples instead of one set by an
        arbitrary small share.

    Args:
        p_counts: shape (bins,), the one sample.
        q_counts: shape (bins,), the other.

    Returns:
        The index (0 or more, in nats, symmetric), or None when a sample is empty.

    Raises:
        ValueError: when the arrays differ in shape or hold anything but counts.
    """
    samples = _two_samples(p_counts, q_counts)
    if samples is None:
        return None
    p, q = (_shares(sample + _PSEUDO_COUNT) for sample in samples)
    return float(np.sum((p - q) * np.log(p / q)))


def psi_without_drift(p_total: float, q_total: float, bins: int) -> float:
    """Expected population stability index of two samples of one population: (1/N + 1/M) · (bins − 1).

    The index of two samples is then about (1/N + 1/M) times a chi-square variable of bins − 1 degrees of
    freedom (Yurdakul 2018); good from some five expected in each bin on.

    Args:
        p_total: rows of the one sample, > 0.
        q_total: rows of the other, > 0.
        bins: how many bins either of them uses.

    Returns:
        The index, in nats, that sampling alone is expected to give.

    Raises:
        ValueError: when a sample is empty or there is no bin.
    """
    return _spread(p_total, q_total, bins) * (bins - 1)


def jensen_shannon_without_drift(p_total: float, q_total: float, bins: int) -> float:
    """Expected Jensen–Shannon distance of two samples of one population.

    To second order the divergence in nats is an eighth of the population stability index, so that the
    distance is a multiple of a chi variable of bins − 1 degrees of freedom, whose mean this is.

    Args:
        p_total: rows of the one sample, > 0.
        q_total: rows of the other, > 0.
        bins: how many bins either of them uses.

    Returns:
        The distance, as `jensen_shannon` measures it, that sampling alone is expected to give.

    Raises:
        ValueError: when a sample is empty or there is no bin.
    """
    scale = _spread(p_total, q_total, bins) / (8 * math.log(2))
    if bins == 1:
        return 0.0
    return math.sqrt(2 * scale) * math.exp(math.lgamma(bins / 2) - math.lgamma((bins - 1) / 2))


def l_infinity(p_counts: ArrayLike, q_counts: ArrayLike) -> float | None:
    """Largest change of a share, max |p − q|, over the bins or levels given.

    Args:
        p_counts: shape (bins,), the one sample.
        q_counts: shape (bins,), the other.

    Returns:
        The change, in [0, 1], or None when a sample is empty.

    Raises:
        ValueError: when the arrays differ in shape or hold anything but counts.
    """
    samples = _two_samples(p_counts, q_counts)
    if samples is None:
        return None
    p, q = (_shares(sample) for sample in samples)
    return float(np.abs(p - q).max())


def jensen_shannon(p_counts: ArrayLike, q_counts: ArrayLike) -> float | None:
    """Jensen–Shannon distance, the root of the divergence in bits: 0 for equal shares, 1 for disjoint ones.

    It is `scipy.spatial.distance.jensenshannon(p, q, base=2)`: a distance, so its square is the divergence,
    and base 2, where scipy's own default is the root of nats.

    The divergence is Lin's (1991); that its root is a metric, Endres and Schindelin showed (2003).

    Zeros need no treatment: a bin empty in one sample adds its share in the other, with 0·log 0 = 0.

    Args:
        p_counts: shape (bins,), the one sample.
        q_counts: shape (bins,), the other.

    Returns:
        The distance, or None when a sample is empty.

    Raises:
        ValueError: when the arrays differ in shape or hold anything but counts.
    """
    samples = _two_samples(p_counts, q_counts)
    if samples is None:
        return None
    p, q = (_shares(sample) for sample in samples)
    middle = (p + q) / 2
    nats = float(np.sum(scipy.special.rel_entr(p, middle) + scipy.special.rel_entr(q, middle))) / 2
    # Rounding may leave the divergence a hair outside [0, 1] bits.
    return math.sqrt(min(max(nats / math.log(2), 0.0), 1.0))


def chi_square(p_counts: ArrayLike, q_counts: ArrayLike, minimum_expected: float = 5.0) -> ChiSquare | None:
    """Two-sample chi-square test that two samples have the same shares, with rare levels pooled.

    Levels are pooled from the rarest up until each, in both samples, has the expected count, by default
    Cochran's five (1954). Which levels are
    pooled depends on the total of both samples only, not on where they differ; of equally rare levels, when
    one of them has to fill the pool, it is the one that leaves the pool's shares closest. So neither the
    order of the levels nor that of the samples changes anything.

    Args:
        p_counts: shape (levels,), the one sample.
        q_counts: shape (levels,), the other; the baseline is a sample too.
        minimum_expected: least expected count of a level in the smaller sample.

    Returns:
        The test, or None when a sample is empty or fewer than two levels remain.

    Raises:
        ValueError: when the arrays differ in shape or hold anything but counts.
    """
    samples = _two_samples(p_counts, q_counts)
    if samples is None:
        return None
    table = _pool_rare(np.vstack(samples), minimum_expected)
    levels = table.shape[1]
    if levels < 2:
        return None
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic = float(np.sum((table - expected) ** 2 / expected))
    return ChiSquare(
        statistic,
        levels,
        float(scipy.special.chdtrc(levels - 1, statistic)),
        math.sqrt(min(statistic / float(table.sum()), 1.0)),
    )


def _two_samples(
    p_counts: ArrayLike, q_counts: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Both samples over the bins that either of them uses, or None when one is empty."""
    p, q = as_counts(p_counts, q_counts, names=("p_counts", "q_counts"))
    if p.sum() == 0 or q.sum() == 0:
        return None
    used = p + q > 0
    return p[used], q[used]


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares


def _spread(p_total: float, q_total: float, bins: int) -> float:
    if not (p_total > 0 and q_total > 0 and bins >= 1):
        raise ValueError(
            f"samples of {p_total} and {q_total} over {bins} bins: give samples with rows, and bins"
        )
    return 1 / p_total + 1 / q_total


def _pool_rare(table: NDArray[np.float64], minimum_expected: float) -> NDArray[np.float64]:
    n_p, n_q = table.sum(axis=1)
    total = table.sum(axis=0)
    # Equal totals in the order of their split, so that sums are made in one order whatever that of the
    # levels.
    order = np.lexsort((table[0], total))
    ordered, total = table[:, order], total[order]
    expected = total * (min(n_p, n_q) / (n_p + n_q))
    rare = expected < minimum_expected
    if not rare.any():
        return ordered
    if expected[rare].sum() < minimum_expected and not rare.all():
        # The rarest of the others suffices.
        tied = np.flatnonzero(~rare & (total == total[~rare].min()))
        excess = ordered[0] * n_q - ordered[1] * n_p
        rare[tied[np.argmin(np.abs(excess[rare].sum() + excess[tied]))]] = True
    return np.hstack([ordered[:, rare].sum(axis=1, keepdims=True), ordered[:, ~rare]])
