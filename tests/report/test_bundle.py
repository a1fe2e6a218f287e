"""The evidence bundle of a sunset case."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest
from sunset_examples import (
    CONSIDERED,
    MONDAY,
    REASONS,
    TODAY,
    answer,
    determined,
    given,
    harm,
    policy,
    record,
    run_judge,
    system,
)

from sundial.lake import Lake
from sundial.report.bundle import BUNDLE, BundleChanged, build, file_bundle
from sundial.report.bundle import filed as read_filed
from sundial.stats.intervals import Interval
from sundial.store.cases import Cases
from sundial.store.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(f"sqlite:///{tmp_path}/store.db")
    database.migrate()
    return database


def filed(database: Database, lake: Lake, episode: str) -> str:
    return file_bundle(Cases(database).episode(episode), database, lake, system(), policy(), TODAY)


def with_a_year(database: Database) -> str:
    """A case after six weeks of growing harm."""
    for number in range(6):
        week = MONDAY + timedelta(weeks=number)
        estimate = 0.1 + 0.02 * number
        found = harm(
            week,
            log_detector=40.0 if number == 5 else 1.0,
            estimate=estimate,
            interval=Interval(estimate - 0.03, estimate + 0.03, "test"),
        )
        record(database, found, week=week, as_of=week + timedelta(days=8))
    (episode,) = run_judge(database, MONDAY + timedelta(weeks=7)).opened
    answer(Cases(database), episode, 1, given("No", REASONS | CONSIDERED))
    return episode


def test_it_is_frozen_with_its_hashes_when_the_case_goes_to_the_cio(
    database: Database, tmp_path: Path
) -> None:
    episode, lake = with_a_year(database), Lake(f"{tmp_path}/lake")
    path = filed(database, lake, episode)
    event = Cases(database).events(episode)[-1]
    assert (event.kind, f"{event.payload['path']}.html") == ("bundle", path)
    for ending, sha256 in event.payload["sha256"].items():
        content = lake.get(f"{event.payload['path']}.{ending}")
        assert hashlib.sha256(content).hexdigest() == sha256
    before = lake.get(path)
    answer(Cases(database), episode, 2, given("Halt", REASONS, "cio"))
    assert filed(database, lake, episode) == path, "what came later does not change it"
    assert lake.get(path) == before


def test_the_same_store_gives_the_same_bytes(database: Database) -> None:
    cases, episode = determined(database)
    args = (cases.episode(episode), database, system(), policy())
    assert build(*args) == build(*args)


def test_it_has_the_figures_behind_the_case_as_table_picture_and_json(database: Database) -> None:
    episode, cases = with_a_year(database), Cases(database)
    made = build(cases.episode(episode), database, system(), policy())
    document = json.loads(made.document)
    estimates = [point["payload"]["estimate"] for point in document["series"]]
    assert estimates == pytest.approx([0.1, 0.12, 0.14, 0.16, 0.18, 0.2])
    page = made.page.decode()
    assert page.count("<svg") == 1
    assert "<script" not in page
    assert "0.170 to 0.230" in page
    assert page.count("<section") == 16


def test_a_text_of_others_stays_text(database: Database) -> None:
    cases, episode = determined(database)
    answer(
        cases,
        episode,
        2,
        given("Return for information", {"reasons": "<script>alert(1)</script> why?"}, "cio"),
    )
    page = build(cases.episode(episode), database, system(), policy()).page.decode()
    assert "<script" not in page


def test_a_filed_bundle_is_read_once_it_is_what_the_ledger_says(database: Database, tmp_path: Path) -> None:
    cases, episode = determined(database)
    lake = Lake(str(tmp_path / "lake"))
    filed(database, lake, episode)
    (event,) = [one for one in cases.events(episode) if one.kind == BUNDLE]
    for ending in ("html", "json"):
        assert read_filed(lake, event, ending) == lake.get(f"sunset/{episode}/bundle-1.{ending}")
    lake.put(f"sunset/{episode}/bundle-1.html", b"another")
    with pytest.raises(BundleChanged, match="when it was filed it was"):
        read_filed(lake, event, "html")
    lake.delete(f"sunset/{episode}/bundle-1.json")
    with pytest.raises(FileNotFoundError):
        read_filed(lake, event, "json")
