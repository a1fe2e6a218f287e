"""What editors and people are told about the register's files, generated from the models.

`python -m sundial.register.schema` writes the JSON Schemas that editors complete from, and the tables of
`docs/register.md`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sundial.register.models import Policy, System
from sundial.register.wording import alternatives, named

DRAFT = "https://json-schema.org/draft/2020-12/schema"
TABLES_BEGIN = "<!-- fields: written by `python -m sundial.register.schema` -->"
TABLES_END = "<!-- end of fields -->"

_INCLUDE = Path(__file__).parents[2]
_PAGE = _INCLUDE.parent / "docs" / "register.md"
_TYPES: dict[Any, str] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    date: "date",
    Any: "anything",
}


def system_schema() -> dict[str, Any]:
    """Return the JSON Schema of `include/systems/*.yaml`."""
    return _schema(System)


def policy_schema() -> dict[str, Any]:
    """Return the JSON Schema of `include/policy.yaml`."""
    return _schema(Policy)


def generated_files() -> dict[Path, str]:
    """Return every generated file with its text: the two schemas, and the page with its tables."""
    page = _PAGE.read_text("utf-8")
    before, after = page.split(TABLES_BEGIN)[0], page.split(TABLES_END)[1]
    return {
        _INCLUDE / "systems" / "system.schema.json": _json(system_schema()),
        _INCLUDE / "policy.schema.json": _json(policy_schema()),
        _PAGE: f"{before}{TABLES_BEGIN}\n\n{field_tables()}\n{TABLES_END}{after}",
    }


def field_tables() -> str:
    """Return one Markdown table for each part of an entry, in the order in which an entry has them."""
    return "\n".join(_table(path, model) for path, model in _parts("", System, {}))


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return {"$schema": DRAFT, **model.model_json_schema(by_alias=True)}


def _json(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _parts(
    path: str, model: type[BaseModel], seen: dict[type[BaseModel], str]
) -> Iterator[tuple[str, type[BaseModel]]]:
    """Walk through the models of an entry, each once: where it stands first is where it is described."""
    if model in seen:
        return
    seen[model] = path
    yield path, model
    for name, info in named(model).items():
        for inner in _models(info.annotation):
            yield from _parts(_title(f"{path}.{name}".lstrip("."), inner), inner, seen)


def _title(path: str, model: type[BaseModel]) -> str:
    """Tell the alternatives of one field apart by their kind."""
    kind = model.model_fields.get("kind")
    return f"{path} (kind: {get_args(kind.annotation)[0]})" if kind else path


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    for kind in alternatives(annotation):
        if get_origin(kind) in (tuple, dict):
            for inner in get_args(kind):
                yield from _models(inner)
        elif isinstance(kind, type) and issubclass(kind, BaseModel):
            yield kind


def _table(path: str, model: type[BaseModel]) -> str:
    heading = f"### `{path}`" if path else "### The entry"
    rows = [
        f"| `{name}` | {_cell(_type(info.annotation))} | {_need(info)} | {_cell(_meaning(info))} |"
        for name, info in named(model).items()
    ]
    text = (model.__doc__ or "").strip()
    return "\n".join(
        [heading, "", text, "", "| field | value | needed | meaning |", "|---|---|---|---|", *rows, ""]
    )


def _need(info: FieldInfo) -> str:
    if info.is_required():
        return "yes"
    default = info.get_default()
    if default is None or default == () or isinstance(default, BaseModel):
        return "no"
    shown = str(default).lower() if isinstance(default, bool) else str(default)
    return f"no: `{shown}`" if shown else "no"


def _meaning(info: FieldInfo) -> str:
    """Return a field's question and description, or else what its model says of itself."""
    if info.description:
        return f"{info.title}? {info.description}" if info.title else info.description
    kinds = list(_models(info.annotation))
    if len(kinds) == 1:
        return (kinds[0].__doc__ or "").strip().partition("\n")[0]
    return "One of the kinds below." if kinds else "Name of a column in the feed."


def _type(annotation: Any) -> str:
    return " or ".join(dict.fromkeys(_one_type(kind) for kind in alternatives(annotation)))


def _one_type(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(kind))
    if get_origin(kind) is tuple:
        return f"list of {_type(get_args(kind)[0])}"
    if get_origin(kind) is dict:
        return f"mapping of {_type(get_args(kind)[1])}"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(f"`{member.value}`" for member in kind)
    return _TYPES.get(kind, "fields")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")


def main() -> None:
    """Write every generated file."""
    for path, text in generated_files().items():
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
