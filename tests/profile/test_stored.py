"""A stored profile reads few files, and answers bit for bit as one that has all cells in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pandas.testing import assert_frame_equal

from sundial.lake import Lake
from sundial.profile.analysis import analysis_table
from sundial.profile.columns import Columns
from sundial.profile.compute import run
from sundial.profile.partitions import Partitions
from sundial.profile.profile import Profile
from sundial.profile.spans import SETTLED
from sundial.profile.statistics import UNKNOWN, Bin, counts, fuse, histogram, sample
from tests.keys import keys_of

FIRST = date(2023, 11, 16)
"""A Thursday; the weeks run over the end of a year."""
WEEKS = 30
BINS = Bin("amount", 0, 8, 8)
SAMPLE = sample("outputs", ["group"], ["amount"], size=40)
PLAN = fuse(
    [
        histogram("outputs", BINS, extremes=True),
        histogram("outputs", BINS, ["group"]),
        counts("outcomes", ["group", "outcome"]),
        counts("outputs", ["model_version"]),
        SAMPLE,
    ]
)
ASKED = [*(s for s in PLAN if s != SAMPLE), counts("outputs", ["group"]), counts("outcomes", [])]
COLUMNS = Columns(categories=("group", "model_version"), numbers=("amount",))


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def rows() -> tuple[pa.Table, pa.Table]:
    """Outputs of 30 weeks, some missing, of groups that come and go; outcomes up to 20 weeks late."""
    random = np.random.default_rng(5)
    places = sorted({*range(7 * WEEKS)} - {*range(70, 84)} - {100, 101})
    drawn = [place for place in places for _ in range(6)]
    days = [FIRST + timedelta(days=place) for place in drawn]
    late = random.choice([0, 0, 0, 1, 3, 20], len(days))
    names = [random.choice(["a", "b"] if place < 100 else ["b", "c"]) for place in drawn]
    key = keys_of(range(len(days)))
    outputs = pa.table(
        {
            "key": key,
            "day": pa.array(days, pa.date32()),
            "counted": pa.array([monday(day) for day in days], pa.date32()),
            "amount": pa.array([x if x < 6 else None for x in random.gamma(2, 2, len(days))], pa.float64()),
            "model_version": pa.array(["1" if i < 400 else "2" if i % 7 else None for i in range(len(days))]),
            "group": pa.array([n if n != "c" or i % 3 else None for i, n in enumerate(names)], pa.string()),
        }
    )
    known = [monday(day) + timedelta(weeks=int(by)) for day, by in zip(days, late, strict=True)]
    outcomes = pa.table(
        {
            "key": key,
            "day": outputs["day"],
            "counted": pa.array(known, pa.date32()),
            "batch": pa.array(["1"] * len(days)),
            "outcome": pa.array(random.integers(0, 2, len(days)), pa.int64()),
        }
    )
    return outputs, outcomes


def put(lake: Lake, table: pa.Table, feed: str) -> dict[date, list[str]]:
    paths = {}
    for day in sorted(set(table["day"].to_pylist())):
        paths[day] = [f"accepted/{feed}-{day}.parquet"]
        lake.put_table(paths[day][0], table.filter(pc.equal(table["day"], pa.scalar(day, pa.date32()))))
    return paths


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, Partitions]:
    lake = Lake(str(tmp_path_factory.mktemp("stored")))
    outputs, outcomes = rows()
    partitions = Partitions(lake, "s", PLAN)
    partitions.update(put(lake, outputs, "outputs"), put(lake, outcomes, "outcomes"), COLUMNS)
    return lake, partitions


@pytest.fixture(scope="module")
def whole() -> Profile:
    connection = ibis.duckdb.connect()
    outputs, outcomes = rows()
    connection.con.register("outputs", outputs)
    connection.con.register("outcomes", outcomes)
    table = analysis_table(connection.table("outputs"), connection.table("outcomes"), COLUMNS)
    return Profile(run(connection, table, PLAN))


def windows() -> Iterator[tuple[date, date, date]]:
    random = np.random.default_rng(6)
    for _ in range(60):
        start, size, later = (int(x) for x in random.integers([-10, 1, -40], [200, 220, 60]))
        first = FIRST + timedelta(days=start)
        last = first + timedelta(days=size - 1)
        yield first, last, monday(last + timedelta(days=later))


def test_any_window_is_that_of_all_cells(stored: tuple[Lake, Partitions], whole: Profile) -> None:
    profile = stored[1].load()
    for asked in windows():
        for statistic in ASKED:
            assert_frame_equal(profile.window(statistic, *asked), whole.window(statistic, *asked))
        assert_frame_equal(profile.sample(SAMPLE, *asked), whole.sample(SAMPLE, *asked))


def test_what_counts_in_a_week_is_that_of_all_cells(stored: tuple[Lake, Partitions], whole: Profile) -> None:
    profile = stored[1].load()
    for week in (monday(FIRST) + timedelta(weeks=number) for number in range(-1, WEEKS + 22)):
        for statistic in ASKED:
            for last in (week, week + timedelta(weeks=3)):
                assert_frame_equal(profile.weeks(statistic, week, last), whole.weeks(statistic, week, last))


def test_which_windows_have_late_outcomes_is_that_of_all_cells(
    stored: tuple[Lake, Partitions], whole: Profile
) -> None:
    profile = stored[1].load()
    found = set()
    for start, end, known_by in windows():
        for weeks in (1, 4, 30):
            asked = start, end, known_by - timedelta(weeks=weeks), known_by
            assert profile.late(*asked) == whole.late(*asked)
            found.add(whole.late(*asked))
    assert found == {True, False}


def test_versions_begin_as_in_all_cells(stored: tuple[Lake, Partitions], whole: Profile) -> None:
    profile = stored[1].load()
    found = [whole.versions(monday(FIRST) + timedelta(weeks=number)) for number in range(WEEKS)]
    assert [profile.versions(monday(FIRST) + timedelta(weeks=number)) for number in range(WEEKS)] == found
    assert set(found[-1]) == {"1", "2", UNKNOWN}


def test_the_days_are_those_with_outputs(stored: tuple[Lake, Partitions], whole: Profile) -> None:
    assert list(stored[1].load().days) == list(whole.days)


def test_a_long_window_reads_spans_in_the_place_of_their_weeks(
    stored: tuple[Lake, Partitions], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, _ = stored
    read: list[str] = []
    content_of = Lake.get

    def counting(self: Lake, path: str) -> bytes:
        read.append(path)
        return content_of(self, path)

    monkeypatch.setattr(Lake, "get", counting)
    monkeypatch.setattr("sundial.profile.partitions._LOADED", {})
    end = FIRST + timedelta(days=7 * WEEKS)
    profile = Partitions(lake, "s", PLAN).load()
    profile.window(PLAN[0], end - timedelta(days=13), end, end)
    assert len(read) <= 3
    profile.window(PLAN[0], FIRST, end, end)
    assert any("/spans/" in path for path in read)
    assert len(read) == len(set(read)) <= SETTLED + 7


def test_spans_are_of_the_weeks_there_are_and_no_others_stay(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    outputs, outcomes = (put(lake, table, feed) for table, feed in zip(rows(), ("a", "b"), strict=True))
    partitions = Partitions(lake, "s", PLAN)
    partitions.update(outputs, outcomes, COLUMNS)
    before, fingerprint = set(lake.list("systems/s/spans")), partitions.fingerprint()
    late = FIRST + timedelta(days=30)
    partitions.update(outputs, {day: paths for day, paths in outcomes.items() if day != late}, COLUMNS)
    after = set(lake.list("systems/s/spans"))
    assert partitions.fingerprint() != fingerprint
    assert 0 < len(before - after) == len(after - before) < len(after)
    partitions.update(outputs, outcomes, COLUMNS)
    assert set(lake.list("systems/s/spans")) == before
    assert partitions.fingerprint() == fingerprint
    Partitions(lake, "s", PLAN[:1]).update(outputs, outcomes, COLUMNS)
    assert not {path for path in lake.list("systems/s/spans") if path in before}


def test_a_profile_without_its_spans_answers_the_same(tmp_path: Path, whole: Profile) -> None:
    lake = Lake(str(tmp_path))
    outputs, outcomes = (put(lake, table, feed) for table, feed in zip(rows(), ("a", "b"), strict=True))
    partitions = Partitions(lake, "s", PLAN)
    partitions.update(outputs, outcomes, COLUMNS)
    for path in lake.list("systems/s/spans"):
        lake.delete(path)
    asked = FIRST, FIRST + timedelta(days=250), monday(FIRST + timedelta(days=250))
    for statistic in ASKED:
        found = partitions.load().window(statistic, *asked)
        assert_frame_equal(found, whole.window(statistic, *asked))
