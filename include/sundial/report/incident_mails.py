"""Sends the mails about incidents that are due, and records that they were."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote

from sundial.register.models import Policy, System
from sundial.report.delivery import deliver
from sundial.report.mail import incident_mail
from sundial.report.smtp import SMTP_CONNECTION, send_through, sender_of
from sundial.sources.connection import Connection
from sundial.store.database import Database
from sundial.store.incidents import Incident, Incidents
from sundial.store.outbox import Outbox
from sundial.sunset.incidents import RUN, SENT, Due, due_notices, standing

REPORT, UPDATE = "incident_report", "incident_update"
"""The DAGs in which an incident is reported, and gone on with."""


class NoticesFailed(RuntimeError):  # noqa: N818
    """Mails could not be sent; the others were, and these are due again at the next look."""


def send_due(
    database: Database,
    policy: Policy,
    systems: Mapping[str, System],
    resolve: Callable[[str], Connection],
    base_url: str,
    only: str | None = None,
) -> list[str]:
    """Sends every mail about an open incident that is due now, and records it.

    Args:
        database: the store.
        policy: for roles and addresses.
        systems: the register.
        resolve: from a connection's id to the connection.
        base_url: address of Airflow's pages.
        only: id of the one incident to look at; all by default.

    Returns:
        The keys of the mails that were sent.

    Raises:
        NoticesFailed: some could not be sent; the others were.
    """
    incidents, outbox = Incidents(database), Outbox(database)
    sent: list[str] = []
    failed: list[str] = []
    # Notices first: what was told just now is not missing any more.
    for incident, notices in ((one, first) for one in incidents.incidents() for first in (True, False)):
        if only not in (None, incident.id):
            continue
        for due in due_notices(standing(incidents, incident.id), policy, systems, datetime.now(UTC)):
            if (due.event.kind == SENT) != notices:
                continue
            try:
                _send(due, incident, policy, outbox, resolve, base_url)
            except (OSError, LookupError, ValueError) as error:  # SMTP's own errors are OSErrors
                failed.append(f"{due.key}: {type(error).__name__}: {error}")
                continue
            incidents.append(due.incident, replace(due.event, at=datetime.now(UTC)))
            sent.append(due.key)
    if failed:
        raise NoticesFailed("not sent, and tried again at the next look:\n" + "\n".join(failed))
    return sent


def _send(
    due: Due,
    incident: Incident,
    policy: Policy,
    outbox: Outbox,
    resolve: Callable[[str], Connection],
    base_url: str,
) -> None:
    server, now = resolve(SMTP_CONNECTION), datetime.now(UTC)
    read, act = _read_link(incident, base_url), f"{base_url}/dags/{UPDATE}"
    message = incident_mail(due, policy, read, act, sender=sender_of(server), date=now)
    deliver(message, due.key, outbox, lambda mail: send_through(server, mail))


def _read_link(incident: Incident, base_url: str) -> str | None:
    """Returns the page of the run whose form has the report; None for one that came by command."""
    if not incident.key.startswith(RUN):
        return None
    run = quote(incident.key.removeprefix(RUN), safe="")
    return f"{base_url}/dags/{REPORT}/runs/{run}/details"
