from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import ks_2samp, wasserstein_distance

from sundial.stats.histograms import (
    Distance,
    Histogram,
    kolmogorov_smirnov,
    quantile_groups,
    regroup,
    wasserstein,
)

Rows = NDArray[np.float64]


def histogram(
    rows: Rows,
    low: float,
    high: float,
    bins: int,
    *,
    sums: bool = True,
    extremes: bool = True,
    weights: Rows | None = None,
) -> Histogram:
    """As a profile bins: floor((x − low) · k), what lies outside in the end bins."""
    weights = np.ones_like(rows) if weights is None else weights
    place = np.clip(np.floor((rows - low) * (bins / (high - low))), 0, bins - 1).astype(int)
    edges = np.linspace(low, high, bins + 1)
    edges[0], edges[-1] = -np.inf, np.inf
    minima, maxima = np.full(bins, np.nan), np.full(bins, np.nan)
    np.fmin.at(minima, place, rows)
    np.fmax.at(maxima, place, rows)
    return Histogram(
        edges,
        np.bincount(place, weights, bins),
        np.bincount(place, weights * rows, bins) if sums else None,
        minima if extremes else None,
        maxima if extremes else None,
    )


def draw(kind: str, n: int, rng: np.random.Generator) -> Rows:
    shapes: dict[str, Rows] = {
        "continuous": rng.normal(rng.normal() / 2, 1.5, n),
        "integers": rng.poisson(3, n).astype(float),
        "heavy tails": rng.standard_t(1, n) * 3,
        "constant": np.full(n, 2.0),
        "two values": rng.integers(0, 2, n) * 1.0,
        "beyond the bins": rng.normal(10, 20, n),
    }
    return shapes[kind]


kinds = st.sampled_from(
    ["continuous", "integers", "heavy tails", "constant", "two values", "beyond the bins"]
)
windows = st.builds(
    lambda p, q, n, m, seed: (
        draw(p, n, np.random.default_rng([seed, 0])),
        draw(q, m, np.random.default_rng([seed, 1])),
    ),
    kinds,
    kinds,
    st.sampled_from([1, 2, 7, 60, 400]),
    st.sampled_from([1, 3, 50, 500]),
    st.integers(0, 10_000),
)
layouts = st.sampled_from([1, 2, 9, 64, 1000])


def some(distance: Distance | None) -> Distance:
    assert distance is not None
    return distance


@settings(max_examples=200, deadline=None)
@given(windows, layouts, st.booleans(), st.booleans())
def test_the_bracket_holds_scipys_kolmogorov_smirnov_distance(
    pair: tuple[Rows, Rows], bins: int, extremes: bool, sums: bool
) -> None:
    p, q = (histogram(rows, -4, 8, bins, sums=sums, extremes=extremes) for rows in pair)
    exact = ks_2samp(*pair).statistic
    bracket = some(kolmogorov_smirnov(p, q))
    # scipy's own last digit depends on the method that it picks for its p-value.
    assert 0 <= bracket.lower <= exact + 1e-15
    assert exact - 1e-15 <= bracket.upper <= 1
    assert bracket.estimate == bracket.lower
    assert bracket.resolution == bracket.upper - bracket.lower
    assert kolmogorov_smirnov(q, p) == bracket


@settings(max_examples=200, deadline=None)
@given(windows, layouts, st.booleans(), st.booleans())
def test_the_bracket_holds_scipys_wasserstein_distance(
    pair: tuple[Rows, Rows], bins: int, extremes: bool, sums: bool
) -> None:
    p, q = (histogram(rows, -4, 8, bins, sums=sums, extremes=extremes) for rows in pair)
    exact = wasserstein_distance(*pair)
    rounding = 1e-12 * (1 + np.abs(np.concatenate(pair)).max())
    bracket = some(wasserstein(p, q))
    assert bracket.lower - rounding <= exact <= bracket.upper + rounding
    if bracket.estimate is None:
        assert bracket.upper == bracket.resolution == math.inf
        assert not extremes
    else:
        assert bracket.lower - rounding <= bracket.estimate <= bracket.upper + rounding
        assert abs(bracket.estimate - exact) <= bracket.resolution + rounding


@settings(max_examples=60, deadline=None)
@given(windows, windows, layouts)
def test_merged_histograms_have_the_distances_of_the_merged_rows(
    first: tuple[Rows, Rows], second: tuple[Rows, Rows], bins: int
) -> None:
    p, q = (
        histogram(a, -4, 8, bins).merge(histogram(b, -4, 8, bins)) for a, b in zip(first, second, strict=True)
    )
    whole_p, whole_q = (
        histogram(np.concatenate([a, b]), -4, 8, bins) for a, b in zip(first, second, strict=True)
    )
    assert kolmogorov_smirnov(p, q) == kolmogorov_smirnov(whole_p, whole_q)
    ours, whole = some(wasserstein(p, q)), some(wasserstein(whole_p, whole_q))
    scale = np.abs(np.concatenate([*first, *second])).max()
    assert (ours.lower, ours.upper) == pytest.approx((whole.lower, whole.upper), rel=1e-9, abs=1e-12 * scale)


