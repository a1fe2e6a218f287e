"""Finding the checks: in the package that data engineers write in, and in installed packages.

What cannot be used never stops the others: in its place stands a check that says, every week, why not.
"""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points, version
from importlib.util import find_spec
from inspect import isabstract
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any, get_args

from sundial.engine.check import Check, View
from sundial.engine.texts import texts_of
from sundial.engine.timelimit import TimeIsUp, time_limit
from sundial.register.emotions import EMOTION_ANALYSIS, first_named_for_emotions
from sundial.register.events import FeedName
from sundial.register.models import System
from sundial.register.principles import Principle
from sundial.register.prohibited_uses import ProhibitedUses
from sundial.store.records import Finding, Kind

PACKAGE = "checks"
GROUP = "sundial.checks"
"""Entry points of installed packages: each is a module with checks, or one class."""

SECONDS = 60.0
"""What importing one module may take."""

NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+")
"""What a check may be called: streams of evidence and findings are named after it."""

_NAMED = re.compile(r"^[ \t]+name\b[^=\n]*=\s*[\"']([^\"'\n]+)[\"']", re.MULTILINE)
_PRINCIPLE = re.compile(r"\bPrinciple\.([A-Z_]+)\b")


class Unusable(Check):
    """Stands in for a check that cannot be used; the plan leaves it out with its reason.

    Attributes:
        reason: where it is, what is wrong, and the remedy.
    """

    reason: str

    def measure(self, view: View) -> Iterable[Finding]:
        """Never asked: the plan leaves the check out."""
        raise NotImplementedError(self.reason)


@dataclass(frozen=True)
class _Found:
    """A check and where it is, for people."""

    place: str
    check: Check


@cache
def discover() -> Sequence[Check]:
    """Returns one instance of every check, by name; `Unusable` ones of those that cannot be used.

    A module that cannot be imported stands for the checks that its text names, or for itself where it names
    none. Of two checks with one name neither is used.
    """
    by_kind: dict[type[Check], _Found] = {}
    for found in (*_of_package(), *_of_entry_points()):
        by_kind.setdefault(type(found.check), found)  # a module may be found, or passed on, twice
    by_name: dict[str, list[_Found]] = {}
    for found in by_kind.values():
        by_name.setdefault(found.check.name, []).append(found)
    return tuple(_the_one(name, by_name[name]) for name in sorted(by_name))


def enabled(system: System) -> Sequence[Check]:
    """Returns the checks that the register entry enables, by name."""
    return [check for check in discover() if system.checks == "all" or check.name in system.checks]


@cache
def code_version() -> str:
    """Returns Sundial's version and a hash of the checks' sources: a changed check is another version.

    Installed packages with checks count with their version and the source of the entry point's package.
    """
    digest = hashlib.sha256()
    for folder in sorted(importlib.import_module(PACKAGE).__path__):
        _hash(digest, Path(folder))
    for point in _points():
        digest.update(f"{point.name}={point.value} {_distribution(point)}".encode())
        spec = find_spec(point.module.partition(".")[0])
        for source in sorted((spec.submodule_search_locations or [spec.origin or ""]) if spec else []):
            _hash(digest, Path(source))
    return f"{version('sundial')}+{digest.hexdigest()[:12]}"


def _hash(digest: Any, source: Path) -> None:
    files = sorted(source.rglob("*.py")) if source.is_dir() else [source] if source.is_file() else []
    for file in files:
        digest.update(file.relative_to(source.parent).as_posix().encode() + file.read_bytes())


def _the_one(name: str, found: Sequence[_Found]) -> Check:
    if len(found) == 1:
        return found[0].check
    if broken := [f.check for f in found if isinstance(f.check, Unusable)]:
        return broken[0]
    places = " and ".join(sorted(f.place for f in found))
    reason = f"two checks are called {name}: {places}; rename one of them"
    return _unusable(name, found[0].check.principle, reason)


def _of_package() -> Iterator[_Found]:
    package = importlib.import_module(PACKAGE)
    # Without `onerror` a package that fails would end the walk; it is imported, and told of, below.
    for info in pkgutil.walk_packages(package.__path__, f"{PACKAGE}.", onerror=lambda _name: None):
        try:
            module = _imported(info.name)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            yield from _broken(info.name.removeprefix(f"{PACKAGE}."), info.name, _source(info), error)
        else:
            yield from _instances(_checks_of(module), f"module {module.__name__}")


def _of_entry_points() -> Iterator[_Found]:
    for point in _points():
        place = f"entry point {point.name} of {_distribution(point)}"
        try:
            with time_limit(SECONDS):
                loaded = point.load()
            kinds = _checks_of(loaded) if isinstance(loaded, ModuleType) else [loaded]
            if not kinds or not all(isinstance(k, type) and issubclass(k, Check) for k in kinds):
                raise TypeError(f"{point.value} is neither a subclass of Check nor a module that has one")
        except (Exception, SystemExit, TimeIsUp) as error:  # noqa: BLE001 - likewise
            yield from _broken(point.name, place, "", error)
        else:
            yield from _instances(kinds, place)


