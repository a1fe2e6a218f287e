"""Values of a column as the analysis table has them, the same on every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir


def text(values: ir.Value) -> ir.Value:
    """Returns the column as text. Whole numbers are whole: one missing value makes pandas write 1 as 1.0."""
    texts = values.cast("string")
    if not values.type().is_floating():
        return texts
    near = finite(values).clip(-(2.0**53), 2.0**53).floor()
    return (near == values).ifelse(near.cast("int64").cast("string"), texts)


def finite(value: ir.Value) -> ir.Value:
    """Returns the number, or null where it is NaN or infinite, which are no measurement.

    Not by `isnan`: DuckDB 2.0 takes the statistics of a Parquet column, which leave NaN out, for a proof
    that there is none, and then fails to cast it.
    """
    return (value * 0.0 == 0.0).ifelse(value, None) if value.type().is_floating() else value
