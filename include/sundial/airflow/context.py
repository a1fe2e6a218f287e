"""From a task's context to a run of the engine: the one clock, the register entry, store and lake."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException

from sundial.engine.today import day_of, today
from sundial.register.load import load_policy, load_system

if TYPE_CHECKING:
    from sundial.engine.run import Run
    from sundial.register.models import Policy


def as_of_date(context: Mapping[str, Any], policy: Policy) -> date:
    """Returns the run's as-of date in the City's calendar.

    That is the `as_of` that the run was triggered with, else its partition key, else the last whole day.

    Raises:
        AirflowFailException: it is no date, or lies in the future: a week judged too early cannot be taken
            back.
    """
    run = context["dag_run"]
    given = (context.get("params") or {}).get("as_of") or (run.conf or {}).get("as_of") or run.partition_key
    if given:
        latest = today(policy.timezone)
        try:
            as_of = date.fromisoformat(str(given))
        except ValueError:
            raise AirflowFailException(
                "as_of is no date; trigger the run again with one such as 2026-11-22"
            ) from None
        if as_of > latest:
            raise AirflowFailException(f"as_of {as_of} lies in the future; give a day up to today, {latest}")
        return as_of
    after = run.run_after or datetime.now(UTC)
    return day_of(after, policy.timezone) - timedelta(days=1)


def current_run(system_id: str) -> Run:
    """Returns the engine's run of a system for the task that is running now."""
    from sundial.airflow.connections import resolve
    from sundial.engine.run import Run
    from sundial.engine.settings import settings
    from sundial.sources.pull import Clock

    # What the fork server has loaded is no garbage: looking through it costs a check a fifth of its time.
    gc.freeze()
    context: Any = get_current_context()
    where = settings()
    policy = load_policy(where.policy)
    clock = Clock(as_of_date(context, policy), today(policy.timezone))
    return Run(
        system=load_system(where.register / f"{system_id}.yaml"),
        policy=policy,
        clock=clock,
        lake=where.open_lake(),
        database=where.open_store(),
        resolve=resolve,
        run_id=context["dag_run"].run_id,
    )
