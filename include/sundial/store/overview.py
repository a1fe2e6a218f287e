"""How every system stands, in three queries whatever their number: for pages, where nobody waits."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, and_, func, literal, select, union_all

from sundial.store.cases import CLOSING
from sundial.store.database import Database
from sundial.store.tables import episode_events, episodes, findings, judged_weeks, register_rows, restatements

Counts = tuple[tuple[str, str, int], ...]
"""(principle, status, findings), those with at least one finding."""


@dataclass(frozen=True)
class OpenCase:
    """A sunset case that has not ended."""

    id: str
    opened: date


@dataclass(frozen=True)
class Overview:
    """All systems that the store knows, each by its id.

    Attributes:
        latest: Monday of the last judged week, and its findings counted, restated ones as they are now.
        cases: the oldest open case.
        lifecycle: the status that was recorded last, as the YAML's word.
    """

    latest: Mapping[str, tuple[date, Counts]]
    cases: Mapping[str, OpenCase]
    lifecycle: Mapping[str, str]


def overview(database: Database) -> Overview:
    """Returns how every system stands."""
    with database.read() as connection:
        return Overview(_latest(connection), _cases(connection), _lifecycle(connection))


def _latest(connection: Connection) -> Mapping[str, tuple[date, Counts]]:
    last = (
        select(judged_weeks.c.system, func.max(judged_weeks.c.week).label("week"))
        .group_by(judged_weeks.c.system)
        .cte("last")
    )
    f, r = findings, restatements
    # The index has system, week, principle and status, so the rows themselves are not read.
    as_judged = (
        select(last.c.system, last.c.week, f.c.principle, f.c.status, func.count(f.c.week))
        .select_from(last.outerjoin(f, and_(f.c.system == last.c.system, f.c.week == last.c.week)))
        .group_by(last.c.system, last.c.week, f.c.principle, f.c.status)
    )
    newer = r.alias()
    newest = ~select(newer.c.key).where(newer.c.key == r.c.key, newer.c.revision > r.c.revision).exists()
    restated = (
        select(r.c.key, r.c.system, r.c.week, r.c.status)
        .join(last, and_(r.c.system == last.c.system, r.c.week == last.c.week))
        .where(newest)
        .subquery()
    )
    moved = restated.join(f, f.c.key == restated.c.key)
    fewer = select(restated.c.system, restated.c.week, f.c.principle, f.c.status, literal(-1))
    more = select(restated.c.system, restated.c.week, f.c.principle, restated.c.status, literal(1))
    query = union_all(as_judged, fewer.select_from(moved), more.select_from(moved))
    weeks: dict[str, date] = {}
    counted: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for system, week, principle, status, n in connection.execute(query):
        weeks[system] = week
        if principle is not None:
            counted[system][principle, status] += n
    return {
        system: (week, tuple((*where, n) for where, n in sorted(counted[system].items()) if n))
        for system, week in weeks.items()
    }


def _cases(connection: Connection) -> Mapping[str, OpenCase]:
    ended = (
        select(episode_events.c.number)
        .where(episode_events.c.episode == episodes.c.id, episode_events.c.kind.in_(CLOSING))
        .exists()
    )
    query = (
        select(episodes.c.system, episodes.c.id, episodes.c.opened_as_of)
        .where(~ended)
        .order_by(episodes.c.opened_as_of.desc(), episodes.c.id.desc())
    )
    return {system: OpenCase(name, opened) for system, name, opened in connection.execute(query)}


def _lifecycle(connection: Connection) -> Mapping[str, str]:
    query = (
        select(register_rows.c.system, register_rows.c.payload)
        .where(register_rows.c.kind == "lifecycle")
        .order_by(register_rows.c.system, register_rows.c.number)
    )
    return {system: json.loads(payload)["status"] for system, payload in connection.execute(query)}
