"""What stands open about a system in the store: its incidents, and breaches that nobody has acted upon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from sundial.register.models import Policy, System
from sundial.store.cases import CLOSING, Cases
from sundial.store.database import Database
from sundial.store.incidents import CLOSED, Incidents
from sundial.store.results import Results, Standing


@dataclass(frozen=True)
class Incident:
    """A reported incident, without what people wrote.

    Attributes:
        reported: the day from which the City knew of it.
        closed: the day on which it was closed; None while it is open.
    """

    id: str
    kind: str
    grave: bool
    discovered: date
    reported: date
    closed: date | None

    def open_on(self, day: date) -> bool:
        """Whether it was open at the end of a day."""
        return self.reported <= day and (self.closed is None or day < self.closed)


def incidents_of(database: Database, system: str, timezone: str) -> Sequence[Incident]:
    """Returns what was reported of a system, in the City's days, the earliest discovered first."""
    zone, reported = ZoneInfo(timezone), Incidents(database)
    found = []
    for one in reported.incidents(system):
        ended = [event.at for event in reported.events(one.id) if event.kind == CLOSED]
        discovered, told = (at.astimezone(zone).date() for at in (one.discovered_at, one.reported_at))
        closed = ended[-1].astimezone(zone).date() if ended else None
        found.append(Incident(one.id, one.kind, one.grave, discovered, told, closed))
    return sorted(found, key=lambda one: (one.discovered, one.id))


@dataclass(frozen=True)
class Overdue:
    """A confirmed breach that waits for somebody to act; `by` is the day until which it might."""

    breach: Standing
    by: date


def overdue(
    results: Results, cases: Cases, system: System, policy: Policy, day: date, week: date
) -> Sequence[Overdue]:
    """Returns the breaches of the last week judged by a day that nobody has acted upon, the first due first.

    Acted upon is one when a repair that concerns its check took effect after it was first recorded, or while
    a sunset case of the system is open, which has a clock of its own; a waived finding is in breach no more.
    It is no check: what the other principles found is not known while a week is measured.

    Args:
        results: what was measured.
        cases: the sunset cases.
        system: its entry, whose `remediations` are the repairs.
        policy: how long a breach may wait, `sunset_terms.act_days`.
        day: until when somebody might have acted; what runs judged later changes nothing.
        week: Monday of the last week that counts.
    """
    if not system.operated or _in_case(cases, system.id, day):
        return ()
    term = timedelta(days=6 + policy.sunset_terms.act_days)
    waiting = [
        Overdue(breach, breach.since + term)
        for breach in results.standing_breaches(system.id, week, day)
        if breach.since + term < day and not _repaired(system, breach, day)
    ]
    return sorted(waiting, key=lambda one: (one.by, one.breach))


def _repaired(system: System, breach: Standing, day: date) -> bool:
    return any(
        breach.since < repair.on <= day and (repair.checks == "all" or breach.check in repair.checks)
        for repair in system.remediations
    )


def _in_case(cases: Cases, system: str, day: date) -> bool:
    for episode in cases.episodes(system):
        ends = [event.at for event in cases.events(episode.id) if event.kind in CLOSING]
        if episode.opened_as_of <= day and not (ends and ends[-1] < day):
            return True
    return False
