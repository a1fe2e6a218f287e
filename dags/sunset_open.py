"""The form by which people open a sunset case themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import dag, task

from sundial.airflow import lineage, sunset_forms
from sundial.airflow.questions import QUESTIONS, emit_open_questions
from sundial.engine.settings import settings

AT_MOST = timedelta(minutes=5)
PLACES = lineage.Places.of(settings())


@dag(
    dag_display_name="Open a sunset case",
    doc_md=sunset_forms.OPEN_DOC,
    schedule=None,
    catchup=False,
    default_args={"owner": "CDPO", "retries": 3, "retry_delay": timedelta(seconds=30)},
    params=sunset_forms.open_form(),
    tags=["sunset"],
)
def sunset_open() -> None:
    """Wires the tasks; what they do is in `sundial.airflow.sunset_forms`."""

    @task(
        task_display_name="Open the case",
        inlets=PLACES.register(),
        outlets=PLACES.store("episodes", "episode_events", "questions"),
        execution_timeout=AT_MOST,
        doc_md="Opens the case. Red: the log's error says which field, and what to do.",
    )
    def record() -> str:
        return sunset_forms.open_case()

    @task(
        task_display_name="Put the question",
        inlets=PLACES.store("questions"),
        outlets=[QUESTIONS],
        execution_timeout=AT_MOST,
        doc_md="Puts the question that follows; skipped when there is none.",
    )
    def ask(*, outlet_events: Any = None) -> list[str]:
        return emit_open_questions(outlet_events)

    record() >> ask()


sunset_open()
