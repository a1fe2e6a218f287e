"""What people enter beside the YAML: attestations, waivers, baselines, lifecycle changes, versions.

Each is a row of the ledger. A row is never changed: a later one revokes it, or takes its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import AfterValidator, Field, ValidationError, model_validator

from sundial.register.attestation import Attestation, AttestationKind
from sundial.register.entry import Day, Entry, WebAddress
from sundial.register.lifecycle import Lifecycle
from sundial.register.problems import dotted
from sundial.register.wording import explain

LONGEST_WAIVER = timedelta(weeks=52)
"""A waiver that is still needed after a year is asked for, and approved, once more."""


def _says_something(text: str) -> str:
    if not any(character.isalnum() for character in text):
        raise ValueError("says nothing; write it out")
    return text.strip()


Named = Annotated[str, Field(max_length=200, examples=["Ana Ruiz, CDPO"]), AfterValidator(_says_something)]
LONGEST_REASON = 1_000
Reason = Annotated[str, Field(min_length=10, max_length=LONGEST_REASON), AfterValidator(_says_something)]
Number = Annotated[int, Field(ge=1)]


class Given(Entry):
    """What every row says: from which day on it holds."""

    row: ClassVar[str]
    """Its kind in the store."""
    holds_from: Day = Field(description="First day on which it holds.")


class GivenAttestation(Attestation, Given):
    """An attestation that was given by form or command."""

    row = "attestation"
    by: Named
    kind: AttestationKind
    link: WebAddress | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.date > self.holds_from:
            raise ValueError(f"date: {self.date} lies after {self.holds_from}; attest to what is there")
        if self.expires is not None and self.expires < self.date:
            raise ValueError(f"expires: {self.expires} lies before the document's day; give a later one")
        return self


class Waiver(Given):
    """That a check's findings count as waived for a time: of all of it, or of one metric or slice.

    `slice` has (column, level) pairs, sorted; a finding of exactly this slice is meant.
    """

    row = "waiver"
    check: str
    metric: str | None = None
    slice: tuple[tuple[str, str], ...] | None = None
    reason: Reason
    approver: Named
    link: WebAddress
    expires: Day

    @model_validator(mode="after")
    def _for_a_time(self) -> Self:
        latest = self.holds_from + LONGEST_WAIVER
        if self.expires < self.holds_from:
            raise ValueError(f"expires: {self.expires} lies before {self.holds_from}; give a later day")
        if self.expires > latest:
            raise ValueError(
                f"expires: {self.expires} is more than 52 weeks away; give a day up to {latest}, and ask "
                "again then"
            )
        return self


class BaselineProposal(Given):
    """A reference window that is proposed, with what it holds of the system's outputs."""

    row = "baseline_proposal"
    start: Day
    end: Day
    days: int
    outputs: int
    versions: dict[str, int] = Field(default={})
    proposed_by: Named

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start > self.end:
            raise ValueError(f"start: {self.start} lies after the end, {self.end}; swap them")
        return self


class BaselineApproval(Given):
    """That a named person approved a proposed reference window."""

    row = "baseline_approval"
    proposal: Number
    approved_by: Named


class LifecycleChange(Given):
    """A change of the status of a system."""

    row = "lifecycle"
    status: Lifecycle
    by: Named
    reason: Reason | None = None

    @model_validator(mode="after")
    def _reasoned(self) -> Self:
        if self.status is Lifecycle.RETIRED and self.reason is None:
            raise ValueError("reason: is missing; say why the system is retired")
        return self


class RegisterVersion(Given):
    """A version of the YAML entry: its content hash, with who wrote it and when."""

    row = "version"
    content_hash: str
    author: Named
    authored_on: Day
    commit: str | None = None
    entry: dict[str, Any]


class Revocation(Given):
    """That an earlier row no longer holds."""

    row = "revocation"
    number: Number
    by: Named
    reason: Reason


KINDS: Mapping[str, type[Given]] = {
    kind.row: kind
    for kind in (
        GivenAttestation,
        Waiver,
        BaselineProposal,
        BaselineApproval,
        LifecycleChange,
        RegisterVersion,
        Revocation,
    )
}
_Given = TypeVar("_Given", bound=Given)


class GivenError(ValueError):
    """What a person entered cannot stand: each problem on a line, with its field and the remedy."""


def given(model: type[_Given], today: date, values: Mapping[str, Any]) -> _Given:
    """Returns what was entered, as of today unless it says from when it holds.

    Args:
        model: what it is.
        today: in the City's calendar.
        values: by field; None is left out.

    Raises:
        GivenError: with everything that is wrong.
    """
    said = {"holds_from": today} | {name: value for name, value in values.items() if value is not None}
    try:
        valid = model.model_validate(said)
    except ValidationError as error:
        lines = [f"{dotted(w.path)}: {w.message}; {w.remedy}" for w in explain(error, model)]
        raise GivenError("\n".join(lines)) from None
    if valid.holds_from > today:
        raise GivenError(f"holds_from: {valid.holds_from} lies in the future; give a day up to {today}")
    return valid
