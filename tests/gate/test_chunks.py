"""How a batch is cut into chunks decides about memory, and about nothing else."""

from __future__ import annotations

import re
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from towns import FIRST, WEEK, Town, entry, parquet, rows_of

from benchmarks import gate as benchmark
from sundial.gate.contract import Rule
from sundial.gate.expectations import CHUNK, validate
from sundial.gate.gate import Gate
from sundial.gate.rows import ANY, COUNTED, DAY, Rows, compact, dates, given
from sundial.gate.spool import Pile, Spool
from sundial.lake import Lake
from sundial.register.events import FeedName
from sundial.register.models import System

FEEDS: tuple[FeedName, ...] = ("outputs", "outcomes")
MATURE = FIRST + 2 * WEEK
LATER = FIRST + 6 * WEEK


def rule(kind: str, column: str, severity: str = "critical", **args: Any) -> dict[str, Any]:
    return {
        "type": f"expect_column_values_to_{kind}",
        "with": {"column": column, **args},
        "severity": severity,
    }


def system(folder: Path, *contract: dict[str, Any]) -> System:
    numbers = [{"column": name, "low": 0, "high": 10} for name in ("visits", "share", "small", "urgent")]
    return System.model_validate(entry(folder, outputs={"numbers": numbers, "contract": contract}))


LENIENT = (rule("be_unique", "score", "warning"), rule("be_in_set", "urgent", value_set=[0, 1]))
STRICT = (
    *LENIENT,
    rule("be_between", "share", max_value=0.9),
    rule("be_unique", "small"),
    rule(
        "be_between",
        "visits",
        mostly=0.5,
        min_value=1,
        row_condition='kind=="LED"',
        condition_parser="pandas",
    ),
)

pytestmark = pytest.mark.slow


def landed(folder: Path, rows: int) -> Town:
    """A town with batches of both feeds: all kinds of columns, and something wrong in each chunk."""
    random = np.random.default_rng(11)
    frame = rows_of(1, rows)
    frame["visits"] = pd.array(random.integers(0, 9, rows), dtype="Int64")
    frame["share"] = random.random(rows)
    frame["small"] = random.random(rows).astype("float32")
    frame["urgent"] = pd.array(random.random(rows) < 0.3, dtype="boolean")
    frame["kind"] = frame["kind"].astype("category")
    frame.loc[frame.index[-3:], ["visits", "share", "urgent"]] = None  # in the last chunk only
    frame.loc[4, "share"] = np.inf
    frame.loc[[2, rows - 1], "id"] = frame.loc[0, "id"]
    frame.loc[[5, rows // 2], "id"] = None
    frame.loc[7, "small"] = frame.loc[rows - 5, "small"]
    parquet(folder / "outputs.parquet", frame.drop(columns=["broken", "known_on"]))
    truth = frame[["id", "known_on", "broken"]].dropna(subset=["id"]).astype({"broken": "float64"})
    truth.loc[truth.index[3::10], "broken"] = None
    truth.loc[truth.index[4::10], "broken"] = 2
    parquet(folder / "outcomes.parquet", truth)
    town = Town(system(folder, *STRICT), folder)
    for feed in FEEDS:
        town.pull(MATURE, feed)
    return town


def judged(town: Town, chunk: int) -> dict[str, Any]:
    """All that the gate leaves in the lake after three contracts, and what its tables hold."""
    lake = Lake(str(town.folder / f"lake-{chunk}"))
    shutil.copytree(town.folder / "lake", town.folder / f"lake-{chunk}")
    found: dict[str, Any] = {}
    for step, (contract, first) in enumerate([(LENIENT, None), (STRICT, LATER), (LENIENT, LATER)]):
        gate = Gate(system(town.folder, *contract), lake, chunk)
        for feed in FEEDS:
            gate.judge(feed, MATURE, first)
        for path in lake.list(f"systems/{town.system.id}"):
            there = lake.get_table(path) if path.endswith(".parquet") else lake.get(path)
            found[f"{step} {path}"] = there
    return found


@pytest.mark.filterwarnings("ignore:.*row_condition:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*condition_parser:DeprecationWarning")
@pytest.mark.parametrize(("rows", "chunk"), [(63, 7), (1_300, 1_000)])
def test_the_same_files_with_the_same_rows_whatever_the_chunk(tmp_path: Path, rows: int, chunk: int) -> None:
    town = landed(tmp_path, rows)
    whole, cut = judged(town, CHUNK), judged(town, chunk)
    assert list(whole) == list(cut)
    assert any("/quarantine/outcomes/" in path for path in whole)
    assert any("/accepted/outcomes/" in path for path in whole)
    for path, there in whole.items():
        if path.endswith(".html"):
            shares = [[word for word in page.split() if b"%" in word] for page in (there, cut[path])]
            assert shares[0] == shares[1]
        else:
            assert there == cut[path], path


def test_accepted_rows_keep_the_types_that_were_landed(tmp_path: Path) -> None:
    town = landed(tmp_path, 63)
    gate = Gate(system(tmp_path, *LENIENT), town.lake)
    (manifest,) = gate.judge("outputs", MATURE, None)
    accepted = pa.concat_tables(town.lake.get_table(path) for path in manifest.partitions.values())
    (batch,) = town.lake.list(f"systems/{town.system.id}/landing/outputs")[1:]
    landing = town.lake.get_table(batch).schema
    kept = [field for field in landing if field.name not in ("key", "day")]
    assert accepted.schema.field("key").type == pa.uuid()
    assert [accepted.schema.field(field.name).type for field in kept] == [field.type for field in kept]
    assert accepted["visits"].null_count


@pytest.mark.parametrize("kind", ["float32", "float64", "int8", "int64", "uint64", "Int32", "object"])
def test_a_bound_means_the_same_in_every_type_of_number(kind: str) -> None:
    frame = pd.DataFrame({"n": pd.array([1, 5, 9, 10], dtype=kind)})
    bounds = Rule("expect_column_values_to_be_between", {"column": "n", "max_value": 9}, "critical", "large")
    (failed,) = validate(frame, [bounds], "here").failed
    assert failed.tolist() == [False, False, False, True]


def test_a_rule_on_the_type_sees_the_type_of_the_feed() -> None:
    frame = pd.DataFrame({"n": np.array([1, 2], dtype="float32")})
    for named, holds in (("float32", True), ("float64", False)):
        of_type = Rule(
            "expect_column_values_to_be_of_type", {"column": "n", "type_": named}, "warning", "type"
        )
        page = validate(frame, [of_type], "here").page
        assert (re.search(r">\s*100%\s*<", page) is not None) == holds


@pytest.mark.parametrize("year", [2020, 9999])
def test_a_day_beyond_nanoseconds_is_judged_like_any_other(year: int) -> None:
    days = pd.Series(np.array(["2014-01-06", f"{year}-12-31", "NaT"], dtype="datetime64[s]"))
    latest = datetime(2019, 1, 1)  # noqa: DTZ001 - days have no zone
    rule = Rule(
        "expect_column_values_to_be_between", {"column": "day", "max_value": latest}, "critical", "late"
    )
    (failed,) = validate(pd.DataFrame({"day": days}), [rule], "here").failed
    assert failed.tolist() == [False, True, False]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path))


