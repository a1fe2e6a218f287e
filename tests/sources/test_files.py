from __future__ import annotations

import gzip
import json
import traceback
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from source_helpers import WHERE, ask

from sundial.register.source import FilesSource
from sundial.sources.connection import Connection
from sundial.sources.errors import SourceBroken
from sundial.sources.fetch import fetch

DAYS = [date(2013, 1, 1), date(2013, 1, 2), date(2013, 1, 3)]
ROWS = {"id": [1, 2, 3], "day": DAYS, "score": [0.5, 0.25, None], "race": ["a", "b", "a"]}


def files(url: Path | str, form: str) -> FilesSource:
    return FilesSource.model_validate({"kind": "files", "url": str(url), "format": form})


def write(folder: Path, form: str) -> Path:
    path = folder / f"rows.{form}"
    if form == "parquet":
        pq.write_table(pa.table(ROWS), path)
    elif form == "csv":
        path.write_text("id,day,score,race\n1,2013-01-01,0.5,a\n2,2013-01-02,0.25,b\n3,2013-01-03,,a\n")
    else:
        rows = [dict(zip(ROWS, values, strict=True)) for values in zip(*ROWS.values(), strict=True)]
        path.write_text("".join(json.dumps(row, default=str) + "\n" for row in rows))
    return path


FORMATS = pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])


