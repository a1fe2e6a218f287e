"""The register written as a published standard has it, with what is empty or not allowed told apart."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sundial.cli.given import entry_today
from sundial.lake import Lake
from sundial.register.exports import STANDARDS, unpublished
from sundial.register.exports.layouts import Layout, json_of, written_as
from sundial.register.exports.whole import whole
from sundial.register.load import Register, load_policy, load_register
from sundial.register.models import System
from sundial.register.wording import did_you_mean
from sundial.store.database import Database


class ExportStandard(StrEnum):
    """What to export to: a standard by its id, or the entry itself."""

    EUROCITIES = "eurocities"
    DUTCH = "dutch"
    ATRS = "atrs"
    OMB = "omb"
    JSON = "json"


class ExportError(Exception):
    """What was asked for cannot be exported."""


@dataclass(frozen=True)
class Export:
    """An export, and what is to be said beside it, one line each.

    Attributes:
        text: the export itself.
        errors: files of the register that cannot be read, with file, line, field and remedy.
        left_out: systems that are not published, and why.
        problems: required fields that are empty and values that are not allowed, by system and standard.
    """

    text: str
    errors: tuple[str, ...]
    left_out: tuple[str, ...]
    problems: tuple[str, ...]


def export_register(
    folder: Path,
    policy: Path,
    standard: ExportStandard,
    only: str | None,
    layout: Layout,
    store: Database | None = None,
) -> Export:
    """Returns the systems of a register, or one of them, in a standard's words.

    Historical data, which the City does not operate, examples and rejected systems are not published.

    Args:
        folder: the folder of register files.
        policy: the policy, which names the City.
        standard: what to export to.
        only: id of the one system that is wanted; None for all.
        layout: how it is written.
        store: entries are published as they are in effect by its rows; it need not be there.

    Raises:
        RegisterError: the folder or the policy cannot be read, or the wanted system's file cannot.
        ExportError: there is no such system, or no such layout of the standard.
    """
    if standard is ExportStandard.JSON and layout is Layout.CSV:
        raise ExportError("the entry itself has no CSV; choose --format json, or a --standard")
    city = load_policy(policy).city
    register = load_register(folder)
    written = [*register.systems.values()] if only is None else [_wanted(register, folder, only)]
    systems = [entry_today(system, store) for system in written]
    errors = [*register.errors.values()] if only is None else []
    left_out = [f"{system.id}: not published: {why}" for system in systems if (why := unpublished(system))]
    published = [system for system in systems if not unpublished(system)]
    problems: list[str] = []
    if standard is ExportStandard.JSON:
        text = json_of([whole(system, system.status) for system in published])
    else:
        wanted = STANDARDS[standard]
        records = {system.id: wanted.record(system, system.status, city) for system in published}
        problems = [
            f"{name}: {standard}: {problem}"
            for name, record in records.items()
            for problem in wanted.problems(record)
        ]
        text = written_as(wanted, [*records.values()], layout)
    told = tuple(line for error in errors for line in str(error).splitlines())
    return Export(text, told, tuple(left_out), tuple(problems))


def write_whole(path: Path, text: str) -> None:
    """Writes a file whole or not at all.

    Raises:
        ExportError: the file cannot be written.
    """
    folder = path.resolve().parent
    try:
        Lake(str(folder)).put(path.name, text.encode())
    except OSError as error:
        raise ExportError(f"{path}: cannot be written: {error.strerror}; give another --out") from error


def _wanted(register: Register, folder: Path, name: str) -> System:
    if name in register.systems:
        return register.systems[name]
    if error := register.errors.get(folder / f"{name}.yaml"):
        raise error
    raise ExportError(f"--system: no system has this id; {did_you_mean(name, register.systems)}")
