"""Files through fsspec: local ones and those of an S3 store."""

from __future__ import annotations

import errno
import io
import posixpath
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import pyarrow as pa
from botocore.exceptions import BotoCoreError, NoCredentialsError, PartialCredentialsError
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from sundial.register.source import FilesSource
from sundial.sources import csvfile, jsonl, parquet
from sundial.sources.chunks import CommonTypes, TextTypes, settle
from sundial.sources.connection import Connection
from sundial.sources.errors import SourceBroken, SourceError, SourceRefused, SourceUnreachable
from sundial.sources.wanted import Wanted

_CONNECT_SECONDS = 10
_READ_SECONDS = 60
_BUFFER_BYTES = 1 << 20
_OUTAGES = {errno.EREMOTEIO, errno.EBUSY, errno.EIO}


@dataclass(frozen=True)
class _Store:
    files: AbstractFileSystem
    url: str
    wanted: Wanted

    @contextmanager
    def reading(self, path: str) -> Iterator[None]:
        """Say what is wrong with a file or listing; causes are cut off, as they may hold rows or secrets."""
        where = f"{self.wanted.where}: {path}"
        try:
            yield
        except SourceError:
            raise
        except FileNotFoundError:
            raise SourceBroken(
                f"{where} is missing. Have the source deliver it, or correct the feed's url."
            ) from None
        except (PermissionError, NoCredentialsError, PartialCredentialsError):
            raise SourceRefused(
                f"{where} may not be read with these credentials. Correct the connection or its rights."
            ) from None
        except (BotoCoreError, TimeoutError, ConnectionError) as error:
            raise SourceUnreachable(
                f"{where} cannot be reached ({type(error).__name__}). "
                "Try later; check the connection's endpoint_url."
            ) from None
        except (ValueError, EOFError, zlib.error, pa.ArrowException):
            raise SourceBroken(
                f"{where} cannot be read as the feed's format: cut short, damaged or of another format. "
                "Have the source deliver it again."
            ) from None
        except OSError as error:
            if error.errno in _OUTAGES:
                raise SourceUnreachable(
                    f"{where} cannot be read at present: the store fails. Try later."
                ) from None
            raise SourceBroken(f"{where} is damaged. Have the source deliver it again.") from None

    def matches(self) -> list[str]:
        """The files that the URL names, in order; none of them empty.

        Raises:
            SourceBroken: there is no such file, or one is empty.
        """
        with self.reading(self.url):
            pattern = str(self.files._strip_protocol(self.url))
            paths = [pattern] if self.files.isfile(pattern) else sorted(self.files.glob(pattern))
            sizes = {
                path: info["size"] for path in paths if (info := self.files.info(path))["type"] == "file"
            }
        if not sizes:
            raise SourceBroken(
                f"{self.wanted.where}: no file matches {self.url}. "
                "Have the source deliver it, or correct the feed's url (a folder needs /* at its end)."
            )
        for path, size in sizes.items():
            if size == 0:
                raise SourceBroken(
                    f"{self.wanted.where}: {path} is empty (0 bytes). Have the source deliver it again; "
                    "a delivery without rows still has its header."
                )
        return list(sizes)


def _open_store(source: FilesSource, connection: Connection | None, wanted: Wanted) -> _Store:
    if not source.url.startswith("s3://"):
        return _Store(LocalFileSystem(), _local_url(source.url, connection, wanted), wanted)
    from s3fs import S3FileSystem  # heavy, and seldom needed

    extra = connection.extra if connection else {}
    files = S3FileSystem(
        key=(connection.login or None) if connection else None,
        secret=(connection.password or None) if connection else None,
        endpoint_url=extra.get("endpoint_url"),
        client_kwargs={"region_name": extra["region_name"]} if "region_name" in extra else None,
        config_kwargs={
            "connect_timeout": _CONNECT_SECONDS,
            "read_timeout": _READ_SECONDS,
            "retries": {"max_attempts": 2, "mode": "standard"},
        },
        # A listing or a client of an earlier pull would hide new files and new credentials.
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    return _Store(files, source.url, wanted)


def _local_url(url: str, connection: Connection | None, wanted: Wanted) -> str:
    if connection is None:
        return url
    folder = connection.extra.get("path")
    if not isinstance(folder, str) or not folder:
        raise SourceBroken(
            f"{wanted.where}: the connection has no `path` in its extra, below which {url} would lie. "
            "Give it one, or remove the feed's connection."
        )
    return posixpath.join(folder, url.removeprefix("file://"))


def read_files(source: FilesSource, connection: Connection | None, wanted: Wanted) -> Iterator[pa.Table]:
    """The wanted columns of all files of a source, with the same types throughout.

    Args:
        source: which files.
        connection: key, secret and endpoint of an S3 store, or the `path` below which a local url lies
            (Airflow's connection type `fs`); None: the url as it stands, with the machine's own identity.
        wanted: what to read; the bound on dates is pushed down for Parquet only.

    Yields:
        tables of about 100,000 rows at most.

    Raises:
        SourceUnreachable: the store does not answer.
        SourceRefused: the store does not accept the credentials.
        SourceBroken: no file, or one that cannot be read or lacks a column.
    """
    store = _open_store(source, connection, wanted)
    paths = store.matches()
    if source.format == "parquet":
        yield from parquet.read(store.files, paths, wanted, store.reading)
    elif source.format == "csv":
        yield from settle(_texts(store, paths, csvfile.read), TextTypes(wanted.columns))
    else:
        yield from settle(_texts(store, paths, jsonl.read), CommonTypes(wanted.columns))


def _texts(
    store: _Store, paths: list[str], read: Callable[[BinaryIO, str, Wanted], Iterator[pa.Table]]
) -> Iterator[pa.Table]:
    for path in paths:
        with store.reading(path), store.files.open(path, "rb", compression="infer") as handle:
            # The files of fsspec differ in what they can; a buffer makes them alike, and lines fast.
            yield from read(io.BufferedReader(handle, _BUFFER_BYTES), path, store.wanted)