@FORMATS
class TestEveryFormat:
    def test_gives_exactly_the_asked_columns_in_their_order(self, tmp_path: Path, form: str) -> None:
        table = ask(files(write(tmp_path, form), form), ["score", "id"])
        assert table.to_pydict() == {"score": [0.5, 0.25, None], "id": [1, 2, 3]}

    def test_gives_rows_since_a_day_though_the_date_is_not_asked_for(self, tmp_path: Path, form: str) -> None:
        table = ask(files(write(tmp_path, form), form), ["id"], since=date(2013, 1, 2), by="day")
        assert table["id"].to_pylist() == [2, 3]

    def test_gives_a_table_without_rows_when_nothing_is_new(self, tmp_path: Path, form: str) -> None:
        table = ask(files(write(tmp_path, form), form), ["id"], since=date(2014, 1, 1), by="day")
        assert table.num_rows == 0

    def test_reads_a_file_url_and_globs_in_the_order_of_names(self, tmp_path: Path, form: str) -> None:
        for name in ("b", "a"):
            (tmp_path / name).mkdir()
            write(tmp_path / name, form)
        table = ask(files(f"file://{tmp_path}/*/rows.{form}", form), ["id"])
        assert table["id"].to_pylist() == [1, 2, 3, 1, 2, 3]

    def test_names_an_unknown_column_and_those_that_there_are(self, tmp_path: Path, form: str) -> None:
        with pytest.raises(SourceBroken, match="has no column decile; it has id, day, score, race") as raised:
            ask(files(write(tmp_path, form), form), ["id", "decile"])
        assert str(raised.value).startswith(WHERE)

    def test_names_the_file_whose_columns_changed(self, tmp_path: Path, form: str) -> None:
        write(tmp_path, form)
        renamed = {"parquet": None, "csv": "id,punctuation\n9,1\n", "jsonl": '{"id": 9, "punctuation": 1}\n'}[
            form
        ]
        later = tmp_path / f"rows2.{form}"
        if renamed is None:
            pq.write_table(pa.table({"id": [9], "punctuation": [1]}), later)
        else:
            later.write_text(renamed)
        with pytest.raises(SourceBroken, match=rf"rows2\.{form} has no column score; it has id, punctuation"):
            ask(files(tmp_path / f"rows*.{form}", form), ["score"])

    def test_says_that_a_file_is_missing(self, tmp_path: Path, form: str) -> None:
        with pytest.raises(SourceBroken, match="no file matches"):
            ask(files(tmp_path / f"none*.{form}", form), ["id"])

    def test_says_that_a_folder_needs_a_glob(self, tmp_path: Path, form: str) -> None:
        with pytest.raises(SourceBroken, match="a folder needs /"):
            ask(files(tmp_path, form), ["id"])

    def test_says_that_a_file_is_empty(self, tmp_path: Path, form: str) -> None:
        path = tmp_path / f"rows.{form}"
        path.touch()
        with pytest.raises(SourceBroken, match=r"is empty \(0 bytes\)"):
            ask(files(path, form), ["id"])

    def test_refuses_a_file_that_is_cut_short_without_showing_a_value(
        self, tmp_path: Path, form: str
    ) -> None:
        path = write(tmp_path, form)
        path.write_bytes(path.read_bytes()[:-6])
        with pytest.raises(SourceBroken, match="cut short") as raised:
            ask(files(path, form), ["id"])
        assert "2013" not in "".join(traceback.format_exception(raised.value))

    def test_cuts_long_files_into_chunks(self, tmp_path: Path, form: str) -> None:
        path = tmp_path / f"rows.{form}"
        count = 250_000
        if form == "parquet":
            pq.write_table(pa.table({"id": range(count)}), path)
        elif form == "csv":
            path.write_text("id\n" + "\n".join(map(str, range(count))))
        else:
            path.write_text("\n".join(f'{{"id": {i}}}' for i in range(count)))
        chunks = fetch(
            files(path, form),
            columns=["id"],
            since=None,
            date_column=None,
            resolve={}.__getitem__,
            where=WHERE,
        )
        assert [chunk.num_rows for chunk in chunks] == [100_000, 100_000, 50_000]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_compressed_text_is_read_and_its_truncation_noticed(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"rows.{form}.gz"
    path.write_bytes(gzip.compress(write(tmp_path, form).read_bytes()))
    assert ask(files(path, form), ["id"])["id"].to_pylist() == [1, 2, 3]
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(SourceBroken, match="cut short"):
        ask(files(path, form), ["id"])


def test_asking_for_no_column_or_one_twice_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    for columns in ([], ["id", "id"]):
        with pytest.raises(ValueError, match="each once"):
            ask(files(write(tmp_path, "csv"), "csv"), columns)


def test_an_unknown_connection_is_named() -> None:
    source = FilesSource(kind="files", url="s3://bucket/x.csv", format="csv", connection="elsewhere")
    with pytest.raises(SourceBroken, match="no connection 'elsewhere'"):
        ask(source, ["id"])


class TestFolderOfAConnection:
    def test_a_relative_url_lies_below_it_and_an_absolute_one_stands(self, tmp_path: Path) -> None:
        path = write(tmp_path, "csv")
        for url, folder in (
            ("rows.csv", tmp_path),
            (f"file://{path}", "/elsewhere"),
            (str(path), "/elsewhere"),
        ):
            source = FilesSource(kind="files", url=url, format="csv", connection="it")
            connection = Connection("fs", extra={"path": str(folder)})
            assert ask(source, ["id"], connection=connection)["id"].to_pylist() == [1, 2, 3]

    def test_a_connection_without_a_folder_is_refused(self) -> None:
        source = FilesSource(kind="files", url="rows.csv", format="csv", connection="it")
        with pytest.raises(SourceBroken, match="no `path` in its extra"):
            ask(source, ["id"], connection=Connection("fs"))


class TestParquet:
    def test_types_are_those_that_hold_all_files(self, tmp_path: Path) -> None:
        pq.write_table(pa.table({"x": pa.array([1], pa.int32()), "y": [1]}), tmp_path / "a.parquet")
        pq.write_table(
            pa.table({"x": [0.5], "y": pa.array(["b"]).dictionary_encode()}), tmp_path / "b.parquet"
        )
        table = ask(files(tmp_path / "*.parquet", "parquet"), ["x", "y"])
        assert table.to_pydict() == {"x": [1.0, 0.5], "y": ["1", "b"]}

    def test_half_precision_is_widened(self, tmp_path: Path) -> None:
        halves = pa.array(np.array([0.5, 2.0], dtype=np.float16))
        pq.write_table(pa.table({"version": halves}), tmp_path / "a.parquet")
        table = ask(files(tmp_path / "a.parquet", "parquet"), ["version"])
        assert table["version"].type == pa.float32()
        assert table["version"].to_pylist() == [0.5, 2.0]

    def test_a_date_and_a_time_meet_as_times(self, tmp_path: Path) -> None:
        pq.write_table(pa.table({"day": DAYS}), tmp_path / "a.parquet")
        pq.write_table(pa.table({"day": [datetime(2013, 1, 2, 5)]}), tmp_path / "b.parquet")  # noqa: DTZ001
        table = ask(files(tmp_path / "*.parquet", "parquet"), ["day"], since=date(2013, 1, 3), by="day")
        assert table["day"].to_pylist() == [datetime(2013, 1, 3)]  # noqa: DTZ001

    def test_only_row_groups_and_columns_that_are_wanted_are_read(self, tmp_path: Path) -> None:
        path = tmp_path / "rows.parquet"
        wide = {f"c{i}": [float(i)] * 3000 for i in range(50)}
        pq.write_table(pa.table({"day": sorted(DAYS * 1000), **wide}), path, row_group_size=1000)
        damaged = bytearray(path.read_bytes())
        first, last = (pq.ParquetFile(path).metadata.row_group(i) for i in (0, 2))
        for column in [*(first.column(i) for i in range(51)), *(last.column(i) for i in range(2, 51))]:
            start = column.dictionary_page_offset or column.data_page_offset
            damaged[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
        path.write_bytes(damaged)
        table = ask(files(path, "parquet"), ["c0"], since=date(2013, 1, 3), by="day")
        assert table["c0"].to_pylist() == [0.0] * 1000
        with pytest.raises(SourceBroken, match="damaged"):
            ask(files(path, "parquet"), ["c0"])

    def test_an_instant_is_kept_from_one_day_earlier_as_its_civil_day_depends_on_the_zone(
        self, tmp_path: Path
    ) -> None:
        times = [datetime(2013, 1, day, 23, 30, tzinfo=UTC) for day in (1, 2, 3)]
        pq.write_table(pa.table({"at": times}), tmp_path / "rows.parquet")
        table = ask(files(tmp_path / "rows.parquet", "parquet"), ["at"], since=date(2013, 1, 3), by="at")
        assert table["at"].to_pylist() == times[1:]

    def test_a_row_without_a_date_is_kept_for_the_gate(self, tmp_path: Path) -> None:
        ds.write_dataset(pa.table({"day": [DAYS[0], None, DAYS[2]]}), tmp_path / "x", format="parquet")
        table = ask(files(tmp_path / "x" / "*", "parquet"), ["day"], since=date(2013, 1, 2), by="day")
        assert table["day"].to_pylist() == [None, DAYS[2]]


class TestCsv:
    def test_a_type_that_widens_late_widens_from_the_start(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("x,y,z,day\n1,1,007,2013-01-01\n")
        (tmp_path / "b.csv").write_text("x,y,z,day\n1.5,n/k,12,\n")
        table = ask(files(tmp_path / "*.csv", "csv"), ["x", "y", "z", "day"])
        assert table.to_pydict() == {
            "x": [1.0, 1.5],
            "y": ["1", "n/k"],
            "z": ["007", "12"],
            "day": [DAYS[0], None],
        }

    def test_a_header_alone_is_a_feed_without_rows(self, tmp_path: Path) -> None:
        for text in ("id,day", "id,day\n", "\ufeffid,day\r\n"):
            (tmp_path / "rows.csv").write_text(text)
            assert ask(files(tmp_path / "rows.csv", "csv"), ["day", "id"]).num_rows == 0

    def test_quoted_commas_and_line_breaks_belong_to_the_value(self, tmp_path: Path) -> None:
        (tmp_path / "rows.csv").write_text('id,"note, long"\n1,"a,\nb"\n')
        assert ask(files(tmp_path / "rows.csv", "csv"), ["note, long"]).to_pylist() == [
            {"note, long": "a,\nb"}
        ]

    def test_a_row_with_too_few_fields_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "rows.csv").write_text("id,name\n1,x\n2\n")
        with pytest.raises(SourceBroken, match="of 1 fields under a header of 2"):
            ask(files(tmp_path / "rows.csv", "csv"), ["id"])

    def test_a_column_that_comes_twice_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "rows.csv").write_text("id,id\n1,2\n")
        with pytest.raises(SourceBroken, match="more than one column id"):
            ask(files(tmp_path / "rows.csv", "csv"), ["id"])

    def test_another_encoding_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "rows.csv").write_text("id,name\n1,é\n", encoding="latin-1")
        with pytest.raises(SourceBroken, match="cannot be read as the feed's format"):
            ask(files(tmp_path / "rows.csv", "csv"), ["name"])

    def test_a_date_column_of_numbers_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "rows.csv").write_text("id,day\n1,20130101\n")
        with pytest.raises(SourceBroken, match="date column day holds int64"):
            ask(files(tmp_path / "rows.csv", "csv"), ["id"], since=DAYS[0], by="day")


