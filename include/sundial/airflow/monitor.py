"""The DAG of one registered system: pull, gate, profile, one check task a principle, record, judge, ask."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from airflow.sdk import (
    DAG,
    CronPartitionTimetable,
    ExceptionRetryPolicy,
    Param,
    RetryAction,
    RetryRule,
    TaskGroup,
    TriggerRule,
    get_current_context,
    task,
)
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from sundial.airflow.context import current_run
from sundial.airflow.lineage import Dataset, Places, sources
from sundial.airflow.metrics import of_run, tell
from sundial.airflow.names import monitor_id
from sundial.airflow.questions import QUESTIONS, emit_open_questions
from sundial.airflow.remedy import remedy_first
from sundial.engine.schedule import cron
from sundial.engine.settings import settings
from sundial.register.models import Policy, System
from sundial.register.principles import Principle

SOURCE_POOL = "source_pulls"

SOURCE_RETRIES = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception="sundial.sources.errors.SourceRefused",
            action=RetryAction.FAIL,
            reason="credentials do not get better by trying again",
        ),
        RetryRule(
            exception="sundial.sources.errors.SourceBroken",
            action=RetryAction.FAIL,
            reason="the feed is not what the register says; mend it or the entry",
        ),
        RetryRule(
            exception="sundial.sources.errors.SourceUnreachable",
            action=RetryAction.RETRY,
            retry_delay=timedelta(minutes=2),
            reason="the source is unreachable",
        ),
    ]
)
NO_RETRY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception="sundial.gate.errors.ContractError",
            action=RetryAction.FAIL,
            reason="a contract that cannot run needs an edit",
        )
    ]
)


AS_OF = Param(
    None,
    type=["null", "string"],
    format="date",
    title="As of",
    description="Judge every complete week up to this day; empty: the last whole day.",
)


def monitor_dag(system: System, policy: Policy) -> DAG:
    """Returns the system's DAG; one run at a time, daily unless the entry says otherwise."""
    with DAG(
        dag_id=monitor_id(system.id),
        dag_display_name=f"Monitor: {system.name}",
        description=system.description,
        doc_md=_doc(system),
        schedule=_schedule(system, policy),
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        default_args={"owner": system.owner.name, "retries": 2, "retry_delay": timedelta(seconds=30)},
        tags=["monitor", f"tier:{system.risk.tier}", f"department:{system.department}"[:100]],
    ) as dag:
        _flow(system)
    # Afterwards: a parameter that is there before is copied for each task, thousands of times for a city.
    dag.params = ParamsDict({"as_of": AS_OF})
    return dag


def _flow(system: System) -> None:
    places = Places.of(settings())
    of, tables = partial(places.of_system, system.id), places.store

    @task(
        task_display_name="Pull the feeds",
        inlets=sources(system),
        outlets=[*of("landing"), *tables("pulls")],
        retries=3,
        retry_policy=SOURCE_RETRIES,
        pool=SOURCE_POOL,
        execution_timeout=timedelta(minutes=30),
        doc_md="Asks each feed for what is new and lands it. Red: the log's error says which feed and why.",
    )
    @remedy_first
    def pull() -> dict[str, int]:
        return dict(current_run(system.id).pull())

    @task(
        task_display_name="Judge rows by contract",
        inlets=[*of("landing"), *tables("pulls")],
        outlets=of("accepted", "quarantine", "gate", "data_docs"),
        trigger_rule=TriggerRule.ALL_DONE,
        retry_policy=NO_RETRY,
        execution_timeout=timedelta(minutes=60),
        doc_md="Judges new rows by each feed's data contract; what fails goes to quarantine with the reason.",
    )
    @remedy_first
    def gate() -> dict[str, int]:
        return dict(current_run(system.id).gate())

    @task(
        task_display_name="Count what checks need",
        inlets=of("accepted", "gate"),
        outlets=of("profiles"),
        trigger_rule=TriggerRule.ALL_DONE,
        execution_timeout=timedelta(minutes=60),
        doc_md="Counts what the checks need, for the days whose rows changed.",
    )
    @remedy_first
    def profile() -> int:
        return current_run(system.id).profile()

    @task(
        task_display_name="Record the findings",
        inlets=of("staging"),
        outlets=tables("findings", "evidence"),
        trigger_rule=TriggerRule.ALL_DONE,
        execution_timeout=timedelta(minutes=15),
        doc_md="Appends the findings of all principles in one transaction.",
    )
    @remedy_first
    def record() -> list[str]:
        return _record(system.id)

    @task(
        task_display_name="Apply the sunset rules",
        inlets=tables("findings", "evidence"),
        outlets=tables("episodes", "episode_events", "questions"),
        trigger_rule=TriggerRule.ALL_DONE,
        execution_timeout=timedelta(minutes=15),
        doc_md="Applies the sunset rules to the evidence. Red when anything before it failed.",
    )
    @remedy_first
    def judge() -> dict[str, list[str]]:
        return _judge(system.id)

    @task(
        task_display_name="Put open questions",
        inlets=tables("questions"),
        outlets=[QUESTIONS],
        execution_timeout=timedelta(minutes=5),
        doc_md="Puts open sunset questions to the people who answer them; skipped when there is none.",
    )
    def ask(*, outlet_events: Any = None) -> list[str]:
        return emit_open_questions(outlet_events)

    reads = [*of("profiles", "gate"), *tables("findings", "evidence")]
    with TaskGroup("checks", tooltip="One task a guiding principle", prefix_group_id=False) as checks:
        for principle in Principle:
            _check_task(system.id, principle, reads, of("staging"))
    counted = profile()
    judged = judge()
    pull() >> gate() >> counted >> checks >> record() >> judged
    # A teardown runs after a red judge, too, and leaves the run's colour to it.
    judged >> ask().as_teardown()


