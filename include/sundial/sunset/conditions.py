"""Whether the condition of a sunset rule holds in a judged week, and since when."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum, auto
from typing import Any

from sundial.engine.in_effect import InEffect
from sundial.engine.waive import own
from sundial.register.lifecycle import Lifecycle
from sundial.register.models import System
from sundial.register.sunset_rules import (
    Condition,
    EvidenceCondition,
    FactCondition,
    IncidentsCondition,
    ProhibitedUseCondition,
    SunsetRule,
    UnmeasuredCondition,
    is_drift,
)
from sundial.store.records import Finding, Kind, Status
from sundial.sunset.history import PROHIBITED_USE, History

_WEEK = timedelta(weeks=1)
_IN_USE = (Lifecycle.PILOT, Lifecycle.DEPLOYED)
_MEASURED = (Status.OK, Status.WATCH, Status.BREACH)
_CANNOT_SAY = (Status.ERROR, Status.NOT_MEASURED, Status.INSUFFICIENT)


@dataclass(frozen=True)
class Incidents:
    """Incidents with a system that were reported within some days.

    Attributes:
        reported: how many, grave ones included.
        grave: how many of them are grave.
        ids: which, in the order of reporting.
    """

    reported: int
    grave: int
    ids: tuple[str, ...] = ()


IncidentsBetween = Callable[[date, date], Incidents]
"""Gives the incidents of a system that were reported from a day to a day, both included."""


def no_incidents(_first: date, _last: date) -> Incidents:
    """Says that nothing was reported."""
    return Incidents(0, 0)


@dataclass(frozen=True)
class Grounds:
    """What a run may look at when it weighs the rules.

    Attributes:
        system: the entry as written.
        in_effect: the entry with its rows, on any day.
        history: what was recorded, as the run knew it.
        log_alarm: ln A of a sunset stream.
        incidents: what was reported of the system.
        stopped: whether the City has decided that the system stops.
    """

    system: System
    in_effect: InEffect
    history: History
    log_alarm: float
    incidents: IncidentsBetween = no_incidents
    stopped: bool = False


class State(Enum):
    """What a week says of a condition; a week that could not be measured says nothing."""

    HOLDS = auto()
    UNKNOWN = auto()
    ENDED = auto()


@dataclass(frozen=True)
class Weighed:
    """What a week says of a condition.

    Attributes:
        findings: those that say so.
        figures: what says so beside findings; JSON values.
    """

    state: State
    findings: Sequence[Finding] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)


_ENDED = Weighed(State.ENDED)


def weigh(condition: Condition, week: date, grounds: Grounds) -> Weighed:
    """Returns what a judged week says of a condition."""
    match condition:
        case EvidenceCondition():
            return _evidence(condition, week, grounds)
        case ProhibitedUseCondition():
            return _prohibited_use(condition, week, grounds)
        case FactCondition():
            return _fact(condition, week, grounds) if _in_use(week, grounds) else _ENDED
        case UnmeasuredCondition():
            return _unmeasured(condition, week, grounds) if _in_use(week, grounds) else _ENDED
        case IncidentsCondition():
            return _incidents(condition, week, grounds)


def held_since(rule: SunsetRule, week: date, grounds: Grounds) -> date:
    """Returns the first week from which on a condition that holds in a week has held without an end.

    It looks back as far as the rule's weeks of remediation ask for. Weeks that say nothing, since they could
    not be measured, end nothing.
    """
    since = week
    for earlier in grounds.history.back_from(week - _WEEK):
        if week - since >= timedelta(weeks=rule.remediation_weeks):
            break
        state = weigh(rule.when, earlier, grounds).state
        if state is State.ENDED:
            break
        if state is State.HOLDS:
            since = earlier
    return since


def concerns(condition: Condition, system: System, finding: Finding) -> bool:
    """Whether a finding is of what the condition looks at, whatever its status."""
    match condition:
        case EvidenceCondition():
            return finding.check == condition.check and finding.metric == metric_of(condition, system)
        case ProhibitedUseCondition():
            return PROHIBITED_USE in finding.details and not is_drift(finding.check)
        case FactCondition():
            return finding.check == condition.check and finding.kind is Kind.FACTUAL
        case UnmeasuredCondition():
            return finding.check == condition.check and finding.metric == system.intended_outcome.metric
        case IncidentsCondition():
            return False


def metric_of(condition: EvidenceCondition, system: System) -> str | None:
    """Returns the metric whose evidence the condition looks at; None where the system has none."""
    match condition.metric:
        case "intended_outcome":
            return system.intended_outcome.metric
        case "harm":
            return f"{system.harm.metric}_difference" if system.harm else None
        case "process":
            return f"{system.process.metric}_against_process" if system.process else None


def _in_use(week: date, grounds: Grounds) -> bool:
    """Whether silence is a fault: the City wants outputs, and no decision was made that they stop."""
    on_sunday = grounds.in_effect.on(week + timedelta(days=6))
    return not grounds.stopped and on_sunday.status in _IN_USE


def _confirmed(finding: Finding, log_alarm: float) -> bool:
    """Whether the detector has reached the sunset alarm, which is never below the finding's own."""
    evidence = finding.evidence
    return evidence is not None and evidence.log_detector >= max(log_alarm, evidence.log_alarm)


