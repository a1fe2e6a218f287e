"""One run a question: claim it, ask its assignees, record the answer, and ask what follows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import PartitionedAssetTimetable, TriggerRule, dag, task

from sundial.airflow import lineage, review
from sundial.airflow.questions import QUESTIONS, AskOperator, emit_open_questions
from sundial.engine.settings import settings

# Of each task but `ask`, for which Airflow would take it as a limit for the answer.
AT_MOST = timedelta(minutes=15)
PLACES = lineage.Places.of(settings())


@dag(
    dag_display_name="Sunset review",
    doc_md=review.DOC,
    schedule=PartitionedAssetTimetable(assets=QUESTIONS),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1000,  # a run waits for as long as its question does
    default_args={"owner": "CIO and CDPO", "retries": 3, "retry_delay": timedelta(seconds=30)},
    tags=["sunset"],
)
def sunset_review() -> None:
    """Wires the tasks; what they do is in `sundial.airflow.review`."""

    @task(
        task_display_name="Take the question",
        inlets=[QUESTIONS, *PLACES.store("questions")],
        outlets=PLACES.store("question_claims"),
        execution_timeout=AT_MOST,
        doc_md="Takes the question for this run; skipped when another run has it or it is answered.",
    )
    def claim() -> str:
        return review.claim()

    @task(
        task_display_name="Mail the assignees",
        inlets=PLACES.store("questions", "episodes"),
        outlets=[*PLACES.store("mails"), *lineage.MAIL],
        execution_timeout=AT_MOST,
        doc_md="Mails the case to its assignees, with the link to the answer.",
    )
    def notify() -> None:
        review.notify()

    @task(
        task_display_name="See to the answer",
        inlets=PLACES.store("questions", "answers"),
        outlets=[*PLACES.store("answers", "episode_events"), *PLACES.lake("sunset")],
        trigger_rule=TriggerRule.ALL_DONE,
        execution_timeout=AT_MOST,
        doc_md="Sees to it that the answer is recorded; where nobody answered, it asks again.",
    )
    def record() -> dict[str, Any]:
        return review.record()

    @task(
        task_display_name="Put what follows",
        inlets=PLACES.store("questions"),
        outlets=[QUESTIONS],
        execution_timeout=AT_MOST,
        doc_md="Puts the question that follows; skipped when there is none.",
    )
    def follow_up(*, outlet_events: Any = None) -> list[str]:
        return emit_open_questions(outlet_events)

    asked = AskOperator(
        task_id="ask",
        task_display_name="Wait for the answer",
        inlets=PLACES.store("questions", "episodes"),
        outlets=[*PLACES.store("answers", "episode_events"), *PLACES.lake("sunset")],
        retries=0,
        doc_md="Waits for the answer, without a time limit, and records it with author and time.",
    )
    claimed = claim()
    claimed >> notify()
    claimed >> asked >> record() >> follow_up()


sunset_review()
