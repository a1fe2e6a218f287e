"""The public API: all that a check may import from Sundial."""

from __future__ import annotations

from sundial.engine.check import STATISTICAL_FLOOR, Check, View, judge_estimate
from sundial.engine.streams import Process
from sundial.gate.gate import Judged
from sundial.profile.aggregates import Aggregate, AggregateError, aggregate
from sundial.profile.statistics import (
    SUM_SCALE,
    UNKNOWN,
    Bin,
    Key,
    Over,
    Sample,
    Statistic,
    counts,
    histogram,
    key_name,
    sample,
)
from sundial.register.feeds import OutputsFeed
from sundial.register.measures import MEASURES, Task
from sundial.register.models import CADENCE_DAYS, Policy, System
from sundial.register.principles import Principle
from sundial.sources.landing import FeedName
from sundial.stats import (
    calibration,
    cbpe,
    classification,
    divergence,
    histograms,
    intervals,
    multivariate,
    regression,
    three_valued,
)
from sundial.stats.bounded import AucFloor, BoundedCeiling, BoundedFloor
from sundial.stats.conditional import RatesByLevel
from sundial.stats.evidence import Ceiling, Distribution, Floor, TwoSample, log_mean_exp
from sundial.stats.intervals import Interval
from sundial.store.records import Evidence, Finding, Kind, Side, Status, Threshold, Window

__all__ = [
    "CADENCE_DAYS",
    "MEASURES",
    "STATISTICAL_FLOOR",
    "SUM_SCALE",
    "UNKNOWN",
    "Aggregate",
    "AggregateError",
    "AucFloor",
    "Bin",
    "BoundedCeiling",
    "BoundedFloor",
    "Ceiling",
    "Check",
    "Distribution",
    "Evidence",
    "FeedName",
    "Finding",
    "Floor",
    "Interval",
    "Judged",
    "Key",
    "Kind",
    "OutputsFeed",
    "Over",
    "Policy",
    "Principle",
    "Process",
    "RatesByLevel",
    "Sample",
    "Side",
    "Statistic",
    "Status",
    "System",
    "Task",
    "Threshold",
    "TwoSample",
    "View",
    "Window",
    "aggregate",
    "calibration",
    "cbpe",
    "classification",
    "counts",
    "divergence",
    "histogram",
    "histograms",
    "intervals",
    "judge_estimate",
    "key_name",
    "log_mean_exp",
    "multivariate",
    "regression",
    "sample",
    "three_valued",
]
