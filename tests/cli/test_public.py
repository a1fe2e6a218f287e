"""The command that publishes the register."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from small_city import build_city
from small_system import ID
from typer.testing import CliRunner

from sundial.cli.main import app
from sundial.engine.settings import settings
from sundial.store.results import Results


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in build_city(tmp_path).items():
        monkeypatch.setenv(name, value)
    settings().open_store().migrate()
    return tmp_path / "site"


def sundial(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["public", *arguments])


def test_the_site_goes_into_a_folder_and_its_row_into_the_ledger(folder: Path) -> None:
    result = sundial(str(folder), "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["systems"] == [ID]
    assert Path(told["index"]) == folder / "public" / "index.html"
    (row,) = Results(settings().open_store()).reports()
    assert (row.path, row.html_hash) == (told["manifest"], told["sha256"])
    assert (folder / row.path).exists()


def test_other_files_of_the_folder_stay(folder: Path) -> None:
    folder.mkdir()
    (folder / "mine.txt").write_text("not of the site")
    sundial(str(folder))
    assert (folder / "mine.txt").exists()


def test_without_a_folder_it_goes_into_the_lake(folder: Path) -> None:
    assert sundial().exit_code == 0
    assert settings().open_lake().exists("public/index.html")


def test_a_wrong_file_is_told_and_the_others_are_published(folder: Path) -> None:
    (settings().register / "wrong-one.yaml").write_text("id: wrong-one\n")
    result = sundial(str(folder))
    assert result.exit_code == 1
    assert "wrong-one.yaml" in result.output
    assert ID in (folder / "public" / "index.html").read_text()


def test_a_day_in_the_future_is_refused(folder: Path) -> None:
    result = sundial(str(folder), "--as-of", "2999-01-01")
    assert result.exit_code == 2
    assert not folder.exists()
