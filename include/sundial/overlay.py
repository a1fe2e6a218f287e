"""A lake laid over another one for a while: it has that one's files too, and leaves them as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import IO, TYPE_CHECKING, Any, TypeVar

from sundial.lake import Lake

if TYPE_CHECKING:
    import duckdb
    import pyarrow.parquet as pq

_Told = TypeVar("_Told")


class Overlay(Lake):
    """A lake of its own that has files of another one, until it puts its own in their place or deletes them.

    The other lake is only read, and its files are those that it had at the beginning.
    """

    def __init__(self, url: str, below: Lake, shown: Mapping[str, Mapping[str, Any]]) -> None:
        """Opens the lake at `url` over another.

        Args:
            url: where own files go.
            below: the lake that lies below.
            shown: its files that are to be seen, as `Lake.found` tells them.
        """
        super().__init__(url, lasting=False)
        self._below, self._shown = below, dict(shown)

    def uri(self, path: str) -> str:
        """Returns the path as the lake has it that the file lies in."""
        return self._below.uri(path) if path in self._shown else super().uri(path)

    def put(self, path: str, data: bytes) -> None:
        """Writes the file as an own one."""
        super().put(path, data)
        self._shown.pop(path, None)

    def get(self, path: str) -> bytes:
        """Returns the file's bytes. Raises FileNotFoundError."""
        return self._below.get(path) if path in self._shown else super().get(path)

    def open(self, path: str) -> AbstractContextManager[IO[bytes]]:
        """Opens the file, to read parts of it. Raises FileNotFoundError."""
        return self._below.open(path) if path in self._shown else super().open(path)

    def parquet(self, path: str, dictionaries: Sequence[str] = ()) -> pq.ParquetFile:
        """Opens a Parquet file to read row groups of it. Raises FileNotFoundError."""
        if path in self._shown:
            return self._below.parquet(path, dictionaries)
        return super().parquet(path, dictionaries)

    def get_each(self, paths: Sequence[str]) -> Sequence[bytes]:
        """Returns the bytes of each file, as the lakes give several. Raises FileNotFoundError."""
        return self._each(paths, self._below.get_each, super().get_each)

    def sizes(self, paths: Sequence[str]) -> Sequence[int]:
        """Returns the bytes of each file."""
        return self._each(paths, self._below.sizes, super().sizes)

    def _each(
        self,
        paths: Sequence[str],
        below: Callable[[Sequence[str]], Sequence[_Told]],
        own: Callable[[Sequence[str]], Sequence[_Told]],
    ) -> Sequence[_Told]:
        """Returns what each lake gives of its files, asked once for all of them."""
        shown = [path for path in paths if path in self._shown]
        rest = [path for path in paths if path not in self._shown]
        found = dict(zip([*shown, *rest], [*below(shown), *own(rest)], strict=True))
        return [found[path] for path in paths]

    def exists(self, path: str) -> bool:
        """Returns whether the file is there."""
        return path in self._shown or super().exists(path)

    def delete(self, path: str) -> None:
        """Removes the own file, or shows that of the other lake no more."""
        if self._shown.pop(path, None) is None:
            super().delete(path)

    def found(self, prefix: str) -> Mapping[str, Mapping[str, Any]]:
        """Returns the paths of all files under the folder, sorted, with what the file systems say of them."""
        shown = {path: about for path, about in self._shown.items() if path.startswith(f"{prefix}/")}
        return dict(sorted({**shown, **super().found(prefix)}.items()))

    def attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Lets a DuckDB connection read the URIs of both."""
        super().attach(connection)
        self._below.attach(connection)
