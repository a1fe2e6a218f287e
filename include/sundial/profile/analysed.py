"""Accepted rows as the analysis table, in arrays that can be counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from sundial.profile.accepted import days_of, first_half
from sundial.profile.aggregates import Aggregate
from sundial.profile.analysis import PLACE, derived
from sundial.profile.clusters import Clusters, beside, sizes
from sundial.profile.columns import Columns
from sundial.profile.counting import Rows
from sundial.profile.engine import Engine
from sundial.profile.statistics import RANK_DIGITS, UNKNOWN, Over, Statistic


class Analysis:
    """The analysis table of accepted rows: the engine derives what is no column of the feed as it is."""

    def __init__(
        self,
        engine: Engine,
        columns: Columns,
        plan: Sequence[Statistic],
        over: Over = "outputs",
        clusters: Clusters | None = None,
    ) -> None:
        """Takes what the rows are and what is asked of them.

        Args:
            engine: derives what is no column of the feed as it is.
            columns: which column is what.
            plan: what is asked.
            over: what they are rows of.
            clusters: it must have read the days of the rows; without it clusters are of the rows given.
        """
        self._over, self._clusters = over, clusters
        self._engine, self._columns = engine, columns
        self._aggregates = [statistic for statistic in plan if isinstance(statistic, Aggregate)]
        plain = [statistic.columns for statistic in plan if not isinstance(statistic, Aggregate)]
        made = [map(aggregate.name_of, aggregate.made) for aggregate in self._aggregates]
        self._wanted = frozenset[str]().union(*plain, *made)
        # By schema: Ibis takes its time to write a statement.
        self._statements: dict[pa.Schema, str] = {}

    def of(self, rows: pa.Table) -> Mapping[Over, Rows]:
        """Returns the rows by what a statistic may be over."""
        sources = {name: source for name in self._wanted if (source := self._source(rows.schema, name))}
        found = {name: rows[source] for name, source in sources.items()}
        if derived := sorted(self._wanted - sources.keys()):
            told = self._derived(rows, derived)
            found |= {name: told[name] for name in derived}
        found = {
            name: _coded(column, unknown=name in self._columns.categories) for name, column in found.items()
        }
        day, rank = days_of(rows), (first_half(rows) >> np.uint64(64 - 4 * RANK_DIGITS)).astype(np.int64)
        if "outcome_counted" not in rows.column_names:
            known, outcome_counted = np.zeros(0, np.intp), np.zeros(0, np.int64)
        else:
            known = np.flatnonzero(rows["outcome_counted"].is_valid().to_numpy())
            outcome_counted = days_of(rows.select(["outcome_counted"]).take(known), "outcome_counted")
        return {
            self._over: Rows(day, days_of(rows, "counted"), found, rank),
            "outcomes": Rows(day[known], outcome_counted, found, rank, known),
        }

    def _source(self, schema: pa.Schema, name: str) -> str | None:
        """Returns the column of the rows that the analysis table's is, but for the kind of number."""
        columns = self._columns
        of_class = columns.task == "multiclass"
        own: dict[str, str | None] = {
            "score": columns.score,
            "predicted": None if columns.ranked or of_class else columns.prediction,
            "outcome": None if of_class or columns.task == "regression" else "truth_",
        }
        source = own.get(name, name)
        if source is None or source not in schema.names:
            return None
        kind = schema.field(source).type
        if name in columns.categories:
            of_text = pa.types.is_dictionary(kind) and kind.value_type in (pa.string(), pa.large_string())
            return source if of_text else None
        if name in columns.numbers or name == "score":
            return source if pa.types.is_floating(kind) or pa.types.is_integer(kind) else None
        return source if name in own and pa.types.is_integer(kind) else None

    def _derived(self, rows: pa.Table, names: Sequence[str]) -> pa.Table:
        connection = self._engine.connection
        con = connection.con
        con.register("rows", rows.append_column(PLACE, pa.array(np.arange(len(rows)))))
        if rows.schema not in self._statements:
            table = connection.table("rows")
            if (cluster := self._columns.cluster) is not None and cluster in rows.schema.names:
                given = self._clusters
                table = given.beside(table) if given else beside(table, sizes(table, cluster), cluster)
            found = derived(table, self._columns)
            own = {
                aggregate.name_of(name): value
                for aggregate in self._aggregates
                for name, value in aggregate.on(found).items()
            }
            found = found.mutate(**own)
            # What looks at several rows, at lists or clusters, gives them in another order.
            in_order = found.order_by(PLACE) if self._columns.ranked or self._columns.cluster else found
            self._statements[rows.schema] = str(connection.compile(in_order.select(names)))
        found = con.sql(self._statements[rows.schema]).to_arrow_table()
        con.unregister("rows")
        return found


def _coded(column: pa.ChunkedArray, *, unknown: bool) -> pa.ChunkedArray:
    """Returns a text as dictionaries, UNKNOWN where it is missing if that is a level; all else as it is."""
    if pa.types.is_string(column.type):
        column = column.dictionary_encode()
    if not (unknown and column.null_count and pa.types.is_dictionary(column.type)):
        return column
    return pa.chunked_array(
        [
            pa.DictionaryArray.from_arrays(
                chunk.indices.fill_null(len(chunk.dictionary)),
                pa.concat_arrays([chunk.dictionary, pa.array([UNKNOWN], chunk.dictionary.type)]),
            )
            for chunk in column.chunks
        ]
    )
