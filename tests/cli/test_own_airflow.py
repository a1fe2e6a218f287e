"""`sundial airflow`: what it refuses before it starts anything; tests/live/test_tutorial.py has it run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from small_system import DATES, ID, entry, policy_entry, write_sources
from typer.testing import CliRunner

from sundial.cli.connections import pseudonym_in_environment, resolve
from sundial.cli.local_airflow import AirflowNotReady, LocalAirflow
from sundial.cli.main import app
from sundial.sources.pull import PSEUDONYM_CONNECTION


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "systems").mkdir()
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy_entry()))
    for name, value in {
        "HOME": "home",
        "REGISTER": "systems",
        "POLICY": "policy.yaml",
        "LAKE": "lake",
    }.items():
        monkeypatch.setenv(f"SUNDIAL_{name}", str(tmp_path / value))
    monkeypatch.setenv("SUNDIAL_STORE", f"sqlite:///{tmp_path}/store.db")
    monkeypatch.delenv("AIRFLOW_CONN_SUNDIAL_PSEUDONYM", raising=False)
    return tmp_path


def register(city: Path, **changes: object) -> None:
    (city / "systems" / f"{ID}.yaml").write_text(yaml.safe_dump({**entry(), **changes}))


def test_a_past_day_of_a_system_that_runs_by_itself_is_refused(city: Path) -> None:
    register(city, schedule="daily")
    done = CliRunner().invoke(app, ["airflow", "--run", ID, "--as-of", str(DATES[-1])])
    assert done.exit_code == 1
    assert f"there is nothing to judge as of {DATES[-1]}. Leave out --as-of" in done.output.replace("\n", " ")
    assert not (city / "home").exists(), "nothing was started"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--as-of", "2025-01-01"], "give --run, too"),
        (["--run", "smal-system"], "did you mean small-system?"),
    ],
)
def test_wrong_usage_is_told(city: Path, arguments: list[str], said: str) -> None:
    register(city)
    done = CliRunner().invoke(app, ["airflow", *arguments])
    assert done.exit_code == 2
    assert said in done.output
    assert not (city / "home").exists(), "nothing was started"


def test_one_airflow_at_a_time_has_a_home(tmp_path: Path) -> None:
    first, second = LocalAirflow(tmp_path, {}), LocalAirflow(tmp_path, {})
    first._hold()
    with pytest.raises(AirflowNotReady, match=rf"running in .* already, at {first.url}; end it first"):
        second.start()
    first.stop()
    second._hold()
    second.stop()
    assert LocalAirflow(tmp_path, {}).port == second.port, "links in mails go on working"


def test_the_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first, again = pseudonym_in_environment(tmp_path), pseudonym_in_environment(tmp_path)
    assert first == again
    assert len(json.loads(first["AIRFLOW_CONN_SUNDIAL_PSEUDONYM"])["password"]) > 32
    assert (tmp_path / "pseudonym_key").stat().st_mode & 0o077 == 0


def test_the_workbench_takes_the_secret_of_the_own_airflow(city: Path) -> None:
    with pytest.raises(LookupError):
        resolve(PSEUDONYM_CONNECTION)
    (city / "home").mkdir()
    made = pseudonym_in_environment(city / "home")
    assert resolve(PSEUDONYM_CONNECTION).password == json.loads(*made.values())["password"]


def test_a_trial_needs_no_secret(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(city)
    write_sources(city / "sources", DATES[-1])
    source = json.dumps({"conn_type": "fs", "extra": {"path": str(city / "sources")}})
    monkeypatch.setenv("AIRFLOW_CONN_SOURCE", source)
    done = CliRunner().invoke(app, ["try", ID, "--week", str(DATES[-1]), "--no-gate", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["feeds"]["outputs"]["rows"] > 0


def test_one_checks_findings_alone_are_shown(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(city)
    write_sources(city / "sources", DATES[-1])
    source = json.dumps({"conn_type": "fs", "extra": {"path": str(city / "sources")}})
    monkeypatch.setenv("AIRFLOW_CONN_SOURCE", source)
    tried = ["try", ID, "--week", str(DATES[-1]), "--no-gate", "--json", "--check"]
    done = CliRunner().invoke(app, [*tried, "effectiveness.rates"])
    assert {found["check"] for found in json.loads(done.stdout)["findings"]} == {"effectiveness.rates"}
    done = CliRunner().invoke(app, [*tried, "effectiveness.rate"])
    assert done.exit_code == 2
    assert "effectiveness.rates?" in done.output
