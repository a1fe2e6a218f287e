"""Measuring one week for one principle: each check fails alone, and each one says something."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any, TypedDict

from sundial.engine.attempt import HangError, findings_of
from sundial.engine.check import UNMEASURED, Check, View, waiting_since
from sundial.engine.correct import corrected
from sundial.engine.in_effect import InEffect
from sundial.engine.plan import failure
from sundial.engine.standing import Incident
from sundial.engine.streams import Streams
from sundial.engine.waive import own, waived
from sundial.gate.judged import Judged
from sundial.profile.profile import Profile
from sundial.register.events import EventName, FeedName
from sundial.register.models import Policy, System
from sundial.register.principles import Principle
from sundial.sources.learnt import Learnt
from sundial.store.records import UNMEASURED_METRIC, Finding, Kind, Status
from sundial.store.register import Row

log = logging.getLogger(__name__)


class StagedWeek(TypedDict):
    """One measured week as it is staged for `record`."""

    week: str
    findings: list[dict[str, Any]]


class Staged(TypedDict):
    """All that a principle stages, with what it was measured from, even where that is no week."""

    provenance: Mapping[str, str]
    weeks: list[StagedWeek]
    restated: list[dict[str, Any]]


@dataclass(frozen=True)
class Measuring:
    """What stays the same over the weeks of a run, for one principle.

    Attributes:
        system: its entry as the YAML has it.
        provenance: what a finding rests on where no row of the ledger has a say.
        rows: the ledger's rows of the system: each week is judged by the entry in effect on its Sunday.
        failed: the error of each feed that could not be pulled or gated.
        events: the profile of each feed of events.
        left_out: status and reason of the checks that the plan of the system leaves out, by name.
        history: the principle's recorded findings of the weeks from one to another.
        first_due: Monday of the first week that the run judges.
        hung: reasons of the checks that did not end in a week; the run does not wait for them once more.
        traced: reasons of the failures whose trace is in the log; weeks that fail alike do not repeat it.
        learnt: what the pulls learnt of the sources beside the rows; None where there was no pull.
        incidents: all that were reported of the system.
    """

    system: System
    policy: Policy
    principle: Principle
    checks: Sequence[Check]
    profile: Profile
    streams: Streams
    gates: Mapping[FeedName, Sequence[Judged]]
    failed: Mapping[str, str]
    left_out: Mapping[str, tuple[Status, str]]
    provenance: Mapping[str, str]
    history: Callable[[date, date], Sequence[Finding]] = lambda _first, _last: ()
    first_due: date = date.min
    hung: dict[str, str] = field(default_factory=dict)
    traced: set[str] = field(default_factory=set)
    events: Mapping[EventName, Profile] = field(default_factory=dict)
    learnt: Learnt | None = None
    rows: Sequence[Row] = ()
    incidents: Sequence[Incident] = ()

    @cached_property
    def in_effect(self) -> InEffect:
        """The entry in effect on any day."""
        return InEffect(self.system, self.policy, self.rows)

    @property
    def begins(self) -> date | None:
        """The first day with rows of any feed; None where there are none."""
        profiles = (self.profile, *self.events.values())
        return min((profile.days[0] for profile in profiles if profile.days), default=None)

    def view(self, check: Check, week: date, before: Sequence[Finding], known_by: date | None = None) -> View:
        """Returns what a check may look at in a week, with its own findings of the week before."""
        system, provenance = self.entry(week + timedelta(days=6))
        return View(
            check=check,
            system=system,
            policy=self.policy,
            week=week,
            known_by=known_by or week,
            fresh_from=waiting_since(before) or week,
            profile=self.profile,
            events=self.events,
            streams=self.streams,
            first_day=min(self.profile.days, default=None),
            gates=self.gates,
            failed=self.failed,
            before={(f.metric, f.slice): own(f) for f in before},
            provenance=provenance,
            learnt=self.learnt,
            incidents=self.incidents,
        )

    def entry(self, day: date) -> tuple[System, Mapping[str, str]]:
        """Returns the entry in effect on a day, and what a finding of it rests on."""
        system = self.in_effect.on(day)
        if system is self.system:
            return system, self.provenance
        return system, {**self.provenance, **rests_on(system, self.in_effect.config(day))}


def rests_on(system: System, config: str) -> Mapping[str, str]:
    """Returns what a finding rests on of the register: the hash of entry and policy, and the baseline."""
    baseline = system.baseline
    return {"config": config, "baseline": f"{baseline.start}/{baseline.end}" if baseline else ""}


def measure_week(measuring: Measuring, week: date, before: Sequence[Finding]) -> list[Finding]:
    """Returns the principle's findings of one week: at least one, and one for each enabled check.

    Args:
        measuring: what stays the same.
        week: Monday of the week.
        before: the principle's findings of the week before.
    """
    if not measuring.checks:
        return [_nothing(measuring, week)]
    waivers = measuring.in_effect.waivers(week + timedelta(days=6))
    found = (finding for check in measuring.checks for finding in _measure(measuring, check, week, before))
    return [waived(finding, waivers) for finding in found]


def _measure(measuring: Measuring, check: Check, week: date, before: Sequence[Finding]) -> list[Finding]:
    view = measuring.view(check, week, [f for f in before if f.check == check.name])
    if (silent := _cannot(measuring, view)) is not None:
        return [silent]
    try:
        # What this run measured before was measured from the same rows: nothing of it was corrected since.
        correction = ""
        if view.fresh_from <= measuring.first_due:
            view, correction = corrected(measuring, view)
        found = [_telling(finding, correction) for finding in findings_of(view)]
    except Exception as error:
        measuring.streams.settle(())
        reason = failure(check, error)
        trace = None if reason in measuring.traced else error
        measuring.traced.add(reason)
        log.error("%s · week of %s: %s", measuring.system.id, week, reason, exc_info=trace)
        if isinstance(error, HangError):
            measuring.hung[check.name] = f"{reason}; the next run tries it again."
        return [_unmeasured(view, Status.ERROR, reason)]
    measuring.streams.settle(found)
    return found or [_unmeasured(view, Status.NOT_MEASURED, "The check found nothing to measure.")]


def _cannot(measuring: Measuring, view: View) -> Finding | None:
    """Returns the finding of a check that cannot run this week, for its feeds or what it asks for."""
    for feed in view.check.feeds:
        if getattr(measuring.system.feeds, feed) is None:
            if not measuring.system.operated and feed not in ("outputs", "outcomes"):
                reason = f"Historical data: the City does not operate this system, and gets no {feed}."
                return _unmeasured(view, Status.NOT_APPLICABLE, reason)
            return _unmeasured(
                view, Status.NOT_MEASURED, f"The system has no feed {feed}; add it to the register entry."
            )
        if feed in measuring.failed:
            return _unmeasured(view, Status.ERROR, measuring.failed[feed])
    if view.check.name in measuring.hung:
        return _unmeasured(view, Status.ERROR, measuring.hung[view.check.name])
    if view.check.name in measuring.left_out:
        return _unmeasured(view, *measuring.left_out[view.check.name])
    # That a feed of events brought nothing is a result: nobody reviewed, nobody complained.
    if {"outputs", "outcomes"} & {*view.check.feeds} and view.first_day is None:
        refused = sum(manifest.refused for manifest in view.gates.get("outputs", ()))
        why = f"; {refused} were refused, see security_and_safety.refused_rows" if refused else ""
        return _unmeasured(view, Status.NOT_MEASURED, f"No outputs have been accepted yet{why}.")
    return None


def _telling(finding: Finding, correction: str) -> Finding:
    """Returns the finding; where it carries evidence that was restated, it says why."""
    if not correction or finding.evidence is None:
        return finding
    return replace(finding, reason=f"{finding.reason} {correction}")


def _unmeasured(view: View, status: Status, reason: str) -> Finding:
    return view.finding(UNMEASURED_METRIC, status, reason, details={UNMEASURED: view.fresh_from.isoformat()})


def _nothing(measuring: Measuring, week: date) -> Finding:
    return Finding(
        system=measuring.system.id,
        week=week,
        check=measuring.principle.value,
        principle=measuring.principle.value,
        kind=Kind.FACTUAL,
        metric=UNMEASURED_METRIC,
        status=Status.NOT_MEASURED,
        reason="No check of this principle is enabled yet.",
        provenance=measuring.entry(week + timedelta(days=6))[1],
    )
