"""A dated document about a system, with who answers for it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from sundial.register.entry import Day, Entry

AttestationKind = Literal[
    "fact_sheet",
    "ai_review",
    "owner_confirmed",
    "equity_plan",
    "consultation",
    "accessibility",
    "data_usage_report",
    "security_review",
    "training_material",
]
"""What a person may attest to; how old each may get says the policy's term `<kind>_age`."""


class Attestation(Entry):
    """A dated document, with who answers for it; it goes stale by the policy's terms."""

    by: str = Field(description="Who answers for the document.")
    date: Annotated[date, Field(description="Day of the document.")]
    version: str | None = Field(default=None, description="Version of the document.")
    link: str | None = Field(default=None, description="Where to read it.")
    expires: Day | None = Field(
        default=None, description="Last day on which it holds, where that comes before the policy's term."
    )
