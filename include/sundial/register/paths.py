"""Fields of an entry by their dotted path, as in `fact_sheet.training_data`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from sundial.register.wording import alternatives, named


def value_at(entry: BaseModel, path: str) -> Any:
    """Return the value of a field; None when a part on the way is left out."""
    found: Any = entry
    for name in path.split("."):
        if found is None:
            return None
        found = getattr(found, name)
    return found


def is_field(model: type[BaseModel], path: str) -> bool:
    """Tell whether an entry of this model can have the field; items of lists have no path."""
    kinds: tuple[Any, ...] = (model,)
    for name in path.split("."):
        fields = [
            named(kind)[name]
            for kind in kinds
            if isinstance(kind, type) and issubclass(kind, BaseModel) and name in named(kind)
        ]
        if not fields:
            return False
        kinds = tuple(kind for info in fields for kind in alternatives(info.annotation))
    return True


def overlap(one: str, other: str) -> bool:
    """Tell whether two paths are of the same field, or one is of a part of the other."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")
