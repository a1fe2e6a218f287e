"""Since when something has looked bad: the first week with an adverse finding, asked of the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, union_all

from sundial.store.database import Database
from sundial.store.records import Kind, Status
from sundial.store.tables import findings, restatements

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


def first_adverse(database: Database, asked: Mapping[str, Looked]) -> Mapping[str, date]:
    """Returns the first week with a finding on watch or in breach, by the names of what is asked; one query.

    What was restated counts as it is now, what is waived as it would be without.
    """
    queries = [
        select(literal(name).label("name"), func.min(findings.c.week).label("week")).where(_meant(one))
        for name, one in asked.items()
    ]
    if not queries:
        return {}
    with database.read() as connection:
        rows = connection.execute(union_all(*queries)).all()
    return {row.name: row.week for row in rows if row.week is not None}


def _meant(looked: Looked) -> ColumnElement[bool]:
    f, r = findings.c, restatements.c
    newest = select(r.status).where(r.key == f.key).order_by(r.revision.desc()).limit(1).scalar_subquery()
    text = select(r.payload).where(r.key == f.key).order_by(r.revision.desc()).limit(1).scalar_subquery()
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
