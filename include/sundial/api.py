"""The public API: all that a check may import from Sundial."""

from __future__ import annotations

from sundial.engine.check import STATISTICAL_FLOOR, Check, View, judge_estimate
from sundial.gate.gate import Judged
from sundial.profile.statistics import SUM_SCALE, UNKNOWN, Bin, Statistic, counts, histogram
from sundial.register.models import CADENCE_DAYS, Policy, System
from sundial.register.principles import Principle
from sundial.stats import calibration, divergence, intervals
from sundial.stats.evidence import Ceiling, Distribution, Floor, TwoSample, log_mean_exp
from sundial.stats.intervals import Interval
from sundial.store.records import Evidence, Finding, Kind, Side, Status, Threshold, Window

__all__ = [
    "CADENCE_DAYS",
    "STATISTICAL_FLOOR",
    "SUM_SCALE",
    "UNKNOWN",
    "Bin",
    "Ceiling",
    "Check",
    "Distribution",
    "Evidence",
    "Finding",
    "Floor",
    "Interval",
    "Judged",
    "Kind",
    "Policy",
    "Principle",
    "Side",
    "Statistic",
    "Status",
    "System",
    "Threshold",
    "TwoSample",
    "View",
    "Window",
    "calibration",
    "counts",
    "divergence",
    "histogram",
    "intervals",
    "judge_estimate",
    "log_mean_exp",
]