@pytest.fixture
def rows(lake: Lake) -> Rows:
    a, b, c, z = (f"{place:032x}" for place in range(4))
    lake.put_table("batch.parquet", pa.table({"key": [a, b, a, None, c, None], "day": pa.array([FIRST] * 6)}))
    days = [FIRST, FIRST + WEEK, FIRST]
    keys = compact(pa.chunked_array([[a, a, z]]))
    accepted = pa.table({"key": keys, "day": days, "counted": [None, FIRST + WEEK, None]})
    lake.put_table("accepted.parquet", accepted)
    lake.put_table("nobody.parquet", accepted.slice(2))
    return Rows(lake, "batch.parquet", 2)


@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_a_key_is_looked_up_alike_in_parts_and_at_once(
    rows: Rows, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("sundial.gate.rows.KEYS_AT_ONCE", at_once)
    files = ["accepted.parquet", "nobody.parquet"]
    here = [True, False, True, False, False, False]
    assert given(rows.of_keys(ANY, files)).tolist() == here
    assert dates(rows.of_keys(DAY, files))[0] == np.datetime64(FIRST)
    assert dates(rows.of_keys(COUNTED, files))[2] == np.datetime64(FIRST + WEEK)
    assert np.isnat(dates(rows.of_keys(COUNTED, files))).tolist() == [not there for there in here]
    assert not given(rows.of_keys(DAY, [])).any()


@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
def test_rows_of_one_key_are_counted_in_whatever_chunks_they_lie(lake: Lake, chunk: int) -> None:
    a, b, c = (f"{place:032x}" for place in range(3))
    keys = pa.array([a, b, b, b, c, None, None], pa.string())
    lake.put_table("sorted.parquet", pa.table({"key": keys, "day": pa.array([FIRST] * 7)}))
    assert Rows(lake, "sorted.parquet", chunk).copies().tolist() == [1, 3, 3, 3, 1, 2, 2]


def test_a_batch_without_rows_has_no_copies(lake: Lake) -> None:
    lake.put_table("empty.parquet", pa.table({"key": pa.array([], pa.string())}))
    assert Rows(lake, "empty.parquet", 2).copies().tolist() == []


@pytest.mark.parametrize("chunk", [1, 100])
def test_rows_that_are_not_sorted_by_key_are_not_counted_wrong(lake: Lake, chunk: int) -> None:
    keys = [f"{place:032x}" for place in (1, 0, 1)]
    lake.put_table("mixed.parquet", pa.table({"key": keys}))
    with pytest.raises(ValueError, match=r"mixed\.parquet is not sorted by key"):
        Rows(lake, "mixed.parquet", chunk).copies()


def test_a_spool_gives_each_day_once_in_the_order_in_which_its_rows_came() -> None:
    days = [FIRST + timedelta(days=n * 5 % 9) for n in range(900)]
    spool = Spool(500_000)  # as for many rows: five piles
    for at in range(0, 900, 70):
        part = pa.table({"day": pa.array(days[at : at + 70]), "n": list(range(900))[at : at + 70]})
        spool.add(part)
    found = {day: table["n"].to_pylist() for day, table in spool.by_day()}
    spool.close()
    assert found == {day: [n for n in range(900) if days[n] == day] for day in set(days)}


def test_a_pile_gives_what_it_was_given_also_from_a_file() -> None:
    pile, table = Pile(in_memory=1_000), pa.table({"n": list(range(5_000))})
    pile.add(table)
    pile.add(table)
    assert pile.rows()["n"].to_pylist() == 2 * list(range(5_000))
    pile.close()


@pytest.mark.slow
def test_a_million_rows_cost_what_is_allowed_and_memory_stays_flat() -> None:
    small, large = benchmark.measure(200_000, 28), benchmark.measure(1_000_000, 28)
    assert large.imports + large.work <= 1.25 * benchmark.CPU_SECONDS  # other work on the machine
    assert large.peak <= benchmark.MEGABYTES
    assert large.peak - small.peak <= 200
    assert large.refused == 1_002
