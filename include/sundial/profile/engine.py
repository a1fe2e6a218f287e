"""The engine of derived columns: DuckDB by Ibis, connected when it is first asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis

if TYPE_CHECKING:
    from sundial.lake import Lake


class Engine:
    """DuckDB, which most accepted rows need not: Ibis loads every dialect of SQL to connect."""

    def __init__(self, lake: Lake) -> None:
        """Takes the lake whose files it may read."""
        self._lake = lake
        self._connection: Any = None

    @property
    def connection(self) -> Any:
        """The Ibis backend that the lake is attached to."""
        if self._connection is None:
            self._connection = ibis.duckdb.connect()
            self._lake.attach(self._connection.con)
        return self._connection

    def close(self) -> None:
        """Ends the connection, if there is one."""
        if self._connection is not None:
            self._connection.disconnect()
