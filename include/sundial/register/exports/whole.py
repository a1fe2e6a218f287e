"""The entry itself as it may be published: without where the City's data lies, and what is withheld."""

from __future__ import annotations

from typing import Any

from sundial.register.lifecycle import Lifecycle
from sundial.register.models import System


def whole(system: System, status: Lifecycle) -> dict[str, Any]:
    """Return every field of the entry as JSON has it; what is withheld is `{"withheld": reason}`.

    Sources of feeds are left out: addresses and connections of data say nothing of the system, and something
    to an attacker.
    """
    entry = system.model_copy(update={"status": status}).model_dump(mode="json", by_alias=True)
    for feed in entry["feeds"].values():
        if feed is not None:
            del feed["source"]
    for path, reason in sorted(system.withheld.items(), reverse=True):  # a part before what it is part of
        _withhold(entry, path.split("."), reason)
    return entry


def _withhold(part: dict[str, Any] | None, path: list[str], reason: str) -> None:
    """Put the reason into the place of a field; a part that is left out has no place for it."""
    name, *rest = path
    if part is None:
        return
    if rest:
        _withhold(part.get(name), rest, reason)
    else:
        part[name] = {"withheld": reason}
