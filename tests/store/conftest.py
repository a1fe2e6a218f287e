from __future__ import annotations

from pathlib import Path

import pytest

from sundial.store.database import Database


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database; every test of the store runs on both kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    url: str = request.getfixturevalue("postgres_database")
    return url


@pytest.fixture
def database(store_url: str) -> Database:
    database = Database(store_url)
    database.migrate()
    return database
