"""Aggregates that a check writes itself: an Ibis group-by whose parts merge, on the analysis table.

What reads the expression is `sundial.profile.groupby`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from sundial.profile.statistics import SUM_SCALE, Over, Statistic
from sundial.register.models import System

if TYPE_CHECKING:
    import ibis.expr.types as ir

LARGEST = 2**20
"""Number beyond which a row's own is summed as if it lay there, unless the aggregate says otherwise."""

KEPT = "kept"
"""The column that says whether a row passes the filters: 1 or 0."""


class AggregateError(ValueError):
    """The expression is none that merges; the message says why, and what to use instead."""


class MissingColumnError(LookupError):
    """The expression asks for a column that the system has not.

    Attributes:
        column: its name.
    """

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


@dataclass(frozen=True)
class Shown:
    """A column of the result: its name, what of the cells it is, and its kind as pandas names it."""

    name: str
    of: str
    kind: str


@dataclass(frozen=True)
class Aggregate(Statistic):
    """An aggregate of a check's own: count, sums and extremes by keys, all of columns that it makes itself.

    Attributes:
        text: what its columns are, compiled: the same declaration has the same text everywhere.
        units: of its sums, by column.
        result: the columns of the result, keys first.
        reads: the columns of the analysis table that it reads.
        made: its columns of each row by name, on a table that stands for the analysis table.
    """

    text: str = ""
    units: tuple[tuple[str, float], ...] = ()
    result: tuple[Shown, ...] = ()
    reads: frozenset[str] = frozenset()
    made: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def id(self) -> str:
        """Names the statistic in stored profiles."""
        told = ["aggregate", self.over, self.text, self.by, self.units, self.extremes]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]

    @property
    def columns(self) -> frozenset[str]:
        """The columns of the analysis table that it reads."""
        return self.reads

    def unit(self, column: str) -> float:
        """Returns the unit of a column's sum."""
        return dict(self.units)[column]

    def answers(self, other: Statistic) -> bool:
        """Whether the other asks for the same columns, whatever it calls them."""
        return isinstance(other, Aggregate) and self.id == other.id

    def name_of(self, column: str) -> str:
        """Returns the name of one of its columns among those of all statistics."""
        return f"{self.id} {column}"

    def on(self, table: ir.Table) -> dict[str, ir.Value]:
        """Returns its columns of each row of an analysis table, by name."""
        import ibis.expr.operations as ops

        def bound(node: Any, changed: Mapping[str, Any] | None) -> Any:
            if isinstance(node, ops.Field):
                return table[node.name].cast(node.dtype).op()
            return node.__recreate__(changed) if changed else node

        return {name: op.replace(bound, filter=ops.Value).to_expr() for name, op in self.made.items()}

    def shown(self, cells: pd.DataFrame) -> pd.DataFrame:
        """Returns cells as the expression names its columns: keys first, sums in their own unit.

        Sums are 0 where nothing is known, extremes then NaN.
        """
        return pd.DataFrame({column.name: self._values(cells, column) for column in self.result})

    def _values(self, cells: pd.DataFrame, column: Shown) -> pd.Series[Any]:
        values, kind = cells[column.of], cast("Any", column.kind)  # Pandas' stubs know its names, not texts
        if column.of in self.by and column.kind != "str":
            return pd.to_numeric(values).astype("Int64").astype(kind)
        if column.of.startswith("sum_") and column.kind == "float64":
            return values * (self.unit(column.of.removeprefix("sum_")) / SUM_SCALE)
        return values.astype(kind)


def aggregate(
    system: System, over: Over, build: Callable[[ir.Table], ir.Table], *, largest: float = LARGEST
) -> Aggregate:
    """Takes an Ibis group-by of count, sum, min and max, with filters and columns that look at one row each.

    Args:
        system: whose analysis table it is.
        over: outputs or outcomes.
        build: from the analysis table, which has `day`, the system's categories and numbers and what Sundial
            makes, to the group-by. It is called to read the expression; no rows are there.
        largest: the number beyond which a row's own is summed as if it lay there. Sums are whole multiples of
            about `largest` / 10^12. Whole numbers are summed as such, up to 2^40 a row.

    Raises:
        AggregateError: the expression does not merge, or looks at more than a row.
        MissingColumnError: the system has not what it asks for.
    """
    from sundial.profile.groupby import read  # with Ibis, which few checks need

    return read(system, over, build, largest)
