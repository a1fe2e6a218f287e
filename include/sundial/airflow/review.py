"""The tasks of a review run: what they do is `sundial.sunset`'s; here is which question and who answered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from sundial.airflow.mail import sender, smtp_send
from sundial.airflow.questions import question_key, record_given, required_action_link
from sundial.airflow.remedy import remedy_first
from sundial.engine.settings import settings
from sundial.register.load import load_policy, load_system
from sundial.store.cases import Cases
from sundial.store.outbox import Outbox
from sundial.sunset.answers import Given

DOC = """One run is one question of a sunset case: a determination for the CDPO, or a decision for the CIO.

Open the task **ask** and its tab *Required action* to answer. Only the people that `policy.yaml` names for
the role can; an answer without its reasons is refused and asked again. Marking a task as successful decides
nothing. There is no time limit: silence is never an answer, and the case ages in every weekly report.
"""


@remedy_first
def claim() -> str:
    """Claims the run's question in the store and returns its key.

    Raises:
        AirflowSkipException: another run has it, or it is answered.
    """
    context: Any = get_current_context()
    key = question_key(context["dag_run"].partition_key)
    if not Cases(settings().open_store()).claim(*key, run_id=context["dag_run"].run_id):
        raise AirflowSkipException(f"{key[0]}, question {key[1]}: asked in another run, or answered.")
    return f"{key[0]}/{key[1]}"


@remedy_first
def notify() -> None:
    """Mails the case to the assignees, once."""
    from sundial.report.delivery import deliver
    from sundial.report.mail import question_key as mail_key
    from sundial.report.mail import question_mail

    context: Any = get_current_context()
    where = settings()
    key = question_key(context["dag_run"].partition_key)
    cases = Cases(where.open_store())
    episode = cases.episode(key[0])
    question = cases.question(*key)
    message = question_mail(
        question,
        episode,
        load_policy(where.policy),
        required_action_link(context["dag_run"].run_id),
        system=load_system(where.register / f"{episode.system}.yaml"),
        sender=sender(),
        date=datetime.now(UTC),
    )
    deliver(message, mail_key(question), Outbox(where.open_store()), smtp_send)


@remedy_first
def record() -> dict[str, Any]:
    """Sees to it that the question has an answer: where none was recorded, it is asked again."""
    context: Any = get_current_context()
    return record_given(context["dag_run"], Given(chosen="", params={}, user=None, at=None))
