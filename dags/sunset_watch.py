"""The daily look at sunset cases: nothing undecided rests, nothing decided is taken for done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import CronTriggerTimetable, TriggerRule, dag, task

from sundial.airflow import lineage, watch, weekly
from sundial.airflow.checkpoint import checkpoint as sign_checkpoint
from sundial.airflow.incidents import recheck
from sundial.airflow.questions import QUESTIONS, emit_open_questions
from sundial.engine.settings import settings
from sundial.register.load import load_policy

policy = load_policy(settings().policy)
PLACES = lineage.Places.of(settings())


@dag(
    dag_display_name="Sunset watch",
    doc_md=watch.DOC,
    schedule=CronTriggerTimetable("0 8 * * *", timezone=policy.timezone),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "CIO and CDPO",
        "retries": 3,
        "retry_delay": timedelta(minutes=1),
        "execution_timeout": timedelta(minutes=30),
    },
    tags=["sunset"],
)
def sunset_watch() -> None:
    """Wires the tasks; what they do is in `sundial.airflow.watch`."""

    @task(
        task_display_name="Look at open cases",
        inlets=[*PLACES.register(), *PLACES.lake("systems"), *PLACES.store("episodes", "episode_events")],
        outlets=[*PLACES.store("episode_events", "register_rows", "mails"), *lineage.MAIL],
        doc_md="Looks at each open case, records what it saw, and mails what is due.",
    )
    def look() -> list[str]:
        return watch.look()

    @task(
        task_display_name="Mail what incidents make due",
        inlets=PLACES.store("incidents", "incident_events"),
        outlets=[*PLACES.store("incident_events", "mails"), *lineage.MAIL],
        doc_md="Mails what is due of open incidents: what nobody has confirmed, and whose hours are over.",
    )
    def incidents() -> list[str]:
        return recheck()

    @task(
        task_display_name="Put open questions",
        inlets=PLACES.store("questions", "question_claims"),
        outlets=[QUESTIONS],
        trigger_rule=TriggerRule.ALL_DONE,
        doc_md="Puts the questions that nobody is asked yet; skipped when there is none.",
    )
    def ask(*, outlet_events: Any = None) -> list[str]:
        return emit_open_questions(outlet_events)

    @task(
        task_display_name="Sign the ledger",
        inlets=PLACES.store("ledger"),
        outlets=lineage.CHECKPOINTS,
        trigger_rule=TriggerRule.ALL_DONE,
        doc_md="Signs where the ledger stands, and files that apart from the store.",
    )
    def checkpoint() -> int:
        return sign_checkpoint()

    @task(
        task_display_name="Is the report out?",
        inlets=PLACES.store("reports", "mails"),
        outlets=[*PLACES.store("mails"), *lineage.MAIL],
        doc_md="Raises the alarm where the last weekly report did not go out.",
    )
    def report() -> str | None:
        return weekly.recheck()

    incidents()
    report()
    looked = look()
    looked >> [ask(), checkpoint()]


sunset_watch()
