"""What is wrong before anything runs: entries, policy, names of checks, contracts, checks themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from sundial.engine.budget import exceeded
from sundial.engine.check import Check
from sundial.engine.discover import Unusable, discover
from sundial.gate.contract import declared_rules
from sundial.gate.errors import RuleError
from sundial.gate.plain import plainly_right
from sundial.register.events import FeedName
from sundial.register.feeds import Feed
from sundial.register.given import LifecycleChange, RegisterVersion
from sundial.register.lifecycle import Lifecycle
from sundial.register.load import (
    load_policy,
    load_register,
    located,
    sunset_rules,
    unknown_checks,
    unknown_rules,
    unknown_thresholds,
)
from sundial.register.models import Policy, System
from sundial.register.problems import RegisterError
from sundial.register.sunset_rules import EvidenceCondition, FactCondition
from sundial.register.wording import Wrong
from sundial.store.grants import Total
from sundial.store.records import Kind
from sundial.store.register import Row


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


def validate_register(
    folder: Path, policy: Path, rows: Sequence[Row] = (), given: Sequence[Total] = ()
) -> Validation:
    """Looks at every register file, the policy, and the checks that are deployed.

    Args:
        folder: of register files.
        policy: its file.
        rows: what is registered beside the YAML, of all systems: ids of retired ones are never used again.
        given: what streams were given of the budget of evidence.

    Raises:
        RegisterError: the folder itself cannot be read.
    """
    found = load_register(folder)
    checks = discover()
    names = [check.name for check in checks]
    errors = [*found.errors.values()]
    chosen: Policy | None = None
    try:
        chosen = load_policy(policy)
    except RegisterError as error:
        errors.append(error)
    else:
        if wrong := [*unknown_checks(chosen, names), *_wrong_kinds(chosen, checks)]:
            errors.append(located(policy, wrong))
    warnings: list[str] = []
    valid = 0
    for system in found.systems.values():
        path = folder / f"{system.id}.yaml"
        wrong = [*unknown_checks(system, names), *_wrong_rules(system), *_reused(system, rows)]
        wrong += _wrong_kinds(system, checks)
        if chosen is not None:
            wrong += [*unknown_thresholds(system, chosen), *unknown_rules(system, chosen)]
        if wrong:
            errors.append(located(path, wrong))
        else:
            valid += 1
        if blind := list(_unmeasured(system)):  # to locate it the file is read once more
            warnings += _warnings(path, blind)
    if chosen is not None and (beyond := exceeded(chosen.evidence, given, found.systems)) is not None:
        warnings += _warnings(policy, [Wrong(("evidence", "stream_weight"), beyond.said, beyond.remedy)])
    problems = [line for error in errors for line in str(error).splitlines()]
    problems += [f"check {check.name}: {check.reason}" for check in checks if isinstance(check, Unusable)]
    return Validation(valid, tuple(problems), tuple(warnings))


def _warnings(path: Path, said: Sequence[Wrong]) -> list[str]:
    return [f"{path}:{problem.line}: warning: {problem}" for problem in located(path, said).problems]


def _reused(system: System, rows: Sequence[Row]) -> Iterator[Wrong]:
    """Yields what is wrong where the id is that of a retired system, and the entry describes another one."""
    was: RegisterVersion | None = None
    for row in rows:
        if row.system != system.id:
            continue
        if isinstance(row.given, RegisterVersion):
            was = row.given
        elif isinstance(row.given, LifecycleChange) and row.given.status is Lifecycle.RETIRED:
            before, now = (_identity(entry) for entry in (was.entry if was else {}, system.model_dump()))
            if differ := [field for field, value in now.items() if before.get(field) != value]:
                message = (
                    f"was retired on {row.given.holds_from}, and this is another system by its {differ[0]}"
                )
                yield Wrong(("id",), message, "give it an id of its own; an id is never used again")
            return


def _identity(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    vendor = entry.get("vendor") or {}
    return {
        "name": entry.get("name"),
        "vendor.name": vendor.get("name"),
        "vendor.product": vendor.get("product"),
    }


def _wrong_rules(system: System) -> Iterator[Wrong]:
    """Yields the expectations that Great Expectations does not take."""
    for name in get_args(FeedName):
        feed: Feed | None = getattr(system.feeds, name)
        for index, rule in enumerate(declared_rules(feed) if feed else ()):
            if plainly_right(rule):
                continue
            from sundial.gate.expectations import build  # with Great Expectations, which loads for seconds

            try:
                build(rule)
            except RuleError as error:
                place = ("feeds", name, "contract", index, error.field)
                yield Wrong(place, error.message, error.remedy)


def _wrong_kinds(written: System | Policy, checks: Sequence[Check]) -> Iterator[Wrong]:
    """Yields the sunset rules that wait for facts of a statistical check, or evidence of a factual one."""
    kinds = {check.name: check.kind for check in checks}
    wanted = {"evidence": Kind.STATISTICAL, "fact": Kind.FACTUAL}
    for path, rule in sunset_rules(written):
        if isinstance(rule.when, EvidenceCondition | FactCondition):
            found = kinds.get(rule.when.check, wanted[rule.when.kind])
            if found is not wanted[rule.when.kind]:
                message = f"{rule.when.check} is a {found.value} check, and never meets kind {rule.when.kind}"
                yield Wrong((*path, "when", "check"), message, "name another check, or use the other kind")


def _unmeasured(system: System) -> Iterator[Wrong]:
    """Yields the registered metrics that need the truth of outputs, where no feed brings it."""
    if system.feeds.outcomes is not None:
        return
    metrics: list[tuple[str, str]] = [("intended_outcome", system.intended_outcome.metric)]
    if system.harm is not None and system.harm.metric != "selection_rate":
        metrics.append(("harm", system.harm.metric))
    for part, metric in metrics:
        yield Wrong((part, "metric"), f"{metric} cannot be measured without outcomes", "add feeds.outcomes")
