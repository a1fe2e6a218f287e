from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from sundial.stats.bounded import _STAKES, AucCeiling, AucFloor, BoundedCeiling, BoundedFloor

EDGES = np.linspace(0, 1, 21)


def betting_on_rows(x: np.ndarray, m0: float, *, above: bool) -> float:
    """Log of the mean wealth over stakes, value by value."""
    relative = x / m0 if above else (1 - x) / (1 - m0)
    return math.log(np.mean([np.prod(1 - c + c * relative) for c in _STAKES]))


values = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@given(values, st.floats(0.05, 0.95))
def test_bins_lose_evidence_and_never_add_it_and_sums_lose_less(x: list[float], m0: float) -> None:
    rows = np.array(x)
    counts, sums = (np.histogram(rows, EDGES, weights=w)[0].astype(float) for w in (None, rows))
    for process, above in ((BoundedCeiling, True), (BoundedFloor, False)):
        exact = betting_on_rows(rows, m0, above=above)
        binned, summed = process(m0, EDGES), process(m0, EDGES)
        binned.advance(counts)
        summed.advance(counts, sums)
        assert binned.log_e <= summed.log_e + 1e-9
        assert summed.log_e <= exact + 1e-9


def test_values_on_edges_lose_nothing() -> None:
    x = np.array([0.0, 0.25, 0.25, 1.0])
    process = BoundedCeiling(0.4, [0, 0.25, 0.5, 0.75, 1])
    process.advance([1, 2, 0, 1], [0, 0.5, 0, 1.0])
    assert process.log_e == pytest.approx(betting_on_rows(x, 0.4, above=True), abs=1e-12)


def test_the_unit_of_the_values_changes_nothing() -> None:
    seconds, unit = BoundedFloor(130.0, [100, 120, 150]), BoundedFloor(0.6, [0, 0.4, 1])
    seconds.replay([[3, 1, 330.0, 140.0]])
    unit.replay([[[3, 1], [0.6, 0.8]]])
    assert seconds.log_e == pytest.approx(unit.log_e, abs=1e-12)


@given(st.lists(st.lists(st.integers(0, 5), min_size=4, max_size=4), max_size=6))
def test_a_replay_equals_advancing_and_the_detector_sums_the_starts(weeks: list[list[int]]) -> None:
    for fresh in (lambda: BoundedCeiling(0.3, [0, 0.2, 0.5, 0.7, 1]), lambda: AucFloor(0.7)):
        stepped = fresh()
        for week in weeks:
            stepped.advance(*([week] if isinstance(stepped, BoundedCeiling) else (week[:2], week[2:])))
            assert not math.isnan(stepped.log_detector)
        at_once = fresh().replay(weeks)
        assert (at_once.log_e, at_once.log_detector) == (stepped.log_e, stepped.log_detector)
        each = [fresh().replay(weeks[j:]) for j in range(len(weeks))]
        opened = [e.log_e for e, week in zip(each, weeks, strict=True) if fresh().replay([week])._weeks]
        expected = np.logaddexp.reduce(opened) if opened else -math.inf
        assert at_once.log_detector == pytest.approx(expected, abs=1e-9)


@settings(max_examples=30)
@given(st.integers(1, 4), st.integers(1, 5), st.data())
def test_a_weeks_area_is_the_geometric_mean_over_all_matchings(
    n_pos: int, n_neg: int, data: st.DataObject
) -> None:
    scores = st.integers(0, 2)
    pos = data.draw(st.lists(scores, min_size=n_pos, max_size=n_pos))
    neg = data.draw(st.lists(scores, min_size=n_neg, max_size=n_neg))
    long, short = (pos, neg) if n_pos >= n_neg else (neg, pos)
    area, wealth = 0.7, np.zeros(len(_STAKES))
    matchings = list(itertools.permutations(long, len(short)))
    for matching in matchings:
        for one, other in zip(matching, short, strict=True):
            p, n = (one, other) if long is pos else (other, one)
            wealth += np.log(1 - _STAKES + _STAKES * (1 - (np.sign(p - n) + 1) / 2) / (1 - area))
    process = AucFloor(area)
    process.advance(np.bincount(pos, minlength=3), np.bincount(neg, minlength=3))
    assert process.log_e == pytest.approx(np.log(np.mean(np.exp(wealth / len(matchings)))), abs=1e-9)


@given(
    st.lists(st.tuples(*[st.integers(0, 3)] * 3, st.booleans()), min_size=1, max_size=5),
    st.sampled_from([AucFloor, AucCeiling]),
)
def test_what_a_bin_leaves_open_of_the_order_is_no_evidence_in_either_direction(
    bins: list[tuple[int, int, int, bool]], kind: type[AucFloor | AucCeiling]
) -> None:
    given, true = np.zeros((2, len(bins), 2)), np.zeros((2, len(bins), 3))
    for place, (tied, unknown, negatives, above) in enumerate(bins):
        given[:, place] = [tied, unknown], [negatives, 0]
        true[:, place] = [0 if above else unknown, tied, unknown if above else 0], [0, negatives, 0]
    told = kind(0.7, open_bins=True).replay([given.ravel()])
    assert told.log_e <= kind(0.7).replay([true.ravel()]).log_e + 1e-12
    assert told.mirror().open_bins


