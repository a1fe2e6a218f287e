"""The daily look at sunset cases: the store's, held against what the pulls saw."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowFailException

from sundial.airflow.mail import base_url, sender, smtp_send
from sundial.engine.settings import settings
from sundial.engine.today import today
from sundial.register.load import load_policy, load_register
from sundial.store.cases import Cases

if TYPE_CHECKING:
    from sundial.engine.volume import Volume

log = logging.getLogger(__name__)

DOC = """Every day each open sunset case is looked at.

An undecided one ages: whoever is asked is reminded, later CIO and CDPO both are. After a halt the source
must fall silent, after each stage of a phase-out its volume must have fallen; what still arrives is counted
and mailed. An exception that has run out goes back to the CIO. A system that is verified silent becomes
retired in the register in effect, and when the closing steps are done the CDPO is asked to close the case.
"""


def look() -> list[str]:
    """Looks at every open case and mails what is due; returns the cases that it looked at.

    Raises:
        AirflowFailException: of some case the look failed; the others were looked at all the same.
    """
    from sundial.engine.volume import volume
    from sundial.report.mail import deliver, notice_mail
    from sundial.store.outbox import Outbox
    from sundial.store.register import RegisterRows
    from sundial.sunset.watch import watch

    where = settings()
    policy, register = load_policy(where.policy), load_register(where.register)
    database, lake = where.open_store(), where.open_lake()
    cases, rows, outbox = Cases(database), RegisterRows(database), Outbox(database)
    as_of, failed, seen = today(policy.timezone), [], []
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
            for one in due:
                link = f"{base_url()}/dags/sunset_review"
                message = notice_mail(
                    one.key,
                    one.subject,
                    one.lines,
                    one.roles,
                    policy,
                    link,
                    sender=sender(),
                    date=datetime.now(UTC),
                )
                deliver(message, one.key, outbox, smtp_send)
        except Exception as error:  # noqa: BLE001 - one case must not hide the others
            log.error("%s: %s: %s", episode.id, type(error).__name__, error)
            failed.append(episode.id)
        seen.append(episode.id)
    if failed:
        raise AirflowFailException(f"Could not look at {', '.join(failed)}; the errors above say why.")
    return seen
