"""Incidents: what staff reported, and what happened since; rows are added, never changed.

What a person wrote lies in `personal_texts`; the rows have its hash. What an incident's state is,
`sundial.sunset.incidents` derives from the events.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, select

from sundial.store import personal_texts
from sundial.store.canonical import canonical
from sundial.store.database import ConflictingRecord, Database, UnknownRecord
from sundial.store.ledger import append
from sundial.store.tables import incident_events, incidents

IncidentKind = Literal["harm", "security", "both"]
CLOSED = "closed"
"""The kind of the event that ends an incident."""

_SCOPE = "incidents"


@dataclass(frozen=True)
class Report:
    """What is reported.

    Attributes:
        key: names the report, so that recording it twice is once, such as "run/manual__2026-11-27".
        system: id of the system; None where it is not known, or none of the register.
        kind: what it is.
        grave: whether somebody was, or may be, seriously harmed.
        happened: what happened, in words; personal.
        whom: whom it happened to; personal.
        discovered_at: when staff became aware of it.
        warn_at: when CDPO and CIO are told what is missing.
        due_at: when the supervisor, CDPO and Office of Employee Relations know of it at the latest.
        reported_at: now, in the City's time: its year is in the incident's id.
        reported_by: user name.
        supervisor: mail address of the reporter's supervisor.
    """

    key: str
    system: str | None
    kind: IncidentKind
    grave: bool
    happened: str
    whom: str
    discovered_at: datetime
    warn_at: datetime
    due_at: datetime
    reported_at: datetime
    reported_by: str
    supervisor: str


@dataclass(frozen=True)
class Incident:
    """A recorded report, without its personal texts."""

    id: str
    key: str
    system: str | None
    kind: IncidentKind
    grave: bool
    discovered_at: datetime
    warn_at: datetime
    due_at: datetime
    reported_at: datetime
    reported_by: str
    supervisor: str


@dataclass(frozen=True)
class NewEvent:
    """Something that happened to an incident.

    Attributes:
        key: names it within the incident, so that recording it twice is once.
        kind: what happened.
        at: when.
        by: user name; None where the pipeline did it.
        payload: JSON values, nothing personal.
        text: what a person wrote; personal.
    """

    key: str
    kind: str
    at: datetime
    by: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    text: str | None = None


@dataclass(frozen=True)
class Event:
    """A recorded `NewEvent`; its text is `Incidents.text(incident, str(number))` where it has one."""

    incident: str
    number: int
    key: str
    kind: str
    payload: Mapping[str, Any]
    has_text: bool
    by: str | None
    at: datetime


class Incidents:
    """The incidents of every system."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def report(self, report: Report) -> str:
        """Records a report and returns the incident's id, such as "incident-2026-001"; once for each key."""
        with self._database.write(_SCOPE) as connection:
            known = connection.scalar(select(incidents.c.id).where(incidents.c.key == report.key))
            if known is not None:
                return str(known)
            prefix = f"incident-{report.reported_at.year}-"
            of_year = select(func.count()).where(incidents.c.id.startswith(prefix))
            name = f"{prefix}{(connection.scalar(of_year) or 0) + 1:03d}"
            said = dict(vars(report))
            happened, whom = said.pop("happened"), said.pop("whom")
            append(
                connection,
                incidents,
                {
                    "id": name,
                    **said,
                    "happened_hash": personal_texts.keep(connection, f"{name}/happened", happened),
                    "whom_hash": personal_texts.keep(connection, f"{name}/whom", whom),
                    "recorded_at": datetime.now(UTC),
                },
            )
            return name

    def append(self, incident: str, event: NewEvent) -> bool:
        """Adds an event; one that is there already under its key is left alone.

        Returns:
            Whether this call added it.

        Raises:
            UnknownRecord: where there is no such incident.
            ConflictingRecord: where it is closed.
        """
        with self._database.write(_SCOPE) as connection:
            known = _incident(connection, incident)
            events = _events(connection, incident)
            if any(one.key == event.key for one in events):
                return False
            if any(one.kind == CLOSED for one in events):
                raise ConflictingRecord(
                    f"{incident} is closed, nothing is added to it; report what came up since as an incident "
                    "of its own"
                )
            number = len(events) + 1
            kept = (
                None
                if event.text is None
                else personal_texts.keep(connection, f"{incident}/{number}", event.text)
            )
            append(
                connection,
                incident_events,
                {
                    "incident": incident,
                    "number": number,
                    "system": known.system,
                    "key": event.key,
                    "kind": event.kind,
                    "payload": canonical(event.payload),
                    "text_hash": kept,
                    "by": event.by,
                    "at": event.at,
                    "recorded_at": datetime.now(UTC),
                },
            )
            return True

    def incident(self, incident: str) -> Incident:
        """Returns the incident. Raises UnknownRecord."""
        with self._database.read() as connection:
            return _incident(connection, incident)

    def incidents(self, system: str | None = None) -> tuple[Incident, ...]:
        """Returns the incidents of one system or of all, in the order of reporting."""
        query = select(incidents).order_by(incidents.c.reported_at, incidents.c.id)
        if system is not None:
            query = query.where(incidents.c.system == system)
        with self._database.read() as connection:
            return tuple(_as_incident(row) for row in connection.execute(query))

    def events(self, incident: str) -> tuple[Event, ...]:
        """Returns the incident's events in the order of recording."""
        with self._database.read() as connection:
            return tuple(_events(connection, incident))

    def happened(self) -> Mapping[str, Sequence[Event]]:
        """Returns the events of every incident by its id, in the order of recording."""
        query = select(incident_events).order_by(incident_events.c.incident, incident_events.c.number)
        found: defaultdict[str, list[Event]] = defaultdict(list)
        with self._database.read() as connection:
            for row in connection.execute(query):
                found[row.incident].append(_event(row))
        return found

    def text(self, incident: str, part: str) -> str | None:
        """Returns what a person wrote; None where it was destroyed.

        Args:
            incident: id of the incident.
            part: "happened", "whom", or the number of an event.
        """
        with self._database.read() as connection:
            return personal_texts.read(connection, f"{incident}/{part}")


def _incident(connection: Connection, incident: str) -> Incident:
    row = connection.execute(select(incidents).where(incidents.c.id == incident)).first()
    if row is None:
        raise UnknownRecord(f"there is no incident {incident}; see `sundial incident list`")
    return _as_incident(row)


def _as_incident(row: Row[Any]) -> Incident:
    return Incident(**{name: row._mapping[name] for name in Incident.__dataclass_fields__})


def _events(connection: Connection, incident: str) -> list[Event]:
    query = select(incident_events).where(incident_events.c.incident == incident)
    return [_event(row) for row in connection.execute(query.order_by(incident_events.c.number))]


def _event(row: Row[Any]) -> Event:
    return Event(
        incident=row.incident,
        number=row.number,
        key=row.key,
        kind=row.kind,
        payload=json.loads(row.payload),
        has_text=row.text_hash is not None,
        by=row.by,
        at=row.at,
    )