def test_bins_of_one_value_leave_no_error() -> None:
    rng = np.random.default_rng(3)
    pair = rng.poisson(4, 900).astype(float), rng.poisson(5, 700).astype(float)
    p, q = (histogram(rows, 0, 20, 20) for rows in pair)
    exact = ks_2samp(*pair).statistic
    assert kolmogorov_smirnov(p, q) == Distance(exact, exact, exact)
    moved = some(wasserstein(p, q))
    assert moved.resolution == pytest.approx(0, abs=1e-12)
    assert moved.estimate == pytest.approx(wasserstein_distance(*pair), abs=1e-12)


def test_without_extremes_the_same_bins_say_that_they_know_less() -> None:
    rng = np.random.default_rng(3)
    pair = rng.poisson(4, 900).astype(float), rng.poisson(5, 700).astype(float)
    bracket = some(
        kolmogorov_smirnov(*(histogram(rows, 0, 20, 20, extremes=False) for rows in pair)),
    )
    assert bracket.lower == ks_2samp(*pair).statistic
    assert bracket.resolution > 0.1


def test_a_bin_whose_windows_do_not_overlap_is_exact() -> None:
    # All in one bin, one window wholly before the other: without extremes it could be anything.
    pair = np.array([0.1, 0.2]), np.array([0.3, 0.4, 0.45])
    p, q = (histogram(rows, 0, 1, 1) for rows in pair)
    assert kolmogorov_smirnov(p, q) == Distance(1.0, 1.0, 1.0)
    blind = (histogram(rows, 0, 1, 1, extremes=False) for rows in pair)
    assert kolmogorov_smirnov(*blind) == Distance(0.0, 0.0, 1.0)


def test_finer_bins_narrow_the_brackets() -> None:
    rng = np.random.default_rng(5)
    pair = rng.normal(0, 1, 4000), rng.normal(0.1, 1.1, 4000)
    coarse, fine = (tuple(histogram(rows, -6, 6, bins) for rows in pair) for bins in (32, 4096))
    assert some(kolmogorov_smirnov(*coarse)).resolution < 0.2
    assert some(kolmogorov_smirnov(*fine)).resolution < 0.002
    assert some(wasserstein(*fine)).resolution < 1e-4 < some(wasserstein(*coarse)).resolution


def test_sums_make_the_wasserstein_distance_of_a_plain_shift_exact() -> None:
    rng = np.random.default_rng(6)
    rows = rng.normal(0, 1, 3000)
    pair = rows, rows + 4
    p, q = (histogram(r, -6, 10, 16) for r in pair)
    moved = some(wasserstein(p, q))
    assert moved.estimate == pytest.approx(wasserstein_distance(*pair), abs=1e-3)
    assert some(wasserstein(*(histogram(r, -6, 10, 16, sums=False) for r in pair))).resolution > 0.1


def test_rows_rounded_before_summing_widen_the_bound_by_a_step() -> None:
    rng = np.random.default_rng(8)
    pair = rng.normal(0, 1, 500), rng.normal(1, 1, 400)
    step = 0.25
    p, q = (histogram(rows, -4, 4, 8) for rows in pair)
    place = [np.clip(np.floor(rows + 4), 0, 7).astype(int) for rows in pair]
    sums = [np.bincount(i, np.round(rows / step) * step, 8) for i, rows in zip(place, pair, strict=True)]
    rounded = [Histogram(h.edges, h.counts, s, h.minima, h.maxima) for h, s in zip((p, q), sums, strict=True)]
    assert some(wasserstein(*rounded)).lower != some(wasserstein(p, q)).lower
    bracket = some(wasserstein(rounded[0], rounded[1], sum_step=step))
    assert bracket.lower <= wasserstein_distance(*pair) <= bracket.upper


