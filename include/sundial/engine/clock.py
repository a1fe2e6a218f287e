"""Civil weeks: which weeks a run judges, and which days a window covers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

WEEK = timedelta(days=7)


def monday(day: date) -> date:
    """Returns the Monday of the day's ISO week."""
    return day - timedelta(days=day.weekday())


def week_name(week: date) -> str:
    """Returns the ISO name of the week that begins on this Monday, such as 2015-W05."""
    year, number, _ = week.isocalendar()
    return f"{year}-W{number:02d}"


def last_complete_week(as_of: date) -> date:
    """Returns the Monday of the latest week whose Sunday is not after the as-of date."""
    return monday(as_of + timedelta(days=1)) - WEEK


def due_weeks(last_judged: date | None, first_day: date | None, as_of: date) -> Sequence[date]:
    """Returns the Mondays to judge, in order: every complete week after the last judged one.

    Args:
        last_judged: Monday of the last judged week; None before the first.
        first_day: first day with accepted outputs; None when there are none: only the latest week is judged.
        as_of: the run's now. One older than the last judged week has nothing to judge.
    """
    last = last_complete_week(as_of)
    first = last_judged + WEEK if last_judged else monday(first_day) if first_day else last
    return [first + WEEK * i for i in range((last - first) // WEEK + 1)]
