"""Looking at cases, opening one by hand, and saying that a step is done; deciding is Airflow's."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest
from click.testing import Result
from small_city import build_city
from small_system import ID
from typer.testing import CliRunner

from sundial.cli.main import app
from sundial.engine.settings import settings
from sundial.register.load import load_policy
from sundial.store.cases import Cases, NewEvent
from sundial.store.database import Database
from sundial.sunset.steps import begin

TODAY = date(2026, 11, 20)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.fixture(autouse=True)
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    for name, value in build_city(tmp_path).items():
        monkeypatch.setenv(name, value)
    database = Database(f"sqlite:///{tmp_path}/store.db")
    database.migrate()
    return database


def opened() -> str:
    done = run("sunset", "open", ID, "--by", "operator", "--reasons", "Nobody uses the list.")
    assert done.exit_code == 0, done.output
    return str(re.findall(r"Opened (\S+)\.", done.output)[0])


def test_a_case_is_opened_listed_and_shown() -> None:
    assert "No case is open." in run("sunset", "list").output
    case = opened()
    (row,) = json.loads(run("sunset", "list", "--json").stdout)
    assert (row["case"], row["state"], row["waits_for"]) == (case, "draft", ["cdpo: determination"])
    shown = run("sunset", "show", case).output
    assert "opened by operator: Nobody uses the list." in shown
    assert len(json.loads(run("sunset", "show", case, "--json").stdout)) == 16


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("open", ID, "--by", "mallory", "--reasons", "Nobody uses it."), "mallory has no role"),
        (("open", ID, "--by", "cdpo", "--reasons", "no"), "say why"),
        (("show", "ghost-2026-001"), "there is no episode ghost-2026-001"),
        (("done", "ghost-2026-001", "archive", "--by", "cdpo", "--note", "x"), "there is no episode"),
    ],
)
def test_what_cannot_stand_says_why(arguments: tuple[str, ...], says: str) -> None:
    done = run("sunset", *arguments)
    assert (done.exit_code, says in done.output) == (1, True), done.output


def test_a_step_is_done_by_whom_it_is_asked_of(city: Database) -> None:
    case, cases = opened(), Cases(city)
    cases.append(case, NewEvent("decision", "decision", {"chosen": "Halt", "reasons": "So."}, TODAY, "cio"))
    begin(cases, load_policy(settings().policy), case, cases.events(case)[-1], TODAY)
    done = run("sunset", "done", case, "stop_jobs", "--by", "operator", "--note", "Jobs are removed.")
    assert done.exit_code == 0, done.output
    assert "stop_jobs" in run("sunset", "show", case).output
    done = run("sunset", "done", case, "archive", "--by", "operator", "--note", "It is all filed.")
    assert (done.exit_code, "cdpo or cdpo" in done.output or "cdpo of policy.yaml" in done.output) == (
        1,
        True,
    )
