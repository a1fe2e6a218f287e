"""Finding the checks: every concrete `Check` in the package that data engineers write in."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from inspect import isabstract
from pathlib import Path
from typing import Any

from sundial.engine.check import Check
from sundial.register.models import System

PACKAGE = "checks"


@cache
def discover() -> Sequence[Check]:
    """Returns one instance of every check, by name.

    Raises:
        ValueError: two checks with one name.
    """
    package = importlib.import_module(PACKAGE)
    for module in pkgutil.walk_packages(package.__path__, f"{PACKAGE}."):
        importlib.import_module(module.name)
    found: dict[str, Check] = {}
    for kind in sorted(_concrete(Check), key=lambda k: f"{k.__module__}.{k.__qualname__}"):
        if not kind.__module__.startswith(f"{PACKAGE}."):
            continue
        if kind.name in found:
            raise ValueError(
                f"{kind.__module__}.{kind.__qualname__}: a check {kind.name!r} exists; rename one"
            )
        found[kind.name] = kind()
    return tuple(found[name] for name in sorted(found))


def enabled(system: System) -> Sequence[Check]:
    """Returns the checks that the register entry enables, by name."""
    return [check for check in discover() if system.checks == "all" or check.name in system.checks]


@cache
def code_version() -> str:
    """Returns Sundial's version and a hash of the checks' source: a changed check is another version."""
    digest = hashlib.sha256()
    for folder in sorted(importlib.import_module(PACKAGE).__path__):
        for file in sorted(Path(folder).rglob("*.py")):
            digest.update(file.relative_to(folder).as_posix().encode() + file.read_bytes())
    return f"{version('sundial')}+{digest.hexdigest()[:12]}"


def _concrete(kind: Any) -> set[type[Check]]:
    below = {deeper for sub in kind.__subclasses__() for deeper in _concrete(sub)}
    return below if isabstract(kind) or not hasattr(kind, "name") else below | {kind}
