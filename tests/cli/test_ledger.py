"""`sundial verify`, `checkpoint` and `checkpoint-key` as people type them."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sundial.cli.main import app
from sundial.store.database import Database
from sundial.store.results import Report, Results

RUN = CliRunner()


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A store with one report, and nothing that says where checkpoints go."""
    monkeypatch.setenv("SUNDIAL_STORE", f"sqlite:///{tmp_path}/store.db")
    monkeypatch.setenv("AIRFLOW_CONN_SUNDIAL_CHECKPOINTS", json.dumps({"conn_type": "generic"}))
    database = Database(f"sqlite:///{tmp_path}/store.db")
    database.migrate()
    report(database, 1)
    return database


def report(database: Database, number: int) -> None:
    Results(database).record_report(Report(f"2026-W0{number}", date(2026, 3, 2), "ab", "r.html"))


@pytest.fixture
def signing(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """The place of checkpoints and the public key, with the connection that `checkpoint-key` is for."""
    lines = RUN.invoke(app, ["checkpoint-key"]).output.splitlines()
    (private, public) = (line.split()[1] for line in lines)
    place = f"{tmp_path}/elsewhere"
    connection = {"conn_type": "generic", "password": private, "extra": {"url": place}}
    monkeypatch.setenv("AIRFLOW_CONN_SUNDIAL_CHECKPOINTS", json.dumps(connection))
    return place, public


def test_a_sound_store_is_said_to_be_so(database: Database, signing: tuple[str, str]) -> None:
    assert RUN.invoke(app, ["checkpoint"]).output.startswith("Checkpoint 1 of ")
    report(database, 2)
    done = RUN.invoke(app, ["verify"])
    assert done.exit_code == 0
    assert "CITY: no checkpoint protects link 2 yet" in done.output
    assert "2 links, 1 checkpoints" in done.output
    assert "nothing is wrong" in done.output


def test_an_auditor_trusts_a_key_and_not_the_connection(
    signing: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, public = signing
    RUN.invoke(app, ["checkpoint"])
    monkeypatch.delenv("AIRFLOW_CONN_SUNDIAL_CHECKPOINTS")
    done = RUN.invoke(app, ["verify", "--checkpoints", place, "--public-key", public, "--json"])
    assert json.loads(done.stdout)["unprotected"] == []
    done = RUN.invoke(app, ["verify", "--checkpoints", place, "--public-key", "ab" * 32, "--json"])
    assert done.exit_code == 1
    assert "none of the trusted ones" in json.loads(done.stdout)["faults"][0]["what"]


def test_a_store_that_is_not_as_signed_fails_and_is_not_signed_again(
    database: Database, signing: tuple[str, str]
) -> None:
    report(database, 2)
    RUN.invoke(app, ["checkpoint"])
    with database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER ledger_no_delete")
        connection.exec_driver_sql("DELETE FROM ledger WHERE number = 2")
    done = RUN.invoke(app, ["verify"])
    assert done.exit_code == 1
    assert "CITY, link 2: the chain ends at link 1, but checkpoint 1" in done.output
    assert "reports 2026-W02: inserted" in done.output
    done = RUN.invoke(app, ["checkpoint"])
    assert (done.exit_code, "no checkpoint was signed" in done.output) == (1, True)


def test_without_a_second_place_it_says_what_that_means(database: Database) -> None:
    done = RUN.invoke(app, ["verify"])
    assert done.exit_code == 0
    assert "Only the chains are walked" in done.output
    done = RUN.invoke(app, ["checkpoint"])
    assert (done.exit_code, "sundial checkpoint-key" in done.output) == (1, True)


def test_a_place_needs_a_key_and_a_key_a_place(database: Database) -> None:
    assert RUN.invoke(app, ["verify", "--checkpoints", "/x"]).exit_code == 2
