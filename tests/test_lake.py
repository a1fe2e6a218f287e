"""The lake is the same on a folder and on S3: files whole or not at all, listed, deleted, read by DuckDB."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem
from small_system import DATES, ID, run_of

from sundial.lake import Lake
from sundial.overlay import Overlay
from sundial.register.principles import Principle
from sundial.store.results import Results
from sundial.sunset.judge import judge

TABLE = pa.table({"key": ["a", "b"], "day": [date(2024, 1, 1), date(2024, 1, 2)]})


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, object]]:
    """What fsspec needs to reach an S3 of this test's own, with the bucket `lake` in it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        endpoint = "http://{}:{}".format(*server.get_host_and_port())
        options = {"key": "k", "secret": "s", "endpoint_url": endpoint}
        S3FileSystem(**options, skip_instance_cache=True).mkdir("lake")
        yield options
    finally:
        server.stop()


@pytest.fixture(params=["file", "s3"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    if request.param == "file":
        return Lake(f"file://{tmp_path}/lake")
    return Lake(f"s3://lake/{tmp_path.name}", request.getfixturevalue("s3"))


def test_what_was_put_is_got(lake: Lake) -> None:
    lake.put("a/b.bin", b"one")
    lake.put("a/b.bin", b"two")
    lake.put_json("a/c.json", {"z": 1, "ä": None})
    lake.put_table("a/d.parquet", TABLE)
    assert lake.get("a/b.bin") == b"two"
    assert lake.get_json("a/c.json") == {"z": 1, "ä": None}
    assert lake.get_table("a/d.parquet") == TABLE
    assert lake.exists("a/b.bin")
    assert not lake.exists("a/nothing")


@pytest.mark.parametrize(
    "column",
    [pa.nulls(0), pa.nulls(2), pa.array([], pa.string()), pa.array([[1, None], []]), pa.array([None, 1])],
)
def test_a_column_without_rows_or_values_is_got_as_it_was_put(lake: Lake, column: pa.Array) -> None:
    table = pa.table({"a": column})
    lake.put_table("a.parquet", table)
    assert lake.get_table("a.parquet") == table


def test_a_missing_file_is_said_to_be_missing(lake: Lake) -> None:
    with pytest.raises(FileNotFoundError):
        lake.get("nothing.json")


def test_many_files_are_got_in_the_order_in_which_they_are_asked_for(lake: Lake) -> None:
    paths = [f"a/{place}" for place in range(40)]
    for path in paths:
        lake.put(path, path.encode())
    assert lake.get_each(paths[::-1]) == [path.encode() for path in paths[::-1]]
    assert lake.get_each([]) == []
    with pytest.raises(FileNotFoundError):
        lake.get_each(["a/1", "a/nothing"])


def test_files_are_listed_below_their_folder_and_in_order(lake: Lake) -> None:
    assert list(lake.list("a")) == []
    for path in ("a/2/x.json", "a/1.json", "ab/3.json", "b/4.json"):
        lake.put_json(path, path)
    assert list(lake.list("a")) == ["a/1.json", "a/2/x.json"]


def test_a_file_that_was_written_again_has_another_version(lake: Lake) -> None:
    for path in ("a/1", "a/2"):
        lake.put(path, b"one")
    before = lake.versions("a")
    assert before == lake.versions("a")
    lake.put("a/2", b"two")
    after = lake.versions("a")
    assert list(after) == list(lake.list("a"))
    assert after["a/1"] == before["a/1"]
    assert after["a/2"] != before["a/2"]


def test_an_unfinished_write_is_no_file(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    lake.put("a/done.json", b"{}")
    (tmp_path / "a" / ".next.json.0badcafe.part").write_bytes(b"{")
    assert list(lake.list("a")) == ["a/done.json"]


def test_a_deleted_file_is_gone_and_may_be_deleted_again(lake: Lake) -> None:
    lake.put("a/b", b"")
    lake.put("a/c", b"")
    lake.delete("a/b")
    lake.delete("a/b")
    assert list(lake.list("a")) == ["a/c"]


def test_what_another_process_put_is_seen(lake: Lake, request: pytest.FixtureRequest) -> None:
    """A page of the web server stays for weeks, while tasks come and go."""
    lake.put("a/1", b"")
    assert list(lake.list("a")) == ["a/1"]
    options = {} if lake.is_local else request.getfixturevalue("s3")
    other = Lake(lake.uri(""), {**options, "skip_instance_cache": True})
    other.put("a/2", b"")
    other.delete("a/1")
    assert list(lake.list("a")) == ["a/2"]
    assert lake.exists("a/2")
    assert not lake.exists("a/1")


def test_duckdb_reads_its_uris(lake: Lake) -> None:
    lake.put_table("a/1.parquet", TABLE)
    lake.put_table("a/2.parquet", TABLE)
    with duckdb.connect() as connection:
        lake.attach(connection)
        uris = [lake.uri(path) for path in lake.list("a")]
        assert connection.read_parquet(uris).to_arrow_table() == pa.concat_tables([TABLE, TABLE])


@pytest.mark.slow
def test_of_a_large_file_a_row_group_is_got_when_it_is_read(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sundial.lake._GROUP", 1_000)
    monkeypatch.setattr("sundial.lake._LARGE", 10_000)
    table = pa.table({"number": range(20_000), "level": ["a", "b"] * 10_000})
    lake.put_table("large.parquet", table)
    asked: list[int] = []
    if not lake.is_local:
        call = lake.fs._call_s3

        async def told(method: str, *words: object, **options: Any) -> object:
            if method == "get_object":
                first, last = options["Range"].removeprefix("bytes=").split("-")
                asked.append(int(last) - int(first) + 1)
            return await call(method, *words, **options)

        monkeypatch.setattr(lake.fs, "_call_s3", told)
    with lake.parquet("large.parquet", ["level"]) as file:
        opened = len(asked)
        rows = file.read_row_groups([7, 8], ["number", "level"])
    assert rows["number"].to_pylist() == list(range(7_000, 9_000))
    assert pa.types.is_dictionary(rows.schema.field("level").type)
    if not lake.is_local:
        (size,) = lake.sizes(["large.parquet"])
        assert 0 < sum(asked[opened:]) < size / 4
        assert len(asked) - opened <= 4


def test_runs_on_s3_find_what_runs_on_a_folder_find(tmp_path: Path, s3: dict[str, object]) -> None:
    hashes, files = [], []
    for name, lake in (("file", Lake(f"file://{tmp_path}/lake")), ("s3", Lake("s3://lake/runs", s3))):
        folder = tmp_path / name
        folder.mkdir()
        for as_of in DATES:
            run = run_of(folder, as_of, stricter=as_of != DATES[0], lake=lake)
            run.database.migrate()
            run.pull()
            run.gate()
            run.profile()
            for principle in Principle:
                run.check(principle)
            run.record()
            judge(run.system, run.policy, {ID: run.system}, run.database, as_of)
        hashes.append(Results(run.database).content_hash())
        files.append({path: lake.get(path) for path in lake.list("") if not path.endswith(".html")})
    assert hashes[0] == hashes[1]
    assert files[0] == files[1]


def test_what_a_killed_writer_left_is_swept_after_an_hour(tmp_path: Path) -> None:
    lake = Lake(f"file://{tmp_path}")
    lake.put("systems/a/x.json", b"{}")
    fresh, old = tmp_path / "systems/a/.y.json.1.part", tmp_path / "systems/a/.z.json.2.part"
    for part in (fresh, old):
        part.write_bytes(b"half")
    an_hour_ago = time.time() - 3601
    os.utime(old, (an_hour_ago, an_hour_ago))
    lake.sweep("systems")
    assert fresh.exists()
    assert not old.exists()
    assert lake.list("systems") == ["systems/a/x.json"]


class TestOverlay:
    """A lake laid over the one of each test."""

    @pytest.fixture
    def over(self, lake: Lake, tmp_path: Path) -> Overlay:
        lake.put_table("a/old.parquet", TABLE)
        lake.put("a/hidden.bin", b"hidden")
        lake.put("ab/other.bin", b"other")
        shown = {path: about for path, about in lake.found("").items() if "hidden" not in path}
        return Overlay(f"{tmp_path}/own", lake, shown)

    def test_files_of_both_are_listed_and_got(self, over: Overlay) -> None:
        over.put("a/new.bin", b"new")
        assert over.list("a") == ["a/new.bin", "a/old.parquet"]
        assert over.versions("a").keys() == {"a/new.bin", "a/old.parquet"}
        assert over.get_table("a/old.parquet") == TABLE
        assert over.get("a/new.bin") == b"new"
        assert list(over.sizes(["a/new.bin", "ab/other.bin"])) == [3, 5]
        assert over.get_each(["a/new.bin", "ab/other.bin", "a/new.bin"]) == [b"new", b"other", b"new"]
        assert list(over.get_each([])) == list(over.sizes([])) == []
        with over.open("ab/other.bin") as file:
            assert file.read() == b"other"
        assert over.exists("ab/other.bin")
        assert not over.exists("a/hidden.bin")
        with pytest.raises(FileNotFoundError):
            over.get("a/hidden.bin")
        with pytest.raises(FileNotFoundError):
            over.get_each(["a/new.bin", "a/hidden.bin"])

    def test_what_is_put_or_deleted_leaves_the_other_lake_as_it_is(self, over: Overlay, lake: Lake) -> None:
        before = lake.versions("")
        over.put("ab/other.bin", b"own")
        assert over.get("ab/other.bin") == b"own"
        over.delete("a/old.parquet")
        assert over.list("a") == []
        over.delete("ab/other.bin")
        assert not over.exists("ab/other.bin")
        assert over.list("ab") == []
        assert lake.versions("") == before

    def test_pyarrow_and_duckdb_read_files_of_both(self, over: Overlay) -> None:
        over.put_table("a/new.parquet", TABLE)
        for path in ("a/old.parquet", "a/new.parquet"):
            assert over.parquet(path).read().to_pydict() == TABLE.to_pydict()
        with duckdb.connect() as connection:
            over.attach(connection)
            uris = [over.uri(path) for path in over.list("a")]
            assert connection.read_parquet(uris).count("*").fetchall() == [(4,)]
