"""What each stream of evidence was given of the portfolio's budget; rows are added, never changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime

from sqlalchemy import Connection, select

from sundial.store.database import Database
from sundial.store.ledger import append
from sundial.store.tables import grants


@dataclass(frozen=True)
class Grant:
    """What a stream was given of the budget: its detector alarms at weeks between false breaches / weight.

    Attributes:
        stream: its name, the same for all its generations.
        approved_on: of the budget that it was given from.
        part: of one stream's weight, where a family of streams shares it.
        weight: its own; those of all streams sum to 1 at most.
    """

    system: str
    stream: str
    approved_on: date
    part: float
    weight: float


class Grants:
    """The grants of every system."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> tuple[Grant, ...]:
        """Returns all grants, by system and stream, those of one stream by approval."""
        with self._database.read() as connection:
            return _all(connection)

    def add(self, given: Sequence[Grant], fits: Callable[[Sequence[Grant], Sequence[Grant]], bool]) -> bool:
        """Adds grants, all of them or none; those that are there already are left alone.

        Other tasks give at the same time, so it is asked here, while none of them can, whether all fits.

        Args:
            given: to be added.
            fits: told the grants that stand and those that are new; whether the budget has room for these.

        Returns:
            Whether they stand now; not where a stream was given something else, or where they do not fit.
        """
        with self._database.write("grants") as connection:
            known = _all(connection)
            by_stream = {(one.system, one.stream, one.approved_on): one for one in known}
            new = []
            for one in given:
                before = by_stream.get((one.system, one.stream, one.approved_on))
                if before is None:
                    new.append(one)
                elif before != one:
                    return False
            if not new:
                return True
            if not fits(known, new):
                return False
            now = datetime.now(UTC)
            append(connection, grants, *({**asdict(one), "recorded_at": now} for one in new))
            return True


def _all(connection: Connection) -> tuple[Grant, ...]:
    columns = [column for column in grants.c if column.name != "recorded_at"]
    query = select(*columns).order_by(grants.c.system, grants.c.stream, grants.c.approved_on)
    return tuple(Grant(**row._mapping) for row in connection.execute(query))
