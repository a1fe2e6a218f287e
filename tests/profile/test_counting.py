"""What is counted from accepted files is what an engine counts by its own GROUP BY, to the bit."""

from __future__ import annotations

import resource
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from sundial.lake import Lake
from sundial.profile.analysed import Analysis
from sundial.profile.analysis import analysis_table
from sundial.profile.columns import Columns
from sundial.profile.compute import run
from sundial.profile.counting import Rows, counted
from sundial.profile.engine import Engine
from sundial.profile.partitions import Partitions
from sundial.profile.profile import Profile
from sundial.profile.statistics import Bin, Over, Statistic, counts, fuse, histogram, sample
from sundial.profile.truths import Truths, truths_of
from tests.keys import keys_of

FIRST, DAYS, N = date(2024, 1, 1), 10, 3_000
EVER = (FIRST, FIRST + timedelta(days=DAYS), FIRST + timedelta(days=200))
SCORE, AMOUNT = Bin("score", 0, 1, 16), Bin("amount", -2, 3, 64)

FORMS = {
    "weights, clusters and latency": (
        Columns(
            score="score",
            positive_at=0.4,
            model_version="version",
            categories=("group", "district"),
            numbers=("amount", "age"),
            cluster="list",
            weight=("amount_of", 4.0),
            outcome_weight=3.0,
            latency=("ms", 50.0),
            failed="down",
        ),
        (
            histogram("outputs", AMOUNT, ["late"], extremes=True),
            histogram("outputs", Bin("latency", 0, 100, 8)),
            histogram("outcomes", SCORE, ["outcome", "group"], extremes=True),
            Statistic("outcomes", ("predicted", "outcome"), ("outcome_weight",)),
            counts("outputs", ["model_version", "district", "failed"]),
            sample("outputs", ["group", "model_version"], ["amount", "age"], size=20),
            sample("outcomes", ["group"], ["score"], size=20),
        ),
    ),
    "clusters of people": (
        Columns(score="score", positive_at=0.4, categories=("group",), cluster="person"),
        (
            histogram("outputs", SCORE, ["group"]),
            Statistic("outcomes", ("predicted", "outcome"), ("outcome_weight",)),
            Statistic("outputs", ("group",), ("weight",)),
        ),
    ),
    "classes": (
        Columns(task="multiclass", prediction="label", positive_class="a", categories=("group",)),
        (
            counts("outputs", ["predicted_class", "group"]),
            counts("outcomes", ["predicted_class", "outcome_class", "predicted", "outcome"]),
        ),
    ),
    "numbers": (
        Columns(task="regression", score="score", span=(0.0, 1.0), tolerance=0.2, numbers=("amount",)),
        (
            Statistic("outcomes", ("within_tolerance",), ("error", "absolute_error", "squared_error")),
            histogram("outputs", AMOUNT),
            histogram("outcomes", AMOUNT, extremes=True),
        ),
    ),
    "lists": (
        Columns(task="ranking", ranked=("list", "rank", 3), categories=("group",)),
        (
            Statistic("outcomes", ("hit", "group"), ("ndcg", "reciprocal_rank")),
            counts("outputs", ["predicted"]),
        ),
    ),
    "answers": (
        Columns(task="text", categories=("group", "pii_kinds"), marked="by_ai", flags=("pii", "explained")),
        (
            Statistic("outcomes", ("escalated", "corrected", "group"), ("rating",)),
            counts("outputs", []),
            counts("outputs", ["pii", "pii_kinds"]),
            counts("outputs", ["explained", "marked"]),
        ),
    ),
}


