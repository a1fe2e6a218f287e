"""The public register: a static site in the lake, published daily and after each weekly report."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import CronTriggerTimetable, Param, dag, task

from sundial.airflow import lineage, public
from sundial.engine.settings import settings
from sundial.register.load import load_policy

policy = load_policy(settings().policy)
PLACES = lineage.Places.of(settings())


@dag(
    dag_display_name="Public register",
    doc_md=public.DOC,
    # After the weekly report of Monday, seven o'clock, and after the daily look at sunset cases.
    schedule=CronTriggerTimetable("30 8 * * *", timezone=policy.timezone),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "CDPO",
        "retries": 3,
        "retry_delay": timedelta(minutes=1),
        "execution_timeout": timedelta(minutes=30),
    },
    params={"as_of": Param(None, type=["null", "string"], format="date", title="As of")},
    tags=["report"],
)
def public_register() -> None:
    """Wires the task; what it does is in `sundial.airflow.public`."""

    @task(
        task_display_name="Publish the site",
        inlets=[*PLACES.register(), *PLACES.store("findings", "register_rows", "episodes")],
        outlets=[*PLACES.lake("public"), *PLACES.store("reports")],
        doc_md="Renders the site, puts it into the lake as a whole, and records it in the ledger.",
    )
    def publish() -> str:
        return public.publish()

    publish()


public_register()
