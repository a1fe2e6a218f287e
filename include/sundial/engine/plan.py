"""The plan of a system: what its checks ask for, without those that ask for what the system has not."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sundial.engine.attempt import CheckError, statistics_of
from sundial.engine.check import Check
from sundial.engine.discover import Unusable, enabled
from sundial.engine.weighing import weighing
from sundial.profile.aggregates import Aggregate, MissingColumnError
from sundial.profile.columns import Columns
from sundial.profile.statistics import Bin, Statistic, counts, fuse
from sundial.register.columns import RESERVED
from sundial.register.events import EventName
from sundial.register.models import System
from sundial.store.records import Status

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What is profiled of a system.

    Attributes:
        statistics: the fewest that answer every check of the plan, over outputs and their truth.
        events: the same over each feed of events.
        left_out: status and reason of the checks that are not part of it, by name.
    """

    statistics: tuple[Statistic, ...]
    left_out: Mapping[str, tuple[Status, str]]
    events: Mapping[EventName, tuple[Statistic, ...]]


def plan_of(system: System) -> Plan:
    """Returns the plan of the enabled checks."""
    return plan_for(system, enabled(system))


def plan_for(system: System, checks: Iterable[Check]) -> Plan:
    """Returns the plan of some checks; a check that cannot be part of it never stops the others."""
    wanted: list[Statistic] = []
    left_out: dict[str, tuple[Status, str]] = {}
    for check in checks:
        if isinstance(check, Unusable):
            left_out[check.name] = (Status.ERROR, check.reason)
            continue
        try:
            statistics = statistics_of(check, system)
            lacking = _lacking([s for s in statistics if not isinstance(s, Aggregate)], system)
        except MissingColumnError as error:
            lacking = _lacking([counts("outputs", [error.column])], system)
            left_out[check.name] = (Status.NOT_MEASURED, f"{check.name} needs {lacking}.")
        except Exception as error:
            log.exception("%s · %s failed", system.id, check.name)
            left_out[check.name] = (Status.ERROR, failure(check, error))
        else:
            if lacking is None:
                wanted += statistics
            else:
                left_out[check.name] = (Status.NOT_MEASURED, f"{check.name} needs {lacking}.")
    return _fused(system, wanted, left_out)


def _fused(system: System, wanted: Sequence[Statistic], left_out: Mapping[str, tuple[Status, str]]) -> Plan:
    events: dict[EventName, tuple[Statistic, ...]] = {}
    for name in system.feeds.events:
        if of_feed := [statistic for statistic in wanted if statistic.over == name]:
            events[name] = fuse([*of_feed, counts(name, [])])
    of_outputs = [statistic for statistic in wanted if statistic.over in ("outputs", "outcomes")]
    if any(isinstance(s, Aggregate) and s.over == "outcomes" for s in of_outputs):
        # Which outcomes are known it does not tell: it may leave some out.
        of_outputs.append(counts("outcomes", []))
    if system.feeds.outputs is not None:  # on which days there were outputs is asked in any case
        of_outputs.append(counts("outputs", []))
    return Plan(fuse(weighing(system, statistic) for statistic in of_outputs), left_out, events)


def failure(check: Check, error: Exception) -> str:
    """Returns the reason of a finding about a check that raised, in one line."""
    if isinstance(error, CheckError):
        return f"{check.name} failed: {error}"
    # The text of a KeyError is its argument in quotes; where that is a sentence, they are in the way.
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    said = text.splitlines()
    return f"{check.name} failed: {type(error).__name__}: {said[0] if said else ''}"


_MADE_BY = {
    "late": "register feeds.outputs.latency",
    "latency": "register feeds.outputs.latency",
    "failed": "register feeds.outputs.failed",
    "marked": "register feeds.outputs.marked",
    "pii": "register feeds.outputs.text",
    "pii_kinds": "register feeds.outputs.text",
    "explained": "register feeds.outputs.explanation",
    "hit": "register feeds.outputs.ranked",
    "ndcg": "register feeds.outputs.ranked",
    "reciprocal_rank": "register feeds.outputs.ranked",
}
"""The field that makes a column of Sundial's."""


def _lacking(statistics: Sequence[Statistic], system: System) -> str | None:
    """Returns what the statistics need and the system has not, with the remedy; None when it has all."""
    outputs = system.feeds.outputs
    for event, feed in system.feeds.events.items():
        there = {*feed.flags, *feed.levels, *feed.numbers}
        of_feed = [statistic.columns for statistic in statistics if statistic.over == event]
        if missing := sorted(frozenset[str]().union(*of_feed) - there):
            return f"the column {missing[0]} of {event}; give it in feeds.{event}"
    statistics = [statistic for statistic in statistics if statistic.over in ("outputs", "outcomes")]
    if outputs is None:
        return None
    columns = Columns.of(system, outputs)
    names = {key for statistic in statistics for key in statistic.by if isinstance(key, str)}
    binned = {key.column for statistic in statistics for key in statistic.by if isinstance(key, Bin)}
    counted = binned | {name for statistic in statistics for name in statistic.sums}
    if "score" in (names | counted) and columns.score is None:
        return "a score; register it as feeds.outputs.score"
    texts, numbers = columns.texts, columns.measured
    missing = sorted((names | counted) - texts - numbers)
    for name in missing:
        if name in RESERVED:
            return f"the column {name}; {_MADE_BY.get(name, 'the task of feeds.outputs does not make it')}"
    if missing:
        many, them = ("s", "them") if len(missing) > 1 else ("", "it")
        return f"the column{many} {', '.join(missing)}; list {them} among feeds.outputs.categories"
    if plain := sorted(names - texts):
        return f"bins of {', '.join(plain)}; a number is no level: ask by a Bin of it"
    if words := sorted(counted - numbers):
        return f"numbers in the column {', '.join(words)}; bins and sums are of the score and of numbers"
    return None
