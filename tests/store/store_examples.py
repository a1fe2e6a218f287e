"""Findings, detections and questions that the tests of the store record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from typing import Any

from sqlalchemy import Connection

from sundial.stats.intervals import Interval
from sundial.store import personal_texts, tables
from sundial.store.cases import Cases, Detection
from sundial.store.database import Database
from sundial.store.holds import Holds
from sundial.store.incidents import Incidents, NewEvent, Report
from sundial.store.outbox import Outbox
from sundial.store.records import Evidence, Finding, Kind, Side, Status, Threshold, Window
from sundial.store.results import JudgedWeek, Results

MONDAY = date(2015, 1, 5)
THRESHOLD = Threshold("harm", 0.1, Side.TOLERANCE, "CDPO", date(2025, 3, 1))


def finding(week: date = MONDAY, system: str = "compas", **changes: Any) -> Finding:
    plain = Finding(
        system=system,
        week=week,
        check="equity.harm",
        principle="equity",
        kind=Kind.STATISTICAL,
        metric="false_positive_rate",
        status=Status.WATCH,
        reason="the gap looks larger than agreed, not confirmed yet",
        slice=(("race", 'Señor, "A"'),),
        window=Window(week, week + timedelta(days=6), 1),
        estimate=0.1 + 0.2,
        interval=Interval(0.01, float("inf"), "delta"),
        n=131,
        threshold=THRESHOLD,
        details={"rates": [0.25, 1 / 3]},
        provenance={"config": "c0ffee"},
    )
    return replace(plain, **changes)


def evidence(stream: str = "harm/race", counts: tuple[float, ...] = (3.0, 0.1)) -> Evidence:
    return Evidence(stream, log_e=-0.25, log_detector=1.5, log_alarm=10.5, weeks=4, counts=counts)


def judged(week: date = MONDAY, findings: Iterable[Finding] | None = None, **changes: Any) -> JudgedWeek:
    found = (finding(week, evidence=evidence()),) if findings is None else tuple(findings)
    return replace(JudgedWeek(week, date(2015, 3, 2), "c0ffee", "0.1.0", found), **changes)


def weeks(count: int, start: date = MONDAY) -> list[date]:
    return [start + timedelta(weeks=number) for number in range(count)]


def detection(week: date = MONDAY, **changes: Any) -> Detection:
    plain = Detection(
        system="compas",
        family="harm_confirmed",
        rule="harm_confirmed",
        week=week,
        as_of=week + timedelta(days=8),
        policy_hash="ab12",
        record={"intended_outcome": "Judges release more people safely.", "target": 0.7},
        evidence={"log_detector": 12.5},
    )
    return replace(plain, **changes)


def in_processes(function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Returns what the function returned for each of the arguments, all at once, each in its own process."""
    context = get_context("forkserver")
    context.set_forkserver_preload([Cases.__module__, Outbox.__module__, Results.__module__])
    together = context.Barrier(len(arguments))
    with ProcessPoolExecutor(
        len(arguments), mp_context=context, initializer=_meet_at, initargs=(together,)
    ) as pool:
        return [future.result() for future in [pool.submit(_call, function, given) for given in arguments]]


DISCOVERED = datetime(2015, 1, 8, 17, tzinfo=UTC)


def report(**changes: Any) -> Report:
    plain = Report(
        key="run/manual-1",
        system="compas",
        kind="harm",
        grave=True,
        happened="The score was another person's.",
        whom="J. Doe, who stayed in custody",
        discovered_at=DISCOVERED,
        warn_at=DISCOVERED + timedelta(hours=20),
        due_at=DISCOVERED + timedelta(hours=24),
        reported_at=DISCOVERED + timedelta(hours=1),
        reported_by="ana",
        supervisor="boss@city.example",
    )
    return replace(plain, **changes)


def record_incident(database: Database) -> str:
    """Records an incident with a note whose text was destroyed, and a hold."""
    incidents = Incidents(database)
    name = incidents.report(report())
    incidents.append(name, NewEvent("run/manual-2", "status", DISCOVERED, "ana", text="He was called."))
    with database.write("incidents") as connection:
        approval = "https://city.example/resolutions/7"
        personal_texts.destroy(
            connection, f"{name}/1", "compas", approval=approval, before=MONDAY, by="clerk"
        )
    Holds(database).hold("compas", reason="A claim was filed.", link="https://city.example/7", by="clerk")
    return name


_barrier: list[Barrier] = []


def _meet_at(barrier: Barrier) -> None:
    _barrier.append(barrier)


def _call(function: Callable[..., Any], given: tuple[Any, ...]) -> Any:
    _barrier[0].wait(60)  # so that no process takes two calls, and all start at the same moment
    return function(*given)


def tamper(database: Database, change: Callable[[Connection], object]) -> None:
    """Does what only somebody who owns the database can do: takes the triggers away and changes rows."""
    with database.write() as connection:
        for table in tables.metadata.tables:
            if database.is_sqlite:
                for verb in ("update", "delete"):
                    connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_no_{verb}")
            else:
                connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        if database.is_sqlite:
            connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        change(connection)