def outputs() -> pa.Table:
    random = np.random.default_rng(3)
    day = np.sort(random.integers(0, DAYS, N))
    days = [FIRST + timedelta(days=int(place)) for place in day]
    weeks = random.integers(0, 2, N).tolist()
    beyond = [np.nan, np.inf, -np.inf, 1e308, -0.0, 1.5]
    amounts = np.where(random.random(N) < 0.1, random.choice(beyond, N), random.normal(size=N))

    def missing(values: np.ndarray) -> pa.Array:
        return pa.array(values.tolist(), mask=random.random(N) < 0.1)

    return pa.table(
        {
            "key": keys_of(range(N)),
            "day": days,
            "counted": [
                d - timedelta(days=d.weekday() + 7 * late) for d, late in zip(days, weeks, strict=True)
            ],
            "score": pa.array(np.where(random.random(N) < 0.3, 0.5, random.random(N)), pa.float64()),
            "version": missing(random.choice(["1", "2"], N)),
            "group": missing(random.choice(["a", "B", "Ä", ""], N)),
            "district": missing(random.integers(1, 4, N)),
            "amount": missing(amounts),
            "age": pa.array(random.integers(18, 99, N), pa.int16()),
            "amount_of": pa.array(random.integers(1, 5, N), pa.int64()),
            "list": missing(np.array([f"l{place}" for place in day * 100 + random.integers(0, 60, N)])),
            "rank": pa.array(random.integers(1, 9, N), pa.float32()),
            "person": missing(np.array([f"p{place}" for place in random.integers(0, 900, N)])),
            "ms": missing(random.gamma(2, 20, N)),
            "down": pa.array(random.integers(0, 2, N), pa.int8()),
            "label": pa.array(random.choice(["a", "b", "c"], N)),
            "pii": missing(random.integers(0, 2, N).astype(np.int8)),
            "pii_kinds": missing(random.choice(["none", "email", "email,phone"], N)),
            "explained": pa.array(random.integers(0, 2, N), pa.int8()),
            "by_ai": missing(random.integers(0, 2, N)),
        }
    )


def outcomes(of: pa.Table, kind: str, batch: str, share: float) -> pa.Table:
    random = np.random.default_rng(len(batch))
    rows = of.select(["key", "day", "counted"]).filter(pa.array(random.random(N) < share))
    n = len(rows)
    rows = rows.append_column("batch", pa.array([batch] * n))
    truth: dict[str, Callable[[], object]] = {
        "classes": lambda: random.choice(["a", "b", "c", "d"], n),
        "numbers": lambda: random.normal(size=n),
    }
    rows = rows.append_column("outcome", pa.array(truth.get(kind, lambda: random.integers(0, 3, n))()))
    if kind == "answers":
        rows = rows.append_column("rating", pa.array(random.integers(1, 6, n), mask=random.random(n) < 0.5))
        rows = rows.append_column("escalated", pa.array(random.integers(0, 2, n)))
    if kind.startswith("weights"):
        rows = rows.append_column("outcome_weight", pa.array(random.integers(1, 4, n).astype(float)))
    return rows.take(random.permutation(n))


def put(lake: Lake, name: str, rows: pa.Table) -> dict[date, list[str]]:
    paths = {}
    for day in sorted(set(rows["day"].to_pylist())):
        paths[day] = [f"{name}-{day}.parquet"]
        lake.put_table(paths[day][0], rows.filter(pc.equal(rows["day"], pa.scalar(day, pa.date32()))))
    return paths


def by_engine(
    tables: tuple[pa.Table, pa.Table | None], columns: Columns, plan: tuple[Statistic, ...]
) -> Profile:
    connection = ibis.duckdb.connect()
    found = []
    for name, table in zip(("outputs", "outcomes"), tables, strict=True):
        if table is not None:
            connection.con.register(name, table)
        found.append(None if table is None else connection.table(name))
    return Profile(run(connection, analysis_table(found[0], found[1], columns), plan))


def assert_same(ours: Profile, theirs: Profile, plan: tuple[Statistic, ...]) -> None:
    for statistic in plan:
        ask = "sample" if hasattr(statistic, "size") else "window"
        found = getattr(ours, ask)(statistic, *EVER)
        assert len(found)
        pd.testing.assert_frame_equal(found, getattr(theirs, ask)(statistic, *EVER), check_exact=True)


@pytest.mark.parametrize("batches", [0, 1, 2])
@pytest.mark.parametrize("rows_at_once", [2**17, 100])
@pytest.mark.parametrize("form", FORMS)
def test_every_task_is_counted_as_an_engine_counts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, rows_at_once: int, batches: int
) -> None:
    monkeypatch.setattr("sundial.profile.accepted.AT_ONCE", rows_at_once)
    monkeypatch.setattr("sundial.profile.truths.AT_ONCE", rows_at_once)
    monkeypatch.setattr("sundial.profile.partitions._PIECES", 3)
    monkeypatch.setattr("sundial.lake._GROUP", 50)
    columns, asked = FORMS[form]
    plan = fuse(asked if batches else [s for s in asked if s.over == "outputs"])
    lake, given = Lake(str(tmp_path)), outputs()
    paths, of_truth = put(lake, "outputs", given), {}
    truths = [outcomes(given, form, "1" * (number + 1), 0.8 / (number + 1)) for number in range(batches)]
    for number, rows in enumerate(truths):
        for day, of_day in put(lake, f"outcomes{number}", rows).items():
            of_truth.setdefault(day, []).extend(of_day)
    partitions = Partitions(lake, "s", plan)
    partitions.update(paths, of_truth, columns)
    known = pa.concat_tables(truths) if truths else None
    assert_same(partitions.load(), by_engine((given, known), columns, plan), plan)


