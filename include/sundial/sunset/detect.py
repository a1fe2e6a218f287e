"""What the sunset rules say of the weeks of a run: at most one detection a rule and week."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sundial.engine.in_effect import InEffect
from sundial.register.models import Policy, System
from sundial.register.sunset_rules import RuleInForce
from sundial.store.cases import Cases, Detection, Episode, Event
from sundial.store.database import Database
from sundial.store.records import Finding
from sundial.store.register import RegisterRows
from sundial.store.results import Results
from sundial.sunset.conditions import Grounds, IncidentsBetween, State, Weighed, held_since, weigh
from sundial.sunset.course import State as CaseState
from sundial.sunset.course import course_of
from sundial.sunset.history import History
from sundial.sunset.questions import HALT, PHASE_OUT
from sundial.sunset.rules import policy_hash, rules_of


class Looks:
    """One system under one policy: what each run finds when it looks at the weeks that are its own.

    Attributes:
        episodes: the system's cases with what happened to them, in the order of opening.
        runs: the as-of dates of its runs that judged something, the oldest first.
    """

    def __init__(
        self,
        system: System,
        policy: Policy,
        database: Database,
        log_alarm: float,
        incidents: IncidentsBetween,
    ) -> None:
        self._system, self._policy = system, policy
        self._log_alarm, self._incidents = log_alarm, incidents
        self._results = Results(database)
        self._judged = self._results.judged(system.id)
        self._in_effect = InEffect(system, policy, RegisterRows(database).rows(system.id))
        cases = Cases(database)
        self.episodes: Sequence[tuple[Episode, Sequence[Event]]] = [
            (episode, cases.events(episode.id)) for episode in cases.episodes(system.id)
        ]
        self.runs: Sequence[date] = sorted({one.as_of for one in self._judged})

    def run(self, as_of: date) -> Iterator[Detection]:
        """Yields what a run finds, by week.

        It looks at the weeks that it recorded, and at those of the run before, whose own judge may have died.
        Older weeks met the rules of their time.
        """
        latest = [run for run in self.runs if run <= as_of][-2:]
        due = [one.week for one in self._judged if one.as_of in latest]
        if not due:
            return
        rules = [one.rule for one in rules_of(self._policy, self._system)]
        history = History(self._results, self._system.id, self._judged, rules, as_of)
        history.read(due[0], due[-1])
        grounds = Grounds(
            self._system,
            self._in_effect,
            history,
            self._log_alarm,
            self._incidents,
            any(_stops(events, as_of) for _, events in self.episodes),
        )
        for week in due:
            yield from detect(grounds, self._policy, week=week, as_of=as_of)


def detect(grounds: Grounds, policy: Policy, *, week: date, as_of: date) -> list[Detection]:
    """Returns what the rules say of one judged week: of each rule whose condition has held long enough."""
    found = []
    for in_force in rules_of(policy, grounds.system):
        weighed = weigh(in_force.rule.when, week, grounds)
        if weighed.state is not State.HOLDS:
            continue
        since = held_since(in_force.rule, week, grounds)
        if week - since >= timedelta(weeks=in_force.rule.remediation_weeks):
            found.append(_detection(grounds, policy, in_force, weighed, since, week, as_of))
    return found


def _stops(events: Sequence[Event], as_of: date) -> bool:
    """Whether the City had decided by a day, in an episode of these events, that the system stops."""
    course = course_of([event for event in events if event.at <= as_of])
    chosen = course.decision.payload["chosen"] if course.decision else None
    dropped = course.state in (CaseState.WITHDRAWN, CaseState.SUPERSEDED)
    return chosen in (HALT, PHASE_OUT) and not dropped


def _detection(
    grounds: Grounds,
    policy: Policy,
    in_force: RuleInForce,
    weighed: Weighed,
    since: date,
    week: date,
    as_of: date,
) -> Detection:
    system, rule = grounds.system, in_force.rule
    record = {
        "rule": {
            "id": rule.id,
            "sentence": rule.sentence,
            "kind": rule.when.kind,
            "remediation_weeks": rule.remediation_weeks,
            "set_for": in_force.set_for,
            "reason": in_force.reason,
            "approved_by": in_force.approved_by,
            "approved_on": in_force.approved_on.isoformat(),
        },
        **registered(system),
        "principles": sorted({f.principle for f in weighed.findings}),
        "log_sunset_alarm": grounds.log_alarm,
    }
    evidence = {"kind": rule.when.kind, "since": since.isoformat(), **_shown(weighed.findings)}
    return Detection(
        system=system.id,
        family=rule.id,
        rule=rule.id,
        week=week,
        as_of=as_of,
        policy_hash=policy_hash(policy),
        record=record,
        evidence=evidence | ({"figures": dict(weighed.figures)} if weighed.figures else {}),
    )


def registered(system: System) -> Mapping[str, Any]:
    """Returns what a case keeps of the register's entry, as it was when the case was opened."""
    outcome, groups = system.intended_outcome, system.groups
    return {
        "intended_outcome": {
            "statement": outcome.statement,
            "metric": outcome.metric,
            "target": outcome.target,
        },
        "harm": {"metric": system.harm.metric, "reason": system.harm.reason} if system.harm else None,
        "compared": [*(groups.columns if groups else ())],
        "decides": system.risk.decides,
        "risk_tier": system.risk.tier,
    }


def _shown(findings: Sequence[Finding]) -> Mapping[str, Any]:
    """Returns the strongest finding, and the names of the others; a fact comes before evidence."""
    if not findings:
        return {}
    strongest = max(findings, key=lambda f: (f.evidence.log_detector if f.evidence else math.inf, f.key))
    return {
        "finding": strongest.payload(),
        "finding_hash": strongest.payload_hash(),
        "also": [f.key for f in findings if f is not strongest],
    }
