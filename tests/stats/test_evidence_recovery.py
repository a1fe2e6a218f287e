"""Recovery: the mirrored processes, and how long a repair takes to be believed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sundial.stats.baseline import limits
from sundial.stats.evidence import (
    Ceiling,
    Distribution,
    Floor,
    Omnibus,
    OmnibusWithin,
    TwoSample,
    TwoSampleWithin,
)
from sundial.stats.two_sample import log_block_e_beyond

PASSED = math.log(1000)


def recovery_weeks(truth: float, n: int, runs: int = 100, limit: int = 104) -> np.ndarray:
    rng = np.random.default_rng(7)
    weeks = np.full(runs, np.inf)
    for run in range(runs):
        broken = Floor(0.8).replay((int(s), n) for s in rng.binomial(n, 0.7, 52))
        mirror = broken.mirror()
        assert mirror.log_e == 0
        for week in range(1, limit + 1):
            mirror.advance(int(rng.binomial(n, truth)), n)
            if mirror.log_e >= PASSED:
                weeks[run] = week
                break
    return weeks


@pytest.mark.parametrize(("n", "median", "late"), [(50, 8, 13), (200, 3, 5)])
def test_a_year_at_70_repaired_to_88_has_recovered_within_weeks(n: int, median: int, late: int) -> None:
    weeks = recovery_weeks(0.88, n)
    assert np.median(weeks) <= median
    assert np.quantile(weeks, 0.9) <= late


def test_without_a_mirror_the_detector_alarms_for_half_a_year_after_the_repair() -> None:
    rng = np.random.default_rng(7)
    floor = Floor(0.8).replay((int(s), 50) for s in rng.binomial(50, 0.7, 52))
    for _ in range(20):
        floor.advance(int(rng.binomial(50, 0.88)), 50)
    assert floor.log_detector > math.log(36_000)


@pytest.mark.parametrize("n", [50, 200])
def test_a_repair_that_only_reaches_the_floor_rarely_passes(n: int) -> None:
    assert np.isfinite(recovery_weeks(0.8, n)).mean() <= 0.01


def test_a_floor_and_a_ceiling_mirror_each_other() -> None:
    for process, kind in ((Floor(0.8).replay([(1, 9)]).mirror(), Ceiling), (Ceiling(0.8).mirror(), Floor)):
        assert isinstance(process, kind)
        assert process.p0 == 0.8
        assert process.log_detector == -math.inf


def test_nothing_lies_within_a_tolerance_of_zero() -> None:
    assert TwoSample().mirror() is None
    assert Omnibus([TwoSample(0.1), TwoSample()]).mirror() is None
    with pytest.raises(ValueError, match="nothing lies within"):
        TwoSampleWithin(0.0)


def test_two_samples_within_are_the_lesser_of_both_sides_start_by_start() -> None:
    weeks = [(9.0, 20.0, 10.5, 20.0), (8.0, 20.0, 9.0, 25.0), (11.0, 20.0, 7.0, 20.0)]
    starts = []
    for j in range(3):
        logs = np.zeros(2)
        sums = np.array(weeks[j])
        for week in weeks[j + 1 :]:
            for side, order in enumerate(([0, 1, 2, 3], [2, 3, 0, 1])):
                s, w = sums[order], np.array(week)[order]
                theta = [np.array([(s[i] + 0.5) / (s[i + 1] + 1)]) for i in (0, 2)]
                logs[side] += log_block_e_beyond(*theta, tuple(w[:, None]), 0.2)[0]  # type: ignore[arg-type]
            sums = sums + week
        starts.append(logs.min())
    within = TwoSample(0.2).mirror()
    assert within is not None
    stepped = TwoSampleWithin(0.2)
    within.replay(weeks)
    for week in weeks:
        stepped.advance(*week)
    assert within.log_e == pytest.approx(starts[0], abs=1e-12)
    assert within.log_detector == pytest.approx(np.logaddexp.reduce(starts), abs=1e-12)
    assert (stepped.log_e, stepped.log_detector) == (within.log_e, within.log_detector)


def test_equal_groups_are_soon_known_to_be_within_a_tolerance_and_unequal_ones_never() -> None:
    rng = np.random.default_rng(7)
    for rates, passes in (((0.5, 0.5), True), ((0.5, 0.4), False), ((0.3, 0.45), False)):
        passed = 0
        for _ in range(20):
            within = TwoSampleWithin(0.1).replay(
                (int(a), 200, int(b), 200) for a, b in rng.binomial(200, rates, (16, 2))
            )
            passed += within.log_e >= PASSED
        assert passed >= 17 if passes else passed == 0


def test_groups_are_within_when_the_last_of_them_is() -> None:
    mirror = Omnibus([TwoSample(0.1), TwoSample(0.1), TwoSample(0.1)]).mirror()
    assert isinstance(mirror, OmnibusWithin)
    mirror.replay([([500, 500, 600], [1000, 1000, 1000])] * 5)
    each = [process.log_e for process in mirror.processes]
    assert mirror.log_e == min(each)
    assert mirror.log_detector == min(process.log_detector for process in mirror.processes)
    assert max(each) > PASSED > mirror.log_e


def test_a_moved_distribution_asks_for_the_bounds_that_were_broken() -> None:
    baseline = [1000, 4000, 5000]
    moved = Distribution(baseline).replay([[100, 400, 500]] * 20 + [[200, 400, 400]] * 8)
    mirror = moved.mirror()
    # The first bin rose and the last fell; the second stands in the middle of its bounds and is not asked.
    low, high = limits(baseline, 10_000)
    back = [[100, 300, 600]] * 3
    mirror.replay(back)
    first = Floor(high[0] + 0.02).replay([(100, 1000)] * 3).log_e
    last = Ceiling(low[2] - 0.02).replay([(600, 1000)] * 3).log_e
    assert mirror.log_e == pytest.approx(min(first, last), abs=1e-9)
    assert mirror.log_e > PASSED


def test_a_distribution_that_has_not_moved_asks_for_every_bound() -> None:
    mirror = Distribution([1000, 4000, 5000]).mirror()
    mirror.replay([[100, 300, 600]] * 30)
    assert mirror.log_e < 0
    assert Distribution([1000, 4000, 5000]).mirror().replay([[1000, 4000, 5000]] * 3).log_e > PASSED