class TestJsonLines:
    def test_a_field_left_out_is_null_and_mixed_values_are_text(self, tmp_path: Path) -> None:
        (tmp_path / "rows.jsonl").write_text('{"id": 1, "x": {"b": 1}}\n\n{"id": "k", "y": 2}\n')
        table = ask(files(tmp_path / "rows.jsonl", "jsonl"), ["id", "x", "y"])
        assert table.to_pydict() == {"id": ["1", "k"], "x": ['{"b": 1}', None], "y": [None, 2]}

    def test_a_damaged_line_is_named_by_its_number(self, tmp_path: Path) -> None:
        (tmp_path / "rows.jsonl").write_text('{"id": 1}\n[1]\n')
        with pytest.raises(SourceBroken, match=r"line 2 of .* is no JSON object"):
            ask(files(tmp_path / "rows.jsonl", "jsonl"), ["id"])


@FORMATS
def test_the_names_of_all_columns_are_told(tmp_path: Path, form: str) -> None:
    offered: set[str] = set()
    chunks = fetch(
        files(write(tmp_path, form), form),
        columns=["id"],
        since=None,
        date_column=None,
        resolve={}.__getitem__,
        where=WHERE,
        offered=offered,
    )
    assert [chunk.column_names for chunk in chunks] == [["id"]]
    assert offered == {*ROWS}
