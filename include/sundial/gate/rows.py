"""The rows of a landed batch in bounded chunks, and what other files say of their keys."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sundial.lake import Lake

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

CHUNK = 200_000
"""Rows validated at once: bounds memory to some hundred MB whatever the batch."""

KEYS_AT_ONCE = 500_000
"""Keys of a batch that are looked up at once: bounds the memory of the joins."""

_BUFFER = 1 << 20  # bytes of a column read ahead; else all of a row group is held
_NOTHING = np.iinfo(np.int32).min
_KEY_BYTES = 16

ANY = "SELECT key, 1 AS value FROM {files}"
DAY = "SELECT key, day - DATE '1970-01-01' AS value FROM {files}"
COUNTED = """
    SELECT key, CAST(counted AS DATE) - DATE '1970-01-01' AS value FROM {files}
    WHERE key IS NOT NULL AND counted IS NOT NULL"""


class Rows:
    """The rows of one batch.

    Attributes:
        count: how many there are.
        columns: their names.
    """

    def __init__(self, lake: Lake, path: str, chunk: int) -> None:
        """Takes the landed file at `path`, to be read `chunk` rows at a time."""
        self._lake, self._path, self._chunk = lake, path, chunk
        with self._open() as file:
            self.count: int = file.metadata.num_rows
            self.columns: Sequence[str] = file.schema_arrow.names
            self._widened = _widened(file)

    @contextmanager
    def _open(self) -> Iterator[pq.ParquetFile]:
        with self._lake.open(self._path) as opened:
            yield pq.ParquetFile(opened, buffer_size=_BUFFER, pre_buffer=False)

    def chunks(self) -> Iterator[pa.Table]:
        """Yields all rows in their order; one empty chunk when there are none."""
        with self._open() as file:
            if not self.count:
                yield file.schema_arrow.empty_table()
            for part in file.iter_batches(self._chunk):
                yield pa.Table.from_batches([part])

    def whole(self, columns: Collection[str]) -> pd.DataFrame:
        """Returns these columns of all rows."""
        with self._open() as file:
            return self.frame(file.read(list(columns)))

    def frame(self, table: pa.Table) -> pd.DataFrame:
        """Returns rows as pandas has them, with the types that the column has in the whole batch."""
        if "day" in table.column_names:
            place = table.schema.get_field_index("day")
            table = table.set_column(place, "day", table["day"].cast(pa.timestamp("s")))
        frame: pd.DataFrame = table.to_pandas()
        return frame.astype({name: kind for name, kind in self._widened.items() if name in frame})

    def copies(self) -> NDArray[np.int32]:
        """Returns how many rows of the batch have each row's key.

        Raises:
            ValueError: the rows are not sorted by key, as a pull lands them.
        """
        first = np.ones(self.count, dtype=bool)
        at = 0
        with self._open() as file:
            last = pa.nulls(1, pa.string())
            for part in file.iter_batches(self._chunk, columns=["key"]):
                keys = pa.concat_arrays([last, part["key"].cast(pa.string())])
                if pc.any(pc.less(keys[1:], keys[:-1])).as_py():
                    raise ValueError(f"{self._path} is not sorted by key, as a pull lands it; pull it anew")
                same = pc.equal(keys[1:], keys[:-1])
                both_missing = pc.and_(pc.is_null(keys[1:]), pc.is_null(keys[:-1]))
                again = pc.or_(both_missing, pc.fill_null(same, False))
                first[at : at + len(part)] = ~again.to_numpy(zero_copy_only=False)
                last, at = keys[-1:], at + len(part)
        first[:1] = True
        starts = np.flatnonzero(first)
        runs = np.diff(starts, append=self.count).astype(np.int32)
        return np.repeat(runs, runs)

    def of_keys(self, source: str, paths: Sequence[str]) -> NDArray[np.int32]:
        """Looks up each row's key.

        Args:
            source: the query that gives `key` and `value`, such as `ANY`; of a key the least value counts.
            paths: the files that it is about.

        Returns:
            The value by row, as `given` and `dates` take it.
        """
        values = np.full(self.count, _NOTHING, dtype=np.int32)
        uris = [self._lake.uri(path) for path in paths]
        if not uris:
            return values
        parts = -(-self.count // KEYS_AT_ONCE)
        with duckdb.connect(config={"threads": 1}) as connection:  # each thread holds columns of its own
            self._lake.attach(connection)
            landed = connection.read_parquet(self._lake.uri(self._path), file_row_number=True)
            files = connection.read_parquet(uris, union_by_name=True)
            # 16 bytes join in half the time of the 32 digits that landed rows have.
            for name, rows in (("landed", landed), ("files", files)):
                connection.register(name, rows.project("* REPLACE (CAST(key AS UUID) AS key)"))
            for part in range(parts):
                of_part = f"hash(key) % {parts} = {part}"
                query = f"""
                    WITH asked AS (SELECT file_row_number AS place, key FROM landed WHERE {of_part}),
                    found AS ({source.format(files=f"(SELECT * FROM files WHERE {of_part})")})
                    SELECT place, min(value) AS value FROM asked JOIN found
                    ON asked.key IS NOT DISTINCT FROM found.key GROUP BY place"""  # noqa: S608
                found = connection.sql(query).to_arrow_table()
                values[found["place"].to_numpy()] = found["value"].to_numpy()
        return values


def compact(keys: pa.ChunkedArray) -> pa.Array:
    """Returns keys of 32 hexadecimal digits, none of them missing, as UUIDs: as accepted rows have them."""
    raw = bytes.fromhex("".join(keys.to_pylist()))
    stored = pa.FixedSizeBinaryArray.from_buffers(pa.binary(_KEY_BYTES), len(keys), [None, pa.py_buffer(raw)])
    return pa.ExtensionArray.from_storage(pa.uuid(), stored)


def given(values: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Returns for which rows something was found."""
    found: NDArray[np.bool_] = values != _NOTHING
    return found


def dates(values: NDArray[np.int32]) -> NDArray[np.datetime64]:
    """Returns days since 1970 as dates; NaT where nothing was found."""
    found = values.astype("datetime64[D]").astype("datetime64[s]")
    found[~given(values)] = np.datetime64("NaT")
    return found


def _widened(file: pq.ParquetFile) -> dict[str, str]:
    """Returns the pandas type of columns that have another one in a chunk without missing values."""
    numbers = [field.name for field in file.schema_arrow if pa.types.is_integer(field.type)]
    truths = [field.name for field in file.schema_arrow if pa.types.is_boolean(field.type)]
    wide = dict.fromkeys(numbers, "float64") | dict.fromkeys(truths, "object")
    return {name: kind for name, kind in wide.items() if _has_nulls(file, name)}


def _has_nulls(file: pq.ParquetFile, name: str) -> bool:
    meta = file.metadata
    groups = [meta.row_group(number) for number in range(meta.num_row_groups)]
    columns = (group.column(place) for group in groups for place in range(group.num_columns))
    known = [column.statistics for column in columns if column.path_in_schema == name]
    return any(stats is None or not stats.has_null_count or stats.null_count for stats in known)
