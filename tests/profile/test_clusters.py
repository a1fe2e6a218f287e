"""Clusters that last for weeks: each counts once, on the day on which it first came in its span."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from sundial.lake import Lake
from sundial.profile.clusters import span_of
from sundial.profile.columns import Columns
from sundial.profile.partitions import Partitions
from sundial.profile.statistics import SUM_SCALE, Statistic
from tests.keys import keys_of

FIRST = date(2014, 1, 6)
COLUMNS = Columns(cluster="person", lasting=("person", 2))
WEIGHTS = Statistic("outputs", (), ("weight",))
CAME: Mapping[int, list[str | None]] = {
    0: ["ann", "ann", "bob", None],
    2: ["ann", "cid", None],
    13: ["bob", "dee"],
    14: ["ann"],  # the next span
}


def day_of(place: int) -> date:
    return FIRST + timedelta(days=place)


def put(lake: Lake, came: Mapping[int, list[str | None]], name: str = "day") -> dict[date, list[str]]:
    paths = {}
    for place, people in came.items():
        day, n = day_of(place), len(people)
        rows = {
            "key": keys_of(range(100 * place, 100 * place + n)),
            "day": pa.array([day] * n),
            "counted": pa.array([day - timedelta(days=day.weekday())] * n),
            "person": pa.array(people, pa.string()),
        }
        paths[day] = [f"{name}-{day}.parquet"]
        lake.put_table(paths[day][0], pa.table(rows))
    return paths


def weights(partitions: Partitions) -> dict[int, tuple[int, float]]:
    """Rows of each day, and what they weigh together."""
    found = {}
    for day in partitions.load().days:
        (cell,) = partitions.load().window(WEIGHTS, day, day, day + timedelta(days=60)).to_dict("records")
        found[(day - FIRST).days] = int(cell["n"]), cell["sum_weight"] / SUM_SCALE
    return found


@pytest.mark.parametrize(("day", "first"), [(0, 0), (13, 0), (14, 14), (27, 14), (-1, -14)])
def test_spans_are_whole_weeks_that_follow_each_other(day: int, first: int) -> None:
    assert span_of(day_of(day), 2) == day_of(first)


def test_who_comes_again_within_the_span_counts_on_the_first_day_only(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    partitions = Partitions(lake, "s", [WEIGHTS])
    partitions.update(put(lake, CAME), {}, COLUMNS)
    assert weights(partitions) == {0: (4, 3.0), 2: (3, 2.0), 13: (2, 1.0), 14: (1, 1.0)}


@pytest.mark.parametrize("at_once", [1, 2**30])
def test_day_by_day_the_same_counts_as_all_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("sundial.profile.partitions.AT_ONCE", at_once)
    lake, paths = Lake(str(tmp_path)), {}
    partitions = Partitions(lake, "s", [WEIGHTS])
    for place, people in CAME.items():
        paths |= put(lake, {place: people})
        assert partitions.update(paths, {}, COLUMNS) == [day_of(place)]
    assert weights(partitions) == {0: (4, 3.0), 2: (3, 2.0), 13: (2, 1.0), 14: (1, 1.0)}


def test_rows_that_come_late_change_the_later_days_of_their_span(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    partitions = Partitions(lake, "s", [WEIGHTS])
    paths = put(lake, CAME)
    partitions.update(paths, {}, COLUMNS)
    late = put(lake, {2: ["dee"]}, "late")
    paths[day_of(2)] = [*paths[day_of(2)], *late[day_of(2)]]
    assert partitions.update(paths, {}, COLUMNS) == [day_of(2), day_of(13)]
    assert weights(partitions) == {0: (4, 3.0), 2: (4, 3.0), 13: (2, 0.0), 14: (1, 1.0)}


def test_a_column_that_came_later_makes_no_clusters_of_earlier_days(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    partitions = Partitions(lake, "s", [WEIGHTS])
    paths = put(lake, CAME)
    file = paths[day_of(0)][0]
    lake.put_table(file, lake.get_table(file).drop_columns(["person"]))
    partitions.update(paths, {}, COLUMNS)
    assert weights(partitions) == {0: (4, 4.0), 2: (3, 3.0), 13: (2, 2.0), 14: (1, 1.0)}
