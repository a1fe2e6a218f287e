"""Clusters: outputs of one week that belong together, as of a meeting or a person, count as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

import ibis

from sundial.profile.accepted import view
from sundial.profile.values import text

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from sundial.lake import Lake
    from sundial.profile.engine import Engine

SIZE = "cluster_size_"
"""Column with how many rows a row's cluster has; null where it has no cluster."""

_WEEK, _CLUSTER, _TABLE = "cluster_week_", "cluster_", "clusters"
_MONDAY = date(1970, 1, 5)


def sizes(outputs: ir.Table, cluster: str) -> ir.Table:
    """Returns how many outputs each cluster has: of the days of one week, and counted in the same week.

    What comes late shares a weight of its own, so that what was counted before keeps the one it had.

    Args:
        outputs: accepted outputs of whole weeks.
        cluster: the column that names the clusters.
    """
    rows = _named(outputs.filter(outputs[cluster].notnull()), cluster)
    return rows.group_by([_WEEK, "counted", _CLUSTER]).agg(**{SIZE: rows.count()})


def beside(outputs: ir.Table, of_clusters: ir.Table, cluster: str) -> ir.Table:
    """Returns the outputs with how many rows each one's cluster has, as `sizes` gives them."""
    rows = _named(outputs, cluster)
    return rows.left_join(of_clusters, [_WEEK, "counted", _CLUSTER]).select(*outputs.columns, SIZE)


def _named(outputs: ir.Table, cluster: str) -> ir.Table:
    # As levels are: a column without a value in one file may have another type there.
    week = outputs.day.delta(ibis.date(_MONDAY), unit="day") // 7
    return outputs.mutate(**{_WEEK: week, _CLUSTER: text(outputs[cluster])})


class Clusters:
    """How many outputs the clusters of the weeks in hand have, in a table of the engine."""

    def __init__(self, lake: Lake, engine: Engine, cluster: str) -> None:
        """Takes where the rows lie, what counts, and the column that names the clusters."""
        self._lake, self._engine, self.cluster = lake, engine, cluster
        self._mondays: frozenset[date] = frozenset()

    def beside(self, outputs: ir.Table) -> ir.Table:
        """Returns outputs of days that were read, each with how many rows its cluster has."""
        return beside(outputs, self._engine.connection.table(_TABLE), self.cluster)

    def read(self, days: Sequence[date], outputs: Mapping[date, Sequence[str]]) -> None:
        """Reads the weeks of the days, unless they are in hand.

        Args:
            days: those that are asked about next.
            outputs: paths of all accepted outputs by day.
        """
        mondays = frozenset(map(week_of, days))
        if mondays <= self._mondays:
            return
        paths = [path for day in sorted(outputs) if week_of(day) in mondays for path in outputs[day]]
        connection = self._engine.connection
        rows = view(self._lake, connection, "of_weeks", paths)
        if self.cluster in rows.columns:
            # Ibis' create_table overwrites by names that DuckDB 2.0 does not take.
            sql = connection.compile(sizes(rows, self.cluster))
            connection.con.execute(f"CREATE OR REPLACE TEMP TABLE {_TABLE} AS {sql}")
        self._mondays = mondays


def week_of(day: date) -> date:
    """Returns the first day of the week that a day lies in."""
    return day - timedelta(days=day.weekday())
