"""The commands as people and scripts use them, on a small city that was judged for real."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result
from small_city import build_city
from small_system import DATES, ID, entry
from typer.testing import CliRunner

from sundial.cli.connections import resolve
from sundial.cli.main import app
from sundial.engine.run import Run
from sundial.engine.settings import INCLUDE, settings
from sundial.gate.gate import Gate
from sundial.register.load import load_policy, load_system
from sundial.register.principles import Principle
from sundial.sources.pull import Clock
from sundial.store.results import Results

SECRET = "of this test only"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A city whose only system was judged on its last date; the environment leads to it."""
    folder = tmp_path_factory.mktemp("city")
    before = dict(os.environ)
    os.environ |= build_city(folder)
    where = settings()
    store = where.open_store()
    store.migrate()
    run = Run(
        load_system(where.register / f"{ID}.yaml"),
        load_policy(where.policy),
        Clock(DATES[-1], DATES[-1]),
        where.open_lake(),
        store,
        resolve,
        run_id="as-of-test",
    )
    run.pull()
    run.gate()
    run.profile()
    for principle in Principle:
        run.check(principle)
    run.record()
    yield folder
    os.environ.clear()
    os.environ |= before


@pytest.fixture
def empty_city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A city that is registered, and nothing more."""
    for name, value in build_city(tmp_path).items():
        monkeypatch.setenv(name, value)
    return tmp_path


def sundial(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def document(*arguments: str) -> Any:
    return json.loads(sundial(*arguments, "--json").stdout)


def finding_where(**wanted: Any) -> dict[str, Any]:
    found = document("system", ID)["newest_findings"]
    return next(f for f in found if all(f[name] == value for name, value in wanted.items()))


@pytest.mark.usefixtures("city")
def test_systems_are_listed_with_where_they_stand() -> None:
    (listed,) = document("systems")
    found = Results(settings().open_store()).latest_findings(ID)
    assert listed["last_judged_week"] == "2024-01-22"
    assert sum(listed["findings"].values()) == len(found) > 20
    assert listed["findings"]["breach"] == sum(f.status == "breach" for f in found) > 0
    shown = sundial("systems")
    assert shown.exit_code == 0
    assert f"{ID}  Small system  Tests       rights  manual    2024-01-22" in shown.stdout


@pytest.mark.usefixtures("city")
def test_a_system_is_shown_with_feeds_and_findings() -> None:
    found = document("system", ID)
    assert {feed["feed"]: feed["latest_day"] for feed in found["feeds"]} == {
        "outputs": "2024-01-23",
        "outcomes": "2024-01-28",
    }
    assert all(feed["last_pull"]["status"] == "ok" and feed["rows_landed"] > 200 for feed in found["feeds"])
    shown = sundial("system", ID).stdout
    lines = shown.splitlines()
    assert [line.strip() for line in lines if line.strip() in {p.label for p in Principle}] == [
        principle.label for principle in Principle
    ]
    accuracy = next(line for line in lines if " Accuracy " in line)
    assert finding_where(metric="accuracy")["id"] in accuracy
    assert "\x1b" not in shown, "colours show on a terminal only"


@pytest.mark.usefixtures("empty_city")
def test_without_a_store_the_register_still_shows() -> None:
    shown = sundial("systems")
    assert shown.exit_code == 0
    assert ID in shown.stdout
    assert "Nothing is recorded yet" in shown.stderr
    assert "sundial try small-system" in sundial("system", ID).stdout


def test_a_wrong_register_file_is_a_problem_and_hides_no_system(empty_city: Path) -> None:
    (empty_city / "systems" / "wrong.yaml").write_text("id: wrong\n")
    shown = sundial("systems", "--json")
    assert shown.exit_code == 1
    assert [one["id"] for one in json.loads(shown.stdout)] == [ID]
    assert "wrong.yaml" in shown.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["system", "small-sistem"],
        ["try", "small-sistem"],
        ["try", ID, "--week", "yesterday"],
        ["try", ID, "--week", "2999-01-01"],
        ["explain", "ffffffffffffff"],
        ["explain", ""],
        ["quarantine", "show", "2999"],
        ["quarantine", "show", "2024"],
        ["quarantine", "rejudge", "small-sistem"],
        ["doctor", "--rich"],
    ],
)
@pytest.mark.usefixtures("city")
def test_wrong_usage_has_an_exit_code_of_its_own(arguments: list[str]) -> None:
    result = sundial(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Error" in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        "systems",
        "system",
        "try",
        "explain",
        "doctor",
        "quarantine list",
        "quarantine show",
        "quarantine rejudge",
    ],
)
def test_every_help_has_an_example(command: str) -> None:
    assert f"Example: sundial {command}" in sundial(*command.split(), "--help").stdout


@pytest.mark.usefixtures("city")
def test_a_trial_shows_the_week_and_says_what_its_evidence_is() -> None:
    before = Results(settings().open_store()).content_hash()
    result = sundial("try", ID, "--week", "2024-01-23", "--no-gate", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert (found["week"], found["evidence_carried_until"]) == ("2024-01-22", "2024-01-15")
    assert found["lake_until"] == "2024-01-28"
    assert found["feeds"]["outputs"]["rows"] == 245  # with one of a later day, which was refused
    afresh = document("try", ID, "--week", "2024-01-23", "--no-gate", "--afresh")
    assert (afresh["lake_until"], afresh["feeds"]["outputs"]["rows"]) == (None, 244)
    assert f"{ID}: pull\n{ID}: gate\n" in result.stderr
    assert Results(settings().open_store()).content_hash() == before


@pytest.mark.usefixtures("city")
def test_a_lake_that_cannot_be_read_is_a_problem_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    # A port that nobody listens on.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "of-a-test")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("SUNDIAL_LAKE", "s3://user:secret@lake/here")
    result = sundial("try", ID, "--week", "2024-01-23", "--no-gate")
    assert result.exit_code == 1
    assert "--afresh" in result.stderr
    assert "secret" not in result.stderr
    assert "Traceback" not in result.stderr
    assert sundial("try", ID, "--week", "2024-01-23", "--no-gate", "--afresh").exit_code == 0


@pytest.mark.usefixtures("city")
def test_a_number_is_explained() -> None:
    finding = finding_where(metric="accuracy", slice=[])
    found = document("explain", finding["id"][:8])
    assert found["finding"] == {name: value for name, value in finding.items() if name != "id"}
    assert found["id"] == hashlib.sha256(found["key"].encode()).hexdigest()[:12]
    assert found["judged"]["config_is_in_force"]
    assert found["judged"]["run_id"] == "as-of-test"
    assert found["evidence_weeks"] == ["2024-01-08", "2024-01-15", "2024-01-22"]
    where = settings()
    entry_ = load_system(where.register / f"{ID}.yaml")
    (verdict,) = Gate(entry_, where.open_lake()).manifests("outputs")
    outputs = next(batch for batch in found["batches"] if batch["feed"] == "outputs")
    assert (outputs["batch"], outputs["rows"], outputs["refused"]) == (verdict.batch, 245, verdict.refused)
    assert outputs["days"] == ["2024-01-02", "2024-01-09", "2024-01-16"]
    assert document("explain", found["key"]) == found
    text = sundial("explain", finding["id"]).stdout
    for said in (
        "approved by Test on 2024-01-01",
        "method ",
        verdict.batch,
        "the alarm is at ln",
        "(this one)",
    ):
        assert said in text


@pytest.mark.usefixtures("city")
def test_an_ambiguous_beginning_is_refused() -> None:
    result = sundial("explain", "1")
    assert result.exit_code == 2
    assert "findings begin with '1'; give more digits" in " ".join(result.stderr.split())


@pytest.mark.usefixtures("city")
def test_the_quarantine_shows_reasons_and_no_rows() -> None:
    outputs, outcomes = document("quarantine", "list")
    assert (outputs["feed"], outputs["refused"], outcomes["feed"], outcomes["refused"]) == (
        "outputs",
        5,
        "outcomes",
        1,
    )
    assert document("quarantine", "list", ID) == [outputs, outcomes]
    shown = document("quarantine", "show", outputs["batch"])
    assert sum(shown["combined_reasons"].values()) == 5
    assert shown["combined_reasons"]["the key is missing"] == 1
    for text in (
        sundial("quarantine", "list").stdout,
        sundial("quarantine", "show", outputs["batch"]).stdout,
    ):
        assert "seven" not in text
        assert "twice" not in text


def judged_city(folder: Path, **changes: Any) -> None:
    """Has the empty city's batches judged, then changes its register entry."""
    where = settings()
    store = where.open_store()
    store.migrate()
    path = where.register / f"{ID}.yaml"
    clock = Clock(DATES[-1], DATES[-1])
    run = Run(load_system(path), load_policy(where.policy), clock, where.open_lake(), store, resolve, "test")
    run.pull()
    run.gate()
    path.write_text(yaml.safe_dump(entry(**changes)))


