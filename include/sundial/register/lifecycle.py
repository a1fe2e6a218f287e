"""Where in its life a system is, and what each published standard calls that.

No standard knows a system that was suspended or is being phased out: it is published as in use, with a
remark, until its outputs have really stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from sundial.register.entry import Entry, Month


class Lifecycle(StrEnum):
    """The status of a system; the value is its word in YAML."""

    PROPOSED = "proposed"
    IN_REVIEW = "in_review"
    PILOT = "pilot"
    DEPLOYED = "deployed"
    SUSPENDED = "suspended"
    PHASING_OUT = "phasing_out"
    RETIRED = "retired"
    REJECTED = "rejected"


class Lifetime(Entry):
    """From when until when the system is in use."""

    start: Month | None = Field(default=None, description="Month in which use or the pilot began.")
    end: Month | None = Field(default=None, description="Month in which use ended.")
    end_reason: str | None = Field(default=None, min_length=5, description="Why it ended.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start and self.end and self.start > self.end:
            raise ValueError(f"start ({self.start}) is after end ({self.end})")
        return self


@dataclass(frozen=True)
class Words:
    """What the standards call one status.

    Attributes:
        eurocities: The word of Eurocities 0.3.1.
        dutch: The word of the Dutch publication standard 1.0.
        atrs: The phase of the UK's ATRS v1.
        omb: The stage of the US federal inventory 2025.
        remark: What must be said beside a word that does not say it; None where the words suffice.
    """

    eurocities: str
    dutch: str
    atrs: str
    omb: str
    remark: str | None = None


CROSSWALK: dict[Lifecycle, Words] = {
    Lifecycle.PROPOSED: Words("planned", "In ontwikkeling", "idea", "Pre-deployment"),
    Lifecycle.IN_REVIEW: Words("development", "In ontwikkeling", "development", "Pre-deployment"),
    Lifecycle.PILOT: Words("pilot", "In gebruik", "production", "Pilot", "It is a pilot."),
    Lifecycle.DEPLOYED: Words("operational", "In gebruik", "production", "Deployed"),
    Lifecycle.SUSPENDED: Words(
        "operational", "In gebruik", "production", "Deployed", "The City has suspended its use."
    ),
    Lifecycle.PHASING_OUT: Words(
        "operational", "In gebruik", "production", "Deployed", "It is being phased out."
    ),
    Lifecycle.RETIRED: Words("retired", "Buiten gebruik", "retired", "Retired"),
}
"""The words for every status that is published; a rejected system is not."""
