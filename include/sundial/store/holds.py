"""Holds: orders that records of a system, or of the whole City, are kept for now, whatever their age."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from sundial.store.database import ConflictingRecord, Database, UnknownRecord
from sundial.store.ledger import append
from sundial.store.tables import holds


@dataclass(frozen=True)
class Hold:
    """A hold, or with `releases` the end of the hold of that number; `system` is None for the whole City."""

    number: int
    system: str | None
    releases: int | None
    reason: str
    link: str
    by: str
    recorded_at: datetime


class Holds:
    """The holds in the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def hold(self, system: str | None, *, reason: str, link: str, by: str) -> Hold:
        """Adds a hold."""
        with self._database.write("holds") as connection:
            return _add(connection, system, None, reason, link, by)

    def release(self, number: int, *, reason: str, link: str, by: str) -> Hold:
        """Ends a hold.

        Raises:
            UnknownRecord: where there is no such hold.
            ConflictingRecord: where it was released before.
        """
        with self._database.write("holds") as connection:
            known = {hold.number: hold for hold in all_holds(connection)}
            if number not in known or known[number].releases is not None:
                raise UnknownRecord(f"there is no hold {number}; see `sundial hold list`")
            if any(hold.releases == number for hold in known.values()):
                raise ConflictingRecord(f"hold {number} was released before; there is nothing more to do")
            return _add(connection, known[number].system, number, reason, link, by)

    def all(self) -> tuple[Hold, ...]:
        """Returns all holds and releases in the order of recording."""
        with self._database.read() as connection:
            return all_holds(connection)


def all_holds(connection: Connection) -> tuple[Hold, ...]:
    """Returns all holds and releases in the order of recording."""
    query = select(holds).order_by(holds.c.number)
    return tuple(Hold(**row._mapping) for row in connection.execute(query))


def in_force(known: tuple[Hold, ...], system: str | None) -> tuple[Hold, ...]:
    """Returns the holds that keep a system's records now."""
    released = {hold.releases for hold in known}
    return tuple(
        hold
        for hold in known
        if hold.releases is None and hold.number not in released and hold.system in (None, system)
    )


def _add(
    connection: Connection, system: str | None, releases: int | None, reason: str, link: str, by: str
) -> Hold:
    row = Hold(len(all_holds(connection)) + 1, system, releases, reason, link, by, datetime.now(UTC))
    append(connection, holds, vars(row))
    return row
