"""Questions on their way to people: the asset that starts a review run, and the operator that asks."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Asset, Param, get_current_context
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.sdk.execution_time.hitl import HITLUser

from sundial.airflow.mail import base_url
from sundial.airflow.remedy import remedy_first
from sundial.engine.settings import settings
from sundial.engine.today import day_of
from sundial.register.load import load_policy, load_register, load_system
from sundial.register.models import Policy, System
from sundial.store.cases import Cases, Question
from sundial.sunset.answers import Given, record_answer
from sundial.sunset.case import plain
from sundial.sunset.questions import DETERMINATION, FORMS, Form

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

REVIEW = "sunset_review"

QUESTIONS = Asset(name="sunset_questions", uri="x-sundial://sunset/questions")
"""One event a question, its partition key `<episode>/<number>`; the store is the outbox behind it."""


@remedy_first
def emit_open_questions(outlet_events: Any) -> list[str]:
    """Emits one event for each open question that no run has claimed.

    A question whose run was deleted, or failed before it recorded, is asked anew: it would wait for ever.

    Returns:
        Their keys.

    Raises:
        AirflowSkipException: there is none; an event without a key would start a review of nothing.
    """
    where = settings()
    cases = Cases(where.open_store())
    systems = load_register(where.register).systems
    for question in cases.open_questions():
        if question.claimed_by is not None and not _runs(question.claimed_by):
            system = systems.get(cases.episode(question.episode).system)
            if system is None:  # its file is wrong or gone: the other systems' questions go on
                log.warning("%s waits until the register file of its system is mended.", question.episode)
                continue
            _ask_anew(cases, load_policy(where.policy), system, question)
    waiting = [question for question in cases.open_questions() if question.claimed_by is None]
    if not waiting:
        raise AirflowSkipException("No open question waits for a run.")
    keys = [f"{question.episode}/{question.number}" for question in waiting]
    outlet_events[QUESTIONS].add_partitions(keys)
    return keys


def _runs(run_id: str) -> bool:
    """Returns whether a review run is still on its way."""
    ti: Any = get_current_context()["ti"]
    return bool(ti.get_dr_count(dag_id=REVIEW, run_ids=[run_id], states=["queued", "running"]))


def _ask_anew(cases: Cases, policy: Policy, system: System, question: Question) -> None:
    at = datetime.now(UTC)
    today = day_of(at, policy.timezone)
    key = (question.episode, question.number)
    record_answer(cases, policy, system, key, Given(chosen="", params={}, user=None, at=at), today)


def question_key(partition_key: str | None) -> tuple[str, int]:
    """Returns episode and number of a review run's question. Raises AirflowFailException: it has none."""
    episode, slash, number = (partition_key or "").rpartition("/")
    if not slash or not number.isdigit():
        raise AirflowFailException(
            f"this run has no question (partition key {partition_key!r}); "
            "runs of sunset_review start by themselves"
        )
    return episode, int(number)


def required_action_link(run_id: str) -> str:
    """Returns the page in Airflow on which the question of a review run is answered."""
    return f"{base_url()}/dags/{REVIEW}/runs/{quote(run_id, safe='')}/tasks/ask/required_actions"


class AskOperator(HITLOperator):
    """Puts a review run's question to its assignees and waits for as long as it takes.

    Form, body and assignees come from store and policy when it runs. The answer goes from Airflow's own
    record straight into the store: what a task hands on to the next one, people who run DAGs may write.
    """

    def __init__(self, **kwargs: Any) -> None:
        choices = sorted({choice for form in FORMS.values() for choice in form.choices})
        super().__init__(subject="Sunset question", options=choices, **kwargs)

    @remedy_first
    def execute(self, context: Context) -> Any:
        """Asks; the task then waits without a worker."""
        where = settings()
        key = question_key(context["dag_run"].partition_key)
        cases = Cases(where.open_store())
        question, episode = cases.question(*key), cases.episode(key[0])
        form, policy = FORMS[question.kind], load_policy(where.policy)
        system = load_system(where.register / f"{episode.system}.yaml")
        why = plain(question.reason_reopened or "")
        again = f"**Asked again.** {why}\n\n" if why else ""
        self.subject = form.subject.format(name=system.name)
        self.body = again + question.body
        self.options = list(form.choices)
        self.params = _params(form)
        self.assigned_users = [HITLUser(id=user, name=user) for user in policy.roles[form.role].users]
        return super().execute(context)

    @remedy_first
    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Records the answer with its author, or refuses it and asks again.

        The author is a user name, as in policy.yaml: an id may be the number of a database row.
        """
        user: Mapping[str, Any] = event.get("responded_by_user") or {}
        given = Given(
            chosen=next(iter(event.get("chosen_options") or []), ""),
            params=event.get("params_input") or {},
            user=user.get("name"),
            at=event.get("responded_at"),
        )
        return record_given(context["dag_run"], given)


def record_given(run: Any, given: Given) -> dict[str, Any]:
    """Records what a review run was answered; what the store has already stands.

    Returns:
        `refused`, the reason or None, and `next_question`, its number or None.

    Raises:
        AirflowSkipException: another run asks this question.
    """
    where = settings()
    key = question_key(run.partition_key)
    cases, policy = Cases(where.open_store()), load_policy(where.policy)
    if cases.question(*key).claimed_by != run.run_id:
        raise AirflowSkipException("Another run asks this question.")
    system = load_system(where.register / f"{cases.episode(key[0]).system}.yaml")
    today = day_of(given.at or datetime.now(UTC), policy.timezone)
    done = record_answer(cases, policy, system, key, given, today)
    if any(
        event.key == f"answer/{key[1]}" and event.kind == DETERMINATION.kind for event in cases.events(key[0])
    ):
        from sundial.report.bundle import file_bundle

        file_bundle(cases.episode(key[0]), where.open_store(), where.open_lake(), system, policy, today)
    return {"refused": done.refused, "next_question": done.next_question}


def _params(form: Form) -> ParamsDict:
    # A default must be valid when the task starts, so every field may be empty there.
    return ParamsDict(
        {
            field.name: Param(
                None,
                type=["null", "string"],
                title=field.title,
                description=f"Needed for: {', '.join(field.needed_for)}.",
                format="date" if field.format == "date" else "multiline",
            )
            for field in form.fields
        }
    )
