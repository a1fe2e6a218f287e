"""Extremes merge by minimum and maximum, all else by addition; no order and no cut changes a bit."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sundial.lake import Lake
from sundial.profile.adding import added
from sundial.profile.analysis import analysis_table
from sundial.profile.cells import Cells
from sundial.profile.columns import Columns
from sundial.profile.compute import run
from sundial.profile.partitions import Partitions
from sundial.profile.profile import Profile
from sundial.profile.statistics import FARTHEST, SUM_SCALE, Bin, Statistic, counts, fuse, histogram, sample

DAY = date(2024, 1, 1)
EVER = (DAY, DAY + timedelta(days=60), DAY + timedelta(days=60))
BINS = Bin("amount", 0, 8, 8)
WITH_EXTREMES = histogram("outputs", BINS, extremes=True)
PLAN = fuse([WITH_EXTREMES, histogram("outputs", BINS, ["group"]), counts("outputs", ["group"])])
COLUMNS = Columns(categories=("group",), numbers=("amount",))

beyond = st.sampled_from([math.nan, math.inf, -math.inf])
amounts = st.one_of(st.none(), st.floats(-4, 12), st.just(3.0), beyond)
rows = st.lists(st.tuples(st.integers(0, 20), amounts, st.sampled_from(["a", "b", None])), max_size=40)


def key_of(place: int) -> str:
    return str(UUID(hashlib.sha256(str(place).encode()).hexdigest()[:32]))


def table_of(drawn: list[tuple[int, float | None, str | None]]) -> pa.Table:
    days = [DAY + timedelta(days=day) for day, _, _ in drawn]
    return pa.table(
        {
            "key": pa.array([UUID(key_of(place)).bytes for place in range(len(drawn))], pa.uuid()),
            "day": pa.array(days, pa.date32()),
            "counted": pa.array([day - timedelta(days=day.weekday()) for day in days], pa.date32()),
            "amount": pa.array([amount for _, amount, _ in drawn], pa.float64()),
            "group": pa.array([group for _, _, group in drawn], pa.string()),
        }
    )


@pytest.fixture(scope="module")
def connection() -> ibis.BaseBackend:
    return ibis.duckdb.connect()


def computed(connection: ibis.BaseBackend, table: pa.Table) -> Profile:
    connection.con.register("outputs", table)
    return Profile(run(connection, analysis_table(connection.table("outputs"), None, COLUMNS), PLAN))


def said(profile: Profile) -> list[str]:
    """All that a profile says of every partition, as text: equal only where every bit is."""
    days = [DAY + timedelta(days=day) for day in range(21)]
    return [profile.window(s, day, day, EVER[2]).to_csv(index=False) for s in PLAN for day in days]


@settings(max_examples=25, deadline=None)
@given(rows, rows)
def test_the_profile_of_a_union_is_the_merge_of_the_profiles(
    connection: ibis.BaseBackend, one: list[object], other: list[object]
) -> None:
    a, b = table_of(one), table_of(other)  # type: ignore[arg-type]
    merged = computed(connection, a).merge(computed(connection, b))
    assert said(merged) == said(computed(connection, pa.concat_tables([a, b])))


@settings(max_examples=15, deadline=None)
@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_bit(
    connection: ibis.BaseBackend, drawn: list[object], random: object
) -> None:
    shuffled = list(drawn)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = table_of(drawn), table_of(shuffled)  # type: ignore[arg-type]
    assert said(computed(connection, one)) == said(computed(connection, other))


@settings(max_examples=25, deadline=None)
@given(rows)
def test_extremes_are_those_of_the_rows_in_the_bin(
    connection: ibis.BaseBackend, drawn: list[tuple[int, float | None, str | None]]
) -> None:
    found = computed(connection, table_of(drawn)).window(WITH_EXTREMES, *EVER)
    known = pd.Series([a for _, a, _ in drawn if a is not None and math.isfinite(a)], dtype=float)
    expected = known.groupby(np.clip(np.floor(known), 0, 7)).agg(["count", "min", "max"])
    binned = found.dropna(subset=[BINS.name])
    assert binned[["n", "min_amount", "max_amount"]].to_numpy().tolist() == expected.to_numpy().tolist()
    missing = found[found[BINS.name].isna()]
    assert missing["n"].sum() == len(drawn) - len(known)
    assert missing["min_amount"].isna().all()
    assert missing["max_amount"].isna().all()


def test_a_number_beyond_all_whole_numbers_is_in_an_end_bin(connection: ibis.BaseBackend) -> None:
    connection.con.register("outputs", table_of([(0, 1e300, "a"), (0, -1e300, "a"), (0, 3.0, "a")]))
    table = analysis_table(connection.table("outputs"), None, COLUMNS)
    statistic = counts("outputs", [BINS])
    assert run(connection, table, [statistic])[statistic].keys[BINS.name][0].tolist() == [0, 3, 7]


def test_a_histogram_with_extremes_answers_the_one_without() -> None:
    plain = replace(WITH_EXTREMES, extremes=())
    assert WITH_EXTREMES.answers(plain)
    assert not plain.answers(WITH_EXTREMES)
    assert fuse([plain, WITH_EXTREMES]) == (WITH_EXTREMES,)


def test_nan_in_a_parquet_column_is_missing(tmp_path: Path) -> None:
    """Its statistics leave NaN out, and DuckDB takes them for a proof that there is none."""
    lake = Lake(str(tmp_path))
    lake.put_table("a.parquet", table_of([(0, math.nan, "a"), (0, 2.5, "a"), (0, math.inf, None)]))
    partitions = Partitions(lake, "a-system", PLAN)
    partitions.update({DAY: ["a.parquet"]}, {}, COLUMNS)
    cells = partitions.load().window(WITH_EXTREMES, *EVER)
    assert cells["n"].tolist() == [1, 2]
    assert cells[BINS.name].isna().tolist() == [False, True]
    assert cells["sum_amount"].tolist() == [int(2.5 / BINS.unit * SUM_SCALE), 0]


def paths_of(lake: Lake, table: pa.Table, piece: str = "a") -> dict[date, list[str]]:
    paths = {}
    for day in sorted(set(table["day"].to_pylist())):
        path = f"accepted/{day}-{piece}.parquet"
        lake.put_table(path, table.filter(pa.compute.equal(table["day"], pa.scalar(day, pa.date32()))))
        paths[day] = [path]
    return paths


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in (folder / "systems").rglob("*.parquet")}


def many_rows(seed: int) -> list[tuple[int, float | None, str | None]]:
    random = np.random.default_rng(seed)
    groups = random.choice(np.array(["a", "b", "c", None], dtype=object), 200)
    return list(zip(random.integers(0, 21, 200).tolist(), random.gamma(2, 2, 200), groups, strict=True))


def test_days_that_came_one_by_one_leave_the_same_bytes_as_all_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sundial.profile.partitions.AT_ONCE", 1)  # every day is a query of its own
    table = table_of(many_rows(1))
    slow, quick = Lake(str(tmp_path / "slow")), Lake(str(tmp_path / "quick"))
    paths = paths_of(slow, table)
    for end in range(1, len(paths) + 1):
        some = dict(list(paths.items())[:end])
        assert len(Partitions(slow, "s", PLAN).update(some, {}, COLUMNS)) == 1
    monkeypatch.undo()
    Partitions(quick, "s", PLAN).update(paths_of(quick, table), {}, COLUMNS)
    assert files(tmp_path / "slow") == files(tmp_path / "quick")


def test_a_changed_day_is_computed_alone_and_leaves_what_all_days_anew_leave(tmp_path: Path) -> None:
    lake, fresh = Lake(str(tmp_path / "lake")), Lake(str(tmp_path / "fresh"))
    table = table_of(many_rows(2))
    paths = paths_of(lake, table)
    Partitions(lake, "s", PLAN).update(paths, {}, COLUMNS)
    late = DAY + timedelta(days=9)
    changed = {**paths, late: [*paths[late], "late.parquet"]}
    extra = table_of([(9, 7.5, "z"), (9, None, "a")])
    for one in (lake, fresh):
        paths_of(one, table)
        one.put_table("late.parquet", extra)
    assert Partitions(lake, "s", PLAN).update(changed, {}, COLUMNS) == [late]
    Partitions(fresh, "s", PLAN).update(changed, {}, COLUMNS)
    assert files(tmp_path / "lake") == files(tmp_path / "fresh")


def test_profiles_of_a_superseded_plan_are_forgotten(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    paths = paths_of(lake, table_of(many_rows(3)))
    old = Partitions(lake, "s", PLAN[:1])
    old.update(paths, {}, COLUMNS)
    Partitions(lake, "s", PLAN).update(paths, {}, COLUMNS)
    assert not old.current(paths, {}, COLUMNS)
    assert Partitions(lake, "s", PLAN).current(paths, {}, COLUMNS)


SAMPLE = sample("outputs", ["group"], ["amount"], size=8)


def sampled(connection: ibis.BaseBackend, table: pa.Table) -> Profile:
    connection.con.register("outputs", table)
    analysed = analysis_table(connection.table("outputs"), None, COLUMNS)
    return Profile(run(connection, analysed, [SAMPLE]))


@settings(max_examples=20, deadline=None)
@given(rows, st.integers(0, 40))
def test_a_sample_of_a_union_is_the_lowest_ranks_of_both(
    connection: ibis.BaseBackend, drawn: list[tuple[int, float | None, str | None]], cut: int
) -> None:
    table = table_of(drawn)
    parts = [sampled(connection, table.slice(0, cut)), sampled(connection, table.slice(cut))]
    whole = sampled(connection, table).sample(SAMPLE, *EVER)
    assert parts[1].merge(parts[0]).sample(SAMPLE, *EVER).to_csv() == whole.to_csv()
    assert len(whole) == min(len(drawn), SAMPLE.size)
    ranks = sorted(int(UUID(key_of(place)).hex[:15], 16) for place in range(len(drawn)))
    assert whole["rank"].tolist() == ranks[: SAMPLE.size]


def test_a_stored_sample_is_the_computed_one_and_keeps_no_key(
    tmp_path: Path, connection: ibis.BaseBackend
) -> None:
    lake, table = Lake(str(tmp_path)), table_of(many_rows(4))
    partitions = Partitions(lake, "s", fuse([*PLAN, SAMPLE]))
    partitions.update(paths_of(lake, table), {}, COLUMNS)
    found = partitions.load().sample(SAMPLE, *EVER)
    assert found.to_csv() == sampled(connection, table).sample(SAMPLE, *EVER).to_csv()
    assert list(found.columns) == ["rank", "group", "amount"]


def test_a_large_partition_is_sampled_as_if_all_of_it_were_sorted(
    tmp_path: Path, connection: ibis.BaseBackend
) -> None:
    lake = Lake(str(tmp_path))
    days = [0] * 5_000 + [1] * 30
    table = table_of([(day, float(place), "ab"[place % 2]) for place, day in enumerate(days)])
    partitions = Partitions(lake, "s", [SAMPLE])
    partitions.update(paths_of(lake, table), {}, COLUMNS)
    frame = table.to_pandas().sort_values("key")
    for day, taken in ((0, 8), (1, 8)):
        end = DAY + timedelta(days=day)
        found = partitions.load().sample(SAMPLE, end, end, EVER[2])
        lowest = frame[frame["day"] == end].head(taken)
        assert found["amount"].tolist() == lowest["amount"].tolist()
        assert found["group"].tolist() == lowest["group"].tolist()


def test_only_a_sample_answers_a_sample() -> None:
    assert SAMPLE.answers(replace(SAMPLE, size=4, sums=()))
    assert not SAMPLE.answers(replace(SAMPLE, size=9))
    assert not SAMPLE.answers(counts("outputs", ["group"]))
    assert not counts("outputs", ["group"]).answers(sample("outputs", ["group"], []))


def test_the_sum_of_a_column_is_in_the_unit_of_its_bins(connection: ibis.BaseBackend) -> None:
    """Amounts of a million have sums of 63 bits, and one far beyond all others stops nobody from counting."""
    dollars = Bin("amount", 0, 1_000_000, 4)
    drawn = [(0, 900_000.0, "a"), (0, 250_000.5, "a"), (0, 1e300, "a"), (0, -1e12, "a"), (0, math.inf, "a")]
    connection.con.register("outputs", table_of(drawn))
    statistic = histogram("outputs", dollars)
    table = analysis_table(connection.table("outputs"), None, COLUMNS)
    found = Profile(run(connection, table, [statistic])).window(statistic, *EVER)
    known = found.dropna(subset=[dollars.name])
    assert known["n"].tolist() == [1, 1, 2]  # -1e12; 250,000.5; 900,000 and 1e300
    totals = known["sum_amount"] / SUM_SCALE * dollars.unit
    farthest = FARTHEST * dollars.unit
    assert totals.tolist() == [-farthest, 250_000.5, 900_000 + farthest]


def test_a_sum_in_another_unit_is_another_statistic() -> None:
    one, thousand = (histogram("outputs", Bin("amount", 0, high, 8)) for high in (1, 1000))
    assert one.unit("amount") == 1
    assert thousand.unit("amount") == 1024
    assert not thousand.answers(Statistic("outputs", (), ("amount",)))
    assert one.answers(Statistic("outputs", (), ("amount",)))


def test_combinations_beyond_all_whole_numbers_are_told_apart() -> None:
    """Four columns of 66,000 levels have more combinations than 64 bits have numbers."""
    names, n = ("a", "b", "c", "d"), 66_000
    keys = {name: (np.roll(np.arange(n), place), None) for place, name in enumerate(names)}
    zeros = np.zeros(n, np.int64)
    part = Cells(zeros, zeros, keys, {"n": zeros + 1})
    found = added([part, part], counts("outputs", names))
    assert found["n"].tolist() == [2] * n
    there = set(zip(*(keys[name][0].tolist() for name in names), strict=True))
    assert set(zip(*(found[name].tolist() for name in names), strict=True)) == there


def test_what_a_check_does_to_its_cells_stays_with_it(connection: ibis.BaseBackend) -> None:
    profile = computed(connection, table_of([(0, 1.0, "a"), (0, 2.0, "b")]))
    mine = profile.window(WITH_EXTREMES, *EVER)
    before = profile.window(WITH_EXTREMES, *EVER)["n"].tolist()
    mine["n"] = 99
    assert profile.window(WITH_EXTREMES, *EVER)["n"].tolist() == before


@pytest.mark.parametrize("rank", [math.inf, 1e20, math.nan])
def test_a_rank_that_is_none_stops_no_other_item(connection: ibis.BaseBackend, rank: float) -> None:
    days = pa.array([DAY] * 3)
    items = {"key": [key_of(place) for place in range(3)], "day": days, "counted": days, "list": ["a"] * 3}
    connection.con.register("items", pa.table({**items, "rank": [1.0, 2.0, rank]}))
    columns = Columns(task="ranking", ranked=("list", "rank", 1))
    statistic = counts("outputs", ["predicted"])
    table = analysis_table(connection.table("items"), None, columns)
    found = Profile(run(connection, table, [statistic])).window(statistic, *EVER)
    assert found["n"].sum() == 3
    assert found.loc[found["predicted"] == 1, "n"].tolist() == [1]


def test_a_large_partition_beside_thousands_of_small_ones_is_sampled(
    tmp_path: Path, connection: ibis.BaseBackend
) -> None:
    """As where a history has some rows a day, and one batch of very many."""
    lake = Lake(str(tmp_path))
    days = [0] * 5_000 + list(range(1, 3_000))
    table = table_of([(day, float(place), "ab"[place % 2]) for place, day in enumerate(days)])
    lake.put_table("all.parquet", table)
    partitions = Partitions(lake, "s", [SAMPLE])
    partitions.update({DAY: ["all.parquet"]}, {}, COLUMNS)
    whole = sampled(connection, table)
    for day in (DAY, DAY + timedelta(days=6)):
        found = partitions.load().sample(SAMPLE, day, day, EVER[2])
        assert found.to_csv() == whole.sample(SAMPLE, day, day, EVER[2]).to_csv()
        assert len(found) == min(SAMPLE.size, days.count((day - DAY).days))
