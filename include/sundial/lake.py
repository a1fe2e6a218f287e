"""The lake: Parquet and JSON under one URL; a kill leaves the old file or the new one, never half."""

from __future__ import annotations

import io
import json
import os
import posixpath
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import fsspec

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    import pyarrow.parquet as pq

_DICTIONARY = 16 * 2**10
# Bytes.

_GROUP = 2**16
# Rows that are written and read at once.

_LARGE = 2**25
# Bytes of a file that is not got at once.

_UNDER_WAY = 16
"""Requests to an object store at a time."""

_ABANDONED = 3600.0
"""Seconds after which an unfinished file has no writer any more."""


class Lake:
    """A folder of files under one fsspec URL (`file://`, `s3://`, `gs://`, `abfs://`)."""

    def __init__(
        self, url: str, storage_options: Mapping[str, Any] | None = None, *, lasting: bool = True
    ) -> None:
        """Opens the lake at `url`; nothing is created until something is put.

        Args:
            url: where the lake lies; a bare path is a local folder.
            storage_options: what the fsspec file system needs beyond the URL, such as credentials.
            lasting: whether what is put must survive a loss of power: a disk takes its time for that.
        """
        self._lasting = lasting
        # A kept listing would hide what other processes put; not every file system has one.
        self.fs, root = fsspec.core.url_to_fs(url, **{"use_listings_cache": False, **(storage_options or {})})
        self.root = root.rstrip("/")
        self.is_local = "file" in _protocols(self.fs)

    def uri(self, path: str) -> str:
        """Returns the path as DuckDB and pyarrow take it: absolute when local, with protocol otherwise."""
        full = posixpath.join(self.root, path)
        return full if self.is_local else f"{_protocols(self.fs)[0]}://{full}"

    def put(self, path: str, data: bytes) -> None:
        """Writes the file whole or not at all; the same bytes again change nothing."""
        full = posixpath.join(self.root, path)
        if not self.is_local:  # one PUT of an object store is atomic
            self.fs.pipe_file(full, data)
            return
        target = Path(full)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        with part.open("wb") as file:
            file.write(data)
            if self._lasting:
                file.flush()
                os.fsync(file.fileno())
        part.replace(target)

    def put_json(self, path: str, value: object) -> None:
        """Writes canonical JSON: sorted keys, so that the same value is the same bytes."""
        self.put(path, json.dumps(value, sort_keys=True, ensure_ascii=False, indent=1).encode())

    def put_table(self, path: str, *tables: pa.Table) -> None:
        """Writes an Arrow table as Parquet; others of the same columns begin row groups of their own."""
        self.put(path, parquet_bytes(*tables))

    def get(self, path: str) -> bytes:
        """Returns the file's bytes. Raises FileNotFoundError."""
        data: bytes = self.fs.cat_file(posixpath.join(self.root, path))
        return data

    def get_each(self, paths: Sequence[str]) -> Sequence[bytes]:
        """Returns the bytes of each file; of an object store several are under way at a time.

        Raises:
            FileNotFoundError: one of them is not there.
        """
        if self.is_local:
            return [self.get(path) for path in paths]
        with ThreadPoolExecutor(_UNDER_WAY) as pool:
            return list(pool.map(self.get, paths))

    def get_json(self, path: str) -> Any:
        """Returns the parsed JSON file. Raises FileNotFoundError."""
        return json.loads(self.get(path))

    def get_table(self, path: str) -> pa.Table:
        """Returns the Parquet file as an Arrow table. Raises FileNotFoundError."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        found = pq.read_table(io.BytesIO(self.get(path)))
        return pa.table(found.columns, schema=_gaps(found.schema, [True] * found.num_columns))

    def open(self, path: str) -> AbstractContextManager[IO[bytes]]:
        """Opens the file, to read parts of it. Raises FileNotFoundError."""
        opened: AbstractContextManager[IO[bytes]] = self.fs.open(posixpath.join(self.root, path), "rb")
        return opened

    def parquet(self, path: str, dictionaries: Sequence[str] = ()) -> pq.ParquetFile:
        """Opens a Parquet file to read row groups of it.

        Of an object store it is got at once, unless it is large: then a row group's columns come when it is
        read, in few requests, and no more of the file is in memory.

        Args:
            path: of the file.
            dictionaries: columns that are read as dictionaries.

        Raises:
            FileNotFoundError: it is not there.
        """
        import pyarrow.parquet as pq

        if self.is_local:
            return pq.ParquetFile(self.uri(path), read_dictionary=dictionaries, pre_buffer=False)
        if self.sizes([path])[0] <= _LARGE:
            return pq.ParquetFile(io.BytesIO(self.get(path)), read_dictionary=dictionaries, pre_buffer=False)
        # Its own reading ahead would ask for what nobody wants; pyarrow brings ranges together.
        opened = self.fs.open(posixpath.join(self.root, path), "rb", cache_type="none")
        return pq.ParquetFile(opened, read_dictionary=dictionaries, pre_buffer=True)

    def sizes(self, paths: Sequence[str]) -> Sequence[int]:
        """Returns the bytes of each file."""
        sizes: Sequence[int] = self.fs.sizes([posixpath.join(self.root, path) for path in paths])
        return sizes

    def exists(self, path: str) -> bool:
        """Returns whether the file is there, whole."""
        return bool(self.fs.exists(posixpath.join(self.root, path)))

    def delete(self, path: str) -> None:
        """Removes the file if it is there."""
        with suppress(FileNotFoundError):
            self.fs.rm_file(posixpath.join(self.root, path))

    def sweep(self, prefix: str) -> None:
        """Removes what writers that were killed an hour ago or longer left unfinished under the folder."""
        if not self.is_local:  # an object store shows no unfinished write
            return
        for part in Path(self.root, prefix).rglob(".*.part"):
            with suppress(FileNotFoundError):
                if time.time() - part.stat().st_mtime > _ABANDONED:
                    part.unlink()

    def list(self, prefix: str) -> Sequence[str]:
        """Returns the paths of all files under the folder, sorted; unfinished writes are not files."""
        return list(self.found(prefix))

    def versions(self, prefix: str) -> Mapping[str, Sequence[Any]]:
        """Returns the same paths, each with what the file system says of it; that changes with the file."""
        return {path: tuple(about.values()) for path, about in self.found(prefix).items()}

    def found(self, prefix: str) -> Mapping[str, Mapping[str, Any]]:
        """Returns the same paths, each with what the file system says of it; where it is local: `_files`."""
        folder = posixpath.join(self.root, prefix)
        # The local file system's own listing takes many times as long, and a pull leaves a file for ever.
        found = dict(_files(folder)) if self.is_local else self.fs.find(folder, detail=True)
        start = len(self.root) + 1
        paths = sorted(path for path in found if not posixpath.basename(path).startswith("."))
        return {path[start:]: found[path] for path in paths}

    def attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Lets a DuckDB connection read this lake's URIs."""
        if not self.is_local:
            connection.register_filesystem(self.fs)


