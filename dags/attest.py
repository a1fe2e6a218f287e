"""The form in which people attest to documents of a system."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag, task

from sundial.airflow import attest as form
from sundial.airflow import lineage
from sundial.engine.settings import settings

PLACES = lineage.Places.of(settings())


@dag(
    dag_display_name="Attest to a document",
    doc_md=form.DOC,
    schedule=None,
    catchup=False,
    default_args={"owner": "CDPO", "retries": 3, "retry_delay": timedelta(seconds=30)},
    params=form.form(),
    tags=["register"],
)
def attest() -> None:
    """Wires the task; what it does is in `sundial.airflow.attest`."""

    @task(
        task_display_name="Record the attestation",
        inlets=PLACES.register(),
        outlets=PLACES.store("register_rows"),
        execution_timeout=timedelta(minutes=5),
        doc_md="Records what the form says. Red: the log's error says which field, and what to do.",
    )
    def record() -> int:
        return form.record()

    record()


attest()
