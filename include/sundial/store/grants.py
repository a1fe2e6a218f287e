"""What each stream of evidence was given of the portfolio's budget; rows are added, never changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime

from sqlalchemy import Connection, case, func, select

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


@dataclass(frozen=True)
class Total:
    """What the streams of a system were given under one approval of the budget.

    Attributes:
        parts: of all of them.
        standing: parts of those that were given nothing under a later one.
        weight: of these.
        least: weight of a whole stream among these, the smallest; 1 where there is none.
    """

    system: str
    approved_on: date
    parts: float
    standing: float
    weight: float
    least: float


def totals(grants: Iterable[Grant]) -> tuple[Total, ...]:
    """Returns what `Grants.totals` does, of these grants."""
    latest: dict[tuple[str, str], Grant] = {}
    of_approval: dict[tuple[str, date], list[Grant]] = {}
    for one in sorted(grants, key=lambda one: one.approved_on):
        latest[one.system, one.stream] = one
        of_approval.setdefault((one.system, one.approved_on), []).append(one)
    found = []
    for (system, approved_on), given in of_approval.items():
        stand = [one for one in given if latest[system, one.stream] is one]
        standing, weight = sum(one.part for one in stand), sum(one.weight for one in stand)
        least = min((one.weight / one.part for one in stand), default=1.0)
        found.append(Total(system, approved_on, sum(one.part for one in given), standing, weight, least))
    return tuple(found)


class Grants:
    """The grants of every system."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, system: str) -> tuple[Grant, ...]:
        """Returns the grants of a system by stream, those of one stream by approval."""
        with self._database.read() as connection:
            return _of(connection, [system])

    def totals(self) -> tuple[Total, ...]:
        """Returns what each system has in all, under each approval; the store adds up: streams are many."""
        with self._database.read() as connection:
            return _totals(connection)

    def add(
        self, given: Sequence[Grant], fits: Callable[[Sequence[Total], Sequence[Total], int], bool]
    ) -> bool:
        """Adds grants, all of them or none; those that are there already are left alone.

        Other tasks give at the same time, so it is asked here, while none of them can, whether all fits.

        Args:
            given: to be added.
            fits: told the totals as they stand, those with what is new, and how many grants are; whether the
                budget has room for these.

        Returns:
            Whether they stand now; not where a stream was given something else, or where they do not fit.
        """
        if not given:
            return True
        systems = sorted({one.system for one in given})
        with self._database.write("grants") as connection:
            known = _of(connection, systems)
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
            others = _totals(connection, systems)
            if not fits([*others, *totals(known)], [*others, *totals([*known, *new])], len(new)):
                return False
            now = datetime.now(UTC)
            append(connection, grants, *({**asdict(one), "recorded_at": now} for one in new))
            return True


def _of(connection: Connection, systems: Collection[str]) -> tuple[Grant, ...]:
    columns = [column for column in grants.c if column.name != "recorded_at"]
    query = select(*columns).where(grants.c.system.in_(systems))
    in_order = query.order_by(grants.c.system, grants.c.stream, grants.c.approved_on)
    return tuple(Grant(**row._mapping) for row in connection.execute(in_order))


def _totals(connection: Connection, but: Collection[str] = ()) -> tuple[Total, ...]:
    of = grants.c
    latest = func.max(of.approved_on).over(partition_by=[of.system, of.stream])
    each = select(of.system, of.approved_on, of.part, of.weight, (of.approved_on == latest).label("stands"))
    one = each.where(of.system.not_in(but)).subquery().c
    query = select(
        one.system,
        one.approved_on,
        func.sum(one.part).label("parts"),
        func.sum(case((one.stands, one.part), else_=0.0)).label("standing"),
        func.sum(case((one.stands, one.weight), else_=0.0)).label("weight"),
        func.coalesce(func.min(case((one.stands, one.weight / one.part))), 1.0).label("least"),
    )
    by_approval = query.group_by(one.system, one.approved_on).order_by(one.system, one.approved_on)
    return tuple(Total(**row._mapping) for row in connection.execute(by_approval))
