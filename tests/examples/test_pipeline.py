"""The examples go the whole way, from written files to findings, and say everywhere what they are."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from example_replay import BREACH_NEVER, end_of, replayed
from towns import INCLUDE, Town, registered
from typer.testing import CliRunner, Result

from sundial.cli.main import app
from sundial.examples.catalogue import EXAMPLES
from sundial.examples.faults import FAULTS
from sundial.register.completeness import missing_fields
from sundial.register.exports import STANDARDS
from sundial.sources.connection import Connection
from sundial.store.records import Finding, Status

pytestmark = pytest.mark.slow

WEEKS = 8
OF_PULL_AND_GATE = {
    "privacy.fields",
    "privacy.retention",
    "security_and_safety.duplicates",
    "security_and_safety.refused_rows",
    "transparency.notice_page",
}


def written(folder: Path, *options: str) -> Result:
    result = CliRunner().invoke(app, ["examples", "write", str(folder), "--weeks", str(WEEKS), *options])
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    written(folder, "--seed", "7")
    return folder


def town_of(name: str, folder: Path, data: Path) -> Town:
    source = Connection("fs", extra={"path": str(data)})
    return Town(registered(name), folder, connections={"sundial_examples": source})


def told(finding: Finding) -> tuple[Any, ...]:
    """What the rows alone make of it."""
    return finding.status, finding.estimate, finding.n, finding.evidence


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs_without_an_error_and_says_what_its_rows_say(
    name: str, tmp_path: Path, data: Path
) -> None:
    found = {f.key: f for f in town_of(name, tmp_path, data).measure(end_of(WEEKS - 1))}
    assert [f.reason for f in found.values() if f.status in (Status.ERROR, Status.BREACH)] == []
    refused = [f for f in found.values() if f.metric == "refused_share"]
    assert {f.estimate for f in refused if f.n} == {0.0}
    *_, (_, last) = replayed(name, 7, WEEKS)
    compared = [f for f in last if f.check not in OF_PULL_AND_GATE | BREACH_NEVER]
    assert {f.key: told(f) for f in compared} == {f.key: told(found[f.key]) for f in compared}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_entry_is_complete_and_is_called_an_example_everywhere(name: str) -> None:
    system = registered(name)
    assert missing_fields(system) == []
    assert name.startswith("example-")
    assert system.name.startswith("Example: ")
    assert system.notice == "Example with generated data; not a system of the City of San José."
    assert (system.example, system.schedule) == (True, "manual")


def test_the_examples_are_those_of_the_register() -> None:
    assert {path.stem for path in (INCLUDE / "systems").glob("example-*.yaml")} == {*EXAMPLES}


@pytest.mark.parametrize("standard", [*STANDARDS, "json"])
def test_no_example_is_published(standard: str) -> None:
    result = CliRunner().invoke(app, ["export", "--standard", standard])
    assert result.stdout == "[]\n"
    for name in EXAMPLES:
        assert f"{name}: not published: it is an example, with generated data\n" in result.stderr


def test_the_same_seed_writes_the_same_bytes(data: Path, tmp_path: Path) -> None:
    written(tmp_path, "--seed", "7")
    files = {path.relative_to(data): path.read_bytes() for path in data.rglob("*") if path.is_file()}
    assert files == {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.*")}
    assert len(files) >= 2 * len(EXAMPLES)


def test_a_fault_changes_rows_from_its_week_on(data: Path, tmp_path: Path) -> None:
    result = written(tmp_path, "--seed", "7", "--fault", "gap", "--from-week", "5")
    assert "gap does not fit example-translation" in result.stderr
    for name, example in EXAMPLES.items():
        same = (data / name / "outcomes.csv").read_bytes() == (tmp_path / name / "outcomes.csv").read_bytes()
        assert same, "a group's rate changes what is put out, not what is true"
        outputs = [(folder / name / "outputs.parquet").read_bytes() for folder in (data, tmp_path)]
        assert (outputs[0] != outputs[1]) == ("gap" in example.faults)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--fault", "gremlin"], "gremlin is no fault; name one of quality_80"),
        (["--weeks", "0"], "--weeks"),
    ],
)
def test_wrong_usage_is_told(tmp_path: Path, options: list[str], says: str) -> None:
    result = CliRunner().invoke(app, ["examples", "write", str(tmp_path), *options])
    assert result.exit_code == 2
    assert says in " ".join(result.output.replace("│", " ").split())
    assert not list(tmp_path.iterdir())


def test_a_register_without_examples_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUNDIAL_REGISTER", str(tmp_path))
    result = CliRunner().invoke(app, ["examples", "write", str(tmp_path / "data")])
    assert result.exit_code == 1
    assert "has none of example-translation" in result.stderr


def test_the_connection_that_is_printed_leads_to_the_files(tmp_path: Path) -> None:
    assert f'"path": "{tmp_path}"' in written(tmp_path).stdout


def test_the_page_names_every_example_parameter_and_fault() -> None:
    page = (INCLUDE.parent / "docs" / "examples.md").read_text(encoding="utf-8")
    for name, example in EXAMPLES.items():
        assert f"| `{name}` |" in page
        (line,) = [
            line for line in page.splitlines() if line.startswith(f"| [`{type(example.generator).__name__}`]")
        ]
        for parameter in fields(example.generator):  # type: ignore[arg-type]
            assert f"`{parameter.name}`" in line
    for fault, what in FAULTS.items():
        assert f"| `{fault}` | {what}" in page
