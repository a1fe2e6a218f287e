"""Records of a standard as JSON or CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

from sundial.register.exports.standard import Record, Standard, Value, Withheld

_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula, also in full width."""
_SEPARATOR = " | "


class Layout(StrEnum):
    """How an export is written."""

    JSON = "json"
    CSV = "csv"


def written_as(standard: Standard, records: Sequence[Record], layout: Layout) -> str:
    """Returns the records of a standard as a file."""
    return records_json(records) if layout is Layout.JSON else records_csv(standard, records)


def json_of(document: Any) -> str:
    """Returns a document as JSON that people can read."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def records_json(records: Iterable[Record]) -> str:
    """Returns records as JSON; what is withheld is `{"withheld": reason}`."""
    return json_of([{name: _plain(value) for name, value in record.items()} for record in records])


def records_csv(standard: Standard, records: Iterable[Record]) -> str:
    """Returns records as CSV, the standard's fields as columns."""
    return csv_of([field.name for field in standard.fields], [[*record.values()] for record in records])


def csv_of(columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> str:
    """Returns rows as CSV that no spreadsheet takes for formulas; lists are joined by ` | `."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return table.getvalue()


def _plain(value: Value) -> Any:
    return {"withheld": value.reason} if isinstance(value, Withheld) else value


def _cell(value: Value) -> str:
    """Returns a cell that no spreadsheet takes for a formula: one that looks like it begins with a quote."""
    if isinstance(value, Withheld):
        return f"withheld: {value.reason}"
    text = _SEPARATOR.join(value) if isinstance(value, tuple) else value or ""
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
