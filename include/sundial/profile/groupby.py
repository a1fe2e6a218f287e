"""Reading an aggregate that a check wrote in Ibis, so that it merges like every other statistic.

The expression is taken apart into columns of each row: its keys, what it sums, what it takes the extremes of,
and whether the row passes its filters. What is left is a statistic like all others.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.operations as ops
from ibis.common.exceptions import IntegrityError

from sundial.profile.aggregates import KEPT, Aggregate, AggregateError, MissingColumnError, Shown
from sundial.profile.columns import Columns
from sundial.profile.statistics import FARTHEST, SUM_SCALE, Over
from sundial.register.columns import FLAGS
from sundial.register.models import System

if TYPE_CHECKING:
    import ibis.expr.types as ir

_INSTEAD: Mapping[type[Any], str] = {
    ops.Mean: "a mean does not merge; ask for sum and count of the column, and divide in measure",
    ops.CountDistinct: "how many differ does not merge; make the column a key, and count levels in measure",
    ops.CountDistinctStar: "how many differ does not merge; make the columns keys, and count in measure",
    ops.Median: "a median does not merge; ask for a histogram() on fixed edges",
    ops.Quantile: "a quantile does not merge; ask for a histogram() on fixed edges",
    ops.Variance: "a variance does not merge; ask for count, sum and the sum of squares",
    ops.StandardDev: "a standard deviation does not merge; ask for count, sum and the sum of squares",
    ops.JoinChain: "a join looks at other rows; have the feed bring the column",
    ops.Sort: "an order means nothing to sums; sort in measure",
    ops.Limit: "a limit takes other rows whenever they come in another order; ask for a sample()",
    ops.Sample: "a random sample is another one in every run; ask for a sample(), which is the same",
    ops.Distinct: "distinct looks at other rows; make the columns keys",
    ops.Aggregate: "there is one group-by; group by all keys at once, and add up in measure",
    ops.Set: "a union counts rows twice; write one filter for both",
    ops.DropNull: "rows are dropped by filters alone; filter by notnull() of the columns",
    ops.FillNull: "missing values are filled by column; use fill_null() of the columns",
    ops.Subquery: "it looks at other rows; compare with a fixed number, or in measure",
    ops.Reduction: "it looks at other rows; compare with a fixed number, or in measure",
    ops.WindowFunction: "a window looks at other rows; rank and compare in measure",
    ops.Impure: "it is another one in every run; take the time from day, and chance from sample()",
    ops.Unnest: "it makes several rows of one; have the feed bring one row each",
    ops.ScalarUDF: "a function in Python does not run where the rows are; write it in Ibis",
}
"""What to use instead of what does not merge, or looks at more than a row."""


def read(system: System, over: Over, build: Callable[[ir.Table], ir.Table], largest: float) -> Aggregate:
    """Returns the aggregate that an expression stands for, and raises, as `aggregate` says."""
    outputs = system.feeds.outputs
    table = ibis.table(_schema(Columns.of(system, outputs) if outputs else Columns()), name="analysis")
    return _read(_built(build, table), table, over, largest)


def _schema(columns: Columns) -> dict[str, str]:
    """Returns the columns that an aggregate may read, and their types."""
    names = sorted(columns.texts | columns.measured)
    kinds = {
        name: "int64" if name in FLAGS else "string" if name in columns.texts else "float64" for name in names
    }
    return {"day": "date", **kinds}


def _built(build: Callable[[ir.Table], ir.Table], table: ir.Table) -> Any:
    try:
        built = build(table)
        return built.op()
    except IntegrityError as error:
        raise AggregateError(
            "it asks the table as it was before a filter or mutate; write _ for what it is there, as in "
            "_.count() (from ibis import _)"
        ) from error
    except Exception as error:
        asked = re.search(r"has no attribute '(\w+)'|Column '(\w+)' is not found", str(error))
        name = next((name for name in asked.groups() if name), "") if asked else ""
        if name and name not in table.columns and not hasattr(table, name):
            raise MissingColumnError(name) from error
        raise


def _read(op: Any, table: ir.Table, over: Over, largest: float) -> Aggregate:
    if not isinstance(op, ops.Aggregate):
        raise AggregateError(
            "an aggregate ends with group_by(...).agg(...) or aggregate(...); what comes after it, "
            "such as having, order or ratios, belongs into measure"
        )
    keys = {name: _of_row(value) for name, value in op.groups.items()}
    columns: dict[str, ir.Value] = {KEPT: _kept(op.parent)}
    result: list[Shown] = []
    for place, (name, key) in enumerate(keys.items()):
        columns[f"key_{place}"], kind = _key(name, key)
        result.append(Shown(name, f"key_{place}", kind))
    by = tuple(columns)[1:]
    units: dict[str, float] = {}
    extremes: list[str] = []
    for place, (name, metric) in enumerate(op.metrics.items()):
        own = f"number_{place}"
        match _metric(name, metric):
            case "n":
                result.append(Shown(name, "n", "int64"))
            case "sum", number:
                is_whole = number.type().is_integer()
                columns[own] = number
                units[own] = float(SUM_SCALE) if is_whole else 2.0 ** math.ceil(math.log2(largest / FARTHEST))
                result.append(Shown(name, f"sum_{own}", "int64" if is_whole else "float64"))
            case end, number:
                columns[own] = number
                extremes.append(own)
                result.append(Shown(name, f"{end}_{own}", "float64"))
    made = {name: value.op() for name, value in columns.items()}
    return Aggregate(
        over,
        by,
        tuple(units),
        tuple(extremes),
        text=str(ibis.to_sql(table.select(**columns), dialect="duckdb")),
        units=tuple(units.items()),
        result=tuple(result),
        reads=frozenset(node.name for op in made.values() for node in op.find(ops.Field, filter=ops.Value)),
        made=made,
    )


def _metric(name: str, op: Any) -> Any:
    """Returns "n", or which of sum, min and max and the number of each row that it is of."""
    while isinstance(op, ops.Alias):
        op = op.arg
    if not isinstance(op, ops.CountStar | ops.Count | ops.Sum | ops.Min | ops.Max):
        instead = next(
            (why for kind, why in _INSTEAD.items() if isinstance(op, kind) and kind is not ops.Reduction),
            "ask for count, sum, min or max, and do the rest in measure",
        )
        raise AggregateError(f"{name} is {type(op).__name__.lower()}: {instead}")
    where = None if op.where is None else _of_row(op.where)
    if isinstance(op, ops.CountStar):
        return "n" if where is None else ("sum", _whole(where.fill_null(False)))
    value = _of_row(op.arg)
    if isinstance(op, ops.Count):
        there = value.notnull() if where is None else where.fill_null(False) & value.notnull()
        return "sum", _whole(there)
    kind = value.type()
    if not (kind.is_integer() or kind.is_floating() or kind.is_boolean() or kind.is_decimal()):
        raise AggregateError(f"{name} is of {kind} values: sum, min and max are of numbers")
    is_whole = kind.is_integer() or kind.is_boolean()
    number = _whole(value) if is_whole else value.cast("float64")
    number = number if isinstance(op, ops.Sum) else number.cast("float64")
    number = number if where is None else where.ifelse(number, None)
    return type(op).__name__.lower(), number


def _key(name: str, key: ir.Value) -> tuple[ir.Value, str]:
    """Returns a key as text, and its own kind."""
    kind = key.type()
    if kind.is_string():
        return key, "str"
    if kind.is_integer() or kind.is_boolean():
        return _whole(key).cast("string"), "Int64" if kind.is_integer() else "boolean"
    remedy = "floor() and cast it to int64" if kind.is_numeric() else "cast it to string"
    raise AggregateError(f"the key {name} is of {kind} values: {remedy}")


def _kept(relation: Any) -> ir.Value:
    """Returns whether a row passes all filters: 1 or 0."""
    passes: list[ir.Value] = []
    while not isinstance(relation, ops.UnboundTable):
        if isinstance(relation, ops.Filter):
            passes += map(_of_row, relation.predicates)
        _parent_of(relation)
        relation = relation.parent
    return _whole(ibis.and_(*passes).fill_null(False))


def _whole(value: ir.Value) -> ir.Value:
    """Returns a whole number, or 1 and 0 for yes and no: not every engine casts these."""
    return (ibis.cases((value, 1), (~value, 0)) if value.type().is_boolean() else value).cast("int64")


def _of_row(value: Any) -> ir.Value:
    """Returns a value as an expression of the columns of the analysis table alone, of one row each."""
    inlined = _inlined(value)
    for node in inlined.find(ops.Value, filter=ops.Value):
        for kind, instead in _INSTEAD.items():
            if isinstance(node, kind):
                raise AggregateError(f"{type(node).__name__} cannot be asked of a row: {instead}")
    return inlined.to_expr()


def _inlined(value: Any) -> Any:
    def step(node: Any, changed: Mapping[str, Any] | None) -> Any:
        if isinstance(node, ops.Field):
            return _column(node.rel, node.name)
        return node.__recreate__(changed) if changed else node

    return value.replace(step, filter=ops.Value)


def _column(relation: Any, name: str) -> Any:
    if isinstance(relation, ops.UnboundTable):
        return ops.Field(relation, name)
    if isinstance(relation, ops.Project):
        return _inlined(relation.values[name])
    return _column(_parent_of(relation), name)


def _parent_of(relation: Any) -> Any:
    if isinstance(relation, ops.Filter | ops.Project | ops.DropColumns):
        return relation.parent
    instead = next(
        (why for kind, why in _INSTEAD.items() if isinstance(relation, kind)),
        "use filter, mutate and select alone",
    )
    raise AggregateError(f"{type(relation).__name__} cannot be asked of the analysis table: {instead}")