def test_fractional_counts_are_weights() -> None:
    rng = np.random.default_rng(9)
    p_rows, q_rows = rng.normal(size=200), rng.normal(0.3, 1, 150)
    p_weights, q_weights = rng.random(200) + 0.01, rng.random(150) * 5 + 0.01
    p = histogram(p_rows, -4, 4, 40, weights=p_weights)
    q = histogram(q_rows, -4, 4, 40, weights=q_weights)
    exact = wasserstein_distance(p_rows, q_rows, p_weights, q_weights)
    moved = some(wasserstein(p, q))
    assert moved.lower - 1e-12 <= exact <= moved.upper + 1e-12
    values = np.concatenate([p_rows, q_rows])
    cumulated = [
        (w[None, :] * (rows[None, :] <= values[:, None])).sum(axis=1) / w.sum()
        for rows, w in ((p_rows, p_weights), (q_rows, q_weights))
    ]
    bracket = some(kolmogorov_smirnov(p, q))
    assert bracket.lower - 1e-12 <= np.abs(cumulated[0] - cumulated[1]).max() <= bracket.upper + 1e-12


@pytest.mark.parametrize("extremes", [True, False])
def test_infinite_rows_are_in_order_but_infinitely_far(extremes: bool) -> None:
    pair = np.array([-np.inf, 0.0, 1.5, np.inf, np.inf]), np.array([0.5, 1.5, 2.5, 3.0, np.inf])
    p, q = (histogram(rows, 0, 4, 8, extremes=extremes) for rows in pair)
    bracket = some(kolmogorov_smirnov(p, q))
    assert bracket.lower <= ks_2samp(*pair).statistic <= bracket.upper
    moved = some(wasserstein(p, q))
    assert moved.estimate is None
    assert moved.upper == math.inf
    assert math.isfinite(moved.lower)


def test_an_empty_window_has_no_distance() -> None:
    empty, full = histogram(np.array([]), 0, 1, 4), histogram(np.array([0.5]), 0, 1, 4)
    assert kolmogorov_smirnov(empty, full) is None
    assert wasserstein(full, empty) is None
    assert kolmogorov_smirnov(empty, empty) is None


def test_histograms_that_contradict_themselves_are_refused() -> None:
    edges, one = np.array([0.0, 1.0, 2.0]), np.ones(2)
    with pytest.raises(ValueError, match="different edges"):
        kolmogorov_smirnov(Histogram(edges, one), Histogram(edges + 1, one))
    with pytest.raises(ValueError, match="shape"):
        Histogram(edges, np.ones(3))
    with pytest.raises(ValueError, match="do not fall"):
        Histogram(edges[::-1], one)
    with pytest.raises(ValueError, match="both or neither"):
        Histogram(edges, one, minima=one)
    with pytest.raises(ValueError, match="order of the bins"):
        Histogram(edges, one, minima=np.array([0.5, np.nan]), maxima=np.array([0.5, 1.5]))
    with pytest.raises(ValueError, match="order of the bins"):
        Histogram(edges, one, minima=np.array([0.5, 0.1]), maxima=np.array([0.5, 1.5]))


def test_tenths_of_a_fine_histogram_are_counted_exactly() -> None:
    rng = np.random.default_rng(12)
    rows = rng.gamma(2, 1, 20_000)
    edges = np.linspace(0, 16, 1025)
    fine = np.histogram(rows, edges)[0]
    starts = quantile_groups(fine)
    cuts = np.append(edges[starts], np.inf)
    assert len(starts) == 10
    assert regroup(fine, starts).tolist() == np.histogram(rows[rows <= 16], cuts)[0].tolist()
    assert regroup(fine, starts) / fine.sum() == pytest.approx(np.full(10, 0.1), abs=0.006)
    current = np.histogram(rng.gamma(2, 1.1, 900), edges)[0]
    both = regroup(np.vstack([fine, current]), starts)
    assert both[1].tolist() == regroup(current, starts).tolist()
    assert both[1].sum() == current.sum()


@given(st.lists(st.integers(0, 40), min_size=1, max_size=40).filter(lambda c: sum(c) > 0), st.integers(1, 12))
def test_every_quantile_group_has_rows_of_the_baseline(counts: list[int], groups: int) -> None:
    starts = quantile_groups(counts, groups)
    grouped = regroup(counts, starts)
    assert starts[0] == 0
    assert np.all(np.diff(starts) > 0)
    assert 1 <= len(grouped) <= groups
    assert np.all(grouped > 0)
    assert grouped.sum() == sum(counts)
    # No bin lies between a cut and the quantile that it stands for: off by half the heaviest bin at most.
    cuts = np.append(0, np.cumsum(grouped))
    quantiles = np.arange(1, groups) * sum(counts) / groups
    assert all(np.abs(cuts - quantile).min() <= max(counts) / 2 for quantile in quantiles)


def test_a_heavy_value_takes_several_tenths() -> None:
    assert quantile_groups([5, 90, 5]).tolist() == [0, 1, 2]
    assert quantile_groups([0, 100, 0]).tolist() == [0]
    with pytest.raises(ValueError, match="baseline with rows"):
        quantile_groups([0, 0])
