from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sundial.store.database import Database


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a store without rows; a copy of it is quicker than its migrations."""
    file = tmp_path_factory.mktemp("store") / "empty.db"
    Database(f"sqlite:///{file}").migrate()
    return file


@pytest.fixture
def database(empty_store: Path, tmp_path: Path) -> Database:
    return Database(f"sqlite:///{shutil.copy(empty_store, tmp_path / 'store.db')}")
