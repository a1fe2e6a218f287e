"""What people wrote about people, apart from the rows: it can be destroyed, and the chains stay whole.

A row has the hash of salt and text. The salt goes with the text: a short text could be guessed from a hash.
"""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime

from sqlalchemy import Connection, delete, insert, select

from sundial.store.canonical import digest
from sundial.store.ledger import CITY, Fault, append
from sundial.store.tables import destructions, incident_events, incidents, personal_texts


def keep(connection: Connection, text_id: str, body: str) -> str:
    """Adds a text and returns its hash, which the row that it belongs to has."""
    salt = secrets.token_hex(16)
    connection.execute(insert(personal_texts).values(id=text_id, salt=salt, body=body))
    return digest(salt + body)


def read(connection: Connection, text_id: str) -> str | None:
    """Returns a text; None where it was destroyed, or never was."""
    return connection.scalar(select(personal_texts.c.body).where(personal_texts.c.id == text_id))


def destroyed(connection: Connection, text_id: str) -> bool:
    """Returns whether a destruction of the text is recorded."""
    return connection.execute(select(destructions).where(destructions.c.text == text_id)).first() is not None


def destroy(
    connection: Connection, text_id: str, system: str | None, *, approval: str, before: date, by: str
) -> None:
    """Records that a text is destroyed, and removes it; in the store's PostgreSQL only its owner can."""
    append(
        connection,
        destructions,
        {
            "text": text_id,
            "system": system,
            "approval": approval,
            "before": before,
            "by": by,
            "recorded_at": datetime.now(UTC),
        },
    )
    connection.execute(delete(personal_texts).where(personal_texts.c.id == text_id))


def faults(connection: Connection) -> tuple[Fault, ...]:
    """Returns the texts that are not as their rows' hashes say, and those removed without a record."""
    kept = {row.id: digest(row.salt + row.body) for row in connection.execute(select(personal_texts))}
    gone = set(connection.scalars(select(destructions.c.text)))
    wrong = []
    for text_id, system, said in _hashes(connection):
        if text_id in kept and kept[text_id] != said:
            wrong.append(
                Fault(system or CITY, None, f"personal_texts {text_id}: changed, it is not as recorded")
            )
        if text_id not in kept and text_id not in gone:
            wrong.append(
                Fault(system or CITY, None, f"personal_texts {text_id}: removed, nobody recorded it")
            )
    return tuple(wrong)


def _hashes(connection: Connection) -> list[tuple[str, str | None, str]]:
    """Returns each text that a row has a hash of: its id, the row's system, the hash."""
    found = []
    for row in connection.execute(select(incidents)):
        found += [
            (f"{row.id}/happened", row.system, row.happened_hash),
            (f"{row.id}/whom", row.system, row.whom_hash),
        ]
    for row in connection.execute(select(incident_events).where(incident_events.c.text_hash.is_not(None))):
        found.append((f"{row.incident}/{row.number}", row.system, row.text_hash))
    return found
