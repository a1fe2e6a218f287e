from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from case_examples import gap, open_case
from pages_city import Town, counted
from report_examples import HOSTILE
from test_portfolio import rows
from test_system import words

from sundial.register.load import load_policy, load_register
from sundial.store.incidents import Incidents
from sundial.sunset import incidents as sunset

SECRET = "J. Doe of 5 Elm Street"
BOSS = "boss@example.gov"


def report(town: Town, hours_ago: float = 3, **changes: Any) -> str:
    now = datetime.now(UTC)
    said: dict[str, Any] = {
        "key": f"run/{hours_ago}",
        "system": "street-lights",
        "kind": "harm",
        "grave": False,
        "happened": f"{SECRET} fell in the dark",
        "whom": SECRET,
        "discovered_at": (now - timedelta(hours=hours_ago)).isoformat(),
        "supervisor": BOSS,
        "by": "ana",
        "now": now,
    }
    policy, systems = load_policy(town.settings.policy), load_register(town.settings.register).systems
    return sunset.report(Incidents(town.database), policy, systems, **said | changes)


def act(town: Town, action: str, incident: str, **changes: Any) -> None:
    said: dict[str, Any] = {"which": "", "episode": "", "text": "", "by": "cdpo", "key": f"{action}/1"}
    policy = load_policy(town.settings.policy)
    sunset.act(town.database, policy, action, incident, now=datetime.now(UTC), **said | changes)


@pytest.fixture
def lights(town: Town) -> Town:
    town.register()
    return town


def test_the_most_urgent_is_first_with_the_time_that_is_left_or_gone(lights: Town) -> None:
    report(lights, 3.5)
    report(lights, 60)
    report(lights, 22)
    text = lights.client("staff").get("/incidents/").text
    late, soon, early = rows(text)
    assert late[2].startswith("▲ late late by 36 h")
    assert soon[2].startswith("▲ little time left 1 h 59 min left")
    assert early[2].startswith("… time left 20 h 2")
    assert "1 open one is late" in words(text)


def test_it_says_which_notices_are_confirmed(lights: Town) -> None:
    name = report(lights, kind="both", grave=True)
    act(lights, "confirm", name, which="oer")
    (row,) = rows(lights.client("staff").get("/incidents/").text)
    assert row[1].startswith("Harm and security · grave")
    assert row[3].startswith("1 of 4 confirmed")
    assert "✓ Office of Employee Relations: confirmed" in row[3]
    assert "○ CISO: not told yet" in row[3]


def test_told_in_time_stops_the_clock(lights: Town) -> None:
    name = report(lights)
    for number, to in enumerate(("supervisor", "cdpo", "oer")):
        act(lights, "confirm", name, which=to, key=f"confirm/{number}")
    (row,) = rows(lights.client("staff").get("/incidents/").text)
    assert row[2].startswith("✓ told in time due")
    act(lights, "close", name, text="The lamp is mended.")
    assert rows(lights.client("staff").get("/incidents/?state=closed").text)[0][4] == "closed"
    assert "No incident is like that" in lights.client("staff").get("/incidents/?state=open").text


@pytest.mark.parametrize("kind", ["harm", "security"])
@pytest.mark.parametrize(
    ("user", "reads"),
    [
        ("cdpo", True),
        ("oer", True),
        (BOSS.upper(), True),
        ("ciso", None),
        ("cio", False),
        ("operator", False),
        ("staff", False),
        ("ana", False),
        ("boss", False),
        ("somebody", False),
    ],
)
def test_what_people_wrote_is_for_those_who_are_told(
    lights: Town, user: str, reads: bool | None, kind: str
) -> None:
    expected = kind == "security" if reads is None else reads
    name = report(lights, kind=kind)
    act(lights, "contain", name, text=f"{SECRET} was called.")
    text = lights.client(user).get(f"/incidents/{name}").text
    assert (SECRET in text) is expected
    assert (f"{SECRET} was called." in text) is expected
    assert "ana" in text if expected else "ana<" not in text
    assert "contained" in text
    assert "time left" in text
    assert SECRET not in lights.client(user).get("/incidents/").text


def test_a_text_that_was_destroyed_is_said_to_be(lights: Town) -> None:
    name = report(lights)
    with lights.database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER personal_texts_no_delete")
        connection.exec_driver_sql("DELETE FROM personal_texts WHERE id LIKE '%/happened'")
    assert "Destroyed after an approval" in lights.client("cdpo").get(f"/incidents/{name}").text


def test_it_leads_to_system_case_and_forms(lights: Town) -> None:
    lights.judge(gap())
    case = open_case(lights)
    name = report(lights)
    act(lights, "link", name, episode=case)
    for path in ("/incidents/", f"/incidents/{name}"):
        text = lights.client("staff").get(path).text
        assert 'href="/ai-health/systems/street-lights"' in text
        assert f'href="/ai-health/sunset/{case}"' in text
        assert 'href="/airflow/dags/incident_update"' in text
    assert f'href="/ai-health/incidents/{name}"' in lights.client("staff").get(f"/sunset/{case}").text


def test_an_incident_of_no_system_is_everybodys_and_others_only_theirs(lights: Town) -> None:
    named, unnamed = report(lights, 3), report(lights, 4, system=None)
    client = lights.client("cdpo", hidden=["street-lights"])
    text = client.get("/incidents/").text
    assert named not in text
    assert unnamed in text
    assert client.get(f"/incidents/{named}").status_code == 404
    assert client.get(f"/incidents/{unnamed}").status_code == 200
    assert client.get("/incidents/incident-1999-001").status_code == 404


def test_none_reported_is_not_said_to_be_good(lights: Town) -> None:
    assert "does not say that there was none" in lights.client().get("/incidents/").text


def test_it_asks_the_store_twice_whatever_the_number_of_incidents(lights: Town) -> None:
    for number in range(20):
        report(lights, number)
    client = lights.client()
    client.get("/incidents/")
    with counted(lights.store) as queries:
        assert len(rows(client.get("/incidents/").text)) == 20
    assert len(queries) <= 2


def test_hostile_words_show_and_do_nothing(town: Town) -> None:
    town.register(name=HOSTILE)
    long = HOSTILE + "🏛" + "y" * 10_000
    name = report(town, happened=long, whom=long, by=HOSTILE)
    act(town, "status", name, text=long)
    for path in ("/incidents/", f"/incidents/{name}"):
        text = town.client("cdpo").get(path).text
        assert "<script>alert" not in text
        assert "<img src=http" not in text
        assert "\u202e" not in text
        assert "y" * 2_001 not in text
