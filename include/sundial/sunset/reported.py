"""The incidents that rules count: those reported of a system, from the store."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from sundial.store.database import Database
from sundial.store.incidents import Incidents as Stored
from sundial.sunset.conditions import Incidents, IncidentsBetween


def reported(database: Database, system: str, timezone: str) -> IncidentsBetween:
    """Returns what gives the incidents of a system that were reported from a day to a day.

    Args:
        database: the store; it is read now, once.
        system: id of the system.
        timezone: of the City's days.
    """
    zone = ZoneInfo(timezone)
    days = [(one.reported_at.astimezone(zone).date(), one) for one in Stored(database).incidents(system)]

    def between(first: date, last: date) -> Incidents:
        found = [incident for day, incident in days if first <= day <= last]
        graves = sum(incident.grave for incident in found)
        return Incidents(len(found), graves, tuple(incident.id for incident in found))

    return between
