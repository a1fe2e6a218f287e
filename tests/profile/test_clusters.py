"""Outputs of a cluster in one week count as one: each weighs one by as many as they are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from sundial.lake import Lake
from sundial.profile.columns import Columns
from sundial.profile.partitions import Partitions
from sundial.profile.statistics import SUM_SCALE, Statistic
from tests.keys import keys_of

MONDAY = date(2014, 1, 6)
COLUMNS = Columns(cluster="person")
WEIGHTS = Statistic("outputs", (), ("weight",))
CAME: Mapping[int, list[str | None]] = {
    0: ["ann", "ann", "bob", None],
    2: ["ann", "cid", None],
    6: ["bob", "dee"],
    7: ["ann"],  # the next week
}
ALL = {0: (4, 2 / 3 + 1 / 2 + 1), 2: (3, 1 / 3 + 2), 6: (2, 1 / 2 + 1), 7: (1, 1)}


def day_of(place: int) -> date:
    return MONDAY + timedelta(days=place)


def put(
    lake: Lake, came: Mapping[int, list[str | None]], name: str = "day", weeks_late: int = 0
) -> dict[date, list[str]]:
    paths = {}
    for place, people in came.items():
        day, n = day_of(place), len(people)
        first = 100 * place + 50 * weeks_late
        rows = {
            "key": keys_of(range(first, first + n)),
            "day": pa.array([day] * n),
            "counted": pa.array([day + timedelta(days=7 * weeks_late - day.weekday())] * n),
            "person": pa.array(people, pa.string()),
        }
        paths[day] = [f"{name}-{day}.parquet"]
        lake.put_table(paths[day][0], pa.table(rows))
    return paths


def weights(partitions: Partitions, weeks_later: int = 9) -> dict[int, tuple[int, float]]:
    """Rows of each day, and what they weigh together."""
    found = {}
    for day in partitions.load().days:
        known_by = day + timedelta(days=7 * weeks_later - day.weekday())
        (cell,) = partitions.load().window(WEIGHTS, day, day, known_by).to_dict("records")
        found[(day - MONDAY).days] = int(cell["n"]), cell["sum_weight"] / SUM_SCALE
    return found


def near(expected: Mapping[int, tuple[int, float]]) -> dict[int, tuple[int, object]]:
    return {place: (n, pytest.approx(weight, abs=1e-5)) for place, (n, weight) in expected.items()}


@pytest.mark.parametrize("at_once", [1, 2**30])
def test_a_cluster_of_m_rows_of_a_week_weighs_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("sundial.profile.partitions.AT_ONCE", at_once)
    lake = Lake(str(tmp_path))
    partitions = Partitions(lake, "s", [WEIGHTS])
    partitions.update(put(lake, CAME), {}, COLUMNS)
    assert weights(partitions) == near(ALL)


def test_a_new_day_is_counted_with_the_days_of_its_week(tmp_path: Path) -> None:
    lake, paths = Lake(str(tmp_path)), dict[date, list[str]]()
    partitions = Partitions(lake, "s", [WEIGHTS])
    computed = []
    for place, people in CAME.items():
        paths |= put(lake, {place: people})
        computed.append([(day - MONDAY).days for day in partitions.update(paths, {}, COLUMNS)])
    assert computed == [[0], [0, 2], [0, 2, 6], [7]]
    assert weights(partitions) == near(ALL)


def test_rows_that_come_late_leave_those_that_counted_as_they_were(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    partitions = Partitions(lake, "s", [WEIGHTS])
    paths = put(lake, CAME)
    partitions.update(paths, {}, COLUMNS)
    for day, files in put(lake, {2: ["ann", "eve"], 6: ["ann"]}, "late", weeks_late=3).items():
        paths[day] = [*paths[day], *files]
    partitions.update(paths, {}, COLUMNS)
    assert weights(partitions, weeks_later=0) == near(ALL)
    later = {2: (5, ALL[2][1] + 1 / 2 + 1), 6: (3, ALL[6][1] + 1 / 2)}
    assert weights(partitions) == near({**ALL, **later})


def test_files_from_before_there_was_the_column_have_no_clusters(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    partitions = Partitions(lake, "s", [WEIGHTS])
    paths = put(lake, CAME)
    (file,) = paths[day_of(0)]
    lake.put_table(file, lake.get_table(file).drop_columns(["person"]))
    partitions.update(paths, {}, COLUMNS)
    assert weights(partitions) == near({0: (4, 4), 2: (3, 3), 6: (2, 2), 7: (1, 1)})


@pytest.mark.parametrize("at_once", [1, 2**30])
@pytest.mark.parametrize("kind", [pa.null(), pa.dictionary(pa.int32(), pa.string()), pa.large_string()])
def test_files_of_other_types_are_of_the_same_clusters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: pa.DataType, at_once: int
) -> None:
    monkeypatch.setattr("sundial.profile.partitions.AT_ONCE", at_once)
    lake = Lake(str(tmp_path))
    partitions = Partitions(lake, "s", [WEIGHTS])
    paths = put(lake, CAME)
    (file,) = paths[day_of(6)]
    rows = lake.get_table(file)
    people = pa.nulls(2) if pa.types.is_null(kind) else pa.array(["bob", "dee"]).cast(kind)
    lake.put_table(file, rows.set_column(rows.schema.get_field_index("person"), "person", people))
    partitions.update(paths, {}, COLUMNS)
    without = {**ALL, 0: (4, 2 / 3 + 1 + 1), 6: (2, 2)}
    assert weights(partitions) == near(without if pa.types.is_null(kind) else ALL)


@pytest.mark.parametrize("at_once", [1, 2**30])
def test_a_number_is_one_cluster_where_a_missing_one_made_it_a_float(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("sundial.profile.partitions.AT_ONCE", at_once)
    lake = Lake(str(tmp_path))
    paths = put(lake, {0: ["1", "1", "2"], 1: ["1", None, "2"]})
    for kind, files in zip((pa.int64(), pa.float64()), paths.values(), strict=True):
        rows = lake.get_table(files[0])
        numbers = pa.array(rows["person"].to_pylist(), pa.string()).cast(kind)
        lake.put_table(files[0], rows.set_column(rows.schema.get_field_index("person"), "person", numbers))
    partitions = Partitions(lake, "s", [WEIGHTS])
    partitions.update(paths, {}, COLUMNS)
    assert weights(partitions) == near({0: (3, 2 / 3 + 1 / 2), 1: (3, 1 / 3 + 1 + 1 / 2)})
