"""Rows that come as Python values, from JSON or a database driver, as Arrow tables."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa

from sundial.sources.wanted import CHUNK_ROWS, Wanted


def array_of(values: Sequence[Any]) -> pa.Array:
    """An Arrow array of the narrowest type that holds all values; mixed and nested ones become JSON text."""
    first = next((value for value in values if value is not None), None)
    if isinstance(first, Decimal):
        values = [_number(value) for value in values]
    if isinstance(first, UUID | dict | list):
        return _texts(values)
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return _texts(values)


def _number(value: Any) -> Any:
    """Decimals without a fraction stay exact, as keys may be such; the others are measured as floats."""
    if not isinstance(value, Decimal):
        return value
    if value.is_finite() and value.as_tuple().exponent == 0:
        return int(value)
    return float(value)


def _texts(values: Sequence[Any]) -> pa.Array:
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _text(value: Any) -> str:
    if isinstance(value, bool | int | float | dict | list):
        return json.dumps(value, sort_keys=True, default=str)
    return str(value)


def tables_of(records: Iterable[Mapping[str, Any]], wanted: Wanted, inside: str) -> Iterator[pa.Table]:
    """Records as tables of the wanted columns, in chunks.

    A record may leave a field out, which is then null; one that no record of the first chunk has is unknown.

    Raises:
        SourceBroken: a wanted column is unknown.
    """
    rest = iter(records)
    first = True
    while chunk := list(itertools.islice(rest, CHUNK_ROWS)):
        if first:
            wanted.check_present(dict.fromkeys(itertools.chain.from_iterable(chunk)), inside)
        first = False
        yield pa.table({name: array_of([record.get(name) for record in chunk]) for name in wanted.columns})
    if first:
        yield pa.table({name: pa.nulls(0) for name in wanted.columns})
