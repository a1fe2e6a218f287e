"""`sundial export`: what is written, what is told beside it, and when it ends with 1."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from towns import INCLUDE
from typer.testing import CliRunner, Result

from sundial.cli.main import app

ROOT = INCLUDE.parent
EXAMPLES = ROOT / "docs" / "examples"
ENTRY = yaml.safe_load((EXAMPLES / "street-light-triage.yaml").read_text("utf-8"))


@pytest.fixture
def register(tmp_path: Path) -> Path:
    """A folder of the register with the complete example in it."""
    folder = tmp_path / "systems"
    folder.mkdir()
    write(folder)
    return folder


def write(folder: Path, **changes: Any) -> None:
    entry = {**ENTRY, **changes}
    (folder / f"{entry['id']}.yaml").write_text(yaml.safe_dump(entry, sort_keys=False), "utf-8")


def export(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["export", "--register", str(folder), *options])


@pytest.mark.parametrize("standard", ["eurocities", "dutch", "atrs", "omb"])
def test_json_and_csv_have_the_same_fields_in_the_same_order(register: Path, standard: str) -> None:
    as_json = export(register, "--standard", standard, "--strict")
    as_csv = export(register, "--standard", standard, "--strict", "--format", "csv")

    assert (as_json.exit_code, as_json.stderr, as_csv.exit_code, as_csv.stderr) == (0, "", 0, "")
    (record,) = json.loads(as_json.stdout)
    header, row = csv.reader(io.StringIO(as_csv.stdout))
    assert header == list(record)
    empty = {name for name, value in record.items() if value is None}
    assert {name for name, cell in zip(header, row, strict=True) if cell == ""} == empty


def test_an_empty_required_field_is_told_and_ends_with_1_only_if_strict(register: Path) -> None:
    write(register, contact={"name": "Street light team"})
    told = "street-light-triage: eurocities: contact_email: is required and empty; give contact.email\n"

    for options, code in ((), 0), (("--strict",), 1):
        result = export(register, "--standard", "eurocities", *options)
        assert (result.exit_code, result.stderr) == (code, told)
        assert json.loads(result.stdout)[0]["contact_email"] is None


def test_what_is_withheld_is_told_with_its_reason(register: Path) -> None:
    reason = "Trade secret of the vendor, Cal. Evid. Code § 1060"

    (record,) = json.loads(export(register, "--standard", "atrs").stdout)
    (row,) = csv.DictReader(io.StringIO(export(register, "--standard", "atrs", "--format", "csv").stdout))

    assert record["model_type"] == {"withheld": reason}
    assert row["model_type"] == f"withheld: {reason}"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "＝", "\t=", "  +", "\r@", "\n-"])
def test_no_cell_of_a_csv_is_a_formula(register: Path, start: str) -> None:
    formula = f'{start}HYPERLINK("https://evil.example")'
    write(register, department=formula, publication={**ENTRY["publication"], "keywords": [formula, "x"]})

    text = export(register, "--standard", "eurocities", "--format", "csv").stdout
    (row,) = csv.DictReader(io.StringIO(text, newline=""))

    assert row["department"] == f"'{formula}"
    assert row["keywords"] == f"'{formula}, x"
    assert row["contact_phone"] == "'+1 408 555 0100"


def test_systems_that_are_not_published_are_told(register: Path) -> None:
    write(register, id="old-lights", operated=False)
    write(register, id="face-lights", status="rejected")

    for standard in ("omb", "json"):
        result = export(register, "--standard", standard, "--strict")
        assert result.exit_code == 0
        assert [record["id"] for record in json.loads(result.stdout)] == ["street-light-triage"]
        assert result.stderr.splitlines() == [
            "face-lights: not published: it was rejected",
            "old-lights: not published: the City does not operate it",
        ]


def test_the_registered_status_is_published(register: Path) -> None:
    write(register, status="suspended")

    (record,) = json.loads(export(register, "--standard", "eurocities").stdout)

    assert (record["status"], record["remark"]) == ("operational", "The City has suspended its use.")


def test_a_wrong_file_stops_only_itself_and_ends_with_1(register: Path) -> None:
    write(register, id="wrong-lights", name="")

    everything = export(register, "--standard", "omb")
    one = export(register, "--standard", "omb", "--system", "street-light-triage")
    wrong = export(register, "--standard", "omb", "--system", "wrong-lights")

    assert (everything.exit_code, len(json.loads(everything.stdout))) == (1, 1)
    assert re.match(r".*wrong-lights\.yaml:\d+: name: must have at least 3", everything.stderr)
    assert (one.exit_code, one.stderr, one.stdout) == (0, "", everything.stdout)
    assert (wrong.exit_code, wrong.stdout, wrong.stderr) == (1, "", everything.stderr)


def test_an_unknown_system_is_told_with_the_one_that_was_meant(register: Path) -> None:
    result = export(register, "--system", "street-light")

    assert result.exit_code == 1
    assert result.stderr == "--system: no system has this id; did you mean street-light-triage?\n"


def test_the_entry_itself_has_no_csv(register: Path) -> None:
    result = export(register, "--format", "csv")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "the entry itself has no CSV; choose --format json, or a --standard\n"


def test_a_file_has_the_same_bytes_as_standard_output(register: Path, tmp_path: Path) -> None:
    options = ("--standard", "dutch", "--format", "csv")
    out = tmp_path / "out.csv"

    result = export(register, *options, "--out", str(out))

    assert (result.exit_code, result.stdout) == (0, "")
    assert out.read_bytes() == export(register, *options).stdout_bytes
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out.csv"]


def test_a_file_that_cannot_be_written_is_told(register: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    result = export(register, "--out", str(tmp_path / "file" / "out.json"))

    assert result.exit_code == 1
    assert "out.json: cannot be written: " in result.stderr
    assert result.stderr.endswith("; give another --out\n")


def test_commands_on_the_page_give_what_it_shows() -> None:
    page = (ROOT / "docs" / "exports.md").read_text("utf-8")
    shown = re.findall(r"```console\n\$ sundial (.*)\n((?:.*\n)*?)```", page)

    assert shown
    for command, output in shown:
        program = [sys.executable, "-m", "sundial.cli.main", *command.split()]
        ran = subprocess.run(program, capture_output=True, text=True, cwd=ROOT, check=False)
        lines = iter((ran.stdout + ran.stderr).splitlines())
        for line in output.splitlines():
            if line.strip() != "…":
                assert line in lines, f"{command}: {line}"
