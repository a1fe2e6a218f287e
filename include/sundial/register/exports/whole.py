"""The entry itself as it may be published: without where the City's data lies, and what is withheld."""

from __future__ import annotations

from typing import Any

from sundial.register.lifecycle import Lifecycle
from sundial.register.models import System

UNPUBLISHED = ("feeds.outputs.source", "feeds.outcomes.source")
"""Addresses and connections of data: they say nothing of the system, and something to an attacker."""


def whole(system: System, status: Lifecycle) -> dict[str, Any]:
    """Return every field of the entry as JSON has it; what is withheld is `{"withheld": reason}`."""
    entry = system.model_copy(update={"status": status}).model_dump(mode="json", by_alias=True)
    for path in UNPUBLISHED:
        _replace(entry, path.split("."), None)
    for path, reason in sorted(system.withheld.items(), reverse=True):  # a part before what it is part of
        _replace(entry, path.split("."), {"withheld": reason})
    return entry


def _replace(part: dict[str, Any] | None, path: list[str], value: dict[str, str] | None) -> None:
    """Put a value into the place of a field, or take the field out; a part that is left out has none."""
    name, *rest = path
    if part is None:
        return
    if rest:
        _replace(part[name], rest, value)
    elif value is None:
        del part[name]
    else:
        part[name] = value
