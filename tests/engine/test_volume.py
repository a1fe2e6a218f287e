"""How much a system put out, as a halt is verified by."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pytest

from sundial.engine.volume import Volume, mean_daily, volume
from sundial.lake import Lake
from sundial.sources.landing import Batch, Landing
from sundial.store.database import Database
from sundial.store.results import Pull, Results

DECIDED = date(2026, 11, 20)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(f"sqlite:///{tmp_path}/store.db")
    database.migrate()
    return database


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Accepted rows of three days, one of them in two files, and batches up to the 24th."""
    lake = Lake(f"{tmp_path}/lake")
    for day, part, rows in ((18, "a", 4), (20, "a", 3), (22, "a", 2), (22, "b", 5)):
        path = f"systems/lights/accepted/outputs/2026-11-{day}/{part}.parquet"
        lake.put_table(path, pa.table({"key": [*range(rows)]}))
    landing = Landing(lake, "lights", "outputs")
    for name, last in (("one", "2026-11-22"), ("two", "2026-11-24"), ("empty", None)):
        landing.add(
            Batch(name, "lights", "outputs", "2026-11-25", 9, "", last, last, False, {}, {}), b"content"
        )
    return lake


def pulled(database: Database, day: int, status: Literal["ok", "failed"] = "ok") -> None:
    error = None if status == "ok" else "unreachable"
    Results(database).record_pull(Pull("lights", "outputs", date(2026, 11, day), status, 0, error=error))


def test_accepted_rows_are_counted_by_day(lake: Lake, database: Database) -> None:
    pulled(database, 25)
    found = volume(lake, database, "lights", date(2026, 11, 19))
    assert found == Volume(
        {date(2026, 11, 20): 3, date(2026, 11, 22): 7},
        date(2026, 11, 24),
        date(2026, 11, 25),
        date(2026, 11, 25),
    )
    assert found.between(date(2026, 11, 19), date(2026, 11, 21)) == 3
    assert mean_daily(found, date(2026, 11, 22), 7) == 10 / 7


def test_a_day_whose_rows_were_all_refused_is_no_silence(lake: Lake, database: Database) -> None:
    found = volume(lake, database, "lights", DECIDED)
    assert found.after(DECIDED) == {date(2026, 11, 22): 7, date(2026, 11, 24): 0}
    assert found.after(date(2026, 11, 24)) == {}


def test_only_a_pull_that_got_an_answer_has_seen_the_source(lake: Lake, database: Database) -> None:
    assert volume(lake, database, "lights", DECIDED).seen_until is None
    pulled(database, 25)
    pulled(database, 26, "failed")
    found = volume(lake, database, "lights", DECIDED)
    assert (found.seen_until, found.asked_until) == (None, date(2026, 11, 26))
    pulled(database, 27)
    assert volume(lake, database, "lights", DECIDED).seen_until == date(2026, 11, 27)


def test_a_system_that_never_put_out_anything_has_none(tmp_path: Path, database: Database) -> None:
    assert volume(Lake(f"{tmp_path}/lake"), database, "ghost", DECIDED) == Volume({}, None, None, None)