KINDS = {
    "truths": pa.array([True, None, False]),
    "decimals": pa.array([Decimal("1.25"), None, Decimal(-3)], pa.decimal128(9, 2)),
    "days": pa.array([FIRST, None, FIRST + timedelta(days=1)]),
    "bytes": pa.array([b"x", None, b"y"]),
    "long texts": pa.array(["x", None, "1.5"], pa.large_string()),
    "nothing": pa.nulls(3, pa.string()),
    "null": pa.nulls(3),
    "small numbers": pa.array([1.5, None, float("nan")], pa.float32()),
    "large numbers": pa.array([2**62 + 1, None, -(2**62) - 1]),
    "whole numbers": pa.array([200, None, 3], pa.uint8()),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_of_any_type_is_counted_as_the_engine_reads_it(tmp_path: Path, kind: str) -> None:
    of_level = kind in ("days", "bytes")
    columns = Columns(categories=("level",), numbers=() if of_level else ("amount",))
    plan = fuse(
        [counts("outputs", ["level"]), *([] if of_level else [histogram("outputs", AMOUNT, extremes=True)])]
    )
    days = pa.array([FIRST] * 3)
    own = {"level": KINDS[kind], "amount": KINDS[kind]}
    given = pa.table({"key": keys_of(range(3)), "day": days, "counted": days, **own})
    lake = Lake(str(tmp_path))
    partitions = Partitions(lake, "s", plan)
    partitions.update(put(lake, "outputs", given), {}, columns)
    assert_same(partitions.load(), by_engine((given, None), columns, plan), plan)


def test_a_column_that_changes_its_type_is_what_the_engine_makes_of_it(tmp_path: Path) -> None:
    lake, given = Lake(str(tmp_path)), outputs()
    columns = Columns(categories=("district",), numbers=("amount",))
    plan = fuse([histogram("outputs", AMOUNT), counts("outputs", ["district"])])
    paths = put(lake, "outputs", given)
    day = FIRST + timedelta(days=4)
    of_day = lake.get_table(paths[day][0])
    texts = pa.array(["some"] * len(of_day))
    lake.put_table(paths[day][0], of_day.set_column(of_day.schema.get_field_index("amount"), "amount", texts))
    partitions = Partitions(lake, "s", plan)
    partitions.update(paths, {}, columns)
    without = given.set_column(
        given.schema.get_field_index("amount"),
        "amount",
        pc.if_else(pc.equal(given["day"], pa.scalar(day, pa.date32())), None, given["amount"]),
    )
    assert_same(partitions.load(), by_engine((without, None), columns, plan), plan)


def test_files_with_gaps_in_a_column_and_files_without_are_read_together(tmp_path: Path) -> None:
    def whole_at_first(rows: pa.Table, *columns: str) -> pa.Table:
        first = pc.equal(rows["day"], pa.scalar(FIRST, pa.date32()))
        for name in columns:
            values = rows[name]
            filled = values.fill_null("b" if pa.types.is_string(values.type) else 2)
            place = rows.schema.get_field_index(name)
            rows = rows.set_column(place, name, pc.if_else(first, filled, values))
        return rows

    columns, asked = FORMS["answers"]
    lake, plan = Lake(str(tmp_path)), fuse(asked)
    given = whole_at_first(outputs(), "group", "pii", "pii_kinds", "by_ai")
    known = whole_at_first(outcomes(given, "answers", "1", 0.8), "rating")
    paths, of_truth = put(lake, "outputs", given), put(lake, "outcomes", known)
    required = [
        [not lake.parquet(file).schema_arrow.field(name).nullable for (file,) in of_feed.values()]
        for of_feed, name in ((paths, "group"), (of_truth, "rating"))
    ]
    assert required == [[True] + [False] * (DAYS - 1)] * 2
    partitions = Partitions(lake, "s", plan)
    partitions.update(paths, of_truth, columns)
    assert_same(partitions.load(), by_engine((given, known), columns, plan), plan)


def test_whole_numbers_are_the_same_levels_where_a_missing_one_made_them_floats(tmp_path: Path) -> None:
    lake, plan, columns = (
        Lake(str(tmp_path)),
        fuse([counts("outputs", ["level"])]),
        Columns(categories=("level",)),
    )
    paths = {}
    days = {
        FIRST: pa.array([1, 2, 2]),
        FIRST + timedelta(days=1): pa.array([1.0, None, 2.5]),
        FIRST + timedelta(days=2): pa.array([2.0, float("inf"), 1e300]),
    }
    for place, (day, levels) in enumerate(days.items()):
        paths[day] = [f"{day}.parquet"]
        keys = keys_of(range(3 * place, 3 * place + 3))
        given = {"key": keys, "day": pa.array([day] * 3), "counted": pa.array([day] * 3), "level": levels}
        lake.put_table(paths[day][0], pa.table(given))
    partitions = Partitions(lake, "s", plan)
    partitions.update(paths, {}, columns)
    found = partitions.load().window(plan[0], *EVER)
    told = dict(zip(found["level"], found["n"], strict=True))
    assert {level: told[level] for level in ("1", "2", "2.5", "Unknown")} == {
        "1": 2,
        "2": 3,
        "2.5": 1,
        "Unknown": 1,
    }
    assert len(told) == 6


def test_many_small_files_need_few_open_ones(tmp_path: Path) -> None:
    """A history of years of small days; Linux lets a process open 1,024 files as a rule."""
    lake, plan = Lake(str(tmp_path)), [counts("outputs", [])]
    given = outputs().slice(0, 1)
    paths = {}
    for place in range(60):
        day = FIRST + timedelta(days=place)
        paths[day] = [f"{day}.parquet"]
        dated = given.set_column(0, "key", keys_of([place])).set_column(1, "day", pa.array([day]))
        lake.put_table(paths[day][0], dated)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/dev/fd").iterdir())) + 20, limits[1]))
    try:
        Partitions(lake, "s", plan).update(paths, {}, Columns())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert len(Partitions(lake, "s", plan).load().days) == 60


def test_files_that_differ_are_read_in_pieces_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sundial.profile.accepted.AT_ONCE", 500)
    lake, given, sizes = Lake(str(tmp_path)), outputs(), []
    columns, plan = Columns(numbers=("age",), categories=("group",)), fuse([counts("outputs", ["group"])])
    paths = put(lake, "outputs", given.slice(0, N - 1))
    last = given.slice(N - 1).drop_columns(["group"])
    lake.put_table("last.parquet", last)
    paths[last["day"][0].as_py()].append("last.parquet")

    def seen(analysis: Analysis, rows: pa.Table) -> Mapping[Over, Rows]:
        sizes.append(len(rows))
        return of(analysis, rows)

    of = Analysis.of
    monkeypatch.setattr(Analysis, "of", seen)
    partitions = Partitions(lake, "s", plan)
    partitions.update(paths, {}, columns)
    assert sum(sizes) == N
    assert len(sizes) > 1
    groups = [*given["group"].to_pylist()[: N - 1], None]
    whole = given.set_column(given.schema.get_field_index("group"), "group", pa.array(groups))
    assert_same(partitions.load(), by_engine((whole, None), columns, plan), plan)


def test_rows_from_before_keys_had_16_bytes_are_refused_with_the_remedy(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    old = outputs().set_column(0, "key", pa.array([f"{place:08x}" for place in range(N)]))
    with pytest.raises(ValueError, match="pull its rows anew"):
        Partitions(lake, "s", [counts("outputs", [])]).update(put(lake, "outputs", old), {}, Columns())


@pytest.mark.parametrize("half", [b"\0", b"\xff"])
def test_keys_that_share_their_first_half_are_told_apart(half: bytes) -> None:
    day = pa.array([FIRST] * 4)
    ours, theirs = (
        pa.array([half * 8 + bytes([0] * 7 + [place]) for place in places], pa.uuid())
        for places in ((3, 1, 4, 2), (9, 2, 3))
    )
    truths = pa.table({"key": theirs, "day": day[:3], "truth_": [90, 20, 30]})
    outputs = pa.table({"key": ours, "day": day})
    assert Truths.of(truths).beside(outputs)["truth_"].to_pylist() == [30, None, None, 20]


def test_a_truth_of_another_day_is_not_that_of_the_output() -> None:
    key, other = keys_of(["a"]), FIRST + timedelta(days=1)
    outputs = pa.table({"key": key, "day": pa.array([FIRST])})
    truths = pa.table({"key": key, "day": pa.array([other]), "truth_": [1]})
    assert Truths.of(truths).beside(outputs)["truth_"].to_pylist() == [None]


def test_of_a_large_day_no_more_truths_are_in_memory_than_a_piece_of_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both lie in the order of their keys; rows that came later, in a batch of their own, begin anew."""
    monkeypatch.setattr("sundial.profile.truths.AT_ONCE", 100)
    monkeypatch.setattr("sundial.lake._GROUP", 50)
    read: list[int] = []
    by_group = pq.ParquetFile.read_row_group

    def seen(file: pq.ParquetFile, group: int, names: Sequence[str]) -> pa.Table:
        read.append(group)
        return by_group(file, group, names)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", seen)
    keys = sorted(key.bytes for key in keys_of(range(1_000)).to_pylist())
    days = pa.array([FIRST] * 1_000)
    lake, truth = Lake(str(tmp_path)), pa.array(range(1_000))
    of_day = pa.table({"key": pa.array(keys, pa.uuid()), "day": days, "counted": days})
    lake.put_table("outcomes.parquet", of_day.append_column("outcome", truth))
    truths = truths_of(lake, Engine(lake), ["outcomes.parquet"], corrected=False)
    assert truths is not None
    assert read == []
    for start, groups in ((0, [0, 1]), (100, [2, 3]), (150, [4]), (0, [0, 1])):
        assert truths.beside(of_day.slice(start, 100))["truth_"].to_pylist() == [*range(start, start + 100)]
        assert read == groups
        read.clear()
    nowhere = of_day.slice(0, 1).set_column(1, "day", pa.array([FIRST + timedelta(days=1)]))
    assert truths.beside(nowhere)["truth_"].to_pylist() == [None]


def test_a_level_that_a_dictionary_has_twice_or_as_nothing_is_one_level() -> None:
    named = pa.array(["b", None, "a", "b"])
    column = pa.chunked_array(
        [
            pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 3, None], pa.int8()), named),
            pa.DictionaryArray.from_arrays(pa.array([1, 1], pa.int8()), pa.array(["c", "a"])),
        ]
    )
    for pieces, a, missing in ((column, 3, 2), (pa.chunked_array(column.chunks[:1]), 1, 2)):
        nothing = np.zeros(len(pieces), np.int64)
        found = counted(Rows(nothing, nothing, {"group": pieces}, nothing), counts("outputs", ["group"]))
        codes, levels = found.keys["group"]
        assert levels is not None
        assert [levels[code] if code >= 0 else None for code in codes] == ["a", "b", None]
        assert found.values["n"].tolist() == [a, 2, missing]


def test_a_dictionary_of_all_numbers_of_its_index_leaves_room_for_what_is_missing() -> None:
    levels = [f"level {place:03d}" for place in range(128)]
    column = pa.DictionaryArray.from_arrays(pa.array([127, None], pa.int8()), pa.array(levels))
    nothing = np.zeros(2, np.int64)
    rows = Rows(nothing, nothing, {"group": pa.chunked_array([column])}, nothing)
    assert counted(rows, counts("outputs", ["group"])).keys["group"][0].tolist() == [127, -1]


def test_small_whole_numbers_do_not_overflow_in_a_combination() -> None:
    values = pa.chunked_array([pa.array([-128, 127, 127], pa.int8())])
    nothing = np.zeros(3, np.int64)
    rows = Rows(nothing, nothing, {"a": values, "b": values}, nothing)
    found = counted(rows, counts("outputs", ["a", "b"]))
    assert [found.keys[name][0].tolist() for name in "ab"] == [[-128, 127], [-128, 127]]
    assert found.values["n"].tolist() == [1, 2]
