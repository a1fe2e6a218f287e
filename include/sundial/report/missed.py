"""Reports that did not go out: an alarm of its own, and a line on the first screen of the next one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sundial.engine.clock import WEEK, last_complete_week, week_name
from sundial.register.models import Policy
from sundial.store.database import Database
from sundial.store.outbox import Outbox
from sundial.store.results import Results
from sundial.sunset.watch import Notice

MAIL = "report/"
"""What the key of a report's mail begins with; the name of its week follows."""
FOLDER = "reports/"
"""Where in the lake the reports are filed."""
STARTS = time(7)
"""When the report of a week begins to be made, on the Monday after it, in the City's time."""
MOST = 12
"""Weeks that a report looks back for others that did not go out."""


def not_sent_before(week: date, policy: Policy, database: Database) -> tuple[str, ...]:
    """Returns the names of the weeks right before one whose reports did not go out, the oldest first.

    The search ends at the last report that did, and at the first one that there ever was.
    """
    if policy.report_schedule != "weekly":
        return ()
    sent = Outbox(database).known(MAIL)
    first = _first(sent, database)
    missed: list[str] = []
    before = week - WEEK
    while first is not None and first <= before and len(missed) < MOST:
        if sent.get(f"{MAIL}{week_name(before)}"):
            break
        missed.append(week_name(before))
        before -= WEEK
    return tuple(reversed(missed))


def overdue(policy: Policy, database: Database, now: datetime) -> Notice | None:
    """Returns the notice that the latest report that should be out by now is not; None where it is.

    Before the first report that was ever made there is none to miss: its own run has a deadline.
    """
    if policy.report_schedule != "weekly":
        return None
    zone = ZoneInfo(policy.timezone)
    week = last_complete_week(now.astimezone(zone).date() - timedelta(days=1))
    if now < datetime.combine(week + WEEK, STARTS, zone) + timedelta(hours=policy.report_hours):
        week -= WEEK
    sent = Outbox(database).known(MAIL)
    first = _first(sent, database)
    if first is None or week < first or sent.get(f"{MAIL}{week_name(week)}"):
        return None
    return alarm(week, policy)


def alarm(week: date, policy: Policy) -> Notice:
    """Returns the notice that the report of a week did not go out; it is sent once."""
    name = week_name(week)
    return Notice(
        key=f"report-missing/{name}",
        subject=f"The AI health report of {name} did not go out",
        lines=(
            f"It was not mailed in the {policy.report_hours:g} hours that the policy gives it.",
            "Until it is, nobody is told what changed, what waits for whom and what could not be measured.",
            "Operators: the first red task in the last run of weekly_report says why. Mend it, clear it.",
        ),
        roles=policy.report_alarm_to,
        dag="weekly_report",
    )


def _first(keys: Iterable[str], database: Database) -> date | None:
    """Returns the Monday of the first week of which there ever was a report, mailed or filed."""
    weeks = [_monday(key.removeprefix(MAIL)) for key in keys]
    filed = [report for report in Results(database).reports() if report.path.startswith(FOLDER)]
    weeks += [last_complete_week(report.as_of) for report in filed]
    return min(weeks, default=None)


def _monday(name: str) -> date:
    year, _, week = name.partition("-W")
    return date.fromisocalendar(int(year), int(week), 1)
