"""Judge: the weeks that a run recorded, against the sunset rules; opens or extends episodes, and asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sundial.register.models import Policy, System
from sundial.store.cases import CLOSING, EVIDENCE, Cases
from sundial.store.database import Database
from sundial.store.records import Finding
from sundial.store.results import Results
from sundial.sunset.questions import DETERMINATION, ask
from sundial.sunset.rules import detect, log_sunset_alarm


@dataclass(frozen=True)
class Judgement:
    """What judging a run did: episodes opened, and episodes that got new evidence."""

    opened: tuple[str, ...]
    extended: tuple[str, ...]


def judge(
    system: System, policy: Policy, systems: Mapping[str, System], database: Database, as_of: date
) -> Judgement:
    """Judges every week that this run and the one before recorded; doing it twice changes nothing.

    Args:
        system: the run's system.
        policy: the policy in force.
        systems: all registered systems: they share the budget of false recommendations.
        database: the store.
        as_of: the run's now.
    """
    results, cases = Results(database), Cases(database)
    log_alarm = log_sunset_alarm(policy, systems.values())
    opened: list[str] = []
    extended: list[str] = []
    checks = {rule.check for rule in policy.sunset}
    recorded = [judged for judged in results.judged(system.id) if judged.as_of <= as_of]
    # The run before is judged again: its own judge may have died. Older weeks met the rules of their time.
    latest = sorted({judged.as_of for judged in recorded})[-2:]
    known = _weeks_with_evidence(cases, system.id)
    resting = _resting_until(cases, system.id, policy)
    due = [judged.week for judged in recorded if judged.as_of in latest]
    found: dict[date, list[Finding]] = {week: [] for week in due}
    if due:
        for finding in results.findings_between(min(due), max(due), system.id, as_of, checks):
            if finding.week in found:
                found[finding.week].append(finding)
    for week, findings in found.items():
        for detection in detect(system, policy, findings, week=week, as_of=as_of, log_alarm=log_alarm):
            if (detection.family, week) in known or week < resting.get(detection.family, week):
                continue
            episode, new = cases.open_or_extend(detection)
            (opened if new else extended).append(episode)
    # After all evidence of the run is in, so that the body shows where it stands; also after a crash.
    for case in cases.open_episodes(system.id):
        if not cases.questions(case.id):
            ask(cases, case, DETERMINATION, system, as_of)
    return Judgement(tuple(opened), tuple(dict.fromkeys(extended)))


def _weeks_with_evidence(cases: Cases, system: str) -> set[tuple[str, date]]:
    return {
        (episode.family, date.fromisoformat(event.payload["finding"]["week"]))
        for episode in cases.episodes(system)
        for event in cases.events(episode.id)
        if event.kind == EVIDENCE
    }


def _resting_until(cases: Cases, system: str, policy: Policy) -> dict[str, date]:
    """Returns, by family, the day before which no evidence opens a case: a named person ended one."""
    rest = {rule.id: timedelta(weeks=rule.rest_weeks) for rule in policy.sunset}
    return {
        episode.family: event.at + rest[episode.family]
        for episode in cases.episodes(system)
        for event in cases.events(episode.id)
        if event.kind in CLOSING and episode.family in rest
    }
