"""What the commands that add to the register's rows share: reading what was typed, and telling of rows."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Any, TypeVar

import typer
from rich.table import Table
from rich.text import Text

from sundial.cli.console import console, emit, problems_told, table
from sundial.engine.in_effect import in_effect
from sundial.engine.settings import settings
from sundial.engine.today import today as day_in
from sundial.register.authorship import author_of
from sundial.register.given import (
    BaselineApproval,
    BaselineProposal,
    Given,
    GivenAttestation,
    GivenError,
    LifecycleChange,
    RegisterVersion,
    Revocation,
    Waiver,
    given,
)
from sundial.register.load import entry_hash, load_policy
from sundial.register.models import System
from sundial.report.plain import clean, count
from sundial.store.database import Database, StoreNotMigrated
from sundial.store.grants import Grants, Total
from sundial.store.register import RegisterRows, Row

_Given = TypeVar("_Given", bound=Given)
_OPTIONS = {"holds_from": "--from", "proposal": "NUMBER", "number": "NUMBER", "status": "LIFECYCLE"}
_ARGUMENTS = {"kind": "KIND", "check": "CHECK"}


def today() -> date:
    """Returns the day in the City's calendar."""
    return day_in(load_policy(settings().policy).timezone)


def typed(model: type[_Given], **values: Any) -> _Given:
    """Returns what was typed. Raises BadParameter with all that is wrong, by option."""
    try:
        return given(model, today(), values)
    except GivenError as error:
        raise typer.BadParameter("\n".join(map(_by_option, str(error).splitlines()))) from None


def _by_option(line: str) -> str:
    field, colon, rest = line.partition(": ")
    option = _OPTIONS.get(field) or _ARGUMENTS.get(field) or f"--{field.replace('_', '-')}"
    return f"{option}{colon}{rest}"


def add(system: str, row: Given, *, as_json: bool) -> None:
    """Adds a row, recorded by who is logged in, and tells of it."""
    with problems_told():
        added = RegisterRows(settings().open_store()).add(system, row, getpass.getuser())
    if as_json:
        emit(document(added))
    else:
        console().print(f"{system}: row {added.number}: {said(added.given)}", soft_wrap=True)


def document(row: Row) -> dict[str, Any]:
    """Returns a row as JSON values."""
    return {
        "system": row.system,
        "number": row.number,
        "row": row.given.row,
        **row.given.model_dump(mode="json"),
        "recorded_by": row.recorded_by,
        "recorded_at": row.recorded_at.isoformat(),
    }


def said(row: Given) -> str:
    """Returns what a row says, in a sentence."""
    match row:
        case GivenAttestation():
            text = f"{row.kind} of {row.date} by {row.by}"
            text += f", until {row.expires}" if row.expires else ""
        case Waiver():
            what = [row.check, *([row.metric] if row.metric else []), *map("=".join, row.slice or ())]
            text = f"{' '.join(what)} waived until {row.expires} by {row.approver}: {row.reason}"
        case BaselineProposal():
            text = f"baseline {row.start} to {row.end} proposed by {row.proposed_by}: {held(row)}"
        case BaselineApproval():
            text = f"baseline of row {row.proposal} approved by {row.approved_by}"
        case LifecycleChange():
            text = f"{row.status.value} by {row.by}{f': {row.reason}' if row.reason else ''}"
        case RegisterVersion():
            text = f"version {row.content_hash[:16]} by {row.author} of {row.authored_on}"
        case Revocation():
            text = f"row {row.number} revoked by {row.by}: {row.reason}"
        case _:
            text = row.row
    return clean(f"{text.rstrip('.')}; holds from {row.holds_from}", 1_000)


def held(proposal: BaselineProposal) -> str:
    """Returns what a proposed window holds, in words."""
    versions = ", ".join(f"{name} {n:,}" for name, n in proposal.versions.items())
    held_ = f"{count(proposal.outputs, 'output')} on {count(proposal.days, 'day')}"
    return f"{held_}, {f'versions {versions}' if versions else 'no versions named'}"


def rows_table(rows: Sequence[Row]) -> Table:
    """Returns one row each, with what became of it."""
    revoked = {row.given.number for row in rows if isinstance(row.given, Revocation)}
    made = table("number", "row", "what it says", "recorded", right=("number",))
    for row in rows:
        gone = " (revoked)" if row.number in revoked else ""
        by = clean(f"{row.recorded_at:%Y-%m-%d} by {row.recorded_by}")
        made.add_row(str(row.number), row.given.row.replace("_", " "), Text(said(row.given) + gone), Text(by))
    return made


def rows_of(system: str | None, store: Database | None) -> Sequence[Row]:
    """Returns the rows of one system or of all; none where no store was made yet."""
    with suppress(StoreNotMigrated):
        return RegisterRows(store).rows(system) if store is not None else ()
    return ()


def totals_of(store: Database | None) -> Sequence[Total]:
    """Returns what all streams were given of the budget; nothing where no store was made yet."""
    with suppress(StoreNotMigrated):
        return Grants(store).totals() if store is not None else ()
    return ()


def entry_today(written: System, store: Database | None) -> System:
    """Returns a system's entry in effect today."""
    rows = rows_of(written.id, store)
    return in_effect(written, rows, today()) if rows else written


def version_of(system: System, by: str | None) -> Mapping[str, Any]:
    """Returns the version of an entry as values of `RegisterVersion`.

    Its author is that of the commit in git, else the given name. Raises BadParameter where there is none.
    """
    path = settings().register / f"{system.id}.yaml"
    author = author_of(path)
    if author is None and by is None:
        raise typer.BadParameter(
            f"{path} is not as a commit in git has it, so its author is not known; commit it, or name the "
            "deployer with --by"
        )
    return {
        "content_hash": entry_hash(system),
        "author": author.name if author else by,
        "authored_on": author.on if author else today(),
        "commit": author.commit if author else None,
        "entry": system.model_dump(mode="json", by_alias=True),
    }
