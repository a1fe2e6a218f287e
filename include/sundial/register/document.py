"""A YAML file as plain values, with the line of every field: bounded, and strict where YAML is not.

YAML lets a later key replace an earlier one without a word, lets ten lines of aliases stand for a billion
values, and lets a tag name a class to build. None of that is wanted in a register. Files are parsed by
libyaml where PyYAML has it; dates become `datetime.date`, so that an entry says `2026-01-31` without quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.reader import Reader

from sundial.register.problems import FieldPath, Problem, RegisterError, dotted

MAX_BYTES = 1_000_000
MAX_VALUES = 20_000
MAX_DEPTH = 40
MAX_NUMBER = 2**63

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_SCALARS = SafeConstructor()
_TEXT_TAGS = {f"{_TAG}str", f"{_TAG}value"}

# What libyaml and PyYAML say, and what to do about it.
_YAML_REMEDIES = {
    "mapping values": "put a text that has ': ' in it in quotes, or put the field on a line of its own",
    "unexpected end of stream": "close the quote that is still open",
    "',' or ']'": "close the list with ]",
    "',' or '}'": "close the braces with }",
    "undefined alias": "define the anchor (&name) above its alias (*name), or put the text in quotes",
    "another document": "keep one entry in a file: remove the line ---",
    "cannot start any token": "put a text that starts with @, `, % or another sign in quotes",
}


@dataclass
class Document:
    """One YAML file.

    Attributes:
        data: The mapping at the top of the file, in plain Python values.
        lines: The line of every field and list item, from 1.
        problems: What is wrong with the YAML, although it could be read.
    """

    data: dict[str, Any] = field(default_factory=dict)
    lines: dict[FieldPath, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line_of(self, path: FieldPath) -> int:
        """Return the line of a field, or of its nearest parent that is there."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


class _UnreadableError(Exception):
    """The text as a whole cannot be used."""

    def __init__(self, line: int, message: str, remedy: str) -> None:
        super().__init__(message)
        self.problem = Problem(line, "", message, remedy)


def read_document(path: Path) -> Document:
    """Read one YAML file.

    Raises:
        RegisterError: The file cannot be opened or decoded, is no YAML, is no mapping, or goes beyond the
            bounds on size, depth and number of values.
    """
    try:
        return parse(_read_text(path))
    except _UnreadableError as error:
        raise RegisterError(path, (error.problem,)) from error


def parse(text: str) -> Document:
    """Turn YAML text into plain values with their lines."""
    root = _compose(text)
    if root is None or root.tag == f"{_TAG}null":
        raise _UnreadableError(1, "the file is empty", "start from the example in docs/register.md")
    if not isinstance(root, yaml.MappingNode):
        raise _UnreadableError(
            _line(root),
            "the file must be a mapping of fields",
            "write 'field: value' lines, as in docs/register.md",
        )
    _measure(root, 0, {})
    document = Document()
    document.data = _Plain(document).mapping(root, ())
    return document


