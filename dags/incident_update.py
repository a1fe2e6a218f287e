"""The form in which those who were told of an incident confirm it, go on with it, and close it."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag, task

from sundial.airflow import incidents, lineage
from sundial.engine.settings import settings

PLACES = lineage.Places.of(settings())


@dag(
    dag_display_name="Confirm or close an incident",
    doc_md=incidents.UPDATE_DOC,
    schedule=None,
    catchup=False,
    default_args={"owner": "CDPO", "retries": 3, "retry_delay": timedelta(seconds=30)},
    params=incidents.update_form(),
    tags=["incident"],
)
def incident_update() -> None:
    """Wires the task; what it does is in `sundial.airflow.incidents`."""

    @task(
        task_display_name="Record what was done",
        inlets=PLACES.store("incidents", "incident_events"),
        outlets=PLACES.store("incident_events"),
        execution_timeout=timedelta(minutes=5),
        doc_md="Does what the form says. Red: the log's error says which field, and what to do.",
    )
    def update() -> str:
        return incidents.update()

    update()


incident_update()
