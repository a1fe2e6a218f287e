from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from sundial.register.source import HttpSource, PageNumber, Source

ENTRY: TypeAdapter[Source] = TypeAdapter(Source)


def test_the_kind_decides_which_fields_there_are() -> None:
    entry = ENTRY.validate_python(
        {
            "kind": "http",
            "connection": "api",
            "path": "/v1/x",
            "paging": {"kind": "page", "param": "p", "size": 50},
        }
    )
    assert isinstance(entry, HttpSource)
    assert entry.paging == PageNumber(kind="page", param="p", size=50)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"kind": "files", "url": "http://x/y.csv", "format": "csv"}, "scheme 'http'"),
        ({"kind": "files", "url": "simplecache::s3://x/y.csv", "format": "csv"}, "scheme 'simplecache'"),
        ({"kind": "files", "url": "s3://key:secret@bucket/x", "format": "csv"}, "must not hold credentials"),
        ({"kind": "files", "url": "/x.csv", "format": "xlsx"}, "'parquet', 'csv' or 'jsonl'"),
        ({"kind": "files", "url": "/x.csv", "format": "csv", "sheet": 1}, "Extra inputs"),
        ({"kind": "sql", "connection": "c", "table": "a; DROP TABLE b"}, "schema.table"),
        ({"kind": "sql", "connection": "c", "table": "a.b.c"}, "schema.table"),
        ({"kind": "sql", "connection": "c", "table": "a\n"}, "schema.table"),
        ({"kind": "http", "connection": "c", "path": "//evil.example/x"}, "one slash"),
        ({"kind": "http", "connection": "c", "path": "https://evil.example/x"}, "one slash"),
        (
            {
                "kind": "http",
                "connection": "c",
                "path": "/x",
                "paging": {"kind": "page", "param": "p", "size_param": "n"},
            },
            "needs `size`",
        ),
        ({"kind": "ftp"}, "kind"),
    ],
)
def test_an_entry_that_cannot_work_is_refused_with_the_reason(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message.replace(".", r"\.")):
        ENTRY.validate_python(entry)


def test_every_field_explains_itself_to_an_editor() -> None:
    schema = ENTRY.json_schema()
    unexplained = [
        f"{model}.{name}"
        for model, definition in schema["$defs"].items()
        for name, field in definition["properties"].items()
        if not field.get("description")
    ]
    assert len(schema["$defs"]) == 7
    assert unexplained == []
