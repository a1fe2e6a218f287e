"""Rows set aside while a batch is judged, by day, so that its partitions can be written one after another."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_ROWS_OF_A_PILE = 100_000
_MOST_PILES = 64
_IN_MEMORY = 32_000_000  # bytes of all piles together, before they go to unnamed temporary files


class Pile:
    """Rows set aside in their order: in memory, or in an unnamed temporary file when they are many."""

    def __init__(self, in_memory: int = _IN_MEMORY) -> None:
        """Makes an empty pile, of up to so many bytes before it goes to a file."""
        self._file: Any = tempfile.SpooledTemporaryFile(max_size=in_memory)  # noqa: SIM115
        self._writer: Any = None

    def add(self, table: pa.Table) -> None:
        """Adds rows at the end; all have the same columns."""
        self._writer = self._writer or pa.ipc.new_stream(self._file, table.schema)
        self._writer.write_table(table)

    def rows(self) -> pa.Table:
        """Returns all rows; nothing can be added any more."""
        self._writer.close()
        self._file.seek(0)
        return pa.ipc.open_stream(self._file).read_all()

    def close(self) -> None:
        """Gives the memory or the file back."""
        self._file.close()


class Spool:
    """Piles of rows, each with every n-th day: what is held at once is one pile, or the largest day."""

    def __init__(self, rows: int) -> None:
        """Makes piles for up to so many rows."""
        self._count = min(max(-(-rows // _ROWS_OF_A_PILE), 1), _MOST_PILES)
        self._piles: dict[int, Pile] = {}

    def add(self, table: pa.Table) -> None:
        """Sets rows aside; all tables have the same columns, `day` (date32) among them."""
        days = table["day"].cast(pa.int32()).to_numpy()
        for number in np.unique(days % self._count).tolist():
            pile = self._piles.setdefault(number, Pile(_IN_MEMORY // self._count))
            pile.add(table.filter(pa.array(days % self._count == number)))

    def by_day(self) -> Iterator[tuple[date, pa.Table]]:
        """Yields the rows of each day in the order in which they came; to be called once, at the end."""
        for pile in self._piles.values():
            table = pile.rows()
            table = table.take(pc.sort_indices(table["day"])).combine_chunks()  # a stable sort
            starts = np.unique(table["day"].cast(pa.int32()).to_numpy(), return_index=True)[1].tolist()
            for start, end in itertools.pairwise([*starts, table.num_rows]):
                yield table["day"][start].as_py(), table.slice(start, end - start)

    def close(self) -> None:
        """Gives memory and files back."""
        for pile in self._piles.values():
            pile.close()
