"""The oldest day of the outputs' source, as the pull learns it beside the rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from test_http import Service
from towns import FIRST, OUTPUTS, WEEK, Town, rows_of, town_at

from sundial.sources.connection import Connection
from sundial.sources.learnt import Learnt, Oldest
from sundial.sources.oldest import ONLY_SINCE

WEEKS = 4
SUNDAY = FIRST + WEEKS * WEEK - timedelta(days=1)


@pytest.fixture
def service() -> Iterator[Service]:
    with closing(Service()) as service:
        yield service


def town_of(folder: Path, source: dict[str, Any], connection: Connection | None = None) -> Town:
    """A town whose outputs come from the source, of which a row may be held for 14 days."""
    town = town_at(folder, outputs={"source": source, "retention_days": 14, "lookback_days": 0})
    return replace(
        town, today=SUNDAY + timedelta(days=1), connections={"it": connection} if connection else {}
    )


def learnt(town: Town, as_of: date = SUNDAY) -> Oldest | None:
    town.pull(as_of)
    return Learnt(town.lake, town.system.id).oldest(as_of - timedelta(days=6))


def put(folder: Path, form: str, rows: pd.DataFrame) -> None:
    path, rows = folder / f"rows.{form}", rows[OUTPUTS]
    match form:
        case "parquet":
            rows.to_parquet(path, index=False)
        case "csv":
            rows.to_csv(path, index=False)
        case "jsonl":
            rows.assign(lit_on=rows["lit_on"].astype(str)).to_json(path, orient="records", lines=True)
        case _:
            with closing(sqlite3.connect(path)) as database:
                rows.assign(lit_on=rows["lit_on"].astype(str)).to_sql("rows", database, if_exists="replace")


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl", "sqlite"])
def test_the_oldest_day_is_learnt_though_only_new_rows_are_asked_for(tmp_path: Path, form: str) -> None:
    if form == "sqlite":
        database = Connection("sqlite", host=str(tmp_path / "rows.sqlite"))
        town = town_of(tmp_path, {"kind": "sql", "connection": "it", "table": "rows"}, database)
    else:
        url = str(tmp_path / f"rows.{form}")
        town = town_of(tmp_path, {"kind": "files", "url": url, "format": form})
    put(tmp_path, form, rows_of(WEEKS))
    assert learnt(town) == Oldest(SUNDAY.isoformat(), FIRST.isoformat())
    assert learnt(town) == Oldest(SUNDAY.isoformat(), FIRST.isoformat())  # from the watermark on
    rows = rows_of(WEEKS)
    put(tmp_path, form, rows[rows["lit_on"] >= FIRST + WEEK])
    assert learnt(town) == Oldest(SUNDAY.isoformat(), (FIRST + WEEK).isoformat())


@pytest.mark.parametrize("bounded", [False, True])
def test_a_service_that_gives_rows_since_a_date_leaves_it_open(
    tmp_path: Path, service: Service, bounded: bool
) -> None:
    rows = rows_of(WEEKS)[OUTPUTS]
    records = rows.assign(lit_on=rows["lit_on"].astype(str)).to_dict("records")
    service.answer = lambda seen: (200, {}, [r for r in records if r["lit_on"] >= seen.get("since", "")])
    source = {"kind": "http", "connection": "it", "path": "/rows"}
    at = Connection("http", host=f"http://127.0.0.1:{service.port}")
    town = town_of(tmp_path, {**source, **({"since_param": "since"} if bounded else {})}, at)
    known = Oldest(SUNDAY.isoformat(), FIRST.isoformat())
    assert learnt(town) == known  # the first pull reads all
    assert learnt(town) == (Oldest(SUNDAY.isoformat(), None, ONLY_SINCE) if bounded else known)


def test_nothing_is_learnt_for_a_week_long_past_or_without_a_term(tmp_path: Path) -> None:
    put(tmp_path, "parquet", rows_of(WEEKS))
    source = {"kind": "files", "url": str(tmp_path / "rows.parquet"), "format": "parquet"}
    town = town_of(tmp_path, source)
    assert learnt(replace(town, today=SUNDAY + timedelta(days=30))) is None
    assert learnt(town.changed(outputs={"source": source})) is None
