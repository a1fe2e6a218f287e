"""What a check tells of itself: its docstring, with the parts `Formula:`, `Read:` and `Source:`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass

from sundial.engine.check import Check

PARTS = {"Formula": "Formula", "Read": "How to read it", "Source": "Source"}
"""Parts of a docstring, and their headings."""


@dataclass(frozen=True)
class Told:
    """What the docstring of a check tells.

    Attributes:
        summary: its first sentence.
        text: all before its parts.
        parts: texts by name, see `PARTS`.
    """

    summary: str
    text: str
    parts: Mapping[str, str]


def told(check: Check) -> Told:
    """Returns what a check's docstring tells."""
    lines = (inspect.getdoc(type(check)) or "").splitlines()
    found: dict[str, list[str]] = {"": []}
    part = ""
    for line in lines:
        if line.endswith(":") and line[:-1] in PARTS:
            part = line[:-1]
            found[part] = []
        else:
            found[part].append(line)
    texts = {name: inspect.cleandoc("\n".join(part)).strip() for name, part in found.items()}
    text = texts.pop("")
    return Told(text.partition("\n\n")[0].replace("\n", " "), text, texts)
