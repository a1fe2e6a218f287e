"""The e-variable for one block of two groups' outcomes (Turner, Ly and Grünwald 2022)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Block = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]

# A root is found when its last step is this small beside it; Newton gets there in about six steps, and
# bisection, to which it falls back, in no more than this many.
_CLOSE = 1e-15
_MAX_STEPS = 100


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
        theta_a: rates of the first group, shape (blocks,), each in (0, 1).
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
    null_a, null_b = theta_a.copy(), theta_b.copy()
    above, below = theta_a - theta_b > tolerance, theta_b - theta_a > tolerance
    edge = _edge_root(theta_a[above], theta_b[above], na[above], nb[above], tolerance)
    null_a[above], null_b[above] = edge + tolerance, edge
    edge = _edge_root(theta_b[below], theta_a[below], nb[below], na[below], tolerance)
    null_a[below], null_b[below] = edge, edge + tolerance
    return null_a, null_b


def log_block_e(
    theta_a: NDArray[np.float64],
    theta_b: NDArray[np.float64],
    block: Block,
    tolerance: float,
) -> NDArray[np.float64]:
    """Log e-value of one block against |pa − pb| <= tolerance, for rates learned before the block.

    e = Π p(θa) p(θb) / p(θ0), θ0 the projection of (θa, θb) onto the null. One row of group a at rate q has
    an expected factor of A(q) = q θa/θ0a + (1−q)(1−θa)/(1−θ0a), one of group b B(q). na·A(qa) + nb·B(qb) is
    linear in the rates, is na + nb at θ0, and its gradient there is minus the gradient of the
    Kullback–Leibler divergence that θ0 minimises; on a convex null the first-order condition of that minimum
    makes it at most na + nb everywhere. By the inequality of the weighted means E[e] is at most
    ((na·A + nb·B) / (na + nb))^(na + nb), so at most 1: for any na and nb, whole or fractional, for members
    of different rates, which count by their weighted mean, and for clusters as `sundial.stats.evidence`
    weighs them, even when a cluster has rows in both groups.

    Args:
        theta_a: learned rates of the first group, shape (blocks,), each in (0, 1).
        theta_b: learned rates of the second group, same shape.
        block: successes a, n a, successes b, n b, each of that shape; the n > 0.
        tolerance: half width of the null set.

    Returns:
        Array of the shape of theta_a.
    """
    _, na, _, nb = block
    null = project_onto_null(theta_a, theta_b, na, nb, tolerance)
    return _log_ratios(theta_a, theta_b, block, null)


def log_block_e_beyond(
    theta_a: NDArray[np.float64],
    theta_b: NDArray[np.float64],
    block: Block,
    gap: float,
) -> NDArray[np.float64]:
    """Log e-value of one block against pa − pb >= gap: `log_block_e` projected onto that half-plane.

    The half-plane is convex too, so all that `log_block_e` says holds.

    Args:
        theta_a: learned rates of the first group, shape (blocks,), each in (0, 1).
        theta_b: learned rates of the second group, same shape.
        block: successes a, n a, successes b, n b, each of that shape; the n > 0.
        gap: in (0, 1).

    Returns:
        Array of the shape of theta_a.
    """
    _, na, _, nb = block
    null_a, null_b = theta_a.copy(), theta_b.copy()
    outside = theta_a - theta_b < gap
    edge = _edge_root(theta_a[outside], theta_b[outside], na[outside], nb[outside], gap)
    null_a[outside], null_b[outside] = edge + gap, edge
    return _log_ratios(theta_a, theta_b, block, (null_a, null_b))


def _log_ratios(
    theta_a: NDArray[np.float64],
    theta_b: NDArray[np.float64],
    block: Block,
    null: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> NDArray[np.float64]:
    sa, na, sb, nb = block
    ratios: NDArray[np.float64] = _log_ratio(sa, na, theta_a, null[0]) + _log_ratio(sb, nb, theta_b, null[1])
    return ratios


def _log_ratio(
    s: NDArray[np.float64], n: NDArray[np.float64], theta: NDArray[np.float64], null: NDArray[np.float64]
) -> NDArray[np.float64]:
    ratio: NDArray[np.float64] = s * np.log(theta / null) + (n - s) * np.log((1 - theta) / (1 - null))
    return ratio


def _edge_root(
    upper: NDArray[np.float64],
    lower: NDArray[np.float64],
    n_upper: NDArray[np.float64],
    n_lower: NDArray[np.float64],
    gap: float,
) -> NDArray[np.float64]:
    """The q of least n_upper·KL(upper‖q + gap) + n_lower·KL(lower‖q), by Newton's method within a bracket.

    The derivative times q (1−q) (q+gap) (1−q−gap), which is positive, is a cubic with one root where both
    rates lie in (0, 1), between `lower` and `upper − gap`. Each element stops by itself, so that it has the
    same result in any array it is part of.
    """
    ends = lower, upper - gap
    left, right = np.maximum(np.minimum(*ends), 0.0), np.minimum(np.maximum(*ends), 1.0 - gap)
    root = np.clip((n_lower * ends[0] + n_upper * ends[1]) / (n_lower + n_upper), left, right)
    rest = np.arange(len(root))
    q, u, v, n_u, n_v = root.copy(), upper, lower, n_upper, n_lower
    for _ in range(_MAX_STEPS):
        if not rest.size:
            break
        p = q + gap
        spread_q, spread_p = q * (1 - q), p * (1 - p)
        value = n_u * (p - u) * spread_q + n_v * (q - v) * spread_p
        slope = n_u * (spread_q + (p - u) * (1 - 2 * q)) + n_v * (spread_p + (q - v) * (1 - 2 * p))
        left, right = np.where(value > 0, left, q), np.where(value > 0, q, right)
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = q - value / slope
        after = np.where((newton >= left) & (newton <= right), newton, (left + right) * 0.5)
        root[rest] = after
        going = np.abs(after - q) > _CLOSE * after
        rest, q, left, right = rest[going], after[going], left[going], right[going]
        u, v, n_u, n_v = u[going], v[going], n_u[going], n_v[going]
    return root
