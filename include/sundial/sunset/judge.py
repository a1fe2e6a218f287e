"""Judge: the weeks that a run recorded, against the sunset rules; opens or extends episodes, and asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sundial.register.models import Policy, System
from sundial.store.cases import CLOSING, EVIDENCE, Cases, Episode, Event
from sundial.store.database import Database
from sundial.sunset.conditions import IncidentsBetween
from sundial.sunset.detect import Looks
from sundial.sunset.questions import DETERMINATION, ask
from sundial.sunset.reported import reported
from sundial.sunset.rules import log_sunset_alarm, rules_of


@dataclass(frozen=True)
class Judgement:
    """What judging a run did: episodes opened, and episodes that got new evidence."""

    opened: tuple[str, ...]
    extended: tuple[str, ...]


def judge(
    system: System,
    policy: Policy,
    systems: Mapping[str, System],
    database: Database,
    as_of: date,
    incidents: IncidentsBetween | None = None,
) -> Judgement:
    """Judges every week that this run and the one before recorded; doing it twice changes nothing.

    Args:
        system: the run's system.
        policy: the policy in force.
        systems: all registered systems: they share the budget of false recommendations.
        database: the store.
        as_of: the run's now.
        incidents: what was reported of the system; what the store has unless given.
    """
    cases = Cases(database)
    of_system = incidents or reported(database, system.id, policy.timezone)
    looks = Looks(system, policy, database, log_sunset_alarm(policy, systems.values()), of_system)
    opened: list[str] = []
    extended: list[str] = []
    known = _weeks_with_evidence(looks.episodes)
    resting = _resting_until(looks.episodes, policy, system)
    for detection in looks.run(as_of):
        week, family = detection.week, detection.family
        if (family, week) in known or week < resting.get(family, week):
            continue
        episode, new = cases.open_or_extend(detection)
        (opened if new else extended).append(episode)
    # After all evidence of the run is in, so that the body shows where it stands; also after a crash.
    for case in cases.open_episodes(system.id):
        if not cases.questions(case.id):
            ask(cases, case, DETERMINATION, system, as_of)
    return Judgement(tuple(opened), tuple(dict.fromkeys(extended)))


def _weeks_with_evidence(episodes: Sequence[tuple[Episode, Sequence[Event]]]) -> set[tuple[str, date]]:
    return {
        (episode.family, date.fromisoformat(event.key.removeprefix(f"{EVIDENCE}/")))
        for episode, events in episodes
        for event in events
        if event.kind == EVIDENCE
    }


def rest_of(policy: Policy, system: System) -> Mapping[str, timedelta]:
    """Returns, by family, how long no case opens after a named person ended one."""
    return {one.rule.id: timedelta(weeks=one.rule.rest_weeks) for one in rules_of(policy, system)}


def _resting_until(
    episodes: Sequence[tuple[Episode, Sequence[Event]]], policy: Policy, system: System
) -> dict[str, date]:
    rest = rest_of(policy, system)
    return {
        episode.family: event.at + rest[episode.family]
        for episode, events in episodes
        for event in events
        if event.kind in CLOSING and episode.family in rest
    }
