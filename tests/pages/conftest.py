from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pages_city import TODAY, Town

from sundial.engine.today import PLAYED
from sundial.store.database import Database


@pytest.fixture(scope="session")
def empty_pages_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a store without rows; a copy of it is quicker than its migrations."""
    file = tmp_path_factory.mktemp("store") / "empty.db"
    Database(f"sqlite:///{file}").migrate()
    return file


@pytest.fixture
def town(empty_pages_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Town:
    """An empty city whose day is TODAY."""
    (tmp_path / "today").write_text(TODAY.isoformat())
    monkeypatch.setenv(PLAYED, str(tmp_path / "today"))
    shutil.copy(empty_pages_store, tmp_path / "store.db")
    return Town(tmp_path)
