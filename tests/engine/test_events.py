"""Feeds of events go the whole way: pulled, gated, profiled, measured."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from towns import FIRST, WEEK, Town, entry, only, parquet, rows_of

from sundial.register.models import System
from sundial.store.records import Status

CHECKS = [
    "accountability.human_review",
    "accountability.overrides",
    "accountability.time_to_review",
    "equity.access",
    "human_centered_design.appeals",
    "human_centered_design.complaints",
    "human_centered_design.contacts",
    "security_and_safety.duplicates",
    "workforce_empowerment.training",
    "workforce_empowerment.use",
]
WEEKS = 6
END = FIRST + WEEKS * WEEK - timedelta(days=1)


def feed(folder: Path, name: str, **fields: object) -> dict[str, object]:
    return {
        "source": {"kind": "files", "url": str(folder / f"{name}.parquet"), "format": "parquet"},
        "date": "on",
        **fields,
    }


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """Six weeks in which half the outputs are reviewed, and a little of everything else happens."""
    written = entry(
        tmp_path,
        checks=CHECKS,
        population=[
            {"column": "language", "counts": {"en": 50, "vi": 50}, "source": "census", "as_of": "2013-12-31"}
        ],
    )
    written["feeds"] |= {
        "reviews": feed(
            tmp_path, "reviews", key="id", overridden="changed", team="queue", hours="took", maturity_days=7
        ),
        "complaints": feed(tmp_path, "complaints", key="number", about="subject"),
        "appeals": feed(tmp_path, "appeals", key="number", overturned="overturned"),
        "access": feed(tmp_path, "access", key="number", columns=["language"]),
        "training": feed(tmp_path, "training", key="person", trained="valid", active="used"),
        "operations": feed(tmp_path, "operations", counters={"opt_outs": "left", "people": "all"}),
    }
    town = Town(System.model_validate(written), tmp_path)
    rows = rows_of(WEEKS)
    town.give(rows)
    seen = rows[::2]
    day = pd.to_datetime(seen["lit_on"])
    reviews = pd.DataFrame({"id": seen["id"], "on": (day + pd.Timedelta(days=2)).dt.date})
    reviews["changed"] = [int(place % 10 == 0) for place in range(len(seen))]
    parquet(tmp_path / "reviews.parquet", reviews.assign(queue="night", took=48.0))
    numbers = [f"n{place}" for place in range(60)]
    on = [FIRST + timedelta(days=place % (7 * WEEKS)) for place in range(60)]
    some = pd.DataFrame({"number": numbers, "on": on})
    parquet(tmp_path / "complaints.parquet", some.head(2).assign(subject="delay"))
    decided = [None if place % 4 == 0 else float(place % 4 == 1) for place in range(60)]
    parquet(tmp_path / "appeals.parquet", some.assign(overturned=decided))
    parquet(tmp_path / "access.parquet", some.assign(language=["en", "vi"] * 30))
    people = [(f"p{person}", FIRST + week * WEEK) for week in range(WEEKS) for person in range(40)]
    training = pd.DataFrame(people, columns=["person", "on"])
    parquet(
        tmp_path / "training.parquet", training.assign(valid=[p != "p0" for p in training["person"]], used=1)
    )
    daily = pd.DataFrame({"on": [FIRST + timedelta(days=place) for place in range(7 * WEEKS)]})
    parquet(tmp_path / "operations.parquet", daily.assign(left=1, all=1_000))
    return town


def test_every_feed_is_measured(town: Town) -> None:
    found = town.measure(END)
    assert not [f.reason for f in found if f.status is Status.ERROR]
    reviewed = only(found, "human_review_share")
    assert (reviewed.estimate, reviewed.n) == (0.5, 160)
    assert only(found, "override_share_high", team="night").estimate == pytest.approx(0.1, abs=0.02)
    assert only(found, "hours_to_review").estimate == pytest.approx(48)
    assert only(found, "complaint_share").details["complaints"] == 0
    appeals = only(found, "overturned_share")
    assert appeals.estimate == pytest.approx(1 / 3, abs=0.05)
    assert only(found, "access_share", language="vi").estimate == pytest.approx(0.5)
    assert only(found, "trained_share").details == {"share": 39 / 40, "n": 40}
    assert only(found, "active_share").status is Status.OK
    opted = only(found, "opt_out_share")
    assert (opted.estimate, opted.n) == (pytest.approx(0.001), 28_000)
    assert only(found, "duplicate_share").estimate == 0.0


def test_an_open_appeal_counts_in_the_week_in_which_it_is_decided(town: Town) -> None:
    town.measure(END)
    appeals = pd.read_parquet(town.folder / "appeals.parquet")
    before = appeals["overturned"].notna().sum()
    parquet(town.folder / "appeals.parquet", appeals.assign(overturned=appeals["overturned"].fillna(1.0)))
    found = only(town.measure(END + WEEK), "overturned_share")
    assert found.evidence is not None
    assert found.evidence.counts == (60 - before, 60 - before)


def test_a_review_of_no_output_is_refused_until_the_output_comes(town: Town) -> None:
    stranger = pd.DataFrame(
        {"id": ["late"], "on": [date(2014, 1, 8)], "changed": [0], "queue": ["night"], "took": [1.0]}
    )
    reviews = pd.read_parquet(town.folder / "reviews.parquet")
    parquet(town.folder / "reviews.parquet", pd.concat([reviews, stranger]))
    run = town.run(END)
    run.pull()
    assert run.gate()["reviews"] == 1
    rows = rows_of(WEEKS)
    town.give(pd.concat([rows, rows.head(1).assign(id="late")]))
    later = town.run(END + timedelta(days=1))
    later.pull()
    assert later.gate()["reviews"] == 0


def test_no_landed_file_says_who_was_trained(town: Town) -> None:
    town.measure(END)
    for path in (town.folder / "lake").rglob("*.parquet"):
        frame = pd.read_parquet(path)
        assert not (frame.select_dtypes("str") == "p1").any().any()


def test_a_day_of_operations_that_comes_again_is_counted_once(town: Town) -> None:
    town.measure(END)
    daily = pd.read_parquet(town.folder / "operations.parquet")
    parquet(town.folder / "operations.parquet", daily.assign(left=2))
    found = only(town.measure(END + WEEK), "opt_out_share")
    assert found.estimate == pytest.approx(0.001)


def test_a_feed_that_fails_stops_its_own_checks_only(town: Town) -> None:
    town.measure(END - WEEK)
    (town.folder / "appeals.parquet").unlink()
    found = town.measure(END)
    assert {f.check for f in found if f.status is Status.ERROR} == {"human_centered_design.appeals"}


def test_what_happened_before_the_first_output_has_its_weeks(town: Town) -> None:
    parquet(
        town.folder / "complaints.parquet",
        pd.DataFrame({"number": ["n0"], "on": [FIRST - WEEK], "subject": ["delay"]}),
    )
    town.measure(END)
    weeks = {f.week for f in town.results.findings_between(date.min, date.max, town.system.id)}
    assert min(weeks) == FIRST - WEEK


def test_doubled_outputs_count_in_their_own_week_however_they_are_pulled(tmp_path: Path) -> None:
    rows = rows_of(4)
    again = pd.concat([rows, rows[rows["lit_on"] < FIRST + WEEK].head(5)])
    found = {}
    for name, days in (
        ("at once", [END]),
        ("weekly", [FIRST + n * WEEK - timedelta(days=1) for n in (1, 2, 3, 4)]),
    ):
        (tmp_path / name).mkdir()
        town = Town(
            System.model_validate(entry(tmp_path / name, checks=["security_and_safety.duplicates"])),
            tmp_path / name,
        )
        town.give(again)
        for day in days:
            town.measure(day)
        found[name] = only(town.results.findings(town.system.id, FIRST + 3 * WEEK), "duplicate_share")
    assert found["at once"].estimate == found["weekly"].estimate == pytest.approx(10 / 165)
