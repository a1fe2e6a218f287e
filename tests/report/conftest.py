from __future__ import annotations

from pathlib import Path

import pytest

from sundial.store.cases import Cases
from sundial.store.database import Database
from sundial.store.outbox import Outbox
from sundial.store.results import Results


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(f"sqlite:///{tmp_path / 'store.db'}")
    database.migrate()
    return database


@pytest.fixture
def results(database: Database) -> Results:
    return Results(database)


@pytest.fixture
def cases(database: Database) -> Cases:
    return Cases(database)


@pytest.fixture
def outbox(database: Database) -> Outbox:
    return Outbox(database)
