"""How soon and how rarely the evidence alarms: the figures behind the policy, on smaller simulations."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from sundial.stats.evidence import Distribution, Floor, TwoSample
from sundial.stats.logbeta import log_mixture_floor

ALPHA = 0.01
WEEKS = 104


def first_week(alarm: np.ndarray) -> np.ndarray:
    """First alarm of each row, 1-based; infinite without one."""
    return np.where(alarm.any(axis=1), alarm.argmax(axis=1) + 1, np.inf)


def floor_alarms(truth: float, n: int, runs: int = 300) -> np.ndarray:
    hits = np.random.default_rng(7).binomial(n, truth, (runs, WEEKS)).cumsum(axis=1)
    return first_week(log_mixture_floor(hits, n * np.arange(1, WEEKS + 1), 0.8) >= -math.log(ALPHA))


def two_sample_alarms(p1: float, p2: float, n: int, runs: int = 200) -> np.ndarray:
    rng = np.random.default_rng(7)
    hits = rng.binomial(n, [p1, p2], (runs, WEEKS, 2))
    weeks = np.full(runs, np.inf)
    for run, stream in enumerate(hits):
        pair = TwoSample()
        for week, (sa, sb) in enumerate(stream.tolist(), 1):
            pair.advance(sa, n, sb, n)
            if pair.log_e >= -math.log(ALPHA):
                weeks[run] = week
                break
    return weeks


def detector_alarms(good: float, bad: float, n: int, threshold: float, runs: int = 100) -> Iterator[float]:
    """Weeks from the fault to the alarm, after a good year."""
    rng = np.random.default_rng(11)
    for _ in range(runs):
        floor = Floor(0.8).replay((s, n) for s in rng.binomial(n, good, 52).tolist())
        week = 0
        while floor.log_detector < math.log(threshold):
            week += 1
            floor.advance(int(rng.binomial(n, bad)), n)
        yield week


def test_a_floor_that_holds_rarely_alarms() -> None:
    assert np.isfinite(floor_alarms(0.80, 50, runs=1000)).mean() <= 0.002


@pytest.mark.parametrize(("truth", "n", "median"), [(0.75, 50, 19), (0.70, 50, 5), (0.75, 200, 6)])
def test_a_broken_floor_alarms_in_time(truth: float, n: int, median: int) -> None:
    assert np.median(floor_alarms(truth, n)) == pytest.approx(median, abs=1 + 0.1 * median)


def test_two_equal_groups_rarely_alarm() -> None:
    assert np.isfinite(two_sample_alarms(0.5, 0.5, 50)).mean() <= 0.01


@pytest.mark.parametrize(
    ("p1", "p2", "n", "median"), [(0.5, 0.4, 50, 13), (0.5, 0.4, 200, 4), (0.10, 0.07, 200, 11)]
)
def test_two_unequal_groups_alarm_in_time(p1: float, p2: float, n: int, median: int) -> None:
    assert np.median(two_sample_alarms(p1, p2, n)) == pytest.approx(median, abs=1 + 0.1 * median)


@pytest.mark.parametrize(
    ("threshold", "bad", "median"),
    [(1_040, 0.70, 6.5), (36_000, 0.70, 9), (200_000, 0.70, 10), (36_000, 0.75, 32)],
)
def test_the_detector_sees_a_fault_after_a_good_year(threshold: float, bad: float, median: float) -> None:
    weeks = list(detector_alarms(0.9, bad, 50, threshold))
    assert min(weeks) > 0
    assert np.median(weeks) == pytest.approx(median, abs=1 + 0.1 * median)


def test_the_detector_holds_its_budget_in_control() -> None:
    rng = np.random.default_rng(11)
    for _ in range(40):
        floor = Floor(0.8)
        for hits in rng.binomial(50, 0.8, 208).tolist():
            floor.advance(hits, 50)
            assert floor.log_detector < math.log(36_000)


def test_a_good_year_of_many_outcomes_does_not_underflow_into_an_alarm() -> None:
    rng = np.random.default_rng(7)
    for _ in range(20):
        floor = Floor(0.8)
        for week, hits in enumerate(rng.binomial(500, 0.9, 60).tolist(), 1):
            floor.advance(hits, 500)
            assert floor.log_detector < math.log(week)
        assert floor.log_e < 0


def distribution_weeks(shares: np.ndarray, moved: np.ndarray, n: int, limit: int, runs: int) -> np.ndarray:
    rng = np.random.default_rng(7)
    weeks = np.full(runs, np.inf)
    for run in range(runs):
        process = Distribution(rng.multinomial(10_000, shares))
        for week in range(1, limit + 1):
            process.advance(rng.multinomial(n, moved))
            if process.log_detector >= math.log(36_000):
                weeks[run] = week
                break
    return weeks


def test_a_distribution_that_stays_never_alarms() -> None:
    shares = np.full(10, 0.1)
    assert np.isinf(distribution_weeks(shares, shares, 500, 104, runs=20)).all()


@pytest.mark.parametrize(
    ("before", "after", "least", "most"), [(0.1, 0.15, 13, 18), (0.5, 0.6, 3, 5), (0.01, 0.05, 6, 10)]
)
def test_a_moved_bin_is_seen(before: float, after: float, least: int, most: int) -> None:
    others = np.full(9, 1 / 9)
    shares, moved = (np.append(p, (1 - p) * others) for p in (before, after))
    assert least <= np.median(distribution_weeks(shares, moved, 500, 60, runs=50)) <= most
