"""Distances between two samples of counts over the same bins: they size a move, evidence decides."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from sundial.stats.cells import as_counts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_PSEUDO_COUNT = 0.5


@dataclass(frozen=True)
class ChiSquare:
    """A chi-square test of homogeneity; `levels` are those left after pooling."""

    statistic: float
    levels: int
    p_value: float


def psi(p_counts: ArrayLike, q_counts: ArrayLike) -> float | None:
    """Population stability index, Σ (p − q) ln(p / q).

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


def jensen_shannon(p_counts: ArrayLike, q_counts: ArrayLike) -> float | None:
    """Jensen–Shannon distance, the root of the divergence in bits: 0 for equal shares, 1 for disjoint ones.

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
    nats = float(np.sum(special.rel_entr(p, middle) + special.rel_entr(q, middle))) / 2
    # Rounding may leave the divergence a hair outside [0, 1] bits.
    return math.sqrt(min(max(nats / math.log(2), 0.0), 1.0))


def chi_square(p_counts: ArrayLike, q_counts: ArrayLike, minimum_expected: float = 5.0) -> ChiSquare | None:
    """Two-sample chi-square test that two samples have the same shares, with rare levels pooled.

    Levels are pooled from the rarest up until each, in both samples, has the expected count. Which levels are
    pooled depends on the total of both samples only, not on where they differ.

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
    return ChiSquare(statistic, levels, float(special.chdtrc(levels - 1, statistic)))


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


def _pool_rare(table: NDArray[np.float64], minimum_expected: float) -> NDArray[np.float64]:
    ordered = table[:, np.argsort(table.sum(axis=0), kind="stable")]
    smaller_share = table.sum(axis=1).min() / table.sum()
    expected = ordered.sum(axis=0) * smaller_share
    rare = int(np.count_nonzero(expected < minimum_expected))
    if rare == 0:
        return ordered
    # The pool of the rare may itself be too small: then it takes in the rarest of the others, which suffices.
    pooled = rare if expected[:rare].sum() >= minimum_expected else rare + 1
    return np.hstack([ordered[:, :pooled].sum(axis=1, keepdims=True), ordered[:, pooled:]])
