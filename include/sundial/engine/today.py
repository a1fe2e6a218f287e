"""The day that it is: the real one, but for demonstrations and tests that play time."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

PLAYED = "SUNDIAL_TODAY"
"""Environment variable: a file with a date, which stands for today. Never set it where decisions are real."""


def today(timezone: str) -> date:
    """Returns the day in a time zone, or the one that is played. Raises ValueError: the file has no date."""
    return day_of(datetime.now(UTC), timezone)


def day_of(instant: datetime, timezone: str) -> date:
    """Returns the day of an instant of now in a time zone, or the one that is played, as `today` does."""
    file = os.environ.get(PLAYED)
    if file:
        return date.fromisoformat(Path(file).read_text(encoding="utf-8").strip())
    return instant.astimezone(ZoneInfo(timezone)).date()
