"""When a system's monitor runs: for Airflow, and for whoever looks whether it did."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sundial.register.models import System

HOUR = 5
"""Of the City's morning, in which all monitors start."""
ENDS_WITHIN = timedelta(hours=3)
"""How long a run is waited for before it counts as missing: retries of its tasks included."""

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Due:
    """What a schedule asks for at an instant.

    Attributes:
        as_of: the date as of which the latest run should have ended.
        next_start: when the next run starts, in the City's zone.
    """

    as_of: date
    next_start: datetime


def cron(system: System) -> str | None:
    """Returns the schedule as cron has it, its minute spread by the system's id; None for a manual one."""
    if system.schedule == "manual":
        return None
    return f"{_minute(system)} {HOUR} * * {'*' if system.schedule == 'daily' else 'MON'}"


def due(system: System, now: datetime, zone: ZoneInfo) -> Due | None:
    """Returns what the schedule asks for; None where the system is only run by hand."""
    if system.schedule == "manual":
        return None
    local = now.astimezone(zone)
    return Due(
        as_of=_latest(system, local - ENDS_WITHIN) - _DAY,
        next_start=_start(system, _latest(system, local) + _every(system), zone),
    )


def _latest(system: System, local: datetime) -> date:
    """Returns the day of the latest start that is not after a local time."""
    day = local.date() if local.time() >= time(HOUR, _minute(system)) else local.date() - _DAY
    return day if system.schedule == "daily" else day - day.weekday() * _DAY


def _start(system: System, day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(HOUR, _minute(system)), zone)


def _every(system: System) -> timedelta:
    return _DAY if system.schedule == "daily" else 7 * _DAY


def _minute(system: System) -> int:
    return zlib.crc32(system.id.encode()) % 60