def _files(folder: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yields the files below a local folder: size in bytes, time of change in nanoseconds, inode.

    A file that was put again differs in one of them: it was written anew and moved into its place.
    """
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path)
                continue
            with suppress(FileNotFoundError):  # deleted meanwhile
                about = entry.stat()
                yield entry.path, {"size": about.st_size, "mtime": about.st_mtime_ns, "ino": about.st_ino}


def parquet_bytes(*tables: pa.Table) -> bytes:
    """Returns tables of the same columns as one Parquet file; the same tables give the same bytes.

    Snappy takes less time to read than zstd, for more room. A small dictionary keeps levels and whole numbers
    short; numbers that hardly repeat would fill a large one for nothing. Small row groups keep readers small.
    A column without gaps is required: readers then need not ask of each value whether it is there.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    given = tables[0].schema
    gaps = [
        pa.types.is_null(kind) or any(table.column(place).null_count for table in tables)
        for place, kind in enumerate(given.types)
    ]
    schema = _gaps(given, gaps)
    buffer = io.BytesIO()
    with pq.ParquetWriter(
        buffer, schema, compression="snappy", dictionary_pagesize_limit=_DICTIONARY
    ) as writer:
        for table in tables:
            writer.write_table(pa.table(table.columns, schema=schema), row_group_size=_GROUP)
    return buffer.getvalue()


def _gaps(schema: pa.Schema, gaps: Iterable[bool]) -> pa.Schema:
    """Returns the schema with what is said of each column's gaps."""
    import pyarrow as pa

    return pa.schema(map(pa.Field.with_nullable, schema, gaps), metadata=schema.metadata)


def _protocols(fs: fsspec.AbstractFileSystem) -> Sequence[str]:
    return [fs.protocol] if isinstance(fs.protocol, str) else list(fs.protocol)