def test_a_changed_contract_is_judged_again_and_only_once(empty_city: Path) -> None:
    judged_city(empty_city, stricter=True)
    judged = {one["feed"]: (one["before"], one["now"]) for one in document("quarantine", "rejudge", ID)}
    assert judged["outputs"] == (5, 5 + 4), "what came by fax, once a week"
    assert judged["outcomes"] == (1, 1 + 4), "whose outputs are refused now"
    assert document("quarantine", "rejudge", ID) == []
    assert "Nothing to judge" in sundial("quarantine", "rejudge", ID).stdout


@pytest.mark.usefixtures("city")
def test_the_doctor_finds_a_working_city_well_and_its_feeds_late() -> None:
    result = sundial("doctor", "--reach", "--json")
    lines = json.loads(result.stdout)
    assert result.exit_code == 0
    assert {(line["verdict"], line["about"]) for line in lines if line["verdict"] != "ok"} == {
        ("warning", "register"),
        ("warning", "mail"),
        ("warning", "roles"),
        ("warning", f"{ID} · outputs"),
        ("warning", f"{ID} · outcomes"),
    }
    (budget,) = [line for line in lines if (line["verdict"], line["about"]) == ("warning", "register")]
    assert "streams of evidence, and the budget has room for 0 beside its reserve" in budget["said"]
    assert budget["remedy"].startswith("approve evidence.stream_weight 0.0")
    late = [line for line in lines if line["verdict"] == "warning" and line["about"].startswith(ID)]
    assert all("more was due by" in line["said"] for line in late)
    assert len([line for line in lines if "the source answers" in line["said"]]) == 2
    assert SECRET not in result.output


