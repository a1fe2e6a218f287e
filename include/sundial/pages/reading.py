"""What the pages of a system ask the store for: its weeks, one week's findings, measures over time."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import and_, or_, select

from sundial.pages.small_cells import WITHHELD, for_viewer
from sundial.store.canonical import canonical
from sundial.store.database import Database
from sundial.store.records import Finding, finding_from_payload, finding_id
from sundial.store.tables import findings, restatements

Series = tuple[str, str, tuple[tuple[str, str], ...]]
"""Check, metric and slice: what a measure is called from week to week."""


@dataclass(frozen=True)
class Point:
    """One week of a measure: as it is now, and as it was judged first where it was restated since."""

    now: Finding
    first: Finding | None


@dataclass(frozen=True)
class Change:
    """That a new version of the model gave its first output."""

    version: str
    since: date


def series_of(finding: Finding) -> Series:
    """Returns what the finding's measure is called."""
    return finding.check, finding.metric, finding.slice


def key_of(store: Database, system: str, week: date, short: str) -> str | None:
    """Returns the key of the week's finding with this id; None where there is none."""
    query = select(findings.c.key).where(findings.c.system == system, findings.c.week == week)
    with store.read() as connection:
        return next((key for key in connection.scalars(query) if finding_id(key) == short), None)


def over_time(
    store: Database,
    system: str,
    asked: Iterable[Series],
    since: date,
    until: date,
    *,
    sees_small: bool,
) -> Mapping[Series, Sequence[Point]]:
    """Returns the weeks of each measure from `since` to `until`, the oldest first.

    For somebody who sees no small cells the whole family is read: what is withheld depends on the others.
    They get no weeks of a gap: whether it shows depends on every group that it is of, as the page of that
    week has them.
    """
    wanted = dict.fromkeys(one for one in asked if sees_small or not _is_gap(one))
    if not wanted:
        return {}
    found: defaultdict[Series, list[Point]] = defaultdict(list)
    points = _points(store, system, wanted, since, until, exact=sees_small)
    if not sees_small:
        points = _for_viewer(points)
    for point in points:
        if series_of(point.now) in wanted:
            found[series_of(point.now)].append(point)
    return found


def _is_gap(series: Series) -> bool:
    return any(column == "by" for column, _ in series[2])


def _for_viewer(points: Sequence[Point]) -> list[Point]:
    weeks = {point.now.week for point in points if point.first is not None}
    before = for_viewer([point.first or point.now for point in points if point.now.week in weeks])
    shown = {(finding.week, series_of(finding)): finding for finding in before}
    return [
        # Where what is known now is withheld, what was known before would give it away.
        Point(
            now,
            None if now.reason == WITHHELD or point.first is None else shown[now.week, series_of(now)],
        )
        for point, now in zip(points, for_viewer([point.now for point in points]), strict=True)
    ]


def _points(
    store: Database, system: str, wanted: Iterable[Series], since: date, until: date, *, exact: bool
) -> list[Point]:
    f, r = findings.c, restatements.c
    which = {
        and_(f.check == check, f.metric == metric, f.slice == canonical([list(p) for p in where]))
        if exact
        else and_(f.check == check, f.metric == metric)
        for check, metric, where in wanted
    }
    newest = select(r.payload).where(r.key == f.key).order_by(r.revision.desc()).limit(1).scalar_subquery()
    query = (
        select(f.payload, newest)
        .where(f.system == system, f.week.between(since, until), or_(*which))
        .order_by(f.week, f.id)
    )
    with store.read() as connection:
        rows = connection.execute(query).all()
    return [_point(first, now) for first, now in rows]


def _point(first: str, now: str | None) -> Point:
    judged = finding_from_payload(json.loads(first))
    return Point(judged, None) if now is None else Point(finding_from_payload(json.loads(now)), judged)


def version_changes(store: Database, system: str, since: date, until: date) -> Sequence[Change]:
    """Returns the new versions of the model that the weeks' findings name, the oldest first."""
    f = findings.c
    query = select(f.payload).where(
        f.system == system,
        f.check == "drift.version_change",
        f.week.between(since, until),
        f.payload.contains('"since":'),
    )
    with store.read() as connection:
        details = [json.loads(text)["details"] for text in connection.scalars(query)]
    named = {
        Change(str(one["version"]), date.fromisoformat(one["since"]))
        for one in ({"version": d.get("after", ""), **d} for d in details)
        if "since" in one
    }
    return sorted(named, key=lambda change: (change.since, change.version))
