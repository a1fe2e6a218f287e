from __future__ import annotations

import csv
import io
import json
from datetime import date, timedelta

import pytest
from pages_city import ROLES, TODAY, Town, counted
from report_examples import APPROVED, HOSTILE, policy
from test_portfolio import rows
from test_system import words

from sundial.register.exports import STANDARDS
from sundial.register.given import GivenAttestation, LifecycleChange, RegisterVersion
from sundial.register.lifecycle import Lifecycle
from sundial.store.register import RegisterRows

TERM = {"limit_days": 365, "grace_days": 30, "meaning": "It gets old.", **APPROVED}


@pytest.fixture
def three(town: Town) -> Town:
    """One deployed, one suspended, one retired; the policy asks for an AI Review each year."""
    town.write_policy(policy(roles=ROLES, terms={"ai_review_age": TERM}))
    town.register("alpha-lights")
    town.register("beta-signs", department="Libraries", risk={"tier": "rights", "decides": "Who waits."})
    town.register("gamma-trees", vendor={"name": "Trees Inc.", "product": "Count", "version": "7.2"})
    register = RegisterRows(town.database)
    for name, status in (("beta-signs", Lifecycle.SUSPENDED), ("gamma-trees", Lifecycle.RETIRED)):
        change = LifecycleChange(
            holds_from=date(2016, 12, 1), status=status, by="Ana Ruiz, CIO", reason="The contract has ended."
        )
        register.add(name, change, "cio")
    day = TODAY - timedelta(days=40)
    register.add(
        "alpha-lights",
        GivenAttestation(holds_from=day, kind="ai_review", by="Ana Ruiz, CDPO", date=day),
        "cdpo",
    )
    register.add(
        "alpha-lights",
        RegisterVersion(
            holds_from=day, content_hash="ab" * 32, author="Ana", authored_on=day, commit=None, entry={}
        ),
        "engineer",
    )
    return town


def test_entries_are_shown_as_in_effect(three: Town) -> None:
    text = three.client("somebody").get("/register/").text
    alpha, beta = rows(text.split("<h2>")[0])
    assert alpha[1:4] == ["deployed", "service", "Transportation Ana Ruiz"]
    assert alpha[4] == "entry abababab of 2016-11-18"
    assert alpha[5] == "next: AI Review, November 18, 2017"
    assert beta[1] == "suspended since December 1, 2016"
    assert beta[5] == "1 document missing or stale AI Review"


def test_retired_ones_have_day_and_reason(three: Town) -> None:
    text = three.client().get("/register/").text.split("<h2>Retired</h2>")[1]
    (gamma,) = rows(text.split("<h2>Downloads</h2>")[0])
    assert gamma[2:] == ["December 1, 2016 by Ana Ruiz, CIO", "The contract has ended."]


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", ["Alpha", "Beta"]),
        ("?order=department", ["Beta", "Alpha"]),
        ("?order=tier", ["Beta", "Alpha"]),
        ("?order=due", ["Beta", "Alpha"]),
        ("?status=suspended", ["Beta"]),
        ("?tier=service", ["Alpha"]),
        ("?department=Libraries", ["Beta"]),
        ("?status=nonsense&order=nonsense", ["Alpha", "Beta"]),
    ],
)
def test_filters_and_orders_work_without_a_script(three: Town, query: str, shown: list[str]) -> None:
    text = three.client().get(f"/register/{query}").text.split("<h2>")[0]
    assert [row[0].split()[0] for row in rows(text)] == shown


def test_a_filter_finds_retired_ones_and_says_when_there_is_none(three: Town) -> None:
    assert "Gamma Trees" in three.client().get("/register/?status=retired").text
    assert "No entry is like that" in three.client().get("/register/?status=pilot").text


@pytest.mark.parametrize("standard", STANDARDS)
def test_the_register_is_downloaded_in_each_standards_words(three: Town, standard: str) -> None:
    table = three.client("somebody").get(f"/register/exports/{standard}.csv")
    assert table.headers["content-disposition"] == f'attachment; filename="register-{standard}.csv"'
    assert table.headers["content-type"].startswith("text/csv")
    head, *body = csv.reader(io.StringIO(table.text))
    assert head == [field.name for field in STANDARDS[standard].fields]
    assert len(body) == 3
    document = three.client("somebody").get(f"/register/exports/{standard}.json")
    assert [list(one) for one in json.loads(document.text)] == [head] * 3


def test_the_entries_themselves_are_downloaded_with_the_status_in_effect(three: Town) -> None:
    found = json.loads(three.client().get("/register/exports/entries.json").text)
    assert {one["id"]: one["status"] for one in found} == {
        "alpha-lights": "deployed",
        "beta-signs": "suspended",
        "gamma-trees": "retired",
    }


@pytest.mark.parametrize("name", ["entries.csv", "nonsense.csv", "dutch.exe", "..%2fdutch.csv"])
def test_there_is_no_other_export(three: Town, name: str) -> None:
    assert three.client().get(f"/register/exports/{name}").status_code == 404


def test_what_is_not_published_is_left_out_and_named(three: Town) -> None:
    three.register("alpha-lights", example=True)
    three.register("beta-signs", operated=False)
    text = words(three.client().get("/register/").text)
    assert "1 entry of 3" in text
    assert "Alpha Lights: it is an example, with generated data" in text
    assert "Beta Signs: the City does not operate it" in text
    found = json.loads(three.client().get("/register/exports/entries.json").text)
    assert [one["id"] for one in found] == ["gamma-trees"]


def test_a_system_that_is_not_the_visitors_is_not_there(three: Town) -> None:
    client = three.client(hidden=["alpha-lights"])
    for path in ("/register/", "/register/exports/entries.json", "/register/exports/dutch.csv"):
        assert "Alpha" not in client.get(path).text


def test_it_asks_the_store_once(three: Town) -> None:
    client = three.client()
    client.get("/register/")
    with counted(three.store) as queries:
        client.get("/register/")
    assert len(queries) <= 1


def test_hostile_words_show_nothing_and_compute_nothing(town: Town) -> None:
    formula = '=HYPERLINK("http://evil.example","x")'
    long = HOSTILE + "🏛" + "y" * 10_000
    town.register(name=formula, department=long, owner={"name": HOSTILE, "email": "a@city.example"})
    change = LifecycleChange(
        holds_from=TODAY, status=Lifecycle.RETIRED, by=HOSTILE[:190], reason=HOSTILE + "y" * 500
    )
    text = town.client().get("/register/").text
    RegisterRows(town.database).add("street-lights", change, "cio")
    for shown in (text, town.client().get("/register/").text):
        assert "<script>alert" not in shown
        assert "<img src=http" not in shown
        assert "\u202e" not in shown
    for standard in STANDARDS:
        table = csv.reader(io.StringIO(town.client().get(f"/register/exports/{standard}.csv").text))
        cells = [cell for row in table for cell in row]
        assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@"))]
        assert f"'{formula}" in cells
