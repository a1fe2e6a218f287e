"""Pydantic's errors in plain words, each with the field's own path and a remedy.

Pydantic locates an error by the way it took through the types: labels of unions stand among the names of
fields. Walking the same way through the annotations tells one from the other, and yields the model whose
fields a typing error may have meant.
"""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from sundial.register.problems import FieldPath

_KINDS = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    date: "a date",
    list: "a list",
    dict: "a mapping of fields",
    type(None): "nothing",
}
_QUOTE = "put one text there, in quotes where YAML would read a number, a date, yes, no, on or off"
# Error types of Pydantic by their beginning: what the value must be, and how to write it.
_WANTED = {
    "string_type": ("text", _QUOTE),
    "string_unicode": ("text", "remove the characters that are not Unicode"),
    "int": ("a whole number", "write digits only"),
    "float": ("a number", "write digits with a decimal point, and no unit"),
    "finite_number": ("a finite number", "give a number; leave out a bound that there is not"),
    "bool": ("true or false", "write true or false"),
    "date": ("a date", "write it as YYYY-MM-DD, such as 2026-01-31"),
    "tuple_type": ("a list", "write it as [a, b], or one item a line after '- '"),
    "model": ("a mapping of fields", "write its fields below it, indented by two spaces"),
    "dict_type": ("a mapping of fields", "write its fields below it, indented by two spaces"),
}
_BOUNDS = {
    "greater_than": ("gt", "must be above {}", "give a larger number"),
    "greater_than_equal": ("ge", "must be at least {}", "give a larger number"),
    "less_than": ("lt", "must be below {}", "give a smaller number"),
    "less_than_equal": ("le", "must be at most {}", "give a smaller number"),
    "string_too_short": ("min_length", "must have at least {} characters", "say more"),
    "string_too_long": ("max_length", "must have at most {} characters", "shorten it"),
    "too_short": ("min_length", "must have at least {} item(s)", "add to the list, or leave the field out"),
    "too_long": ("max_length", "must have at most {} item(s)", "shorten the list"),
}
_EXAMPLES: dict[Any, str] = {bool: "true", int: "1", float: "0.5", str: "TEXT", date: "2026-01-31"}


@dataclass(frozen=True)
class Wrong:
    """One error: the path of its field in the file, what is wrong, and the remedy."""

    path: FieldPath
    message: str
    remedy: str


@dataclass(frozen=True)
class _Place:
    """Where an error is, after the walk through the annotations.

    Attributes:
        path: The way through the file.
        types: What may stand there.
        info: The field, where there is one.
        owner: The model that the field is of, or should be of.
        union: The path of the union on the way, where there was one without a discriminator.
    """

    path: FieldPath
    types: tuple[Any, ...]
    info: FieldInfo | None = None
    owner: type[BaseModel] | None = None
    union: FieldPath | None = None

    @property
    def models(self) -> list[type[BaseModel]]:
        return [kind for kind in self.types if isinstance(kind, type) and issubclass(kind, BaseModel)]


def explain(error: ValidationError, model: type[BaseModel]) -> list[Wrong]:
    """Say every error of a model's validation in plain words."""
    placed = [
        (place, _word(detail, place))
        for detail in error.errors(include_url=False)
        for place in [_locate(model, detail["loc"])]
    ]
    simple = [wrong for place, wrong in placed if place.union is None]
    unions: dict[FieldPath, list[Wrong]] = {}
    for place, wrong in placed:
        if place.union is not None:
            unions.setdefault(place.union, []).append(wrong)
    return simple + [wrong for union, wrongs in unions.items() for wrong in _of_union(union, wrongs)]


