"""Rows that people enter beside the YAML, for the tests of store, engine, report and commands."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sundial.register.given import (
    BaselineApproval,
    BaselineProposal,
    Given,
    GivenAttestation,
    LifecycleChange,
    RegisterVersion,
    Revocation,
    Waiver,
)
from sundial.store.register import Row

DAY = date(2014, 3, 3)


def attestation(**changes: Any) -> GivenAttestation:
    plain = {"kind": "security_review", "by": "Ana Ruiz", "date": DAY, "holds_from": DAY}
    return GivenAttestation.model_validate(plain | changes)


def waiver(**changes: Any) -> Waiver:
    plain = {
        "check": "equity.groups",
        "reason": "The vendor repairs it in May",
        "approver": "Dana, CDPO",
        "link": "https://city.example/waivers/7",
        "holds_from": DAY,
        "expires": date(2014, 5, 31),
    }
    return Waiver.model_validate(plain | changes)


def proposal(**changes: Any) -> BaselineProposal:
    plain = {
        "start": date(2014, 2, 3),
        "end": date(2014, 3, 2),
        "days": 28,
        "outputs": 160,
        "proposed_by": "Ana Ruiz",
        "holds_from": DAY,
    }
    return BaselineProposal.model_validate(plain | changes)


def approval(number: int = 1, **changes: Any) -> BaselineApproval:
    plain = {"proposal": number, "approved_by": "Dana, CDPO", "holds_from": DAY}
    return BaselineApproval.model_validate(plain | changes)


def status(word: str = "suspended", **changes: Any) -> LifecycleChange:
    plain = {"status": word, "by": "Dana, CDPO", "reason": "It is looked into.", "holds_from": DAY}
    return LifecycleChange.model_validate(plain | changes)


def version(content_hash: str = "ab12", **changes: Any) -> RegisterVersion:
    plain = {
        "content_hash": content_hash,
        "author": "Ana Ruiz",
        "authored_on": DAY,
        "entry": {"name": "Street lights"},
        "holds_from": DAY,
    }
    return RegisterVersion.model_validate(plain | changes)


def revocation(number: int = 1, **changes: Any) -> Revocation:
    plain = {"number": number, "by": "Dana, CDPO", "reason": "It was an error.", "holds_from": DAY}
    return Revocation.model_validate(plain | changes)


def rows(*given: Given, system: str = "street-lights") -> tuple[Row, ...]:
    """The rows as the store numbers them."""
    at = datetime(2014, 3, 3, tzinfo=UTC)
    return tuple(Row(system, number, one, "tester", at) for number, one in enumerate(given, 1))
