from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml
from report_examples import policy, system, year
from typer.testing import CliRunner

from sundial.cli.main import app
from sundial.lake import Lake
from sundial.register.load import load_policy, load_register
from sundial.report.filed import file_report
from sundial.report.weekly import report_of
from sundial.store.database import Database
from sundial.store.results import Results

WEEK = "2016-W51"


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A city with one system of thirty judged weeks."""
    database = Database(f"sqlite:///{tmp_path / 'store.db'}")
    database.migrate()
    Results(database).record("street-lights", year(), "run")
    (tmp_path / "systems").mkdir()
    dumped = system().model_dump(mode="json", by_alias=True, exclude_defaults=True)
    (tmp_path / "systems" / "street-lights.yaml").write_text(yaml.safe_dump(dumped))
    rules = policy().model_dump(mode="json", by_alias=True, exclude_defaults=True)
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(rules))
    monkeypatch.setenv("SUNDIAL_STORE", f"sqlite:///{tmp_path / 'store.db'}")
    monkeypatch.setenv("SUNDIAL_LAKE", f"file://{tmp_path / 'lake'}")
    monkeypatch.setenv("SUNDIAL_REGISTER", str(tmp_path / "systems"))
    monkeypatch.setenv("SUNDIAL_POLICY", str(tmp_path / "policy.yaml"))
    return tmp_path


def written(city: Path, *options: str) -> dict[str, str]:
    """Runs the command, and returns the hash of each file that it wrote."""
    done = CliRunner().invoke(app, ["report", WEEK, "--out", str(city / "out"), *options])
    assert done.exit_code == 0, done.output
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((city / "out").iterdir())
    }


def test_a_week_is_written_as_it_would_go_out(city: Path) -> None:
    names = [f"{WEEK}.html", f"{WEEK}.json", f"{WEEK}.pdf", "mail.html", "mail.txt"]
    first = written(city)
    assert list(first) == names
    assert written(city) == first, "the same again"
    assert (city / "out" / f"{WEEK}.pdf").read_bytes().startswith(b"%PDF-")


def test_what_was_filed_is_made_again_from_its_data(city: Path) -> None:
    database, lake = Database(f"sqlite:///{city / 'store.db'}"), Lake(f"file://{city / 'lake'}")
    systems = load_register(city / "systems").systems
    monday = year()[-1].as_of
    made = report_of(database, systems, load_policy(city / "policy.yaml"), monday)
    file_report(made, lake, Results(database))
    (city / "systems" / "street-lights.yaml").write_text("gone: true")
    filed = {report.path[-4:]: report.html_hash for report in Results(database).reports()}
    found = written(city)
    assert [found[f"{WEEK}.html"], found[f"{WEEK}.pdf"]] == [filed["html"], filed[".pdf"]]


def test_pages_come_as_pictures_when_asked_for(city: Path) -> None:
    written(city, "--pictures")
    assert (city / "out" / f"{WEEK}-1.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("week", ["2016-51", "2016-W60", "W51"])
def test_what_is_no_week_is_refused_with_how_to_write_one(city: Path, week: str) -> None:
    done = CliRunner().invoke(app, ["report", week, "--out", str(city / "out")])
    assert done.exit_code == 2
    assert "2026-W45" in done.output
