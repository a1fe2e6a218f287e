"""A system's history measured again from its first week, from a cold start; nothing is recorded."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np

from sundial.engine.check import Check
from sundial.engine.clock import WEEK, monday
from sundial.engine.measure import Measuring, measure_week
from sundial.engine.streams import Alarms, Process, Streams
from sundial.stats.starts import Starts
from sundial.store.records import Evidence, Finding

GOOD_WEEKS = 13
"""Weeks of a stream that are taken for good ones, where none of it lies in the baseline."""


@dataclass
class Stream:
    """What a replay keeps of a stream of evidence.

    Attributes:
        fresh: the process before any week.
        log_alarm: what its detector is held against.
        weeks: what each week added to it.
    """

    fresh: Process
    log_alarm: float
    weeks: dict[date, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Replayed:
    """A history as it would have been judged, week by week.

    Attributes:
        findings: of each week, by its Monday.
        streams: by the check's name and their own.
    """

    findings: Mapping[date, Sequence[Finding]]
    streams: Mapping[str, Stream]


class _Noting(Streams):
    """Streams that keep what they were given."""

    def __init__(self, alarms: Alarms, repairs: Callable[[str], Sequence[date]]) -> None:
        super().__init__({}, alarms, repairs)
        self.noted: dict[str, Stream] = {}

    def advance(
        self,
        stream: str,
        fresh: Process,
        counts: Sequence[float],
        week: date,
        *,
        part: float = 1.0,
        since: date = date.min,
        lag: timedelta = timedelta(),
    ) -> Evidence:
        kept = copy.deepcopy(fresh)
        evidence = super().advance(stream, fresh, counts, week, part=part, since=since, lag=lag)
        self.noted.setdefault(stream, Stream(kept, evidence.log_alarm)).weeks[week] = tuple(counts)
        return evidence


def replay(measuring: Measuring, until: date, told: Callable[[date], None] = lambda _: None) -> Replayed:
    """Measures every week of one principle from its first row on.

    Args:
        measuring: what a run would measure with; its streams are left as they are.
        until: Monday of the last week.
        told: told each week that begins.
    """
    (found,) = replay_beside([(measuring, measuring.checks)], until, told)
    return found


def replay_beside(
    variants: Sequence[tuple[Measuring, Sequence[Check]]],
    until: date,
    told: Callable[[date], None] = lambda _: None,
) -> Sequence[Replayed]:
    """Measures every week from the first row on for entries that differ, week after week beside each other.

    What they ask of a week's profile is merged once.

    Args:
        variants: what a run would measure with, and the checks that are measured; all of one profile.
        until: Monday of the last week.
        told: told each week that begins.
    """
    begun = [_Replaying(measuring, until, checks) for measuring, checks in variants]
    first = min((one.first for one in begun), default=until)
    for number in range((until - first) // WEEK + 1 if begun else 0):
        week = first + WEEK * number
        told(week)
        for one in begun:
            one.measure(week)
    return [Replayed(one.findings, one.noted) for one in begun]


class _Replaying:
    """A replay on its way."""

    def __init__(self, measuring: Measuring, until: date, checks: Sequence[Check]) -> None:
        begins = measuring.begins
        budget = measuring.policy.evidence
        alarms = Alarms(budget.weeks_between_false_breaches, budget.stream_weight, {}, 0.0)
        streams = _Noting(alarms, measuring.streams.repairs)
        self.first = monday(begins) if begins else until
        self.findings: dict[date, Sequence[Finding]] = {}
        self.noted = streams.noted
        self._own = replace(
            measuring, checks=checks, streams=streams, first_due=self.first, history=lambda *_: ()
        )
        self._before: Sequence[Finding] = ()

    def measure(self, week: date) -> None:
        self.findings[week] = self._before = measure_week(self._own, week, self._before)


def false_alarms(stream: Stream, good: Collection[date], weeks: int, draws: int, seed: int) -> float | None:
    """Returns how often a stream alarms that sees nothing but good weeks, drawn from its own.

    Weeks are drawn with replacement and as a whole (Efron 1979), so that what hangs together within one
    stays so; a season, and what hangs together over weeks, does not.

    Args:
        stream: of a replay.
        good: Mondays of weeks in which nothing was wrong; without any of them in the stream, its first
            `GOOD_WEEKS`.
        weeks: how many each draw has.
        draws: how many histories are drawn.
        seed: of the draws.

    Returns:
        The share of draws with an alarm in any week; None with fewer than four weeks to draw from.
    """
    known = [counts for week, counts in stream.weeks.items() if week in good and any(counts)]
    if len(known) < MIN_GOOD:
        known = [counts for counts in stream.weeks.values() if any(counts)][:GOOD_WEEKS]
    if len(known) < MIN_GOOD:
        return None
    random = np.random.default_rng(seed)
    alarmed = 0
    for places in random.integers(0, len(known), (draws, weeks)).tolist():
        process = copy.deepcopy(stream.fresh)
        year = [list(known[place]) for place in places]
        alarmed += any(detector >= stream.log_alarm for detector in _detectors(process, year))
    return alarmed / draws


def _detectors(process: Process, weeks: Sequence[Sequence[float]]) -> Iterable[float]:
    if isinstance(process, Starts):
        return process.detectors(weeks)
    return (process.replay([week]).log_detector for week in weeks)


MIN_GOOD = 4
"""Weeks below which drawing from them says nothing."""
