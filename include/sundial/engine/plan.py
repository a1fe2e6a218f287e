"""The plan of a system: what its checks ask for, without those that ask for what the system has not."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sundial.engine.check import Check
from sundial.engine.discover import enabled
from sundial.profile.statistics import Bin, Statistic, fuse
from sundial.register.models import System
from sundial.store.records import Status

log = logging.getLogger(__name__)

ALWAYS = frozenset({"predicted", "outcome", "model_version"})
"""Keys that the analysis table of every system has."""

NUMBERS = frozenset({"score", "predicted", "outcome"})
"""Columns that can be binned and summed."""


@dataclass(frozen=True)
class Plan:
    """What is profiled of a system.

    Attributes:
        statistics: the fewest that answer every check of the plan.
        left_out: status and reason of the checks that are not part of it, by name.
    """

    statistics: tuple[Statistic, ...]
    left_out: Mapping[str, tuple[Status, str]]


def categories_of(system: System) -> tuple[str, ...]:
    """Returns the category columns of the analysis table: those of the outputs, and the groups'."""
    outputs, groups = system.feeds.outputs, system.groups
    columns = [*(outputs.categories if outputs else ()), *(groups.columns if groups else ())]
    return tuple(dict.fromkeys(columns))


def plan_of(system: System) -> Plan:
    """Returns the plan of the enabled checks; a check that cannot be part of it never stops the others."""
    wanted: list[Statistic] = []
    left_out: dict[str, tuple[Status, str]] = {}
    for check in enabled(system):
        try:
            statistics = list(check.statistics(system))
            lacking = _lacking(statistics, system)
        except Exception as error:
            log.exception("%s · %s failed", system.id, check.name)
            left_out[check.name] = (Status.ERROR, failure(check, error))
        else:
            if lacking is None:
                wanted += statistics
            else:
                left_out[check.name] = (Status.NOT_MEASURED, f"{check.name} needs {lacking}.")
    return Plan(fuse(wanted), left_out)


def failure(check: Check, error: Exception) -> str:
    """Returns the reason of a finding about a check that raised, in one line."""
    said = str(error).splitlines()
    return f"{check.name} failed: {type(error).__name__}: {said[0] if said else ''}"


def _lacking(statistics: Sequence[Statistic], system: System) -> str | None:
    """Returns what the statistics need and the system has not, with the remedy; None when it has all."""
    names = {key for statistic in statistics for key in statistic.by if isinstance(key, str)}
    binned = {key.column for statistic in statistics for key in statistic.by if isinstance(key, Bin)}
    counted = binned | {name for statistic in statistics for name in statistic.sums}
    outputs = system.feeds.outputs
    score = {"score"} if outputs is not None and outputs.score is not None else set()
    known = {*ALWAYS, *score, *categories_of(system)}
    if "score" in (names | counted) - known:
        return "a score; register it as feeds.outputs.score"
    if missing := sorted((names | counted) - known):
        many, them = ("s", "them") if len(missing) > 1 else ("", "it")
        return f"the column{many} {', '.join(missing)}; list {them} among feeds.outputs.categories"
    if words := sorted(counted - NUMBERS):
        return f"numbers in the column {', '.join(words)}; bins and sums are of the score"
    return None
