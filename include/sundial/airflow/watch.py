"""The daily look at sunset cases: the store's, held against what the pulls saw."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowFailException

from sundial.airflow.mail import base_url, sender, smtp_send
from sundial.airflow.metrics import of_city, tell
from sundial.airflow.remedy import remedy, remedy_first
from sundial.engine.settings import settings
from sundial.engine.today import today
from sundial.register.load import load_policy, load_register
from sundial.store.cases import Cases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sundial.engine.volume import Volume
    from sundial.register.models import Policy, System
    from sundial.store.database import Database
    from sundial.store.outbox import Outbox
    from sundial.sunset.watch import Notice

log = logging.getLogger(__name__)

DOC = """Every day each open sunset case is looked at.

An undecided one ages: whoever is asked is reminded, later CIO and CDPO both are. After a halt the source
must fall silent, after each stage of a phase-out its volume must have fallen; what still arrives is counted
and mailed. An exception that has run out goes back to the CIO. A system that is verified silent becomes
retired in the register in effect, and when the closing steps are done the CDPO is asked to close the case.
"""


@remedy_first
def look() -> list[str]:
    """Looks at every open case and mails what is due; returns the cases that it looked at.

    Raises:
        AirflowFailException: of some case the look failed; the others were looked at all the same.
    """
    from sundial.engine.volume import volume
    from sundial.store.outbox import Outbox
    from sundial.store.register import RegisterRows
    from sundial.sunset.watch import watch

    where = settings()
    policy, register = load_policy(where.policy), load_register(where.register)
    database, lake = where.open_store(), where.open_lake()
    cases, rows, outbox = Cases(database), RegisterRows(database), Outbox(database)
    as_of, failed, seen = today(policy.timezone), [], []
    tell(lambda: of_city(database, register.systems, as_of))
    for episode in cases.open_episodes():
        system = register.systems.get(episode.system)
        if system is None:
            log.error("%s: the register file of %s is wrong or gone; mend it.", episode.id, episode.system)
            failed.append(episode.id)
            continue

        def volume_since(since: date, system_id: str = system.id) -> Volume:
            return volume(lake, database, system_id, since)

        try:
            due = watch(episode, system, policy, cases, rows, volume_since, as_of)
            for notice in due:
                send(notice, policy, outbox)
        except Exception as error:  # noqa: BLE001 - one case must not hide the others
            log.error("%s: %s", episode.id, remedy(error))
            failed.append(episode.id)
        seen.append(episode.id)
    if failed:
        raise AirflowFailException(f"Could not look at {', '.join(failed)}; the errors above say why.")
    return seen


def tell_of_prohibited_use(opened: Sequence[str], system: System, policy: Policy, database: Database) -> None:
    """Mails at once what a prohibited use opened; what does not go out now goes with the next daily look."""
    from sundial.store.outbox import Outbox
    from sundial.sunset.watch import prohibited_use

    cases = Cases(database)
    for episode in opened:
        for notice in prohibited_use(cases.episode(episode), system, policy, cases):
            try:
                send(notice, policy, Outbox(database))
            except Exception as error:  # noqa: BLE001 - the case is open, and must stay so without a mail server
                log.error("%s: no mail yet: %s", episode, remedy(error))


def send(notice: Notice, policy: Policy, outbox: Outbox) -> None:
    """Mails a notice, once."""
    from sundial.report.delivery import deliver
    from sundial.report.mail import notice_mail

    message = notice_mail(
        notice.key,
        notice.subject,
        notice.lines,
        notice.roles,
        policy,
        f"{base_url()}/dags/{notice.dag}",
        sender=sender(),
        date=datetime.now(UTC),
    )
    deliver(message, notice.key, outbox, smtp_send)
