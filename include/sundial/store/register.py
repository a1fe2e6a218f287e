"""What is registered of a system beside its YAML; rows are added, never changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy import Row as Selected

from sundial.register.given import (
    KINDS,
    BaselineApproval,
    BaselineProposal,
    Given,
    GivenAttestation,
    LifecycleChange,
    RegisterVersion,
    Revocation,
    Waiver,
)
from sundial.register.lifecycle import Lifecycle
from sundial.store.canonical import canonical, digest
from sundial.store.database import ConflictingRecord, Database, UnknownRecord
from sundial.store.ledger import append
from sundial.store.tables import register_rows

_REVOCABLE = (GivenAttestation, Waiver, BaselineProposal, BaselineApproval)


@dataclass(frozen=True)
class Row:
    """A row of the ledger: what was given, as the `number`th row of its system, and who recorded it when."""

    system: str
    number: int
    given: Given
    recorded_by: str
    recorded_at: datetime


class RegisterRows:
    """The rows of every system."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, system: str, given: Given, recorded_by: str) -> Row:
        """Adds a row; one that stands already with the same content is left alone.

        Args:
            system: id of the system that it is about.
            given: what it says.
            recorded_by: user name of who entered it.

        Returns:
            The row, new or as it stands.

        Raises:
            UnknownRecord: where it is about a row that there is not.
            ConflictingRecord: where it contradicts the rows before it: a retired system stays so, a proposal
                is approved once, and a row is revoked once.
        """
        with self._database.write(f"register/{system}") as connection:
            before = _rows(connection, system)
            if (same := _standing(before, given)) is not None:
                return same
            _require_possible(system, before, given)
            payload, now = canonical(given.model_dump(mode="json")), datetime.now(UTC)
            row = Row(system, len(before) + 1, given, recorded_by, now)
            append(
                connection,
                register_rows,
                {
                    "system": system,
                    "number": row.number,
                    "kind": given.row,
                    "holds_from": given.holds_from,
                    "payload": payload,
                    "payload_hash": digest(payload),
                    "recorded_by": recorded_by,
                    "recorded_at": now,
                },
            )
            return row

    def rows(self, system: str | None = None) -> tuple[Row, ...]:
        """Returns the rows of one system or of all, each system's in the order of recording."""
        with self._database.read() as connection:
            return tuple(_rows(connection, system))


def _rows(connection: Connection, system: str | None) -> list[Row]:
    query = select(register_rows).order_by(register_rows.c.system, register_rows.c.number)
    if system is not None:
        query = query.where(register_rows.c.system == system)
    return [_row(found) for found in connection.execute(query)]


def _row(found: Selected[Any]) -> Row:
    given = KINDS[found.kind].model_validate(json.loads(found.payload))
    return Row(found.system, found.number, given, found.recorded_by, found.recorded_at)


def _standing(before: Sequence[Row], given: Given) -> Row | None:
    """Returns the row that says the same already; of statuses and versions the last one only."""
    if isinstance(given, Revocation):
        return None
    revoked = _revoked(before)
    same_kind = [row for row in before if row.given.row == given.row and row.number not in revoked]
    match given:
        case RegisterVersion(content_hash=known):
            last = same_kind[-1:]
            return next((row for row in last if getattr(row.given, "content_hash", "") == known), None)
        case LifecycleChange():
            return next((row for row in same_kind[-1:] if row.given == given), None)
        case _:
            return next((row for row in same_kind if row.given == given), None)


def _revoked(rows: Sequence[Row]) -> set[int]:
    return {row.given.number for row in rows if isinstance(row.given, Revocation)}


def _require_possible(system: str, before: Sequence[Row], given: Given) -> None:
    match given:
        case LifecycleChange():
            _require_alive(system, before, given)
        case BaselineApproval():
            _require_proposed(system, before, given)
        case Revocation():
            _require_revocable(system, before, given)


def _require_alive(system: str, before: Sequence[Row], change: LifecycleChange) -> None:
    changes = [row.given for row in before if isinstance(row.given, LifecycleChange)]
    last = changes[-1] if changes else None
    if last is None:
        return
    if last.status is Lifecycle.RETIRED:
        raise ConflictingRecord(
            f"{system}: it was retired on {last.holds_from} by {last.by}, and stays so; register what comes "
            "after it under an id of its own"
        )
    if change.holds_from < last.holds_from:
        raise ConflictingRecord(
            f"{system}: its status changed on {last.holds_from} already; give a day from then on"
        )


def _require_proposed(system: str, before: Sequence[Row], approval: BaselineApproval) -> None:
    revoked = _revoked(before)
    proposal = next((row for row in before if row.number == approval.proposal), None)
    if proposal is None or not isinstance(proposal.given, BaselineProposal):
        raise UnknownRecord(
            f"{system}: row {approval.proposal} is no proposal of a baseline; see `sundial baseline list "
            f"{system}`"
        )
    if proposal.number in revoked:
        raise ConflictingRecord(f"{system}: proposal {proposal.number} was revoked; propose a window anew")
    for row in before:
        known = row.given
        if not isinstance(known, BaselineApproval) or row.number in revoked:
            continue
        if known.proposal == approval.proposal:
            raise ConflictingRecord(
                f"{system}: proposal {proposal.number} was approved on {known.holds_from} by "
                f"{known.approved_by}; there is nothing more to approve"
            )


def _require_revocable(system: str, before: Sequence[Row], revocation: Revocation) -> None:
    row = next((row for row in before if row.number == revocation.number), None)
    if row is None:
        raise UnknownRecord(
            f"{system}: there is no row {revocation.number}; see `sundial register list {system}`"
        )
    if not isinstance(row.given, _REVOCABLE):
        raise ConflictingRecord(
            f"{system}: row {row.number} is a {row.given.row}, which is never revoked; record a later one"
        )
    if row.number in _revoked(before):
        raise ConflictingRecord(f"{system}: row {row.number} is revoked already; nothing is left to do")
    if revocation.holds_from < row.given.holds_from:
        raise ConflictingRecord(
            f"{system}: row {row.number} holds from {row.given.holds_from} on; revoke it from then on"
        )