def named(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return a model's fields by the names that they have in YAML."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """Return the types that an annotation allows besides none, with their metadata taken off."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return alternatives(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return tuple(kind for part in get_args(annotation) for kind in alternatives(part))
    return () if annotation is type(None) else (annotation,)


def did_you_mean(word: object, known: Iterable[object]) -> str:
    """Return a remedy for a word that is not among the known ones."""
    words = [str(one) for one in known]
    close = difflib.get_close_matches(str(word), words, n=1)
    return f"did you mean {close[0]}?" if close else f"use one of {', '.join(words)}"


def _locate(model: type[BaseModel], loc: tuple[str | int, ...]) -> _Place:
    place = _Place((), (model,))
    for part in loc:
        place = _step(place, part)
    return place


def _step(place: _Place, part: str | int) -> _Place:
    if isinstance(part, int):
        items = [get_args(kind)[0] for kind in place.types if get_origin(kind) is tuple]
        kinds = tuple(kind for item in items for kind in alternatives(item))
        return _Place((*place.path, part), kinds, union=place.union)
    if part == "[key]" and place.path and place.info is None:  # the name itself is wrong, not what it names
        return place
    models = place.models
    if len(models) > 1:
        chosen = tuple(model for model in models if part in _tags(model))
        return _Place(place.path, chosen, place.info, place.owner, place.union)
    if models:
        info = named(models[0]).get(part)
        kinds = alternatives(info.annotation) if info else ()
        return _Place((*place.path, part), kinds, info, models[0], place.union)
    values = [get_args(kind)[1] for kind in place.types if get_origin(kind) is dict]
    if values:
        kinds = tuple(kind for value in values for kind in alternatives(value))
        return _Place((*place.path, part), kinds, union=place.union)
    return _Place(place.path, place.types, place.info, place.owner, place.path)


def _tags(model: type[BaseModel]) -> set[Any]:
    kinds = (info.annotation for info in model.model_fields.values())
    return {value for kind in kinds if get_origin(kind) is Literal for value in get_args(kind)}


def _of_union(union: FieldPath, wrongs: list[Wrong]) -> list[Wrong]:
    """Keep the alternative that the file came closest to; without one, say all of them in one sentence."""
    deeper = [wrong for wrong in wrongs if len(wrong.path) > len(union)]
    if deeper:
        return deeper
    messages = [wrong.message for wrong in wrongs]
    return [Wrong(union, ", or ".join(dict.fromkeys(messages)), wrongs[0].remedy)]


def _word(detail: ErrorDetails, place: _Place) -> Wrong:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind.startswith("union_tag"):
        return _tag(detail, place)
    if kind == "value_error":
        return _rule(str(context["error"]), place)
    if kind in _BOUNDS:
        key, message, remedy = _BOUNDS[kind]
        return Wrong(place.path, message.format(context[key]), remedy)
    if kind == "string_pattern_mismatch":
        like = f"write it like {_example(place.types, place.info)}"
        return Wrong(place.path, f"does not have the form {context['pattern']}", like)
    return Wrong(place.path, *_plain(detail, place))


def _plain(detail: ErrorDetails, place: _Place) -> tuple[str, str]:
    kind = detail["type"]
    if kind == "missing":
        question = f": {place.info.title}" if place.info and place.info.title else ""
        return (
            f"is missing{question}",
            f"add it, such as {place.path[-1]}: {_example(place.types, place.info)}",
        )
    if kind == "extra_forbidden":
        fields = named(place.owner) if place.owner else {}
        return "is not a field here", did_you_mean(place.path[-1], fields)
    if kind in {"literal_error", "enum"}:
        allowed = detail["ctx"]["expected"].replace("'", "")
        close = difflib.get_close_matches(str(detail["input"]), re.split(", | or ", allowed), n=1)
        return (
            f"must be {allowed}",
            f"did you mean {close[0]}?" if close else "use one of these words as it is",
        )
    found = _KINDS.get(type(detail["input"]), "this")
    for beginning, (wanted, remedy) in _WANTED.items():
        if kind.startswith(beginning):
            if found == "nothing":
                return f"is empty, must be {wanted}", "give it a value; what is not needed may be left out"
            # "not text" says nothing of a text that is no number or date.
            but = "" if found in {wanted, "text"} else f", not {found}"
            return f"must be {wanted}{but}", remedy
    return detail["msg"].replace("Input should", "must"), "docs/register.md describes the field"


def _tag(detail: ErrorDetails, place: _Place) -> Wrong:
    name = detail["ctx"]["discriminator"].strip("'")
    path = (*place.path, name)
    if detail["type"] == "union_tag_not_found":
        tags = sorted(
            {tag for model in place.models for tag in get_args(model.model_fields[name].annotation)}
        )
        return Wrong(path, "is missing", f"add it, such as {name}: {tags[0]}; use one of {', '.join(tags)}")
    tags = detail["ctx"]["expected_tags"].replace("'", "").split(", ")
    return Wrong(path, f"must be one of {', '.join(tags)}", did_you_mean(detail["ctx"]["tag"], tags))


def _rule(text: str, place: _Place) -> Wrong:
    """Split a validator's own words into message and remedy; a field that they begin with is the place."""
    message, _, remedy = text.partition("; ")
    path = place.path
    start = re.match(r"`?(\w+)((?:\.\w+|\[\d+\])*)`?(?::)? ", message)
    if start and place.models and start[1] in named(place.models[0]):
        inner = (int(part) if part.isdigit() else part for part in re.findall(r"\w+", start[2]))
        path, message = (*path, start[1], *inner), message[start.end() :]
    return Wrong(path, message, remedy or "correct it; docs/register.md describes the field")


def _example(kinds: tuple[Any, ...], info: FieldInfo | None) -> str:
    if info and info.examples:
        return str(info.examples[0])
    kind = kinds[0]
    if get_origin(kind) is Literal:
        return str(get_args(kind)[0])
    if get_origin(kind) is tuple:
        return f"[{_example(alternatives(get_args(kind)[0]), None)}]"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        required = {name: info for name, info in named(kind).items() if info.is_required()}
        inner = (
            f"{name}: {_example(alternatives(info.annotation), info)}" for name, info in required.items()
        )
        return f"{{{', '.join(inner)}}}"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return str(next(iter(kind)).value)
    return _EXAMPLES.get(kind, "…")
