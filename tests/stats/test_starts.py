"""Detectors of many weeks at once are those of one week after the other."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from sundial.stats.bounded import AucFloor, BoundedCeiling
from sundial.stats.evidence import Ceiling, Distribution, Floor, TwoSample, TwoSampleWithin
from sundial.stats.starts import Starts

RATES = [(40.0, 50.0), (0.0, 0.0), (31.5, 48.25), (50.0, 50.0), (10.0, 60.0)]
GROUPS = [(20, 50, 30, 50), (0, 0, 3, 9), (12.5, 40, 33, 41), (5, 50, 45, 50), (9, 10, 1, 10)]
BINS = [[5, 10, 85], [0, 0, 0], [30, 40, 30], [1, 2, 97]]
PROCESSES = {
    "floor": (Floor(0.8), RATES),
    "ceiling": (Ceiling(0.3), RATES),
    "two groups": (TwoSample(0.1), GROUPS),
    "two groups within": (TwoSampleWithin(0.1), GROUPS),
    "distribution": (Distribution([10, 20, 170]), BINS),
    "mean": (BoundedCeiling(0.4, np.linspace(0, 1, 4)), BINS),
    "area": (AucFloor(0.7), [[4, 9, 1, 3], [0, 0, 2, 2], [9, 1, 2, 8]]),
}


@pytest.mark.parametrize("begun", [0, 2], ids=["fresh", "begun"])
@pytest.mark.parametrize(("process", "weeks"), PROCESSES.values(), ids=PROCESSES)
def test_the_detector_after_each_week(process: Starts, weeks: list[list[float]], begun: int) -> None:
    at_once, one_by_one = (copy.deepcopy(process).replay(weeks[:begun]) for _ in range(2))
    expected = [one_by_one.replay([week]).log_detector for week in weeks[begun:]]
    assert at_once.detectors(weeks[begun:]).tolist() == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert (at_once.log_e, at_once.log_detector) == (one_by_one.log_e, one_by_one.log_detector)


def test_no_weeks_have_no_detector() -> None:
    assert Floor(0.8).detectors([]).tolist() == []
    assert Floor(0.8).detectors([(0.0, 0.0)]).tolist() == [-np.inf]
