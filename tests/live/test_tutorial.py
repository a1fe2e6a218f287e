"""docs/tutorial.md holds: its commands run as they stand, print what it shows, and end where it says."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from sundial.engine.settings import INCLUDE
from sundial.store.database import Database
from sundial.store.records import Status
from sundial.store.results import Results

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(1800)]

ROOT = INCLUDE.parent
SYSTEM, CHECK, AS_OF = "permit-completeness", "custom.electrical_returned", "2025-06-29"
# What a newcomer does before all else; here the folder is a copy, and the tests' Python has all installed.
CLONE = ["cd sundial", "make install-dev", ". .venv/bin/activate"]


@dataclass(frozen=True)
class Block:
    """A fenced block, with the words that stand before it."""

    language: str
    text: str
    before: str


def blocks(page: str) -> list[Block]:
    found = re.split(r"^```(\w*)\n(.*?)^```$", page, flags=re.DOTALL | re.MULTILINE)
    return [Block(found[at + 1], found[at + 2], found[at]) for at in range(0, len(found) - 1, 3)]


def run(command: str, folder: Path, environment: dict[str, str]) -> str:
    # It would stay up for the reader to look around.
    ended = f"{command.rstrip()} --exit\n" if command.startswith("sundial airflow") else command
    done = subprocess.run(
        ["bash", "-euc", ended], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def assert_shown(expected: str, printed: str, command: str) -> None:
    """Each shown line was printed, in that order; `…` stands for anything, spaces for any number of them."""
    rest = " ".join(printed.split())
    for part in re.split(r"…|\n", expected):
        words = " ".join(part.split())
        if not words:
            continue
        assert words in rest, f"{command}does not print {words!r} where the tutorial shows it:\n{printed}"
        rest = rest.partition(words)[2]


def edit(diff: str, folder: Path) -> None:
    """Changes a file as a diff says whose first line names it."""
    first, *lines = diff.splitlines(keepends=True)
    path = folder / first.removeprefix("--- ").strip()
    old, new = ("".join(line[1:] for line in lines if line[0] in " " + sign) for sign in "-+")
    text = path.read_text()
    assert text.count(old) == 1, f"{path.name} has not exactly once:\n{old}"
    path.write_text(text.replace(old, new))


def write(block: Block, folder: Path) -> None:
    """Writes a whole file, whose path is the last that is named before the block."""
    path = folder / re.findall(r"`(\S+\.py)`", block.before)[-1]
    assert path.exists(), f"{path.name} is there to be edited"
    path.write_text(block.text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tutorial") / "sundial"
    for name in ("include", "checks", "dags", "plugins", "docs", "deploy", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.fixture(scope="module")
def environment(folder: Path) -> dict[str, str]:
    home = folder.parent / "home"
    home.mkdir()
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SUNDIAL", "AIRFLOW", "PYTEST"))
    }
    return kept | {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": f"{folder}{os.pathsep}{folder / 'include'}",
    }


def test_the_tutorial_leads_to_a_custom_checks_finding_in_airflow(
    folder: Path, environment: dict[str, str]
) -> None:
    first, *rest = blocks((ROOT / "docs" / "tutorial.md").read_text())
    assert first.text.splitlines()[1:] == CLONE
    command, printed, ran = "", "", 0
    for block in rest:
        match block.language:
            case "sh":
                command, printed = block.text, run(block.text, folder, environment)
                ran += 1
            case "text":
                assert_shown(block.text, printed, command)
            case "diff":
                edit(block.text, folder)
            case "python":
                write(block, folder)
            case "yaml":
                assert block.text in (folder / "include" / "systems" / f"{SYSTEM}.yaml").read_text()
            case "log":
                (log,) = folder.parent.glob(f"home/.sundial/airflow/logs/*/*{AS_OF}/*=effectiveness/*.log")
                assert_shown(block.text, log.read_text(), "the log of effectiveness ")
            case _:
                pytest.fail(f"a block of {block.language!r}: nothing holds it true")
    assert ran >= 9, "the tutorial was read"

    home = Path(environment["HOME"]) / ".sundial"
    results = Results(Database(f"sqlite:///{home / 'store.db'}"))
    (finding,) = [f for f in results.latest_findings(SYSTEM) if f.check == CHECK]
    assert (finding.week, finding.status) == (date(2025, 6, 23), Status.WATCH)
    assert finding.estimate == pytest.approx(0.33, abs=0.02)
    with sqlite3.connect(home / "airflow" / "airflow.db") as airflow:
        runs = airflow.execute("SELECT dag_id, run_id, state FROM dag_run").fetchall()
    assert runs == [(f"monitor__{SYSTEM}", f"as-of-{AS_OF}", "success")]
