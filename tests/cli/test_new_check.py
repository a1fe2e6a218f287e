"""`sundial new check`: what it writes passes as it is, in a checkout of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sundial.cli.new_check import NewCheckError, new_check
from sundial.engine.settings import INCLUDE
from sundial.register.principles import Principle

ROOT = INCLUDE.parent

Tool = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("include", "checks", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.fixture(scope="module")
def run(checkout: Path) -> Tool:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SUNDIAL_")},
        "PYTHONPATH": f"{checkout}{os.pathsep}{checkout / 'include'}",
    }

    def tool(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", *arguments]
        return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True)

    return tool


def test_what_it_writes_passes_as_it_is(checkout: Path, run: Tool) -> None:
    made = run("sundial.cli.main", "new", "check", "late_at_night", "--principle", "human_centered_design")
    assert made.returncode == 0, made.stderr
    module, test, page, last = made.stdout.splitlines()
    assert (module, test) == ("checks/custom/late_at_night.py", "tests/checks/custom/test_late_at_night.py")
    assert last == f"Test it: python -m pytest -q {test}; how it goes on: docs/checks.md"
    assert "# `custom.late_at_night`" in (checkout / page).read_text()
    assert "custom.late_at_night.md" in (checkout / "docs" / "checks" / "index.md").read_text()
    tested = run("pytest", test, "-q", "-p", "no:cacheprovider")
    assert tested.returncode == 0, tested.stdout
    assert "2 passed" in tested.stdout
    linted = [run("ruff", "check", module, test), run("ruff", "format", "--check", module, test)]
    assert [one.stdout for one in linted if one.returncode] == []
    written = (checkout / module).read_text()
    (checkout / module).write_text(written.replace("positive / n if n", "negative / n if n"))
    assert "1 failed, 1 passed" in run("pytest", test, "-q").stdout, "a test that can fail"
    again = run("sundial.cli.main", "new", "check", "custom.late_at_night", "--principle", "equity")
    assert again.returncode == 1
    assert "a check custom.late_at_night exists; choose another name" in again.stderr


@pytest.mark.parametrize("name", ["Late", "late at night", "../late", "1st", "late__night", ""])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(NewCheckError, match="give words of small letters, such as flagged_online"):
        new_check(tmp_path, name, Principle.PRIVACY)
    assert list(tmp_path.iterdir()) == []