def _read_text(path: Path) -> str:
    try:
        # Anything but a regular file, such as a pipe, could keep the reader waiting for ever.
        if path.exists() and not path.is_file():
            raise _UnreadableError(0, "is not a regular file", "put a YAML file there, or remove it")
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _UnreadableError(
            0, f"cannot be read: {error.strerror}", "check the path and its permissions"
        ) from error
    if len(raw) > MAX_BYTES:
        raise _UnreadableError(
            0, f"is larger than {MAX_BYTES:,} bytes", "keep one system in a file, and no data"
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _UnreadableError(line, "is not UTF-8 text", "save the file as UTF-8") from error


def _compose(text: str) -> yaml.Node | None:
    try:
        _bound_events(text)
        loader = _Loader(text)
        try:
            node: yaml.Node | None = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise _malformed(text, error) from error
    except yaml.YAMLError as error:
        match = Reader.NON_PRINTABLE.search(text)
        line = text.count("\n", 0, match.start()) + 1 if match else 1
        raise _UnreadableError(
            line, "has a control character", "remove the character that no editor shows"
        ) from error
    return node


def _bound_events(text: str) -> None:
    """Refuse what nests too deeply or is too long, before a tree is built of it.

    libyaml's events come one by one, but PyYAML composes them by recursion in C: there a deeply nested file
    does not raise, it ends the process.
    """
    loader = _Loader(text)
    try:
        depth = 0
        for count, event in enumerate(iter(loader.get_event, None)):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > MAX_DEPTH:
                raise _too_deep(event.start_mark.line + 1)
            if count > 2 * MAX_VALUES:
                raise _too_many(event.start_mark.line + 1)
    finally:
        loader.dispose()


def _measure(node: yaml.Node, depth: int, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """Count the values below a node with its aliases written out: (values, levels).

    A node is measured once, however often it is used, so that a bomb costs nothing to find; an alias within
    its own anchor goes beyond any depth.
    """
    values, levels = known.get(id(node), (0, 0))
    if depth + levels > MAX_DEPTH:
        raise _too_deep(_line(node))
    if values:
        return values, levels
    values = 1
    for child in _children(node):
        inner, below = _measure(child, depth + 1, known)
        values, levels = values + inner, max(levels, below + 1)
        if values > MAX_VALUES:
            raise _too_many(_line(child))
    known[id(node)] = (values, levels)
    return values, levels


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _too_deep(line: int) -> _UnreadableError:
    return _UnreadableError(
        line,
        f"nests deeper than {MAX_DEPTH} levels",
        "write the values out, and no alias within its own anchor",
    )


def _too_many(line: int) -> _UnreadableError:
    return _UnreadableError(
        line,
        f"stands for more than {MAX_VALUES:,} values",
        "write the values out instead of aliases, and fewer",
    )


def _malformed(text: str, error: yaml.MarkedYAMLError) -> _UnreadableError:
    # A quote or a bracket that nobody closed is found far below the place where it was opened.
    opened = "quoted scalar" in (error.context or "") or "flow" in (error.context or "")
    mark = (opened and error.context_mark) or error.problem_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    lines = text.splitlines()[:line]
    tabs = [number for number, content in enumerate(lines, 1) if re.match(r"[ \-]*\t", content)]
    if tabs and tabs[-1] >= line - 1:
        return _UnreadableError(
            tabs[-1], "a tab indents this line", "indent with spaces; YAML allows no tabs"
        )
    # PyYAML's own parser quotes the text that it met; what it expected is enough.
    met = re.sub(r", but (found|got) .*| '[^']{2,}'$", "", error.problem or "cannot be understood")
    remedies = (remedy for words, remedy in _YAML_REMEDIES.items() if words in met)
    return _UnreadableError(
        line,
        f"is no YAML from column {column} on: {met}",
        next(remedies, "check the indentation and the quotes of this line and the one before"),
    )


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


class _Plain:
    """Turns nodes into plain values, noting lines and problems in the document."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def value(self, node: yaml.Node, path: FieldPath) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        return self._sequence(node, path)

    def mapping(self, node: yaml.MappingNode, path: FieldPath) -> dict[str, Any]:
        self._expect_tag(node, "map", path)
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, child in node.value:
            if key.tag == f"{_TAG}merge":
                merged = self._merge(child, path) | merged
        for key, child in node.value:
            if key.tag != f"{_TAG}merge":
                self._field(own, key, child, path)
        return merged | own

    def _field(self, own: dict[str, Any], key: yaml.Node, child: yaml.Node, path: FieldPath) -> None:
        if not isinstance(key, yaml.ScalarNode):
            self._note(
                _line(key),
                path,
                "has a list or a mapping as the name of a field",
                "name fields by plain text",
            )
            return
        name = key.value
        if key.tag not in _TEXT_TAGS:
            self._note(
                _line(key),
                (*path, name),
                "is no text as the name of a field",
                "put the name of the field in quotes",
            )
            return
        inner = (*path, name)
        if name in own:
            first = self._document.lines[inner]
            self._note(_line(key), inner, f"is given twice, first on line {first}", "keep one of the two")
            return
        self._document.lines[inner] = _line(key)
        own[name] = self.value(child, inner)

    def _merge(self, node: yaml.Node, path: FieldPath) -> dict[str, Any]:
        """Return what `<<` brings; of several mappings the first wins, as in YAML's definition."""
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for source in reversed(sources):
            if isinstance(source, yaml.MappingNode):
                merged |= self.mapping(source, path)
            else:
                self._note(_line(node), path, "<< needs a mapping", "name an anchored mapping: '<<: *name'")
        return merged

    def _sequence(self, node: yaml.Node, path: FieldPath) -> list[Any]:
        self._expect_tag(node, "seq", path)
        items = []
        for index, child in enumerate(node.value):
            inner = (*path, index)
            self._document.lines[inner] = _line(child)
            items.append(self.value(child, inner))
        return items

    def _scalar(self, node: yaml.ScalarNode, path: FieldPath) -> Any:
        text: str = node.value
        if node.tag in _TEXT_TAGS:
            return text
        try:
            return self._typed(node, path)
        except (ValueError, IndexError, KeyError):
            # Looks like a number or a date and is none, such as 2026-02-30: the model says what it wants.
            return text

    def _typed(self, node: yaml.ScalarNode, path: FieldPath) -> Any:
        match node.tag.removeprefix(_TAG):
            case "null":
                return None
            case "bool":
                return _SCALARS.construct_yaml_bool(node)
            case "int":
                return self._bounded(_SCALARS.construct_yaml_int(node), node, path)
            case "float":
                return self._bounded(_SCALARS.construct_yaml_float(node), node, path)
            case "timestamp":
                return date.fromisoformat(node.value)
        self._expect_tag(node, "str", path)
        return node.value

    def _bounded(self, number: float, node: yaml.Node, path: FieldPath) -> float:
        if abs(number) <= MAX_NUMBER:  # also false for a number that is none
            return number
        self._note(
            _line(node), path, "is not a finite number", "give a number; leave out a bound that there is not"
        )
        return 0

    def _expect_tag(self, node: yaml.Node, kind: str, path: FieldPath) -> None:
        if node.tag != f"{_TAG}{kind}":
            self._note(
                _line(node),
                path,
                "has a YAML tag that is not allowed here",
                "remove the tag (the word after !)",
            )

    def _note(self, line: int, path: FieldPath, message: str, remedy: str) -> None:
        self._document.problems.append(Problem(line, dotted(path), message, remedy))
