from __future__ import annotations

import copy
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from sundial.stats.baseline import limits
from sundial.stats.evidence import (
    Ceiling,
    Distribution,
    Floor,
    Omnibus,
    TwoSample,
    log_mean_exp,
    log_mean_joining,
)
from sundial.stats.logbeta import log_mixture_ceiling, log_mixture_floor

binomials = st.integers(0, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
pairs = st.tuples(binomials, binomials).map(lambda pair: (*pair[0], *pair[1]))
tolerances = st.sampled_from([0.0, 0.05, 0.2])


def two_sample_by_hand(weeks: list[tuple[int, int, int, int]]) -> tuple[float, float]:
    """e and the detector for a tolerance of 0, one start, week and outcome at a time."""
    starts = [j for j, (_, na, _, nb) in enumerate(weeks) if na and nb]
    values = []
    for j in starts:
        e, sums = 1.0, np.zeros(4)
        for week in weeks[j:]:
            sa, na, sb, nb = week
            if na and nb and sums[1]:
                theta_a, theta_b = (sums[0] + 0.5) / (sums[1] + 1), (sums[2] + 0.5) / (sums[3] + 1)
                null = (na * theta_a + nb * theta_b) / (na + nb)
                for s, n, theta in ((sa, na, theta_a), (sb, nb, theta_b)):
                    e *= (theta / null) ** s * ((1 - theta) / (1 - null)) ** (n - s)
            sums += week
        values.append(e)
    return (values[0], sum(values)) if values else (1.0, 0.0)


@given(st.lists(binomials, min_size=1, max_size=12), st.floats(0.05, 0.95))
def test_the_detector_sums_the_e_values_of_all_start_weeks(weeks: list[tuple[int, int]], p0: float) -> None:
    floor, ceiling = Floor(p0), Ceiling(p0)
    for week in weeks:
        floor.advance(*week)
        ceiling.advance(*week)
    starts = [np.sum(weeks[j:], axis=0) for j, (_, n) in enumerate(weeks) if n]
    for process, log_mixture in ((floor, log_mixture_floor), (ceiling, log_mixture_ceiling)):
        each = [float(log_mixture(s, n, p0)) for s, n in starts]
        assert process.log_e == pytest.approx(each[0] if each else 0.0, abs=1e-12)
        expected = np.logaddexp.reduce(each) if each else -math.inf
        assert process.log_detector == pytest.approx(expected, abs=1e-12)


@given(st.lists(pairs, max_size=8))
def test_two_samples_are_those_computed_by_hand(weeks: list[tuple[int, int, int, int]]) -> None:
    process = TwoSample().replay(weeks)
    e, detector = two_sample_by_hand(weeks)
    assert math.exp(process.log_e) == pytest.approx(e, rel=1e-9)
    assert math.exp(process.log_detector) == pytest.approx(detector, rel=1e-9)


@given(st.lists(pairs, max_size=15), st.integers(0, 15), tolerances)
def test_a_replay_equals_advancing_week_by_week(
    weeks: list[tuple[int, int, int, int]], cut: int, tolerance: float
) -> None:
    stepped, halves = TwoSample(tolerance), TwoSample(tolerance)
    for week in weeks:
        stepped.advance(*week)
    halves.replay(weeks[:cut]).replay(weeks[cut:])
    at_once = TwoSample(tolerance).replay(weeks)
    for process in (halves, at_once):
        assert process.log_e == stepped.log_e
        assert process.log_detector == stepped.log_detector
        assert process.sign == stepped.sign


@given(st.lists(binomials, max_size=10))
def test_a_replay_of_a_rate_equals_advancing_even_when_looked_at_between(
    weeks: list[tuple[int, int]],
) -> None:
    stepped = Ceiling(0.3)
    for week in weeks:
        stepped.advance(*week)
        assert not math.isnan(stepped.log_detector)
    at_once = Ceiling(0.3).replay(weeks)
    assert (at_once.log_e, at_once.log_detector) == (stepped.log_e, stepped.log_detector)


def test_before_any_outcome_e_is_one_and_the_detector_zero() -> None:
    groups = Omnibus([TwoSample(), TwoSample()])
    for process in (Floor(0.8), Ceiling(0.1), TwoSample(), Distribution([50, 50]), groups):
        assert process.log_e == 0
        assert process.log_detector == -math.inf


def test_an_empty_week_changes_nothing_and_starts_nothing() -> None:
    floor, pair, moved = Floor(0.8).replay([(3, 9)]), TwoSample(), Distribution([500, 500])
    pair.replay([(3, 9, 5, 9), (2, 9, 6, 9)])
    moved.replay([[9, 1]])
    before = [(p.log_e, p.log_detector) for p in (floor, pair, moved)]
    floor.advance(0, 0)
    pair.advance(0, 0, 0, 0)
    moved.advance([0, 0])
    assert [(p.log_e, p.log_detector) for p in (floor, pair, moved)] == before


def test_a_week_with_one_empty_group_gives_no_evidence_and_is_learned() -> None:
    pair, without = TwoSample(), TwoSample()
    pair.replay([(10, 20, 10, 20), (0, 0, 1, 40)])
    without.replay([(10, 20, 10, 20)])
    assert (pair.log_e, pair.log_detector) == (without.log_e, without.log_detector)
    assert without.sign == 0
    assert pair.sign == 1
    pair.advance(15, 20, 3, 20)
    without.advance(15, 20, 3, 20)
    assert pair.log_e > 0
    assert without.log_e == 0


def test_the_sign_follows_the_learned_difference() -> None:
    assert TwoSample().sign == 0
    assert TwoSample().replay([(40, 50, 10, 50)]).sign == 1
    assert TwoSample().replay([(10, 50, 40, 50)]).sign == -1


def test_swapping_the_groups_changes_the_sign_only() -> None:
    weeks = [(20, 50, 35, 60), (18, 40, 50, 80), (25, 50, 40, 50)]
    one = TwoSample(0.05).replay(weeks)
    other = TwoSample(0.05).replay((sb, nb, sa, na) for sa, na, sb, nb in weeks)
    assert one.log_e == pytest.approx(other.log_e, abs=1e-9)
    assert one.sign == -other.sign


@settings(max_examples=25)
@given(pairs, st.integers(1, 6), st.integers(1, 6), tolerances)
def test_the_next_week_of_two_samples_is_expected_to_gain_nothing_under_the_null(
    past: tuple[int, int, int, int], na: int, nb: int, tolerance: float
) -> None:
    process = TwoSample(tolerance).replay([(3, 9, 5, 9), past])
    gains = np.zeros((na + 1, nb + 1))
    for sa, sb in np.ndindex(gains.shape):
        after = copy.deepcopy(process)
        after.advance(sa, na, sb, nb)
        gains[sa, sb] = math.exp(after.log_e - process.log_e)
    for qa, gap in itertools.product(np.linspace(0, 1, 9), (-tolerance, 0.0, tolerance)):
        qb = min(max(qa + gap, 0.0), 1.0)
        chance = np.outer(binom.pmf(np.arange(na + 1), na, qa), binom.pmf(np.arange(nb + 1), nb, qb))
        assert (chance * gains).sum() <= 1 + 1e-9


def test_a_distribution_averages_floors_and_ceilings_around_its_baseline() -> None:
    baseline = np.array([9000, 900, 100, 0])
    weeks = np.array([[80, 10, 8, 2], [70, 20, 10, 0], [60, 30, 10, 0]])
    low_share, high_share = limits(baseline, 10_000)
    starts = []
    for j in range(3):
        sums, sides = weeks[j:].sum(axis=0), []
        for s, low, high in zip(sums, low_share - 0.02, high_share + 0.02, strict=True):
            sides += [math.exp(float(log_mixture_floor(s, sums.sum(), low)))] if 0 < low < 1 else []
            sides += [math.exp(float(log_mixture_ceiling(s, sums.sum(), high)))] if 0 < high < 1 else []
        starts.append(np.mean(sides))
    moved = Distribution(baseline).replay(weeks)
    assert math.exp(moved.log_e) == pytest.approx(starts[0], rel=1e-9)
    assert math.exp(moved.log_detector) == pytest.approx(sum(starts), rel=1e-9)


def test_a_week_is_kept_as_it_was_given() -> None:
    counts = np.array([60.0, 40.0])
    moved = Distribution([500, 500])
    moved.advance(counts)
    counts[:] = 0
    assert moved.log_e == Distribution([500, 500]).replay([[60, 40]]).log_e


def test_an_omnibus_is_the_mean_of_each_group_against_the_rest() -> None:
    weeks = [([9, 5, 20], [20, 20, 30]), ([12, 4, 19], [20, 20, 30]), ([11, 0, 3], [20, 0, 30])]
    omnibus = Omnibus([TwoSample() for _ in range(3)])
    for week in weeks:
        omnibus.advance(*week)
    alone = [
        TwoSample().replay((s[g], n[g], sum(s) - s[g], sum(n) - n[g]) for s, n in weeks) for g in range(3)
    ]
    assert math.exp(omnibus.log_e) == pytest.approx(np.mean([math.exp(p.log_e) for p in alone]))
    assert math.exp(omnibus.log_detector) == pytest.approx(np.mean([math.exp(p.log_detector) for p in alone]))
    at_once = Omnibus([TwoSample() for _ in range(3)]).replay(weeks)
    assert (at_once.log_e, at_once.log_detector) == (omnibus.log_e, omnibus.log_detector)


def test_means_of_huge_and_absent_e_values_stay_finite() -> None:
    assert log_mean_exp([5000.0, -math.inf]) == pytest.approx(5000 - math.log(2))
    assert log_mean_exp([-math.inf, -math.inf]) == -math.inf


def test_what_cannot_be_meant_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Floor(1.0)
    with pytest.raises(ValueError, match="between 0 and n"):
        Ceiling(0.1).advance(3, 2)
    with pytest.raises(ValueError, match="tolerance is"):
        TwoSample(1.0)
    with pytest.raises(ValueError, match="between 0 and n"):
        TwoSample().advance(1, 2, 3, 2)
    with pytest.raises(ValueError, match="sum to 0"):
        Distribution([0, 0])
    with pytest.raises(ValueError, match="no bound inside"):
        Distribution([2, 2], 0.1)
    with pytest.raises(ValueError, match="the baseline 2"):
        Distribution([50, 50]).advance([1, 2, 3])
    with pytest.raises(ValueError, match="at least two groups"):
        Omnibus([TwoSample()])
    with pytest.raises(ValueError, match="for 2 groups"):
        Omnibus([TwoSample(), TwoSample()]).advance([1], [2])
    with pytest.raises(ValueError, match="at least one process"):
        log_mean_exp([])


def test_processes_that_join_later_have_weights_that_were_fixed_before() -> None:
    assert log_mean_joining([[0.0, 0.0]]) == pytest.approx(0)
    found = log_mean_joining([[math.log(3), math.log(5)], [math.log(20)], [math.log(60)]])
    assert math.exp(found) == pytest.approx(0.9 * 4 + 0.1 / 2 * 20 + 0.1 / 6 * 60 + 0.1 / 3)
    for wrong in ([], [[0.0], []]):
        with pytest.raises(ValueError, match="at least one process"):
            log_mean_joining(wrong)


def test_no_luck_of_the_first_ones_decides_when_it_pays_that_others_join() -> None:
    """Stopped as soon as the mean is above 2, nothing wrong and a process joining every six weeks."""
    random, plain, fixed = np.random.default_rng(1), [], []
    for _ in range(400):
        processes, stopped = [TwoSample()], [0.0, 0.0]
        running = [True, True]
        for week in range(40):
            processes += [TwoSample()] if week % 6 == 5 else []
            for process in processes:
                process.advance(random.binomial(40, 0.5), 40, random.binomial(40, 0.5), 40)
            logs = [process.log_e for process in processes]
            for which, value in enumerate((log_mean_exp(logs), log_mean_joining([[log] for log in logs]))):
                if running[which]:
                    stopped[which], running[which] = value, value <= math.log(2)
        plain.append(math.exp(stopped[0]))
        fixed.append(math.exp(stopped[1]))
    assert np.mean(plain) - 3 * np.std(plain) / 20 > 1
    assert np.mean(fixed) - 3 * np.std(fixed) / 20 < 1
