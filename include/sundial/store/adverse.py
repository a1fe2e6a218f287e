"""Since when something has looked bad: the first week with an adverse finding, asked of the database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, and_, exists, func, literal, or_, select, union_all

from sundial.store.database import Database
from sundial.store.records import Kind, Status
from sundial.store.tables import findings, judged_weeks, restatements

_ADVERSE = (Status.WATCH.value, Status.BREACH.value)


@dataclass(frozen=True)
class Looked:
    """Which findings of a system are meant; None where any is.

    Attributes:
        detail: name of a detail that they have.
    """

    system: str
    check: str | None = None
    metric: str | None = None
    kind: Kind | None = None
    detail: str | None = None


def first_adverse(
    database: Database, asked: Mapping[str, Looked], until: date | None = None, as_of: date | None = None
) -> Mapping[str, date]:
    """Returns the first week with a finding on watch or in breach, by the names of what is asked; one query.

    What was restated counts as it is now, what is waived as it would be without.

    Args:
        database: the store.
        asked: what is meant.
        until: Monday of the last week that counts, where not all do.
        as_of: day whose knowledge counts: what later runs judged and restated does not.
    """
    queries = [
        select(literal(name).label("name"), func.min(findings.c.week).label("week")).where(
            _meant(one, as_of), *_known(until, as_of)
        )
        for name, one in asked.items()
    ]
    if not queries:
        return {}
    with database.read() as connection:
        rows = connection.execute(union_all(*queries)).all()
    return {row.name: row.week for row in rows if row.week is not None}


def _known(until: date | None, as_of: date | None) -> Iterator[ColumnElement[bool]]:
    f, j = findings.c, judged_weeks.c
    if until is not None:
        yield f.week <= until
    if as_of is not None:
        yield exists().where(j.system == f.system, j.week == f.week, j.as_of <= as_of)


def _meant(looked: Looked, as_of: date | None) -> ColumnElement[bool]:
    f, r = findings.c, restatements.c
    of_it = r.key == f.key if as_of is None else and_(r.key == f.key, r.as_of <= as_of)
    newest = select(r.status).where(of_it).order_by(r.revision.desc()).limit(1).scalar_subquery()
    text = select(r.payload).where(of_it).order_by(r.revision.desc()).limit(1).scalar_subquery()
    status, payload = func.coalesce(newest, f.status), func.coalesce(text, f.payload)
    own = or_(*(payload.contains(f'"status":"{word}"', autoescape=True) for word in _ADVERSE))
    wanted: list[ColumnElement[bool]] = [
        f.system == looked.system,
        or_(status.in_(_ADVERSE), and_(status == Status.WAIVED.value, own)),
    ]
    if looked.check is not None:
        wanted.append(f.check == looked.check)
    if looked.metric is not None:
        wanted.append(f.metric == looked.metric)
    if looked.kind is not None:
        wanted.append(f.kind == looked.kind.value)
    if looked.detail is not None:
        wanted.append(f.payload.contains(f'"{looked.detail}":', autoescape=True))
    return and_(*wanted)
