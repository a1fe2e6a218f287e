"""The weekly health report: rendered from the store, filed in the lake, mailed, told to channels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import Param, dag, task

from sundial.airflow import lineage, weekly
from sundial.airflow.checkpoint import checkpoint as sign_checkpoint
from sundial.engine.settings import settings
from sundial.register.load import load_policy

policy = load_policy(settings().policy)
PLACES = lineage.Places.of(settings())
REPORTS = PLACES.lake("reports")


@dag(
    dag_display_name="Weekly health report",
    doc_md=weekly.DOC,
    schedule=weekly.schedule(policy),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    deadline=weekly.deadline(policy),
    max_active_runs=1,
    default_args={
        "owner": "CDPO",
        "retries": 3,
        "retry_delay": timedelta(minutes=1),
        "execution_timeout": timedelta(minutes=15),
    },
    params={"as_of": Param(None, type=["null", "string"], format="date", title="As of")},
    tags=["report"],
)
def weekly_report() -> None:
    """Wires the tasks; what they do is in `sundial.airflow.weekly`."""

    @task(
        task_display_name="Make and file the report",
        inlets=[
            *PLACES.register(),
            *PLACES.store("findings", "pulls", "episodes", "incidents", "register_rows"),
        ],
        outlets=[*REPORTS, *PLACES.store("reports")],
        doc_md="Makes page, PDF and data from the store and files them in the lake.",
    )
    def render() -> str:
        return weekly.render()

    @task(
        task_display_name="Mail the report",
        inlets=REPORTS,
        outlets=[*PLACES.store("mails"), *lineage.MAIL],
        doc_md="Mails the report to the policy's roles; what was sent is not sent again.",
    )
    def mail() -> None:
        weekly.mail()

    @task(
        task_display_name="Tell the channels",
        inlets=REPORTS,
        outlets=[*PLACES.store("mails"), *lineage.CHANNELS],
        doc_md="Tells the headline to the channels of the connection sundial_channels, if there is one.",
    )
    def channels() -> None:
        weekly.channels()

    @task(
        task_display_name="Sign the ledger",
        inlets=PLACES.store("ledger"),
        outlets=lineage.CHECKPOINTS,
        doc_md="Signs where the ledger stands, and files that apart from the store.",
    )
    def checkpoint() -> int:
        return sign_checkpoint()

    render() >> [mail(), channels(), checkpoint()]


weekly_report()
