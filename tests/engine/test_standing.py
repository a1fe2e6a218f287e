"""What the store says stands open about a system."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from store_examples import MONDAY, detection, finding, judged, report, weeks

from sundial.engine.settings import INCLUDE
from sundial.engine.standing import incidents_of, overdue
from sundial.register.load import load_policy, load_system
from sundial.register.models import Remediation
from sundial.store.cases import Cases, NewEvent
from sundial.store.database import Database
from sundial.store.incidents import Incidents
from sundial.store.incidents import NewEvent as IncidentEvent
from sundial.store.records import Status
from sundial.store.results import Results

ZONE = "America/Los_Angeles"
ID = "compas-broward"
SYSTEM, POLICY = load_system(INCLUDE / "systems" / f"{ID}.yaml"), load_policy(INCLUDE / "policy.yaml")
LIMIT = timedelta(days=POLICY.sunset_terms.act_days)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(f"sqlite:///{tmp_path}/store.db")
    database.migrate()
    return database


def test_an_incident_is_open_in_the_citys_days_until_it_is_closed(database: Database) -> None:
    incidents = Incidents(database)
    name = incidents.report(report())
    incidents.report(report(key="run/other", system="another"))
    discovered, closed = date(2015, 1, 8), report().discovered_at + timedelta(days=5)
    (one,) = incidents_of(database, "compas", ZONE)
    assert (one.id, one.kind, one.grave, one.discovered) == (name, "harm", True, discovered)
    assert (one.open_on(discovered - timedelta(days=1)), one.open_on(discovered)) == (False, True)
    incidents.append(name, IncidentEvent("run/close", "closed", closed, "ana"))
    (one,) = incidents_of(database, "compas", ZONE)
    assert one.open_on(discovered + timedelta(days=4))
    assert not one.open_on(discovered + timedelta(days=5))


def in_breach(database: Database, *weeks_in_breach: date) -> None:
    for week in weeks(4):
        found = [
            finding(week, system=ID, status=status(week, weeks_in_breach), slice=(("race", "A"),)),
            finding(week, system=ID, status=Status.WATCH, slice=(("race", "B"),)),
        ]
        Results(database).record(ID, [judged(week, found, as_of=week + timedelta(days=7))], "run")


def status(week: date, weeks_in_breach: tuple[date, ...]) -> Status:
    return Status.BREACH if week in weeks_in_breach else Status.OK


def late(database: Database, day: date, **changes: Any) -> list[date]:
    entry = SYSTEM.model_copy(update={"operated": True, **changes})
    return [one.breach.since for one in overdue(Results(database), Cases(database), entry, POLICY, day, day)]


def test_a_breach_waits_since_the_first_of_its_weeks_without_one_between(database: Database) -> None:
    first, _, third, last = weeks(4)
    in_breach(database, first, third, last)
    due = third + timedelta(days=6) + LIMIT
    assert late(database, due) == []
    assert late(database, due + timedelta(days=1)) == [third]


def test_a_breach_that_ended_waits_for_nobody(database: Database) -> None:
    in_breach(database, *weeks(3))
    assert late(database, MONDAY + timedelta(days=400)) == []


def test_a_repair_of_its_check_after_it_began_is_acting_upon_it(database: Database) -> None:
    in_breach(database, *weeks(4))
    day = MONDAY + LIMIT + timedelta(days=60)

    def repaired(on: date, checks: Any = "all") -> list[date]:
        repair = {"on": on, "what": "It was trained anew.", "checks": checks, "recorded_by": "Ann Example"}
        return late(database, day, remediations=(Remediation.model_validate(repair),))

    assert repaired(day) == []
    assert repaired(day, ("equity.harm",)) == []
    assert repaired(day, ("drift.volume",)) == [MONDAY]
    assert repaired(MONDAY) == [MONDAY], "it was made before"
    assert repaired(day + timedelta(days=1)) == [MONDAY], "it is not made yet"


def test_an_open_case_has_a_clock_of_its_own(database: Database) -> None:
    in_breach(database, *weeks(4))
    cases = Cases(database)
    episode, _ = cases.open_or_extend(detection(system=ID))
    day = MONDAY + LIMIT + timedelta(days=60)
    assert late(database, day) == []
    ended = NewEvent("answer/1", "withdrawn", {"chosen": "Yes"}, day - timedelta(days=1), "cdpo")
    cases.append(episode, ended)
    assert late(database, day) == [MONDAY]


def test_nobody_acts_upon_historical_data(database: Database) -> None:
    in_breach(database, *weeks(4))
    assert late(database, MONDAY + timedelta(days=400), operated=False) == []
