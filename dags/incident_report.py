"""The form in which staff report an incident, and the notices that go out at once."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag, task

from sundial.airflow import incidents, lineage
from sundial.engine.settings import settings

PLACES = lineage.Places.of(settings())


@dag(
    dag_display_name="Report an incident",
    doc_md=incidents.REPORT_DOC,
    schedule=None,
    catchup=False,
    default_args={"owner": "CDPO"},
    params=incidents.report_form(),
    deadline=incidents.deadlines(),
    tags=["incident"],
)
def incident_report() -> None:
    """Wires the tasks; what they do is in `sundial.airflow.incidents`."""

    @task(
        task_display_name="Record the report",
        inlets=PLACES.register(),
        outlets=PLACES.store("incidents", "incident_events"),
        retries=3,
        retry_delay=timedelta(seconds=30),
        execution_timeout=timedelta(minutes=5),
        doc_md="Records what the form says. Red: the log's error says which field, and what to do.",
    )
    def record() -> str:
        return incidents.record()

    @task(
        task_display_name="Mail those who must know",
        inlets=PLACES.store("incidents", "incident_events"),
        outlets=[*PLACES.store("incident_events", "mails"), *lineage.MAIL],
        retries=10,
        retry_delay=timedelta(minutes=5),
        execution_timeout=timedelta(minutes=5),
        doc_md="Mails supervisor, CDPO and Office of Employee Relations, of security the CISO, too; CDPO and "
        "CIO hear when it is late already.",
    )
    def notify(incident: str) -> list[str]:
        return incidents.recheck(incident)

    notify(record())  # type: ignore[arg-type]


incident_report()
