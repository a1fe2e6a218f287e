"""A system's history measured again from its first week, from a cold start; nothing is recorded."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from sundial.engine.check import Check
from sundial.engine.clock import WEEK, monday
from sundial.engine.measure import Measuring, measure_week
from sundial.engine.streams import Alarms, Process, Streams
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
    ) -> Evidence:
        kept = copy.deepcopy(fresh)
        evidence = super().advance(stream, fresh, counts, week, part=part, since=since)
        self.noted.setdefault(stream, Stream(kept, evidence.log_alarm)).weeks[week] = tuple(counts)
        return evidence


def replay(
    measuring: Measuring,
    until: date,
    checks: Collection[str] | None = None,
    told: Callable[[date], None] = lambda _: None,
) -> Replayed:
    """Measures every week of one principle from its first row on.

    Args:
        measuring: what a run would measure with; its streams are left as they are.
        until: Monday of the last week.
        checks: names of the checks to measure; all of the principle's by default.
        told: told each week that begins.
    """
    chosen: Sequence[Check] = [check for check in measuring.checks if checks is None or check.name in checks]
    begins = measuring.begins
    budget = measuring.policy.evidence
    alarms = Alarms(budget.weeks_between_false_breaches, budget.stream_weight, {}, 0.0)
    streams = _Noting(alarms, measuring.streams.repairs)
    first = monday(begins) if begins else until
    own = replace(measuring, checks=chosen, streams=streams, first_due=first, history=lambda *_: ())
    findings: dict[date, Sequence[Finding]] = {}
    before: Sequence[Finding] = ()
    for number in range((until - first) // WEEK + 1 if chosen or checks is None else 0):
        week = first + WEEK * number
        told(week)
        findings[week] = before = measure_week(own, week, before)
    return Replayed(findings, streams.noted)


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
        for place in places:
            process.replay([list(known[place])])
            if process.log_detector >= stream.log_alarm:
                alarmed += 1
                break
    return alarmed / draws


MIN_GOOD = 4
"""Weeks below which drawing from them says nothing."""
