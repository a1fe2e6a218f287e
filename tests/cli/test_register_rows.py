"""The commands that enter rows of the register, as people and scripts use them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result
from small_city import build_city
from small_system import A_GROUP, DATES, ID, entry
from typer.testing import CliRunner

from sundial.cli.connections import resolve
from sundial.cli.main import app
from sundial.engine.run import Run
from sundial.engine.settings import settings
from sundial.register.load import entry_hash, load_policy, load_system
from sundial.register.principles import Principle
from sundial.sources.pull import Clock
from sundial.store.register import RegisterRows

ATTEST = ("attest", ID, "security_review", "--by", "Ana Ruiz, CISO", "--date", "2024-01-10")
SOON = (datetime.now(UTC) + timedelta(weeks=20)).date().isoformat()
WAIVE = (
    *("waive", ID, "equity.groups", "--reason", "The vendor repairs it.", "--approver", "Dana, CDPO"),
    *("--link", "https://city.example/7", "--expires", SOON),
)
WHO = ("--by", "Dana, CDPO")
RETIRE = ("status", ID, "retired", *WHO, "--reason", "The contract ended.")


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A city with a store and nothing in it."""
    for name, value in build_city(tmp_path).items():
        monkeypatch.setenv(name, value)
    settings().open_store().migrate()
    return tmp_path


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A city whose only system was judged on its last date."""
    folder = tmp_path_factory.mktemp("city")
    before = dict(os.environ)
    os.environ |= build_city(folder)
    where = settings()
    store = where.open_store()
    store.migrate()
    system, clock = load_system(where.register / f"{ID}.yaml"), Clock(DATES[-1], DATES[-1])
    run = Run(system, load_policy(where.policy), clock, where.open_lake(), store, resolve, "test")
    run.pull()
    run.gate()
    run.profile()
    for principle in Principle:
        run.check(principle)
    run.record()
    yield folder
    os.environ.clear()
    os.environ |= before


def sundial(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def document(*arguments: str) -> Any:
    result = sundial(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def change_entry(city: Path, **changes: Any) -> None:
    (city / "systems" / f"{ID}.yaml").write_text(yaml.safe_dump({**entry(), **changes}))


def rows() -> list[str]:
    return [row.given.row for row in RegisterRows(settings().open_store()).rows(ID)]


@pytest.mark.usefixtures("city")
def test_an_attestation_is_recorded_and_told() -> None:
    done = sundial(*ATTEST)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(
        f"{ID}: row 1: security_review of 2024-01-10 by Ana Ruiz, CISO; holds from "
    )
    told = document(*ATTEST)
    assert (told["number"], told["kind"], told["date"]) == (1, "security_review", "2024-01-10")
    assert rows() == ["attestation"], "the same once more adds nothing"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("attest", "small-sistem", *ATTEST[2:]), "did you mean small-system?"),
        (("attest", ID, "security_revue", *ATTEST[3:]), "KIND: must be"),
        ((*ATTEST[:-1], "2999-01-01"), "--date: 2999-01-01 lies after"),
        ((*ATTEST, "--link", "drawer 7"), "--link: does not have the form"),
        ((*ATTEST, "--from", "2999-01-01"), "--from: 2999-01-01 lies in the future"),
        ((*WAIVE[:-1], "2999-01-01"), "--expires: 2999-01-01 is more than 52 weeks away"),
        (WAIVE[:-2], "Missing option '--expires'"),
        (("waive", ID, "equity.group", *WAIVE[3:]), "did you mean equity.groups?"),
        ((*WAIVE, "--slice", "north"), "--slice: 'north' is no COLUMN=LEVEL"),
        (RETIRE[:-2], "--reason: is missing; say why the system is retired"),
        (("status", ID, "retird", *WHO), "LIFECYCLE: must be"),
        (("baseline", "propose", ID, *WHO, "--start", "2024-01-01"), "give both, or none"),
        (("baseline", "propose", ID, *WHO), "no 4 judged weeks in a row are without"),
        (
            ("baseline", "propose", ID, *WHO, "--start", "2024-01-01", "--end", "2024-01-14"),
            "no outputs lie between 2024-01-01 and 2024-01-14",
        ),
        (("register", "record"), "its author is not known"),
    ],
)
@pytest.mark.usefixtures("city")
def test_what_cannot_stand_is_wrong_usage_and_says_what_to_do(arguments: tuple[str, ...], says: str) -> None:
    done = sundial(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert says in " ".join(done.stderr.replace("│", " ").split())
    assert rows() == []


def test_without_a_store_nothing_is_recorded(city: Path) -> None:
    (city / "store.db").unlink()
    done = sundial(*ATTEST)
    assert (done.exit_code, "run `sundial db migrate`" in done.stderr) == (1, True)


@pytest.mark.usefixtures("city")
def test_a_waiver_of_one_slice_is_recorded_and_revoked() -> None:
    told = document(*WAIVE, "--metric", "selection_rate", "--slice", "district=north")
    assert (told["metric"], told["slice"]) == ("selection_rate", [["district", "north"]])
    assert sundial("revoke", ID, "1", *WHO, "--reason", "It was repaired.").exit_code == 0
    listed = sundial("register", "list", ID).stdout
    assert "(revoked)" in listed
    assert "row 1 revoked by Dana, CDPO" in listed
    again = sundial("revoke", ID, "1", *WHO, "--reason", "It was repaired.")
    assert (again.exit_code, "revoked already" in again.stderr) == (1, True)


def test_the_status_shows_wherever_the_system_does(city: Path) -> None:
    sundial("status", ID, "suspended", *WHO, "--reason", "It is looked into.")
    assert document("system", ID)["status"] == document("systems")[0]["status"] == "suspended"
    (exported,) = json.loads(sundial("export").stdout)
    assert exported["status"] == "suspended"


def test_the_id_of_a_retired_system_is_never_another_system_s(city: Path) -> None:
    assert sundial(*RETIRE).exit_code == 0
    assert rows() == ["version", "lifecycle"]
    revived = sundial("status", ID, "deployed", *WHO)
    assert (revived.exit_code, "stays so" in revived.stderr) == (1, True)
    change_entry(city, description="Decided about applications, until it was retired.")
    assert sundial("validate").exit_code == 0, "the entry of the retired system may be corrected"
    change_entry(city, name="Another system")
    refused = sundial("validate")
    assert refused.exit_code == 1
    assert "id: was retired on" in refused.stderr
    assert "another system by its name; give it an id of its own" in refused.stderr


@pytest.mark.usefixtures("judged")
class TestBaseline:
    def test_a_proposal_shows_what_the_window_holds(self) -> None:
        told = document("baseline", "propose", ID, *WHO, "--start", "2024-01-01", "--end", "2024-01-14")
        assert (told["days"], told["outputs"], told["versions"]) == (2, 4 * A_GROUP, {})
        assert document("baseline", "list", ID)["in_effect"]["approved_by"] == "Test"

    def test_without_days_it_is_of_the_last_quiet_weeks(self) -> None:
        refused = sundial("baseline", "propose", ID, *WHO, "--weeks", "3")
        assert refused.exit_code == 2, "there was a confirmed breach"
        told = document("baseline", "propose", ID, *WHO, "--weeks", "1")
        assert (told["start"], told["end"]) == ("2024-01-01", "2024-01-07")

    def test_an_approved_one_is_in_effect(self) -> None:
        told = document("baseline", "propose", ID, *WHO, "--start", "2024-01-01", "--end", "2024-01-16")
        approve = ("baseline", "approve", ID, str(told["number"]), "--by", "Cleo, CIO")
        assert sundial(*approve).exit_code == 0
        now = document("baseline", "list", ID)["in_effect"]
        assert (now["start"], now["end"], now["approved_by"]) == ("2024-01-01", "2024-01-16", "Cleo, CIO")
        assert "baseline 2024-01-01 to 2024-01-16" in sundial("system", ID).stdout
        missing = sundial("baseline", "approve", ID, "99", "--by", "Cleo, CIO")
        assert (missing.exit_code, "row 99 is no proposal" in missing.stderr) == (1, True)


class TestVersions:
    def test_the_author_is_that_of_the_commit(self, city: Path) -> None:
        git(city, "init", "-q")
        git(city, "add", "systems")
        git(city, "commit", "-qm", "Register", "--date", "2024-02-03T04:05:06+0000")
        (told,) = document("register", "record")
        system = load_system(city / "systems" / f"{ID}.yaml")
        assert (told["author"], told["authored_on"]) == ("Ana Ruiz", "2024-02-03")
        assert told["content_hash"] == entry_hash(system)
        assert told["commit"] == git(city, "rev-parse", "HEAD").strip()
        assert told["entry"]["name"] == "Small system"
        assert document("register", "record") == [], "nothing has changed since"

    def test_a_change_is_a_version_also_where_git_does_not_know_it(self, city: Path) -> None:
        assert document("register", "record", "--by", "Deployer")[0]["author"] == "Deployer"
        (city / "systems" / f"{ID}.yaml").write_text("# A remark.\n" + yaml.safe_dump(entry()))
        assert document("register", "record", "--by", "Deployer") == []
        change_entry(city, name="Small system, renamed")
        (told,) = document("register", "record", "--by", "Deployer")
        assert (told["number"], told["entry"]["name"]) == (2, "Small system, renamed")

    def test_a_wrong_file_stops_no_other(self, city: Path) -> None:
        (city / "systems" / "wrong.yaml").write_text("id: wrong\n")
        done = sundial("register", "record", "--by", "Deployer")
        assert (done.exit_code, rows()) == (1, ["version"])
        assert "wrong.yaml" in done.stderr


def git(folder: Path, *arguments: str) -> str:
    names = ("-c", "user.name=Ana Ruiz", "-c", "user.email=ana@city.example", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", "-C", str(folder), *names, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout
