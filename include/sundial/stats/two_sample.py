"""The e-variable for one block of two groups' outcomes (Turner, Ly and Grünwald 2022)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Halves a bracket of at most 1 below 1e-15.
_BISECTIONS = 50


def project_onto_null(
    theta_a: NDArray[np.float64],
    theta_b: NDArray[np.float64],
    na: NDArray[np.float64],
    nb: NDArray[np.float64],
    tolerance: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Project rates onto {|qa − qb| <= tolerance}, minimising na·KL(θa‖qa) + nb·KL(θb‖qb).

    Inside the set a point is its own projection. Outside, the projection lies on the near edge; for a
    tolerance of 0 it is the n-weighted mean, else the one root, between the two rates, of a derivative that
    rises along the edge.

    Args:
        theta_a: rates of the first group, each in (0, 1).
        theta_b: rates of the second group, same shape.
        na: outcomes of the first group, > 0, same shape.
        nb: outcomes of the second group, > 0, same shape.
        tolerance: half width of the null set, in [0, 1).

    Returns:
        (qa, qb), to about 1e-15.
    """
    if tolerance == 0:
        common = (na * theta_a + nb * theta_b) / (na + nb)
        return common, common
    swapped = theta_a < theta_b
    high, low = np.where(swapped, theta_b, theta_a), np.where(swapped, theta_a, theta_b)
    n_high, n_low = np.where(swapped, nb, na), np.where(swapped, na, nb)
    edge = _edge_root(high, low, n_high, n_low, tolerance)
    outside = high - low > tolerance
    q_high, q_low = np.where(outside, edge + tolerance, high), np.where(outside, edge, low)
    return np.where(swapped, q_low, q_high), np.where(swapped, q_high, q_low)


def log_block_e(
    theta_a: NDArray[np.float64],
    theta_b: NDArray[np.float64],
    block: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    tolerance: float,
) -> NDArray[np.float64]:
    """Log e-value of one block against |pa − pb| <= tolerance, for rates learned before the block.

    e = Π p(θa) p(θb) / p(θ0), θ0 the projection of (θa, θb) onto the null. Under rates q, log E_q[e] is
    na·log(qa θa/θ0a + (1−qa)(1−θa)/(1−θ0a)) + the same for b: concave in q, zero at q = θ0, and its gradient
    there is minus the gradient of the Kullback–Leibler divergence that θ0 minimises. On a convex null the
    first-order condition of that minimum makes the gradient point out of the set, so E_q[e] <= 1 everywhere
    on it, for any na and nb. A group whose members have different rates counts by their mean rate, for the
    same concavity.

    Args:
        theta_a: learned rates of the first group, each in (0, 1).
        theta_b: learned rates of the second group, same shape.
        block: successes a, n a, successes b, n b, each of that shape; the n > 0.
        tolerance: half width of the null set.

    Returns:
        Array of the shape of theta_a.
    """
    sa, na, sb, nb = block
    null_a, null_b = project_onto_null(theta_a, theta_b, na, nb, tolerance)
    return _log_ratio(sa, na, theta_a, null_a) + _log_ratio(sb, nb, theta_b, null_b)


def _log_ratio(
    s: NDArray[np.float64], n: NDArray[np.float64], theta: NDArray[np.float64], null: NDArray[np.float64]
) -> NDArray[np.float64]:
    ratio: NDArray[np.float64] = s * np.log(theta / null) + (n - s) * np.log((1 - theta) / (1 - null))
    return ratio


def _edge_root(
    high: NDArray[np.float64],
    low: NDArray[np.float64],
    n_high: NDArray[np.float64],
    n_low: NDArray[np.float64],
    tolerance: float,
) -> NDArray[np.float64]:
    """The q of least n_high·KL(high‖q + tolerance) + n_low·KL(low‖q), bisected between the two rates.

    A fixed number of steps without a stopping rule gives every element the same result in any array it is
    part of.
    """
    left, right = low, high - tolerance
    for _ in range(_BISECTIONS):
        q = (left + right) * 0.5
        shifted = q + tolerance
        # The derivative times q (1−q) (q+t) (1−q−t), which is positive: the same sign, without a division.
        slope = n_high * (shifted - high) * (q * (1 - q)) + n_low * (q - low) * (shifted * (1 - shifted))
        rising = slope > 0
        left, right = np.where(rising, left, q), np.where(rising, q, right)
    root: NDArray[np.float64] = (left + right) * 0.5
    return root
