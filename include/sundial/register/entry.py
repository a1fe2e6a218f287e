"""What every part of the register is made of: frozen models, and the fields that many parts share."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sundial.register.emotions import not_of_emotions


class Entry(BaseModel):
    """Every part of the register: frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: the name of a folder of zones
        raise ValueError(
            f"no such time zone: {name!r}; use an IANA name such as America/Los_Angeles"
        ) from error
    return name


Zone = Annotated[str, AfterValidator(_known_zone)]
Column = Annotated[
    str,
    Field(min_length=1, description="Name of a column in the feed."),
    AfterValidator(not_of_emotions),
]
AlsoPresent = Annotated[
    tuple[Column, ...],
    Field(
        description=(
            "Columns that the source may have though nothing here uses them; they are not taken. Any other "
            "is a finding."
        )
    ),
]
# A class with a field called `date` hides the type from its own annotations.
Day = date
ApprovedBy = Annotated[str, Field(min_length=1, description="Who approved it: name and role.")]
ApprovedOn = Annotated[date, Field(description="Day of the approval.")]
WebAddress = Annotated[
    str, Field(pattern=r"^https?://[^\s<>\"]+$", examples=["https://www.city.gov/page"], max_length=2_000)
]
Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", examples=["name@city.gov"])]
Month = Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", examples=["2026-01"])]
Cadence = Annotated[
    Literal["daily", "weekly", "monthly", "yearly"],
    Field(description="How often the feed brings something new; silence for longer is a finding."),
]
MAX_DAYS = 36_600  # a century: a longer term is a typing error, and no date could be reckoned with it
CADENCE_DAYS: dict[str, int] = {"daily": 1, "weekly": 7, "monthly": 31, "yearly": 366}
