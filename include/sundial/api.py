"""The public API: all that a check may import from Sundial."""

from __future__ import annotations

from sundial.engine.check import STATISTICAL_FLOOR, Check, View, judge_estimate
from sundial.engine.streams import Process
from sundial.gate.judged import Judged
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
from sundial.register.attestation import Attestation
from sundial.register.completeness import missing_fields
from sundial.register.emotions import emotional_levels, named_for_emotions
from sundial.register.events import LARGEST_COUNT, Counter, FeedName
from sundial.register.fact_sheet import VendorClaim
from sundial.register.feeds import Number, OutputsFeed
from sundial.register.lifecycle import Lifecycle
from sundial.register.measures import MEASURES, Task
from sundial.register.models import CADENCE_DAYS, Policy, System
from sundial.register.principles import Principle
from sundial.register.used import fields_beyond
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
from sundial.stats.baseline import limits as baseline_limits
from sundial.stats.bounded import AucFloor, BoundedCeiling, BoundedFloor
from sundial.stats.conditional import RatesByLevel
from sundial.stats.evidence import Ceiling, Distribution, Floor, TwoSample, log_mean_exp, log_mean_joining
from sundial.stats.intervals import Interval
from sundial.store.records import Evidence, Finding, Kind, Side, Status, Threshold, Window

__all__ = [
    "CADENCE_DAYS",
    "LARGEST_COUNT",
    "MEASURES",
    "STATISTICAL_FLOOR",
    "SUM_SCALE",
    "UNKNOWN",
    "Aggregate",
    "AggregateError",
    "Attestation",
    "AucFloor",
    "Bin",
    "BoundedCeiling",
    "BoundedFloor",
    "Ceiling",
    "Check",
    "Counter",
    "Distribution",
    "Evidence",
    "FeedName",
    "Finding",
    "Floor",
    "Interval",
    "Judged",
    "Key",
    "Kind",
    "Lifecycle",
    "Number",
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
    "VendorClaim",
    "View",
    "Window",
    "aggregate",
    "baseline_limits",
    "calibration",
    "cbpe",
    "classification",
    "counts",
    "divergence",
    "emotional_levels",
    "fields_beyond",
    "histogram",
    "histograms",
    "intervals",
    "judge_estimate",
    "key_name",
    "log_mean_exp",
    "log_mean_joining",
    "missing_fields",
    "multivariate",
    "named_for_emotions",
    "regression",
    "sample",
    "three_valued",
]
