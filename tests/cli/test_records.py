"""The commands for records, as clerk and attorney use them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from small_city import build_city
from small_system import ID
from store_examples import report
from typer.testing import CliRunner

from sundial.cli.main import app
from sundial.engine.settings import settings
from sundial.store.incidents import CLOSED, Incidents, NewEvent

LINK = "https://city.example/7"
OLD = date(datetime.now(UTC).year - 3, 1, 15)
BEFORE = f"{OLD.year}-06-30"


@pytest.fixture
def incident(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An incident that was closed three years ago."""
    for name, value in build_city(tmp_path).items():
        monkeypatch.setenv(name, value)
    store = settings().open_store()
    store.migrate()
    name = Incidents(store).report(replace(report(), system=ID))
    at = datetime(OLD.year, OLD.month, OLD.day, 20, tzinfo=UTC)
    Incidents(store).append(name, NewEvent("run/close", CLOSED, at, "cdpo", text="Doe was called."))
    return name


def sundial(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def document(*arguments: str) -> Any:
    result = sundial(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_retention_proposes_and_destroys_nothing(incident: str) -> None:
    proposal = {text["id"]: text["kept"] for text in document("retention")}
    assert proposal == dict.fromkeys((f"{incident}/happened", f"{incident}/whom", f"{incident}/1"))
    assert "may be destroyed after an approval" in sundial("retention").output
    assert document("incident", "show", incident)["happened"] == report().happened


def test_destroy_empties_the_texts_and_names_the_runs_that_have_them(incident: str) -> None:
    result = sundial("destroy", "--approval", LINK, "--before", BEFORE)
    assert result.exit_code == 0
    assert "3 texts were destroyed." in result.output
    assert "until you delete the run manual-1" in result.output
    assert document("incident", "show", incident)["happened"] == "destroyed"
    assert sundial("verify", "--json").exit_code == 0


def test_destroy_is_refused_within_two_years(incident: str) -> None:
    result = sundial("destroy", "--approval", LINK, "--before", datetime.now(UTC).date().isoformat())
    assert result.exit_code == 2
    assert "records are kept for 2 years at least" in " ".join(result.output.replace("│", " ").split())
    assert document("incident", "show", incident)["happened"] == report().happened


def test_a_hold_keeps_until_it_is_released(incident: str) -> None:
    (added,) = document("hold", "add", "--system", ID, "--reason", "A claim was filed.", "--link", LINK)
    assert document("destroy", "--approval", LINK, "--before", BEFORE) == []
    number = str(added["number"])
    document("hold", "release", number, "--reason", "It was settled.", "--link", LINK)
    again = sundial("hold", "release", number, "--reason", "It was settled.", "--link", LINK)
    assert (again.exit_code, "was released before" in again.stderr) == (1, True)
    assert "releases 1" in sundial("hold", "list").output
    assert len(document("destroy", "--approval", LINK, "--before", BEFORE)) == 3


def test_records_are_files_in_a_new_folder(incident: str, tmp_path: Path) -> None:
    out, this_year = tmp_path / "request-17", datetime.now(UTC).year
    period = ("--from", f"{this_year}-01-01", "--to", f"{this_year}-12-31")
    assert sundial("records", ID, *period, "--out", str(out)).exit_code == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "incident_events.json",
        "incidents.json",
        "withheld.json",
    ]
    again = sundial("records", ID, *period, "--out", str(out))
    assert again.exit_code == 2
    assert "is not empty" in " ".join(again.output.replace("│", " ").split())
