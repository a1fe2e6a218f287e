"""The texts that a check's code names: thresholds, metrics, columns."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Mapping
from dataclasses import is_dataclass
from types import CodeType, FunctionType
from typing import Any

from sundial.engine.check import Check
from sundial.profile.statistics import Statistic


def texts_of(kind: type[Check]) -> frozenset[str]:
    """Returns the texts that a check's code names, in its methods and in what these call in its package."""
    found: set[str] = set()
    _look(kind, top_package(kind.__module__), found, set())
    return frozenset(found)


def _look(thing: Any, package: str, found: set[str], seen: set[int]) -> None:
    if isinstance(thing, str):
        found.add(thing)
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, type):
        for base in thing.__mro__:
            if top_package(base.__module__) == package:
                for value in vars(base).values():
                    _look(inspect.unwrap(value) if callable(value) else value, package, found, seen)
    elif isinstance(thing, FunctionType) and top_package(thing.__module__) == package:
        _look_code(thing.__code__, vars(sys.modules[thing.__module__]), package, found, seen)
    elif isinstance(thing, staticmethod | classmethod):
        _look(thing.__func__, package, found, seen)
    else:
        for part in _parts(thing, package):
            _look(part, package, found, seen)


def _parts(thing: Any, package: str) -> Iterable[Any]:
    """Returns what a constant is made of: a tuple's items, a statistic's columns, a record's fields."""
    if isinstance(thing, tuple):
        return thing
    if isinstance(thing, Statistic):
        return thing.columns
    of_package = is_dataclass(thing) and top_package(type(thing).__module__) == package
    return vars(thing).values() if of_package else ()


def _look_code(
    code: CodeType, names: Mapping[str, Any], package: str, found: set[str], seen: set[int]
) -> None:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _look_code(constant, names, package, found, seen)
        else:
            several = constant if isinstance(constant, tuple) else (constant,)
            found.update(text for text in several if isinstance(text, str))
    for name in code.co_names:
        if name in names:
            _look(names[name], package, found, seen)


def top_package(module: str) -> str:
    """Returns the first part of a module's name."""
    return module.partition(".")[0]
