"""Incidents in Airflow: the two forms, the mails that go out at once, and those that the clock makes due."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from airflow.sdk import Param, get_current_context
from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert
from airflow.sdk.exceptions import AirflowFailException

from sundial.airflow.connections import resolve
from sundial.airflow.deadlines import DiscoveryDeadline
from sundial.airflow.mail import base_url
from sundial.airflow.remedy import remedy_first
from sundial.engine.settings import settings
from sundial.register.load import load_policy, load_register
from sundial.store.database import StoreError
from sundial.store.incidents import IncidentKind, Incidents
from sundial.sunset import incidents as sunset
from sundial.sunset.incidents import IncidentRefused, Recipient

REPORT_DOC = """For staff: an AI system harmed somebody, or its security was breached. Trigger it
and fill in the form.

Supervisor, CDPO and Office of Employee Relations are mailed at once; incidents of security go to the CISO,
too. They have to know within 24 hours **of discovery**, not of this report: report also what you are not sure
about, and what is late. What happened and to whom is in no mail and in no log; whoever may see this DAG's
runs reads it there.
"""
UPDATE_DOC = """For those who were told of an incident: confirm that you know of it, say how things
stand, that it is contained, or which sunset case it belongs to, and close it.

It cannot be closed while one of supervisor, CDPO and Office of Employee Relations has not confirmed. Only
people whom `policy.yaml` names in a role can do this; the CDPO may confirm for others.
"""
_log = logging.getLogger(__name__)


def report_form() -> dict[str, Param]:
    """Returns the fields of the form in which staff report."""
    systems = sorted(path.stem for path in settings().register.glob("*.yaml"))
    return {
        "system": _text("System", "Its id; empty where you do not know it.", examples=systems),
        "kind": Param("harm", type="string", enum=[*get_args(IncidentKind)], title="Kind"),
        "grave": Param(
            False, type="boolean", title="Grave", description="Is, or may somebody be, badly harmed?"
        ),
        "discovered": _text(
            "Discovered",
            "When staff became aware of it: City time such as 2026-11-27 16:30, or with an offset such as "
            "2026-11-27T16:30-08:00.",
        ),
        "happened": _text("What happened", "In your words.", format="multiline"),
        "whom": _text("To whom", "Those it happened to, as far as you know.", format="multiline"),
        "supervisor": _text("Your supervisor", "Their e-mail address."),
    }


def update_form() -> dict[str, Param]:
    """Returns the fields of the form that goes on with an incident."""
    return {
        "incident": _text("Incident", "Its id, such as incident-2026-001."),
        "action": Param("confirm", type="string", enum=[*sunset.ACTIONS], title="What you do"),
        "which": Param(
            None,
            type=["null", "string"],
            enum=[None, *get_args(Recipient)],
            title="Whose notice",
            description="To confirm: who knows of it.",
        ),
        "episode": _text("Sunset case", "To link: the case's id."),
        "text": _text(
            "Text",
            "How things stand, how it was contained, or what was learnt; to confirm: how they were told.",
            format="multiline",
        ),
    }


def deadlines() -> list[DeadlineAlert]:
    """Returns Airflow's deadlines of a report: both count from discovery, and send what is due by then."""
    terms = load_policy(settings().policy).incident_terms
    ends, warns = timedelta(hours=terms.hours), timedelta(hours=terms.hours - terms.warn_hours_before)
    return [
        DeadlineAlert(
            name=name, reference=DiscoveryDeadline(), interval=interval, callback=SyncCallback(escalate)
        )
        for name, interval in (("time is running out", warns), ("time is over", ends))
    ]


@remedy_first
def record() -> str:
    """Records the report of this run, once, and returns the incident's id.

    Raises:
        AirflowFailException: the form cannot stand; with the remedy.
    """
    context: Any = get_current_context()
    run, filled = context["dag_run"], context["params"]
    where = settings()
    try:
        return sunset.report(
            Incidents(where.open_store()),
            load_policy(where.policy),
            load_register(where.register).systems,
            key=f"{sunset.RUN}{run.run_id}",
            system=filled["system"],
            kind=str(filled["kind"]),
            grave=bool(filled["grave"]),
            happened=filled["happened"] or "",
            whom=filled["whom"] or "",
            discovered_at=filled["discovered"] or "",
            supervisor=filled["supervisor"] or "",
            by=run.triggering_user_name or "unknown",
            now=datetime.now(UTC),
        )
    except IncidentRefused as error:
        raise AirflowFailException(str(error)) from None


@remedy_first
def update() -> str:
    """Does what the form of this run says, once, and returns the state of the incident.

    Raises:
        AirflowFailException: it cannot be done; with the remedy.
    """
    context: Any = get_current_context()
    run, filled = context["dag_run"], context["params"]
    where = settings()
    try:
        return sunset.act(
            where.open_store(),
            load_policy(where.policy),
            filled["action"],
            filled["incident"] or "",
            key=f"{sunset.RUN}{run.run_id}",
            by=run.triggering_user_name or "",
            which=filled["which"] or "",
            episode=filled["episode"] or "",
            text=filled["text"] or "",
            now=datetime.now(UTC),
        )
    except (IncidentRefused, StoreError) as error:
        raise AirflowFailException(str(error)) from None


@remedy_first
def recheck(only: str | None = None) -> list[str]:
    """Sends every mail about an open incident that is due now, from what the store has.

    Args:
        only: id of the one incident to look at; all by default.

    Returns:
        The keys of the mails that were sent.

    Raises:
        NoticesFailed: some could not be sent; the others were.
    """
    from sundial.report.incident_mails import send_due

    where = settings()
    policy, systems = load_policy(where.policy), load_register(where.register).systems
    return send_due(where.open_store(), policy, systems, resolve, base_url(), only)


def escalate(context: dict[str, Any]) -> None:
    """Sends what is due when a deadline has passed; of a run that began after it, its own tasks have done so.

    Airflow hands over the run with its form, and logs both where this raises: so it never does.
    """
    began = datetime.fromisoformat(str(context["dag_run"]["run_after"]))
    deadline = datetime.fromisoformat(str(context["deadline"]["deadline_time"]))
    if began >= deadline:
        return
    from sundial.report.incident_mails import NoticesFailed

    try:
        recheck()
    except NoticesFailed as error:
        _log.error("%s", error)
        raise SystemExit(1) from None
    except Exception as error:  # noqa: BLE001 - see above
        _log.error("%s", type(error).__name__)
        raise SystemExit(1) from None


def _text(title: str, description: str, **more: Any) -> Param:
    return Param(None, type=["null", "string"], title=title, description=description, **more)
