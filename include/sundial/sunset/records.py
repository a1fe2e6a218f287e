"""Records: what may be destroyed and what is kept, and everything on a system for a public records request.

Nothing is destroyed but what people wrote about people in incidents, and that only after an approval.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Select, Table, select

from sundial.register.models import Policy, System
from sundial.store import personal_texts
from sundial.store.database import Database
from sundial.store.holds import all_holds, in_force
from sundial.store.incidents import CLOSED
from sundial.store.tables import episodes, incident_events, incidents, metadata

LEAST_YEARS, LEAST_YEARS_EMPLOYMENT = 2, 4
"""Years for which records are kept at least: California Government Code 34090; 2 CCR 11013."""

WITHHELD = "personal: what people wrote about people"

_NOT_EXPORTED = ("ledger", "question_claims")
_JSON = ("payload", "record", "evidence", "params", "counts", "lines", "batches")


class DestructionRefused(ValueError):  # noqa: N818
    """Nothing was destroyed; the message says why."""


@dataclass(frozen=True)
class Text:
    """A personal text that is still there.

    Attributes:
        id: its id.
        incident: the incident that it belongs to.
        system: the incident's system.
        key: of the report or event that brought it.
        closed_on: when the incident was closed.
        kept: why it must not be destroyed; None where it may.
    """

    id: str
    incident: str
    system: str | None
    key: str
    closed_on: date | None
    kept: str | None


def proposed(
    database: Database, policy: Policy, systems: Mapping[str, System], today: date, before: date | None = None
) -> tuple[Text, ...]:
    """Returns every personal text that is still there, those that may be destroyed without a `kept`.

    Args:
        database: the store.
        policy: for the City's calendar.
        systems: the register; a system that is in it no longer counts as one of employment.
        today: in the City's calendar.
        before: incidents closed before this day are meant; by default all that are old enough.
    """
    with database.read() as connection:
        return tuple(_texts(connection, policy, systems, today, before))


def destroy(
    database: Database,
    policy: Policy,
    systems: Mapping[str, System],
    *,
    approval: str,
    before: date,
    by: str,
    today: date,
) -> tuple[Text, ...]:
    """Destroys the personal texts of incidents closed before a day, but for those that are kept.

    Each destruction is a row of the ledger. With PostgreSQL only the store's owner may do it.

    Returns:
        What was destroyed.

    Raises:
        DestructionRefused: the day is less than two years ago, or the approval says nothing.
    """
    latest = _years_before(today, LEAST_YEARS)
    if before > latest:
        raise DestructionRefused(
            f"--before {before}: records are kept for {LEAST_YEARS} years at least; give a day up to {latest}"
        )
    if not approval.startswith(("https://", "http://")):
        raise DestructionRefused("--approval: is no link; give that of the council's resolution")
    with database.write("incidents") as connection:
        found = tuple(
            text for text in _texts(connection, policy, systems, today, before) if text.kept is None
        )
        for text in found:
            personal_texts.destroy(connection, text.id, text.system, approval=approval, before=before, by=by)
        return found


def export(database: Database, policy: Policy, system: str, start: date, end: date) -> dict[str, str]:
    """Returns everything that the store has on a system, recorded in a period, as JSON by file name.

    Personal texts are withheld: in their place stands the reason.

    Args:
        database: the store.
        policy: for the City's calendar.
        system: id of the system.
        start: first day of recording.
        end: last day, included.
    """
    zone = ZoneInfo(policy.timezone)
    files: dict[str, str] = {}
    withheld: list[dict[str, str]] = []
    with database.read() as connection:
        for table in metadata.sorted_tables:
            query = _of_system(table, system)
            if query is None:
                continue
            rows = [
                dict(row._mapping)
                for row in connection.execute(query)
                if start <= _recorded(dict(row._mapping)).astimezone(zone).date() <= end
            ]
            if rows:
                files[f"{table.name}.json"] = _json([_shown(row) for row in rows])
                withheld += _withheld(connection, table.name, rows)
    files["withheld.json"] = _json(withheld)
    return files


def _texts(
    connection: Connection, policy: Policy, systems: Mapping[str, System], today: date, before: date | None
) -> Iterator[Text]:
    zone, holds = ZoneInfo(policy.timezone), all_holds(connection)
    closed = {
        row.incident: row.at.astimezone(zone).date()
        for row in connection.execute(select(incident_events).where(incident_events.c.kind == CLOSED))
    }
    for row in connection.execute(select(incidents).order_by(incidents.c.id)):
        closed_on = closed.get(row.id)
        employment = row.system in systems and _of_employment(systems[row.system])
        years = LEAST_YEARS_EMPLOYMENT if employment else LEAST_YEARS
        floor = _years_before(today, years)
        if held := in_force(holds, row.system):
            kept: str | None = f"hold {held[0].number}: {held[0].reason}"
        elif closed_on is None:
            kept = "the incident is open"
        elif closed_on >= floor:
            kept = f"less than {years} years since it was closed"
        else:
            kept = f"closed on {before} or later" if before and closed_on >= before else None
        for part, key in (("happened", row.key), ("whom", row.key), *_noted(connection, row.id)):
            text_id = f"{row.id}/{part}"
            if personal_texts.read(connection, text_id) is not None:
                yield Text(text_id, row.id, row.system, key, closed_on, kept)


def _of_employment(system: System) -> bool:
    return system.groups is not None and system.groups.employment


def _noted(connection: Connection, incident: str) -> Sequence[tuple[str, str]]:
    """Returns number and key of an incident's events that have a text."""
    with_text = (incident_events.c.incident == incident) & incident_events.c.text_hash.is_not(None)
    return [
        (str(row.number), row.key) for row in connection.execute(select(incident_events).where(with_text))
    ]


def _years_before(today: date, years: int) -> date:
    day = 28 if (today.month, today.day) == (2, 29) else today.day
    return today.replace(year=today.year - years, day=day)


def _of_system(table: Table, system: str) -> Select[Any] | None:
    if table.name in _NOT_EXPORTED:
        return None
    if "system" in table.c:
        return select(table).where(table.c.system == system).order_by(*table.primary_key.columns)
    if "episode" in table.c:
        of_system = select(episodes.c.id).where(episodes.c.system == system)
        return select(table).where(table.c.episode.in_(of_system)).order_by(*table.primary_key.columns)
    return None


def _recorded(row: Mapping[str, Any]) -> datetime:
    """Returns when a row was recorded; evidence has only the week that it is of."""
    if "recorded_at" in row:
        at: datetime = row["recorded_at"]
        return at
    return datetime.combine(row["week"], time(12), UTC)


def _withheld(
    connection: Connection, table: str, rows: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, str]]:
    for row in rows:
        if table == incidents.name:
            parts = [f"{row['id']}/happened", f"{row['id']}/whom"]
        elif table == incident_events.name and row["text_hash"] is not None:
            parts = [f"{row['incident']}/{row['number']}"]
        else:
            continue
        for text_id in parts:
            gone = personal_texts.read(connection, text_id) is None
            yield {"text": text_id, "reason": "destroyed after an approval" if gone else WITHHELD}


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: json.loads(value) if name in _JSON and isinstance(value, str) else _plain(value)
        for name, value in row.items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no infinity
    return value.isoformat() if isinstance(value, date) else value


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
