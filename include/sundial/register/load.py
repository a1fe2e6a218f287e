"""Loading the register: every YAML file on its own, so that a wrong one stops only its own system.

All problems of a file come at once, each with its line, field and remedy.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from sundial.register.document import Document, read_document
from sundial.register.models import Policy, System
from sundial.register.policy import rules_of_tier
from sundial.register.problems import FieldPath, Problem, RegisterError, dotted
from sundial.register.sunset_rules import (
    IncidentsCondition,
    OwnRules,
    ProhibitedUseCondition,
    SunsetRule,
    wrong_rules,
)
from sundial.register.wording import Wrong, did_you_mean, explain

_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True)
class Register:
    """The City's systems, and the files that could not be used.

    Attributes:
        systems: The systems by id, in the order of their ids.
        errors: What is wrong, by file, in the order of the files' names.
    """

    systems: Mapping[str, System]
    errors: Mapping[Path, RegisterError]


def load_system(path: Path) -> System:
    """Load one system's entry; the file is named `<id>.yaml`.

    Raises:
        RegisterError: With everything that is wrong with the file.
    """
    document = read_document(path)
    return _validate(System, path, document, _name_problems(path, document))


def load_policy(path: Path) -> Policy:
    """Load the City's policy.

    Raises:
        RegisterError: With everything that is wrong with the file.
    """
    return _validate(Policy, path, read_document(path), [])


def load_register(folder: Path) -> Register:
    """Load every `*.yaml` of a folder; files whose names begin with a dot are not entries.

    Raises:
        RegisterError: The folder itself cannot be read; a wrong file never raises.
    """
    systems: dict[str, System] = {}
    errors: dict[Path, RegisterError] = {}
    for path in _entries(folder):
        try:
            system = load_system(path)
        except RegisterError as error:
            errors[path] = error
        else:
            systems[system.id] = system
    in_order = {name: systems[name] for name in sorted(systems)}
    return Register(MappingProxyType(in_order), MappingProxyType(errors))


def config_hash(system: System, policy: Policy) -> str:
    """Return the SHA-256 of a system's entry and the policy in canonical JSON, as 64 hexadecimal digits.

    Order and layout of the YAML, comments, and defaults that are written out do not change it.
    """
    models = {"policy": policy, "system": system}
    return _digest({name: model.model_dump(mode="json", by_alias=True) for name, model in models.items()})


def entry_hash(system: System) -> str:
    """Return the SHA-256 of a system's entry alone, as `config_hash` does: the name of its version."""
    return _digest(system.model_dump(mode="json", by_alias=True))


def _digest(plain: object) -> str:
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def unknown_checks(written: System | Policy, check_names: Collection[str]) -> list[Wrong]:
    """Return the checks that an entry, the policy, or a rule of either names, but that nobody wrote."""
    named: list[tuple[FieldPath, str]] = [
        ((*path, "when", "check"), rule.when.check)
        for path, rule in sunset_rules(written)
        if not isinstance(rule.when, ProhibitedUseCondition | IncidentsCondition)
    ]
    if isinstance(written, System) and written.checks != "all":
        named += [(("checks", index), check) for index, check in enumerate(written.checks)]
    known = sorted(check_names)
    return [
        Wrong(place, f"no check is called {check}", did_you_mean(check, known))
        for place, check in named
        if check not in check_names
    ]


def sunset_rules(written: System | Policy) -> list[tuple[FieldPath, SunsetRule]]:
    """Return the sunset rules that a file writes out, each with its path."""
    rules: list[tuple[FieldPath, SunsetRule]] = []
    own: list[tuple[FieldPath, OwnRules]] = []
    if isinstance(written, Policy):
        rules += [(("sunset", index), rule) for index, rule in enumerate(written.sunset)]
        own += [(("tiers", tier, "sunset"), chosen.sunset) for tier, chosen in written.tiers.items()]
    else:
        own.append((("sunset",), written.sunset))
    return rules + [
        ((*path, "add", index), rule) for path, chosen in own for index, rule in enumerate(chosen.add)
    ]


def unknown_rules(system: System, policy: Policy) -> list[Wrong]:
    """Return what an entry says of sunset rules that do not hold for it, or that it may not change."""
    above = [one.rule for one in rules_of_tier(policy, system.risk.tier)]
    return [
        Wrong(("sunset", *path), *wrong.split("; ", 1))  # each has message and remedy
        for path, wrong in wrong_rules(above, system.sunset)
    ]


def unknown_thresholds(system: System, policy: Policy) -> list[Wrong]:
    """Return the thresholds that an entry chooses, but that the City's policy does not have."""
    known = sorted(policy.thresholds)
    return [
        Wrong(("thresholds", name), f"the policy has no threshold {name}", did_you_mean(name, known))
        for name in system.thresholds
        if name not in policy.thresholds
    ]


def located(path: Path, wrong: Iterable[Wrong]) -> RegisterError:
    """Return what is wrong with a file that could be loaded, each problem with its line."""
    return RegisterError(path, tuple(sorted(set(_problems(read_document(path), wrong)))))


def _entries(folder: Path) -> list[Path]:
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        problem = Problem(
            0, "", f"cannot be read: {error.strerror}", "give the folder with the systems' entries"
        )
        raise RegisterError(folder, (problem,)) from error
    return [folder / name for name in names if name.endswith((".yaml", ".yml")) and not name.startswith(".")]


def _name_problems(path: Path, document: Document) -> list[Problem]:
    """A file is named after its system, which makes ids unique within a folder."""
    name = document.data.get("id")
    if not isinstance(name, str) or path.name == f"{name}.yaml":
        return []
    line = document.line_of(("id",))
    namesake = f"{name}.yaml"
    if any(other.name == namesake for other in path.parent.iterdir()):
        return [Problem(line, "id", f"is the id of {namesake}, too", "give each system an id of its own")]
    return [
        Problem(line, "id", f"does not match the file's name, {path.name}", f"rename the file to {namesake}")
    ]


def _validate(model: type[_Model], path: Path, document: Document, others: list[Problem]) -> _Model:
    problems = [*document.problems]
    try:
        valid = model.model_validate(document.data)
    except ValidationError as error:
        problems += _problems(document, explain(error, model))
    else:
        if not problems and not others:
            return valid
    reported = {problem.field for problem in problems}
    problems += [problem for problem in others if problem.field not in reported]
    raise RegisterError(path, tuple(sorted(set(problems))))


def _problems(document: Document, wrong: Iterable[Wrong]) -> list[Problem]:
    return [Problem(document.line_of(w.path), dotted(w.path), w.message, w.remedy) for w in wrong]
