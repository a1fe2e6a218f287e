"""`sundial sunset replay` as people type it."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from towns import INCLUDE
from typer.testing import CliRunner

from sundial.cli.main import app
from sundial.register.load import load_policy, load_system
from sundial.store.database import Database
from sundial.store.records import Evidence, Finding, Kind, Side, Status, Threshold
from sundial.store.results import JudgedWeek, Results
from sundial.sunset.judge import judge

RUN = CliRunner()
ID = "compas-broward"
MONDAY = date(2015, 1, 5)
WEEK = timedelta(weeks=1)


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A city with one system, whose harm was confirmed in its second week of four."""
    (tmp_path / "systems").mkdir()
    shutil.copy(INCLUDE / "systems" / f"{ID}.yaml", tmp_path / "systems")
    shutil.copy(INCLUDE / "policy.yaml", tmp_path)
    for name, place in {
        "STORE": f"sqlite:///{tmp_path}/store.db",
        "REGISTER": str(tmp_path / "systems"),
        "POLICY": str(tmp_path / "policy.yaml"),
    }.items():
        monkeypatch.setenv(f"SUNDIAL_{name}", place)
    database = Database(f"sqlite:///{tmp_path}/store.db")
    database.migrate()
    system = load_system(tmp_path / "systems" / f"{ID}.yaml")
    policy = load_policy(tmp_path / "policy.yaml")
    for number in range(4):
        week, as_of = MONDAY + WEEK * number, MONDAY + WEEK * (number + 1)
        found = harm(week, 40.0 if number else 1.0)
        Results(database).record(ID, [JudgedWeek(week, as_of, "c0ffee", "0.1.0", (found,))], "run")
        judge(system, policy, {ID: system}, database, as_of)
    return tmp_path


def harm(week: date, log_detector: float) -> Finding:
    return Finding(
        system=ID,
        week=week,
        check="equity.groups",
        principle="equity",
        kind=Kind.STATISTICAL,
        metric="false_positive_rate_difference",
        status=Status.BREACH,
        reason="Confirmed.",
        slice=(("by", "race"),),
        threshold=Threshold("equity_tolerance", 0.1, Side.TOLERANCE, "CIO", MONDAY),
        evidence=Evidence("harm", 12.0, log_detector, 10.0, 9, ()),
    )


def replayed(*given: str) -> dict[str, Any]:
    done = RUN.invoke(app, ["sunset", "replay", "--json", *given])
    assert done.exit_code == 0, done.output
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def draft(city: Path, old: str, new: str) -> str:
    text = (city / "policy.yaml").read_text()
    assert old in text
    (city / "draft.yaml").write_text(text.replace(old, new, 1))
    return str(city / "draft.yaml")


def test_the_policy_in_force_says_what_was_done(city: Path) -> None:
    (case,) = replayed("--system", ID)["cases"]
    opened = {"week": "2015-01-12", "as_of": "2015-01-19"}
    assert case["would_open"] == opened
    assert case["opened"] == {**opened, "episode": f"{ID}-2015-001"}
    assert (case["rule"], case["set_for"]) == ("unequal_harm", "city")


def test_a_rule_change_is_shown_beside_what_was_done(city: Path) -> None:
    patient = draft(
        city,
        "    when: {kind: evidence, check: equity.groups, metric: harm}\n",
        "    when: {kind: evidence, check: equity.groups, metric: harm}\n    remediation_weeks: 2\n",
    )
    did, would = replayed("--policy", patient)["cases"]
    assert (did["opened"]["week"], did["would_open"]) == ("2015-01-12", None)
    assert (would["opened"], would["would_open"]["week"]) == (None, "2015-01-26")
    table = RUN.invoke(app, ["sunset", "replay", "--policy", patient]).output
    assert "4 runs replayed; nothing was recorded." in table
    assert "2015-W05 (2015-02-02)" in table
    assert f"2015-W03 (2015-01-19) {ID}-2015-001" in table
    assert "The system does its registered harm to some groups" in table


def test_it_writes_nothing(city: Path) -> None:
    before = (city / "store.db").read_bytes()
    replayed()
    assert (city / "store.db").read_bytes() == before


def test_without_a_case_it_says_so(city: Path) -> None:
    Database(f"sqlite:///{city}/other.db").migrate()
    done = RUN.invoke(app, ["sunset", "replay"], env={"SUNDIAL_STORE": f"sqlite:///{city}/other.db"})
    assert done.output == "0 runs replayed: no case would have been opened, and none was.\n"


def test_a_policy_that_cannot_stand_is_told_by_line(city: Path) -> None:
    wrong = draft(city, "check: equity.groups, metric: harm", "check: drift.score, metric: harm")
    done = RUN.invoke(app, ["sunset", "replay", "--policy", wrong])
    assert done.exit_code == 1
    assert (
        "sunset[0].when.check: is a check of drift, and drift alone never opens a sunset case" in done.output
    )


def test_a_system_that_is_not_there_is_refused(city: Path) -> None:
    assert RUN.invoke(app, ["sunset", "replay", "--system", "compas"]).exit_code == 2
