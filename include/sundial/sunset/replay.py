"""Replaying the sunset rules of a policy against what was recorded: which cases they would have opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sundial.register.models import Policy, System
from sundial.store.cases import CLOSING
from sundial.store.database import Database
from sundial.sunset.conditions import IncidentsBetween
from sundial.sunset.detect import Looks
from sundial.sunset.judge import rest_of
from sundial.sunset.reported import reported
from sundial.sunset.rules import log_sunset_alarm


@dataclass(frozen=True)
class Opening:
    """A case of a system: opened by a rule, of a judged week, in the run of a day.

    Attributes:
        set_for: whose rule it is: "city", "tier rights", "system".
        episode: the id of the case that was opened; None where it only would have been.
    """

    system: str
    rule: str
    sentence: str
    set_for: str
    week: date
    as_of: date
    episode: str | None = None

    @property
    def place(self) -> tuple[str, str, date]:
        """What an opening has in common with the same one of another policy."""
        return self.system, self.rule, self.week


@dataclass(frozen=True)
class Replayed:
    """The cases that the rules of a policy would have opened, and those that were opened.

    Attributes:
        runs: the as-of dates of the runs that were replayed.
    """

    runs: tuple[date, ...]
    would: tuple[Opening, ...]
    did: tuple[Opening, ...]


def replay(
    system: System,
    policy: Policy,
    systems: Mapping[str, System],
    database: Database,
    incidents: IncidentsBetween | None = None,
) -> Replayed:
    """Replays every run of a system with the rules of a policy; records nothing.

    Each run knows what it knew: findings as they were restated by then, rows of the register, decisions. The
    register's entries and the evidence's own thresholds are those of today and of their time. A case that a
    person ended has ended here from that day on, where its family had one open.

    Args:
        system: whose history it is.
        policy: with the rules that are tried.
        systems: all registered systems: they share the budget of false recommendations.
        database: the store.
        incidents: what was reported of the system; what the store has unless given.
    """
    of_system = incidents or reported(database, system.id, policy.timezone)
    looks = Looks(system, policy, database, log_sunset_alarm(policy, systems.values()), of_system)
    rest = rest_of(policy, system)
    ended = sorted(
        (event.at, episode.family)
        for episode, events in looks.episodes
        for event in events
        if event.kind in CLOSING
    )
    would: list[Opening] = []
    known: set[tuple[str, date]] = set()
    opened: dict[str, date] = {}
    resting: dict[str, date] = {}
    for as_of in looks.runs:
        for at, family in ended:
            if family in opened and family in rest and opened[family] <= at <= as_of:
                resting[family] = at + rest[family]
                del opened[family]
        for found in looks.run(as_of):
            family, week = found.family, found.week
            if (family, week) in known or week < resting.get(family, week):
                continue
            known.add((family, week))
            if family not in opened:
                opened[family] = as_of
                rule = found.record["rule"]
                would.append(Opening(system.id, found.rule, rule["sentence"], rule["set_for"], week, as_of))
    did = [
        Opening(
            episode.system,
            episode.rule,
            str(episode.record["rule"]["sentence"]),
            str(episode.record["rule"].get("set_for", "city")),
            episode.opened_week,
            episode.opened_as_of,
            episode.id,
        )
        for episode, _ in looks.episodes
    ]
    return Replayed(tuple(looks.runs), tuple(would), tuple(did))
