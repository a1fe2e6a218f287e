"""A published standard as a list of fields, each made of fields of the entry and nothing else.

A field says which fields of the entry it is made of, and its value can be made of these alone. So what the
entry withholds is withheld in every standard, and what the entry does not say is published as empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sundial.register.lifecycle import Lifecycle
from sundial.register.models import System
from sundial.register.paths import overlap, value_at
from sundial.register.problems import Problem


@dataclass(frozen=True)
class Withheld:
    """In the place of a value: it is not published, by this statute."""

    reason: str


Value = str | tuple[str, ...] | Withheld | None
Record = Mapping[str, Value]
Need = Callable[[Record], bool]

CITY = "city"
"""The one source of a value that is no field of the entry: the name of the City, from the policy."""


class Kind(StrEnum):
    """What a value must look like."""

    TEXT = "text"
    EMAIL = "email"
    EMAIL_OR_URL = "e-mail or web address"
    URL = "web address"
    DATE = "date"
    MONTH = "month"
    UUID = "uuid"
    CHOICE = "choice"
    CHOICES = "choices"


_FORMS = {
    Kind.EMAIL: r"[^@\s]+@[^@\s]+",
    Kind.EMAIL_OR_URL: r"[^@\s]+@[^@\s]+|https?://\S+",
    Kind.URL: r"https?://\S+",
    Kind.DATE: r"\d{4}-\d{2}(-\d{2})?",
    Kind.MONTH: r"\d{4}-\d{2}",
    Kind.UUID: r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
}


def always(_: Record) -> bool:
    """Every record needs the field."""
    return True


def never(_: Record) -> bool:
    """No record needs the field."""
    return False


def plain(value: Any) -> Value:
    """Return one value of an entry as text; nothing, and no text, are empty."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return tuple(str(one) for one in value) or None
    return str(value)


@dataclass(frozen=True)
class Field:
    """One field of a standard.

    Attributes:
        name: its name in the standard.
        of: the entry's fields that it is made of, by their dotted paths; none for what the standard fixes.
        make: makes the value of theirs, in that order.
        kind: what the value must look like.
        needed: tells by the whole record whether it may not be empty.
        choices: the values that are allowed, where the standard lists them.
        shortest: least number of characters of a text.
        longest: most characters of a text; None for no limit.
        many: whether the standard lets it be given several times; the value is then a list.
    """

    name: str
    of: tuple[str, ...]
    make: Callable[..., Value] = plain
    kind: Kind = Kind.TEXT
    needed: Need = never
    choices: tuple[str, ...] = ()
    shortest: int = 0
    longest: int | None = None
    many: bool = False

    def problem(self, record: Record) -> Problem | None:
        """Return what is wrong with the field of a record, if anything is; what is withheld is not wrong."""
        value = record[self.name]
        if isinstance(value, Withheld):
            return None
        where = " or ".join(self.of)
        if not value or not any(value):
            return (
                Problem(0, self.name, "is required and empty", f"give {where}")
                if self.needed(record)
                else None
            )
        if self.many and self.needed(record) and not all(value):
            return Problem(0, self.name, "is required and empty in one place", f"complete {where}")
        for text in (value,) if isinstance(value, str) else value:
            if text and (wrong := self._wrong(text)):
                return Problem(0, self.name, wrong, f"correct {where}")
        return None

    def _wrong(self, text: str) -> str | None:
        if self.choices and text not in self.choices:
            return "has a value that the standard does not list"
        if self.kind in _FORMS and not re.fullmatch(_FORMS[self.kind], text):
            return f"is not a valid {self.kind}"
        if len(text) < self.shortest:
            return f"has {len(text)} characters, fewer than {self.shortest}"
        if self.longest is not None and len(text) > self.longest:
            return f"has {len(text)} characters, more than {self.longest}"
        return None


@dataclass(frozen=True)
class Standard:
    """A published standard.

    Attributes:
        title: what people call it.
        version: its version.
        fields: its fields, in its order.
    """

    title: str
    version: str
    fields: tuple[Field, ...]

    def record(self, system: System, status: Lifecycle, city: str) -> Record:
        """Return the system as the standard has it: every field, None where the entry has nothing to say.

        Args:
            system: the entry.
            status: the status in effect; a rejected system is not published.
            city: name of the City.

        Raises:
            ValueError: the system was rejected.
        """
        if status is Lifecycle.REJECTED:
            raise ValueError(f"{system.id} was rejected; it is not published")
        entry = system.model_copy(update={"status": status})
        return {field.name: _value(field, entry, city) for field in self.fields}

    def problems(self, record: Record) -> list[Problem]:
        """Return which required fields are empty and which values are not allowed, in the record's order."""
        return [problem for field in self.fields if (problem := field.problem(record))]


def _value(field: Field, entry: System, city: str) -> Value:
    for path in field.of:
        if reason := withheld(entry, path):
            return Withheld(reason)
    return field.make(*(city if path == CITY else value_at(entry, path) for path in field.of))


def withheld(entry: System, path: str) -> str | None:
    """Return the statutory reason for which a field, a part of it, or what it is part of, is withheld."""
    return next((reason for kept, reason in entry.withheld.items() if overlap(kept, path)), None)