def _points() -> Sequence[EntryPoint]:
    return sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))


def _distribution(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unnamed package"


def _imported(name: str) -> ModuleType:
    try:
        with time_limit(SECONDS):
            return importlib.import_module(name)
    except TimeIsUp:
        raise ImportError(f"importing it took more than {SECONDS:g} seconds") from None
    except SystemExit:
        raise ImportError("importing it tried to end the process") from None


def _checks_of(module: ModuleType) -> Sequence[type[Check]]:
    """Returns the concrete checks that a module defines, not those that it imports from elsewhere."""
    return [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type)
        and issubclass(kind, Check)
        and not isabstract(kind)
        and f"{kind.__module__}.".startswith(f"{module.__name__}.")
    ]


def _instances(kinds: Iterable[type[Check]], place: str) -> Iterator[_Found]:
    for kind in kinds:
        where = f"class {kind.__qualname__} in {place}"
        name: object = getattr(kind, "name", None)
        if not isinstance(name, str) or not NAME.fullmatch(name):
            own = f"{kind.__module__.removeprefix(f'{PACKAGE}.')}.{kind.__qualname__.lower()}"
            reason = f"{where}: name is {name!r}; give one such as custom.flagged_online"
            yield _Found(where, _unusable(own, Principle.EFFECTIVENESS, reason))
            continue
        principle: object = getattr(kind, "principle", None)
        known = principle if isinstance(principle, Principle) else Principle.EFFECTIVENESS
        try:
            wrong = _wrong(kind)
            check = kind()
        except Exception as error:  # noqa: BLE001 - likewise
            wrong, check = _said(error), None
        if wrong is not None or check is None:
            yield _Found(where, _unusable(name, known, f"{where}: {wrong}"))
        else:
            yield _Found(where, check)


def _wrong(kind: type[Check]) -> str | None:
    """Returns what keeps the engine from using a check: nothing of it is looked at again when it runs."""
    if not isinstance(getattr(kind, "principle", None), Principle):
        return "principle is none of the eight; give one such as Principle.EQUITY"
    if not isinstance(kind.kind, Kind):
        return "kind is neither Kind.STATISTICAL nor Kind.FACTUAL; give one of them"
    if (said := _of_emotions(kind)) is not None:
        return said
    feeds: object = kind.feeds
    if not isinstance(feeds, tuple) or not set(feeds) <= set(get_args(FeedName)):
        return f"feeds is {feeds!r}; give a tuple of {', '.join(get_args(FeedName))}"
    return None


def _of_emotions(kind: type[Check]) -> str | None:
    """Returns why a check is refused whose name, metrics or columns say that it measures emotions."""
    # What has a space is a sentence for people, and may say that none are measured.
    names = {kind.name, *(text for text in texts_of(kind) if text and not re.search(r"\s", text))}
    said = first_named_for_emotions(names, but=ProhibitedUses.model_fields)
    if said is None:
        return None
    return (
        f"{said[:60]} reads as a measure of emotions, and the policy prohibits this use: {EMOTION_ANALYSIS}; "
        "take it out, or name it for what it is"
    )


def _broken(name: str, place: str, source: str, error: BaseException) -> Iterator[_Found]:
    """Yields what stands for the checks of a module that cannot be imported, as its text names them."""
    parts = re.split(r"^(?=class )", source, flags=re.MULTILINE)
    first = _principle(source) or Principle.EFFECTIVENESS
    named = {
        name: _principle(part) or first
        for part in parts
        for name in _NAMED.findall(part)
        if NAME.fullmatch(name)
    }
    reason = f"{place} cannot be imported: {_said(error)}; mend it or take it out"
    for one, principle in (named or {name: first}).items():
        yield _Found(place, _unusable(one, principle, reason))


def _principle(source: str) -> Principle | None:
    named = (Principle.__members__.get(member) for member in _PRINCIPLE.findall(source))
    return next((principle for principle in named if principle is not None), None)


def _source(info: pkgutil.ModuleInfo) -> str:
    spec = info.module_finder.find_spec(info.name, None)
    if spec is None or spec.origin is None:
        return ""
    try:
        return Path(spec.origin).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _said(error: BaseException) -> str:
    """Returns an error in one line, with where it was raised in what others wrote."""
    said = str(error).splitlines()
    told = f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
    places = [
        f"{Path(frame.filename).name}:{frame.lineno}"
        for frame in extract_tb(error.__traceback__)
        if "importlib" not in frame.filename and frame.filename != __file__
    ]
    return f"{told} ({places[-1]})" if places else told


def _unusable(name: str, principle: Principle, reason: str) -> Unusable:
    fields: Mapping[str, object] = {"name": name, "principle": principle, "reason": reason}
    kind: type[Unusable] = type("Unusable", (Unusable,), {**fields, "__doc__": reason})
    return kind()
