"""The task that publishes the register."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import get_current_context

from sundial.airflow.context import as_of_date
from sundial.airflow.remedy import remedy_first
from sundial.engine.settings import settings
from sundial.engine.today import today
from sundial.register.load import load_policy, load_register

log = logging.getLogger(__name__)

DOC = """The public register: a static site in the lake under `public/`, with what is public of each system.

It is the public version of the weekly report, made from the same store, with the register entries and the
history of each system. Counts from 1 to 10 are not in it, nor what would give them back; `docs/public.md`
says how.
"""


@remedy_first
def publish() -> str:
    """Publishes the register as of the run's day, today unless it was given; returns the manifest's path.

    The same day, store and register publish the same bytes. A system whose file is wrong leaves the site
    until it is mended, and is told in the log.
    """
    from sundial.report.publication import publish_register

    where = settings()
    context: Any = get_current_context()
    policy, register = load_policy(where.policy), load_register(where.register)
    for error in register.errors.values():
        log.warning("Not published: %s", error)
    given = (context.get("params") or {}).get("as_of")
    as_of = as_of_date(context, policy) if given else today(policy.timezone)
    row, _ = publish_register(register, policy, where.open_store(), where.open_lake(), as_of)
    return row.path