def test_the_doctor_names_every_problem_and_its_remedy(
    empty_city: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty_city / "lake").write_text("a file where a folder should be")
    (empty_city / "systems" / "wrong.yaml").write_text("id: wrong\n")
    monkeypatch.setenv("AIRFLOW_CONN_SUNDIAL_PSEUDONYM", '{"conn_type": "generic"}')
    monkeypatch.setenv("AIRFLOW_CONN_SOURCE", '{"conn_type": "fs", "extra": {"path": "/not/there"}}')
    result = sundial("doctor", "--json")
    assert result.exit_code == 1
    problems = [line for line in json.loads(result.stdout) if line["verdict"] == "problem"]
    assert {line["about"] for line in problems} == {
        "register",
        "store",
        "lake",
        "pseudonym secret",
        f"{ID} · outputs",
        f"{ID} · outcomes",
    }
    assert all(line["remedy"] for line in problems)


def test_the_doctor_says_whose_mail_goes_nowhere(empty_city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = empty_city / "policy.yaml"
    policy = yaml.safe_load((INCLUDE / "policy.yaml").read_text())
    for number, role in enumerate(policy["roles"].values()):
        role["email"] = [f"role-{number}@sanjoseca.gov"]
    del policy["roles"]["cio"]["email"]
    file.write_text(yaml.safe_dump(policy))
    monkeypatch.setenv("SUNDIAL_POLICY", str(file))
    smtp = {"conn_type": "smtp", "host": "mail", "extra": {"from_email": "sundial@sanjoseca.gov"}}
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(smtp))
    lines = {line["about"]: line for line in document("doctor")}
    assert (lines["mail"]["verdict"], lines["roles"]["verdict"]) == ("ok", "problem")
    assert lines["roles"]["said"].startswith("cio of policy.yaml without an address")
    assert lines["roles"]["remedy"] == "give roles.cio.email"


def test_the_doctor_tells_what_reaching_a_source_finds(empty_city: Path) -> None:
    (empty_city / "sources" / "outputs.csv").write_text("id,made_on,decision\n")
    result = sundial("doctor", "--reach")
    assert result.exit_code == 1
    (line,) = [line for line in result.stdout.splitlines() if "outputs" in line and "district" in line]
    assert line.startswith("problem")


def test_the_doctor_warns_of_a_short_secret_and_never_shows_it(
    empty_city: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_SUNDIAL_PSEUDONYM", json.dumps({"conn_type": "generic", "password": "hunter2"})
    )
    result = sundial("doctor")
    assert "warning  pseudonym secret: it is shorter than 16 characters" in result.stdout
    assert "hunter2" not in result.output


def test_the_doctor_looks_at_one_systems_feeds_alone(empty_city: Path) -> None:
    (empty_city / "systems" / "other.yaml").write_text(yaml.safe_dump({**entry(), "id": "other"}))
    every, one = (json.loads(sundial("doctor", *of, "--json").stdout) for of in ([], ["other"]))
    assert [line for line in every if not line["about"].startswith(ID)] == one
    assert {line["about"] for line in every} - {line["about"] for line in one} == {
        f"{ID} · outputs",
        f"{ID} · outcomes",
    }
    assert sundial("doctor", "nobody").exit_code == 2
