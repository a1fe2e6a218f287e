"""A dated document about a system, with who answers for it."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from sundial.register.entry import Entry


class Attestation(Entry):
    """A dated document, with who answers for it; it goes stale by the policy's terms."""

    by: str = Field(description="Who answers for the document.")
    date: Annotated[date, Field(description="Day of the document.")]
    version: str | None = Field(default=None, description="Version of the document.")
    link: str | None = Field(default=None, description="Where to read it.")