def _evidence(condition: EvidenceCondition, week: date, grounds: Grounds) -> Weighed:
    carried = [
        finding
        for finding in grounds.history.findings(week)
        if finding.evidence is not None and concerns(condition, grounds.system, finding)
    ]
    if held := [finding for finding in carried if _confirmed(finding, grounds.log_alarm)]:
        return Weighed(State.HOLDS, held)
    return _ENDED if carried else Weighed(State.UNKNOWN)


def _prohibited_use(condition: ProhibitedUseCondition, week: date, grounds: Grounds) -> Weighed:
    held = [
        finding
        for finding in grounds.history.findings(week)
        if concerns(condition, grounds.system, finding)
        and own(finding).status is Status.BREACH
        and (finding.kind is Kind.FACTUAL or _confirmed(finding, grounds.log_alarm))
    ]
    return Weighed(State.HOLDS, held) if held else _ENDED


def _fact(condition: FactCondition, week: date, grounds: Grounds) -> Weighed:
    said = [f for f in grounds.history.findings(week) if concerns(condition, grounds.system, f)]
    if held := [finding for finding in said if own(finding).status is Status.BREACH]:
        return Weighed(State.HOLDS, held)
    says_nothing = all(own(finding).status in _CANNOT_SAY for finding in said)
    return Weighed(State.UNKNOWN) if says_nothing else _ENDED


def _unmeasured(condition: UnmeasuredCondition, week: date, grounds: Grounds) -> Weighed:
    """Counts no weeks before a truth could have had its time, nor after the outputs' registered end."""
    system, history = grounds.system, grounds.history
    outputs = system.feeds.outputs
    ended = outputs is not None and outputs.ends is not None and outputs.ends + system.maturity < week
    if system.risk.tier not in condition.tiers or not system.operated or ended:
        return _ENDED
    first, last_measured = history.weeks[0] + system.maturity, None
    for earlier in history.back_from(week):
        if any(
            concerns(condition, system, finding) and own(finding).status in _MEASURED
            for finding in history.findings(earlier)
        ):
            last_measured = earlier
            break
    since = first if last_measured is None else last_measured + _WEEK
    weeks = (week - since) // _WEEK + 1
    if weeks <= condition.weeks:
        return _ENDED
    told = [finding for finding in history.findings(week) if finding.check == condition.check]
    of_outcome = [finding for finding in told if finding.metric == system.intended_outcome.metric]
    figures = {
        "metric": system.intended_outcome.metric,
        "weeks": weeks,
        "tolerated": condition.weeks,
        "last_measured": last_measured.isoformat() if last_measured else None,
    }
    return Weighed(State.HOLDS, of_outcome or told, figures)


def _incidents(condition: IncidentsCondition, week: date, grounds: Grounds) -> Weighed:
    last = week + timedelta(days=6)
    first = last - timedelta(weeks=condition.weeks) + timedelta(days=1)
    found = grounds.incidents(first, last)
    if found.reported < condition.count and not (condition.one_grave and found.grave):
        return _ENDED
    figures = {
        "reported": found.reported,
        "grave": found.grave,
        "ids": list(found.ids),
        "from": first.isoformat(),
        "to": last.isoformat(),
    }
    return Weighed(State.HOLDS, (), figures)
