"""What is wrong before anything runs: entries, policy, names of checks, contracts, checks themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from sundial.engine.discover import Unusable, discover
from sundial.gate.contract import declared_rules
from sundial.gate.errors import RuleError
from sundial.gate.expectations import build
from sundial.register.load import load_policy, load_register, located, unknown_checks
from sundial.register.models import System
from sundial.register.problems import RegisterError
from sundial.register.wording import Wrong


@dataclass(frozen=True)
class Validation:
    """What is to be said of a register.

    Attributes:
        systems: how many entries have no problem.
        problems: what cannot work, one line each, with file, line, field and remedy.
        warnings: what works, but measures less than the entry says; likewise.
    """

    systems: int
    problems: tuple[str, ...]
    warnings: tuple[str, ...]


def validate_register(folder: Path, policy: Path) -> Validation:
    """Looks at every register file, the policy, and the checks that are deployed.

    Raises:
        RegisterError: the folder itself cannot be read.
    """
    found = load_register(folder)
    checks = discover()
    names = [check.name for check in checks]
    errors = [*found.errors.values(), *_of_policy(policy, names)]
    warnings: list[str] = []
    valid = 0
    for system in found.systems.values():
        path = folder / f"{system.id}.yaml"
        wrong = [*unknown_checks(system, names), *_wrong_rules(system)]
        if wrong:
            errors.append(located(path, wrong))
        else:
            valid += 1
        blind = located(path, list(_unmeasured(system))).problems
        warnings += [f"{path}:{problem.line}: warning: {problem}" for problem in blind]
    problems = [line for error in errors for line in str(error).splitlines()]
    problems += [f"check {check.name}: {check.reason}" for check in checks if isinstance(check, Unusable)]
    return Validation(valid, tuple(problems), tuple(warnings))


def _of_policy(path: Path, names: Collection[str]) -> Iterator[RegisterError]:
    try:
        wrong = unknown_checks(load_policy(path), names)
    except RegisterError as error:
        yield error
    else:
        if wrong:
            yield located(path, wrong)


def _wrong_rules(system: System) -> Iterator[Wrong]:
    """Yields the expectations that Great Expectations does not take."""
    for name, feed in (("outputs", system.feeds.outputs), ("outcomes", system.feeds.outcomes)):
        for index, rule in enumerate(declared_rules(feed) if feed else ()):
            try:
                build(rule)
            except RuleError as error:
                place = ("feeds", name, "contract", index, error.field)
                yield Wrong(place, error.message, error.remedy)


def _unmeasured(system: System) -> Iterator[Wrong]:
    """Yields the registered metrics that need the truth of outputs, where no feed brings it."""
    if system.feeds.outcomes is not None:
        return
    metrics: list[tuple[str, str]] = [("intended_outcome", system.intended_outcome.metric)]
    if system.harm is not None and system.harm.metric != "selection_rate":
        metrics.append(("harm", system.harm.metric))
    for part, metric in metrics:
        yield Wrong((part, "metric"), f"{metric} cannot be measured without outcomes", "add feeds.outcomes")
