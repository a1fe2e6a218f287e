"""Clusters that last for weeks, as of who comes again and again: each counts once, on its first day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import ibis

from sundial.profile.accepted import view

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from sundial.lake import Lake

BEGAN = "began_"
"""Column with the day on which a row's cluster first came within its span; null where it has no cluster."""

_SPAN, _TABLE = "span_", "began"
_MONDAY = date(1970, 1, 5)


def span_of(day: date, weeks: int) -> date:
    """Returns the first day of the span that a day lies in: spans follow each other, whole weeks long."""
    return day - timedelta(days=(day - _MONDAY).days % (7 * weeks))


def first_days(outputs: ir.Table, cluster: str, weeks: int) -> ir.Table:
    """Returns span, cluster and the day on which that cluster first came, for all that the outputs have."""
    rows = outputs.filter(outputs[cluster].notnull())
    return rows.group_by([_span(rows, weeks).name(_SPAN), cluster]).agg(**{BEGAN: rows.day.min()})


def beside(outputs: ir.Table, first: ir.Table, cluster: str, weeks: int) -> ir.Table:
    """Returns the outputs with the day on which each one's cluster first came, as `first_days` tells it."""
    rows = outputs.mutate(**{_SPAN: _span(outputs, weeks)})
    return rows.left_join(first, [_SPAN, cluster]).select(*outputs.columns, BEGAN)


def _span(outputs: ir.Table, weeks: int) -> ir.Value:
    return outputs.day.delta(ibis.date(_MONDAY), unit="day") // (7 * weeks)


class Clusters:
    """First days of the clusters of accepted outputs, in a table of the engine that grows with the days."""

    def __init__(self, lake: Lake, connection: Any, cluster: str, weeks: int) -> None:
        """Takes where the rows lie, an Ibis backend on DuckDB, the column and how long clusters last."""
        self._lake, self._connection = lake, connection
        self.cluster, self._weeks = cluster, weeks
        self._read: set[str] = set()
        self._there = False

    def beside(self, outputs: ir.Table) -> ir.Table:
        """Returns outputs of days that were read with the day on which each one's cluster first came."""
        return beside(outputs, self._connection.table(_TABLE), self.cluster, self._weeks)

    def until(self, days: Sequence[date], outputs: Mapping[date, Sequence[str]]) -> None:
        """Reads the outputs from the beginning of the days' spans to their end, but for what it has read.

        Args:
            days: sorted, and none before those of an earlier call.
            outputs: paths of accepted outputs by day.
        """
        start = span_of(days[0], self._weeks)
        paths = [path for day in sorted(outputs) if start <= day <= days[-1] for path in outputs[day]]
        new = [path for path in paths if path not in self._read]
        self._read.update(new)
        rows = view(self._lake, self._connection, "of_spans", new) if new else None
        if rows is None or self.cluster not in rows.columns:
            return
        found = first_days(rows, self.cluster, self._weeks)
        if self._there:  # what is there came earlier
            found = found.anti_join(self._connection.table(_TABLE), [_SPAN, self.cluster])
            self._connection.insert(_TABLE, found)
        else:
            self._connection.create_table(_TABLE, found, temp=True)
            self._there = True