def test_scores_of_one_bin_are_no_recovery_of_the_area() -> None:
    week = [[0, 400, 0, 0], [400, 0, 0, 0]]  # all in the first of two bins: any order may be the true one
    assert AucFloor(0.7, open_bins=True).mirror().replay([np.ravel(week)]).log_e < 0
    assert AucFloor(0.7, open_bins=True).replay([np.ravel(week)]).log_e < 0


def test_before_any_row_and_in_empty_weeks_e_is_one() -> None:
    mean, area = BoundedCeiling(0.3, [0, 0.5, 1]), AucFloor(0.7)
    mean.advance([0, 0])
    area.advance([3, 4], [0, 0])
    area.advance([0, 0], [3, 4])
    for process in (mean, area):
        assert process.log_e == 0
        assert process.log_detector == -math.inf


def test_a_week_is_kept_as_it_was_given() -> None:
    counts = np.array([2.0, 3.0])
    process = BoundedFloor(0.5, [0, 0.5, 1])
    process.advance(counts)
    counts[:] = 0
    assert process.log_e == BoundedFloor(0.5, [0, 0.5, 1]).replay([[2, 3]]).log_e


def weeks_to(process: BoundedCeiling | AucFloor, draw: object, limit: int = 104) -> float:
    for week in range(1, limit + 1):
        process.advance(*draw())  # type: ignore[operator]
        if process.log_e >= math.log(100):
            return week
    return math.inf


def beta_weeks(mean: float, m0: float, n: int, runs: int) -> list[float]:
    rng = np.random.default_rng(7)

    def draw() -> tuple[np.ndarray, np.ndarray]:
        x = rng.beta(4 * mean, 4 * (1 - mean), n)
        return np.histogram(x, EDGES)[0], np.histogram(x, EDGES, weights=x)[0]

    return [weeks_to(BoundedCeiling(m0, EDGES), draw) for _ in range(runs)]


@pytest.mark.parametrize(("mean", "n", "most"), [(0.25, 50, 5), (0.22, 200, 8)])
def test_a_mean_above_its_ceiling_is_seen_in_time(mean: float, n: int, most: float) -> None:
    # A Kelly stake learned from past weeks takes 4 and 6 weeks here.
    assert np.median(beta_weeks(mean, 0.2, n, runs=40)) <= most


def test_a_mean_at_its_ceiling_rarely_alarms() -> None:
    assert np.isfinite(beta_weeks(0.2, 0.2, 50, runs=60)).mean() <= 0.02


@pytest.mark.parametrize(("area", "n_pos", "n_neg", "most"), [(0.7, 25, 25, 11), (0.74, 100, 100, 7)])
def test_an_area_below_its_floor_is_seen_in_time(area: float, n_pos: int, n_neg: int, most: float) -> None:
    rng = np.random.default_rng(7)
    grid = np.concatenate([[-9], np.linspace(-3, 4, 19), [9]])
    shift = norm.ppf(area) * math.sqrt(2)

    def draw() -> tuple[np.ndarray, np.ndarray]:
        return (
            np.histogram(rng.normal(shift, 1, n_pos), grid)[0],
            np.histogram(rng.normal(0, 1, n_neg), grid)[0],
        )

    assert np.median([weeks_to(AucFloor(0.8), draw) for _ in range(30)]) <= most


def test_mirrors_have_the_opposite_null_at_the_same_bound() -> None:
    ceiling, area = BoundedCeiling(0.3, [0, 0.5, 1]).replay([[0, 9]]), AucFloor(0.7)
    floor = ceiling.mirror()
    assert isinstance(floor, BoundedFloor)
    assert (floor.m0, floor.edges.tolist(), floor.log_e) == (0.3, [0, 0.5, 1], 0.0)
    assert isinstance(floor.mirror(), BoundedCeiling)
    assert isinstance(area.mirror(), AucCeiling)
    assert isinstance(area.mirror().mirror(), AucFloor)
    assert area.mirror().replay([[0, 30, 30, 0]]).log_e > math.log(1000)


def test_what_cannot_be_meant_is_refused() -> None:
    for edges in ([0.0], [0.0, 0.0], [1.0, 0.0], [[0.0, 1.0]], [0.0, math.nan]):
        with pytest.raises(ValueError, match="edges must"):
            BoundedCeiling(0.5, edges)
    with pytest.raises(ValueError, match="m0 is"):
        BoundedFloor(1.0, [0, 0.5, 1])
    process = BoundedCeiling(0.5, [0, 0.5, 1])
    with pytest.raises(ValueError, match="the edges 2"):
        process.advance([1, 2, 3])
    with pytest.raises(ValueError, match="negative"):
        process.advance([1, -2])
    for sums in ([0.6, 0.6], [-0.1, 0.6], [0.2, math.nan]):
        with pytest.raises(ValueError, match="inside its edges"):
            process.advance([1, 1], sums)
    with pytest.raises(ValueError, match="sums has shape"):
        process.advance([1, 1], [0.5])
    with pytest.raises(ValueError, match="area is"):
        AucFloor(1.0)
    with pytest.raises(ValueError, match="3 counts"):
        AucFloor(0.8).replay([[1, 2, 3]])
