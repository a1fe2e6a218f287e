"""What may be destroyed when, what that leaves, and what a records request gets."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from store_examples import report
from sunset_examples import policy, system

from sundial.register.models import System
from sundial.store.checkpoints import verify
from sundial.store.database import Database
from sundial.store.holds import Holds
from sundial.store.incidents import CLOSED, Incidents, NewEvent
from sundial.sunset.records import WITHHELD, DestructionRefused, destroy, export, proposed

TODAY = date(2026, 11, 28)
LINK = "https://city.example/resolutions/7"
ID = "compas-broward"


def systems(*, employment: bool = False) -> dict[str, System]:
    groups = system().groups
    assert groups is not None
    return {ID: system().model_copy(update={"groups": groups.model_copy(update={"employment": employment})})}


def closed(database: Database, on: date, key: str = "run/a", about: str | None = ID) -> str:
    """Records an incident with three texts, closed on a day."""
    incidents = Incidents(database)
    name = incidents.report(replace(report(), key=key, system=about))
    at = datetime(on.year, on.month, on.day, 20, tzinfo=UTC)
    incidents.append(name, NewEvent(f"{key}/close", CLOSED, at, "cdpo", text="Doe was called."))
    return name


def destroyed(database: Database, before: date, *, employment: bool = False) -> list[str]:
    gone = destroy(
        database,
        policy(),
        systems(employment=employment),
        approval=LINK,
        before=before,
        by="clerk",
        today=TODAY,
    )
    return [text.id for text in gone]


def test_a_text_goes_and_the_chains_stay_whole(database: Database) -> None:
    name = closed(database, date(2024, 11, 1))
    assert destroyed(database, date(2024, 11, 28)) == [f"{name}/happened", f"{name}/whom", f"{name}/1"]
    incidents = Incidents(database)
    assert incidents.text(name, "happened") is None
    assert incidents.incident(name).supervisor == "boss@city.example", "the row itself stays"
    assert verify(database, None, ()).faults == ()
    assert destroyed(database, date(2024, 11, 28)) == []


def test_less_than_two_years_are_refused(database: Database) -> None:
    closed(database, date(2024, 11, 1))
    with pytest.raises(DestructionRefused, match="2 years at least; give a day up to 2024-11-28"):
        destroyed(database, date(2024, 11, 29))


def test_an_approval_is_a_link(database: Database) -> None:
    with pytest.raises(DestructionRefused, match="--approval: is no link"):
        destroy(
            database,
            policy(),
            systems(),
            approval="yes",
            before=date(2020, 1, 1),
            by="clerk",
            today=TODAY,
        )


def test_what_is_open_held_or_of_employment_is_kept_and_said_why(database: Database) -> None:
    old = date(2023, 11, 1)
    open_one = Incidents(database).report(replace(report(), key="run/open", system=ID))
    first, other = closed(database, old), closed(database, old, "run/b", about=None)
    young = closed(database, date(2025, 1, 1), "run/c")
    kept = {text.incident: text.kept for text in proposed(database, policy(), systems(), TODAY)}
    assert kept == {
        open_one: "the incident is open",
        first: None,
        other: None,
        young: "less than 2 years since it was closed",
    }
    of_work = proposed(database, policy(), systems(employment=True), TODAY)
    assert {text.kept for text in of_work if text.incident == first} == {
        "less than 4 years since it was closed"
    }
    holds = Holds(database)
    hold = holds.hold(ID, reason="A claim was filed.", link=LINK, by="clerk")
    assert {text.partition("/")[0] for text in destroyed(database, date(2024, 1, 1))} == {other}
    holds.release(hold.number, reason="It was settled.", link=LINK, by="clerk")
    assert {text.partition("/")[0] for text in destroyed(database, date(2024, 1, 1))} == {first}


def test_a_hold_of_the_city_keeps_everything(database: Database) -> None:
    closed(database, date(2023, 11, 1), about=None)
    Holds(database).hold(None, reason="An audit is under way.", link=LINK, by="clerk")
    assert destroyed(database, date(2024, 1, 1)) == []


def test_a_request_gets_the_period_s_records_without_personal_texts(database: Database) -> None:
    name = closed(database, date(2026, 11, 1))
    closed(database, date(2026, 11, 1), "run/b", about="another")
    today = datetime.now(UTC).date()
    files = export(database, policy(), ID, today - timedelta(days=2), today + timedelta(days=1))
    assert set(files) == {"incidents.json", "incident_events.json", "withheld.json"}
    (row,) = json.loads(files["incidents.json"])
    assert row["id"] == name
    assert "J. Doe" not in "".join(files.values())
    assert json.loads(files["withheld.json"]) == [
        {"text": f"{name}/{part}", "reason": WITHHELD} for part in ("happened", "whom", "1")
    ]
    before = export(database, policy(), ID, date(2020, 1, 1), date(2020, 12, 31))
    assert set(before) == {"withheld.json"}
