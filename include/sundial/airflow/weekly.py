"""The tasks of the weekly report."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import CronPartitionTimetable, get_current_context

from sundial.airflow.context import as_of_date
from sundial.airflow.mail import base_url, sender, smtp_send
from sundial.engine.settings import settings
from sundial.register.load import load_policy, load_register
from sundial.register.models import Policy
from sundial.store.cases import Cases
from sundial.store.outbox import Outbox

if TYPE_CHECKING:
    from sundial.report.weekly import WeeklyReport

DOC = """One page a week for the CDPO: what changed, what waits for whom, what could not be measured; then
every system against the eight principles. It reads the store only, so a dead system cannot silence it.
"""


def schedule(policy: Policy) -> CronPartitionTimetable | None:
    """Returns Monday seven o'clock of the City, its key the Sunday before; None for a manual report."""
    if policy.report_schedule == "manual":
        return None
    return CronPartitionTimetable(
        "0 7 * * MON", timezone=policy.timezone, run_offset=-1, key_format="%Y-%m-%d"
    )


def render() -> str:
    """Files the page in the lake and records it; returns its path. A report that is recorded stands."""
    from sundial.report.weekly import render_html
    from sundial.store.results import Report, Results

    where = settings()
    as_of, report = _report()
    results = Results(where.open_store())
    if known := next((filed for filed in results.reports() if filed.key == as_of.isoformat()), None):
        return known.path
    page = render_html(report).encode()
    path = f"reports/{as_of}.html"
    where.open_lake().put(path, page)
    digest = hashlib.sha256(page).hexdigest()
    results.record_report(Report(as_of.isoformat(), as_of, digest, path))
    return path


def mail() -> None:
    """Mails the report to the CDPO, once."""
    from sundial.report.mail import compose, deliver, report_key

    where = settings()
    _, report = _report()
    key = report_key(report)
    policy = load_policy(where.policy)
    message = compose(report, policy, base_url(), key, sender=sender(), date=datetime.now(UTC))
    deliver(message, key, Outbox(where.open_store()), smtp_send)


def _report() -> tuple[date, WeeklyReport]:
    from sundial.report.weekly import build
    from sundial.store.register import RegisterRows
    from sundial.store.results import Results

    where = settings()
    context: Any = get_current_context()
    policy = load_policy(where.policy)
    as_of = as_of_date(context, policy)
    database = where.open_store()
    systems = load_register(where.register).systems
    rows = RegisterRows(database).rows()
    return as_of, build(systems, policy, Results(database), Cases(database), as_of, rows)
