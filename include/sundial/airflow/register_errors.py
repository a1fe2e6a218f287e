"""A DAG that is there only while register files are wrong, and fails with what to mend."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowFailException

from sundial.airflow.lineage import Places
from sundial.engine.settings import settings
from sundial.register.problems import RegisterError


def register_errors_dag(errors: Mapping[Path, RegisterError]) -> DAG:
    """Returns the DAG; its page and its failing task list file, line, field and remedy."""
    lines = [line for path in sorted(errors) for line in str(errors[path]).splitlines()]
    with DAG(
        dag_id="register_errors",
        dag_display_name="Register: files to mend",
        description=f"{len(errors)} register files are wrong; their systems are not monitored.",
        doc_md="These systems are not monitored until their files are mended:\n\n"
        + "\n".join(f"- `{line.replace('`', chr(39))}`" for line in lines),
        schedule="@daily",
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        default_args={"owner": "data engineers"},
        tags=["register"],
    ) as dag:

        @task(
            task_display_name="Files to mend",
            inlets=Places.of(settings()).register(),
            retries=0,
            execution_timeout=timedelta(minutes=5),
            doc_md="Fails with what to mend.",
        )
        def mend_these_files() -> None:
            raise AirflowFailException("\n".join(lines))

        mend_these_files()
    return dag