def _check_task(
    system_id: str, principle: Principle, reads: Sequence[Dataset], writes: Sequence[Dataset]
) -> None:
    @task(
        task_id=principle.value,
        task_display_name=principle.label,
        inlets=reads,
        outlets=writes,
        trigger_rule=TriggerRule.ALL_DONE,
        execution_timeout=timedelta(minutes=60),
        doc_md=f"Measures {principle.label}. Skipped: nothing to measure. Red: a check could not measure.",
    )
    @remedy_first
    def check() -> dict[str, int]:
        return _check(system_id, principle)

    check()


def _check(system_id: str, principle: Principle) -> dict[str, int]:
    """Stages the findings first; then the task's colour says whether the principle could be measured."""
    from sundial.store.records import Status

    counted = {status.value: n for status, n in current_run(system_id).check(principle).items()}
    if counted.get(Status.ERROR.value):
        raise AirflowFailException(
            f"{principle.label}: {counted[Status.ERROR.value]} findings could not be measured; "
            "the errors above say why."
        )
    if counted and set(counted) <= {Status.NOT_APPLICABLE.value, Status.NOT_MEASURED.value}:
        raise AirflowSkipException(f"{principle.label}: nothing to measure.")
    return counted


def _record(system_id: str) -> list[str]:
    """Records the weeks; what the store then has is told to dashboards, also where nothing was recorded."""
    run = current_run(system_id)
    try:
        return [week.isoformat() for week in run.record()]
    finally:
        tell(lambda: of_run(run))


def _judge(system_id: str) -> dict[str, list[str]]:
    from sundial.airflow.watch import tell_of_prohibited_use
    from sundial.register.load import load_register
    from sundial.sunset.judge import judge

    run = current_run(system_id)
    systems = load_register(settings().register).systems
    done = judge(run.system, run.policy, systems, run.database, run.clock.as_of)
    tell_of_prohibited_use(done.opened, run.system, run.policy, run.database)
    if failed := failed_before("judge"):
        raise AirflowFailException(
            f"Could not measure all: {', '.join(failed)} failed; see the first line of each log."
        )
    return {"opened": list(done.opened), "extended": list(done.extended)}


def failed_before(task_id: str) -> list[str]:
    """Returns the ids of this run's failed tasks but the given one."""
    ti: Any = get_current_context()["ti"]
    states = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id])
    of_run = states.get(ti.run_id, {})
    return sorted(
        name for name, state in of_run.items() if name != task_id and state in ("failed", "upstream_failed")
    )


def _schedule(system: System, policy: Policy) -> CronPartitionTimetable | None:
    """Returns the schedule; its partition key is the day before."""
    written = cron(system)
    if written is None:
        return None
    return CronPartitionTimetable(written, timezone=policy.timezone, run_offset=-1, key_format="%Y-%m-%d")


def _doc(system: System) -> str:
    notice = f"> {system.notice}\n\n" if system.notice else ""
    return (
        f"{notice}**{system.name}** · {system.department} · owner {system.owner.name}\n\n"
        f"Intended outcome: {system.intended_outcome.statement}\n\n"
        f"It decides: {system.risk.decides}\n\n"
        "The flow: pull, gate, profile, one check task for each guiding principle, record, judge. A skipped "
        "principle had nothing to measure; a red one could not be measured. A breach is a result, not a "
        "failure.\n\n"
        "The tab **AI Health** says what could not be measured and why, which pull failed, whether a run is "
        "missing, and when the next one is due. The first error in a red task's log says what to do.\n"
    )
