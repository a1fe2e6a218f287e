from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from small_system import entry

from sundial.engine.schedule import cron, due
from sundial.register.models import System

ZONE = ZoneInfo("America/Los_Angeles")


def of(schedule: str) -> System:
    return System.model_validate(entry() | {"schedule": schedule})


MINUTE = int(str(cron(of("daily"))).split()[0])


@pytest.mark.parametrize(
    ("schedule", "now", "as_of", "next_day"),
    [
        ("daily", "2026-11-25 04:00", "2026-11-23", "2026-11-25"),
        ("daily", "2026-11-25 06:30", "2026-11-23", "2026-11-26"),  # it runs, or just has
        ("daily", "2026-11-25 09:30", "2026-11-24", "2026-11-26"),
        ("weekly", "2026-11-25 09:30", "2026-11-22", "2026-11-30"),
        ("weekly", "2026-11-23 04:00", "2026-11-15", "2026-11-23"),
        ("daily", "2026-03-08 12:00", "2026-03-07", "2026-03-09"),  # clocks change this day
    ],
)
def test_a_run_is_due_once_it_had_the_time_to_end(schedule: str, now: str, as_of: str, next_day: str) -> None:
    asked = due(of(schedule), datetime.fromisoformat(now).replace(tzinfo=ZONE), ZONE)
    assert asked is not None
    assert asked.as_of == date.fromisoformat(as_of)
    assert asked.next_start == datetime.fromisoformat(f"{next_day} 05:{MINUTE:02}").replace(tzinfo=ZONE)


def test_what_is_run_by_hand_is_never_late() -> None:
    assert due(of("manual"), datetime.now(ZONE), ZONE) is None
    assert cron(of("manual")) is None
