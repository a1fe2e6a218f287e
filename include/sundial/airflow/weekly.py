"""The tasks of the weekly report, and its alarm."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import CronPartitionTimetable, get_current_context
from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference
from airflow.sdk.exceptions import AirflowFailException

from sundial.airflow.channels import tell_channels
from sundial.airflow.context import as_of_date
from sundial.airflow.mail import base_url, sender, smtp_send
from sundial.airflow.metrics import Gauge, tell
from sundial.airflow.remedy import remedy_first
from sundial.engine.settings import settings
from sundial.register.load import load_policy, load_register
from sundial.register.models import Policy
from sundial.store.outbox import Outbox

if TYPE_CHECKING:
    from sundial.report.weekly import WeeklyReport
    from sundial.sunset.watch import Notice

_log = logging.getLogger(__name__)

DOC = """One report a week for the CDPO: what changed, what needs whom by when, what could not be measured;
then every system against the eight principles, and a page for each. It reads the store only, so a dead system
cannot silence it.

It is filed in the lake as page, PDF and data, mailed to the roles of `report_to` in the
policy with the PDF attached, and told to further channels. One that is not out in `report_hours` is an alarm.
"""


def schedule(policy: Policy) -> CronPartitionTimetable | None:
    """Returns Monday seven o'clock of the City, its key the Sunday before; None for a manual report."""
    if policy.report_schedule == "manual":
        return None
    return CronPartitionTimetable(
        "0 7 * * MON", timezone=policy.timezone, run_offset=-1, key_format="%Y-%m-%d"
    )


def deadline(policy: Policy) -> DeadlineAlert:
    """Returns Airflow's deadline of a report: so many hours after its run was queued it is to be out."""
    return DeadlineAlert(
        name="the report is not out",
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(hours=policy.report_hours),
        callback=SyncCallback(raise_alarm),
    )


@remedy_first
def render() -> str:
    """Files the report in the lake and records it; returns the path of its page. What is recorded stands."""
    from sundial.report.filed import file_report, filed_report
    from sundial.report.weekly import report_of
    from sundial.store.results import Results

    where, as_of = settings(), _as_of()
    database, lake = where.open_store(), where.open_lake()
    results = Results(database)
    report = filed_report(as_of, lake, results)  # a run that was killed goes on with what it had filed
    if report is None:
        systems = load_register(where.register).systems
        report = report_of(database, systems, load_policy(where.policy), as_of)
    return file_report(report, lake, results)


@remedy_first
def mail() -> None:
    """Mails the report with its PDF to the policy's roles, once; dashboards hear whether it went out."""
    sent = 0
    try:
        _mail()
        sent = 1
    finally:
        tell(lambda: [Gauge("report_sent", sent)])


def _mail() -> None:
    from sundial.report.delivery import deliver
    from sundial.report.document import render_pdf
    from sundial.report.mail import compose, report_key

    where = settings()
    report, policy = _filed(), load_policy(where.policy)
    key = report_key(report)
    document = render_pdf(report)
    message = compose(
        report, policy, base_url(), key, document=document, sender=sender(), date=datetime.now(UTC)
    )
    deliver(message, key, Outbox(where.open_store()), smtp_send)


@remedy_first
def channels() -> None:
    """Tells the headline with a link to further channels, once each."""
    from sundial.report.mail import headline, report_key

    report = _filed()
    link = f"{base_url()}/dags/weekly_report"
    tell_channels(report_key(report), headline(report), link, Outbox(settings().open_store()))


@remedy_first
def recheck() -> str | None:
    """Raises the alarm where the latest report that should be out is not; returns its key where it is raised.

    It reads the store only: also of a report whose run never was, or was lost with Airflow's database.
    """
    from sundial.report.missed import overdue

    where = settings()
    policy, database = load_policy(where.policy), where.open_store()
    notice = overdue(policy, database, datetime.now(UTC))
    if policy.report_schedule == "weekly":
        tell(lambda: [Gauge("report_sent", int(notice is None))])
    if notice is None:
        return None
    _alarm(notice, policy, Outbox(database))
    return notice.key


def raise_alarm(context: dict[str, Any]) -> None:
    """Raises the alarm when the deadline has passed and the report of the run is not out.

    Airflow hands over the run, and logs it where this raises: so it never does.
    """
    from sundial.engine.clock import last_complete_week, week_name
    from sundial.report.missed import MAIL, alarm

    try:
        where = settings()
        policy, outbox = load_policy(where.policy), Outbox(where.open_store())
        week = last_complete_week(_as_of_run(context["dag_run"], policy))
        key = f"{MAIL}{week_name(week)}"
        if not outbox.known(key).get(key):
            _alarm(alarm(week, policy), policy, outbox)
    except Exception as error:  # noqa: BLE001 - see above
        _log.error("The alarm of a late report could not be raised: %s", type(error).__name__)
        raise SystemExit(1) from None


def _alarm(notice: Notice, policy: Policy, outbox: Outbox) -> None:
    """Mails the alarm and tells the channels, each once; where one fails, the other is tried all the same."""
    from sundial.airflow.watch import send

    link = f"{base_url()}/dags/{notice.dag}"
    try:
        send(notice, policy, outbox)
    finally:
        tell_channels(notice.key, notice.subject, link, outbox)


def _as_of() -> date:
    context: Any = get_current_context()
    return as_of_date(context, load_policy(settings().policy))


def _as_of_run(run: dict[str, Any], policy: Policy) -> date:
    """Returns the as-of date of a run as Airflow's API describes it."""
    from types import SimpleNamespace

    after = datetime.fromisoformat(str(run["run_after"]))
    described = SimpleNamespace(conf=run.get("conf"), partition_key=run.get("partition_key"), run_after=after)
    return as_of_date({"dag_run": described}, policy)


def _filed() -> WeeklyReport:
    """Returns the run's report as it was filed: the mail says what the page says."""
    from sundial.report.filed import filed_report
    from sundial.store.results import Results

    where, as_of = settings(), _as_of()
    report = filed_report(as_of, where.open_lake(), Results(where.open_store()))
    if report is None:
        raise AirflowFailException(
            f"no report as of {as_of} is filed with its data; clear the task render, or give another as_of"
        )
    return report
