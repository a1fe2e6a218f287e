"""The form in which people say that a closing step of a sunset case is done."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag, task

from sundial.airflow import lineage, sunset_forms
from sundial.engine.settings import settings

AT_MOST = timedelta(minutes=5)
PLACES = lineage.Places.of(settings())


@dag(
    dag_display_name="Sunset: a step is done",
    doc_md=sunset_forms.STEP_DOC,
    schedule=None,
    catchup=False,
    default_args={"owner": "Staff", "retries": 3, "retry_delay": timedelta(seconds=30)},
    params=sunset_forms.step_form(),
    tags=["sunset"],
)
def sunset_step() -> None:
    """Wires the tasks; what they do is in `sundial.airflow.sunset_forms`."""

    @task(
        task_display_name="Record the step",
        inlets=PLACES.store("episodes", "episode_events"),
        outlets=PLACES.store("episode_events"),
        execution_timeout=AT_MOST,
        doc_md="Records that the step is done. Red: the log's error says which field, and what to do.",
    )
    def record() -> None:
        return sunset_forms.finish_step()

    record()


sunset_step()
