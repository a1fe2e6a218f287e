"""The register entry in effect: what the YAML declares, and the ledger's rows as of a day.

The newest attestation of a kind, the latest approved baseline and the last status count, whether from YAML or
from a row. What holds from a later day, or was revoked, does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

from sundial.register.attestation import Attestation, AttestationKind
from sundial.register.fact_sheet import FactSheet
from sundial.register.given import (
    BaselineApproval,
    BaselineProposal,
    Given,
    GivenAttestation,
    LifecycleChange,
    Revocation,
    Waiver,
)
from sundial.register.lifecycle import Lifecycle, Lifetime
from sundial.register.load import config_hash
from sundial.register.models import Baseline, Policy, System
from sundial.register.oversight import AiReview
from sundial.store.canonical import canonical, digest
from sundial.store.register import Row

_Given = TypeVar("_Given", bound=Given)
_OWN_FIELD: Mapping[str, type[Attestation]] = {"fact_sheet": FactSheet, "ai_review": AiReview}
"""Attestations that have a field of the entry to themselves."""


class InEffect:
    """One system's entry on any day, as a run knows it."""

    def __init__(self, written: System, policy: Policy, rows: Sequence[Row] = ()) -> None:
        """Takes what the YAML says, the policy and the system's rows in the order of recording."""
        self.written = written
        self._policy = policy
        self._rows = rows
        self._known: dict[tuple[int, ...], tuple[System, str]] = {}

    @property
    def fingerprint(self) -> str:
        """One hash of all rows; the same rows, the same hash."""
        return digest(canonical([[row.number, row.given.model_dump(mode="json")] for row in self._rows]))

    def on(self, day: date) -> System:
        """Returns the entry in effect on a day; the written one itself where no row has a say."""
        return self._on(day)[0]

    def config(self, day: date) -> str:
        """Returns the hash of entry and policy in effect on a day."""
        return self._on(day)[1]

    def waivers(self, day: date) -> Sequence[tuple[int, Waiver]]:
        """Returns the waivers in force on a day, each with its number."""
        return [(n, waiver) for n, waiver in standing(self._rows, Waiver, day) if day <= waiver.expires]

    def _on(self, day: date) -> tuple[System, str]:
        shaping = [row for row in self._rows if not isinstance(row.given, Waiver)]
        which = tuple(row.number for row in shaping if row.given.holds_from <= day)
        if which not in self._known:
            system = in_effect(self.written, shaping, day)
            self._known[which] = system, config_hash(system, self._policy)
        return self._known[which]


def standing(rows: Sequence[Row], kind: type[_Given], day: date) -> Sequence[tuple[int, _Given]]:
    """Returns number and content of the rows of a kind that hold on a day: revoked ones do not."""
    revoked = {
        row.given.number for row in rows if isinstance(row.given, Revocation) and row.given.holds_from <= day
    }
    return [
        (row.number, row.given)
        for row in rows
        if isinstance(row.given, kind) and row.given.holds_from <= day and row.number not in revoked
    ]


def in_effect(written: System, rows: Sequence[Row], day: date) -> System:
    """Returns a system's entry with the rows that hold on a day; itself where none has a say.

    Args:
        written: what the YAML says.
        rows: of the system, in the order of recording.
        day: in the City's calendar.
    """
    changes = {
        **_attested(written, rows, day),
        **_baseline(written, rows, day),
        **_status(written, rows, day),
    }
    return written.model_copy(update=changes) if changes else written


def _attested(written: System, rows: Sequence[Row], day: date) -> dict[str, Any]:
    newest: dict[AttestationKind, GivenAttestation] = {}
    for _, row in standing(rows, GivenAttestation, day):
        if row.kind not in newest or row.date >= newest[row.kind].date:
            newest[row.kind] = row
    changes: dict[str, Any] = {}
    further = dict(written.attestations)
    for kind, row in newest.items():
        own = getattr(written, kind, None)
        known = own or written.attestations.get(kind)
        if known is not None and known.date > row.date:
            continue
        dated = {name: getattr(row, name) for name in Attestation.model_fields}
        if kind not in _OWN_FIELD:
            further[kind] = Attestation(**dated)
        elif own is None:
            changes[kind] = _OWN_FIELD[kind](**dated)
        else:  # what the document says stays; when the next review is due, the older one said
            stale = {"next_due": None} if kind == "ai_review" else {}
            changes[kind] = own.model_copy(update=dated | stale)
    return changes if further == written.attestations else changes | {"attestations": further}


def _baseline(written: System, rows: Sequence[Row], day: date) -> dict[str, Any]:
    proposals = dict(standing(rows, BaselineProposal, day))
    latest: BaselineApproval | None = None
    for _, approval in standing(rows, BaselineApproval, day):
        if approval.proposal in proposals and (latest is None or approval.holds_from >= latest.holds_from):
            latest = approval
    if latest is None or (written.baseline and written.baseline.approved_on > latest.holds_from):
        return {}
    window = proposals[latest.proposal]
    return {
        "baseline": Baseline(
            start=window.start,
            end=window.end,
            approved_by=latest.approved_by,
            approved_on=latest.holds_from,
        )
    }


def _status(written: System, rows: Sequence[Row], day: date) -> dict[str, Any]:
    changes = [change for _, change in standing(rows, LifecycleChange, day)]
    if not changes:
        return {}
    last = changes[-1]
    if last.status is not Lifecycle.RETIRED or (written.lifetime and written.lifetime.end):
        return {"status": last.status}
    ended = {"end": f"{last.holds_from:%Y-%m}", "end_reason": last.reason}
    return {"status": last.status, "lifetime": (written.lifetime or Lifetime()).model_copy(update=ended)}
