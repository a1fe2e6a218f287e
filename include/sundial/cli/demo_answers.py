"""The people of the demo: what CDPO and CIO answer, and the days that pass meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import quote

import httpx

from sundial.airflow.names import monitor_id
from sundial.cli.local_airflow import AirflowNotReady, LocalAirflow
from sundial.register.load import load_policy
from sundial.store.cases import Cases, Question
from sundial.store.database import Database
from sundial.sunset.course import course_of
from sundial.sunset.questions import CLOSE, COVERED, HALT, NO, PHASE_OUT
from sundial.sunset.steps import finish, steps_of

COMPAS = "compas-broward"
EXAMPLE = "example-permits"

COMPAS_DECIDED = date(2017, 1, 3)
"""The day that is played while people answer: after the last run of the system."""
COMPAS_VERIFIED = COMPAS_DECIDED + timedelta(days=9)
EXAMPLE_JUDGED = date(2025, 6, 29)
EXAMPLE_DECIDED = EXAMPLE_JUDGED + timedelta(days=2)
HALF, NOTHING = EXAMPLE_DECIDED + timedelta(days=14), EXAMPLE_DECIDED + timedelta(days=42)
"""Until when half of the example, and all of it, was to be ended."""
MISSED, STILL_RUNNING = HALF + timedelta(days=8), HALF + timedelta(days=16)
LAST_DAY = STILL_RUNNING

Answers = Mapping[str, tuple[str, Mapping[str, str]]]
"""By the kind of question: what is chosen, and what is written."""

HALTED: Answers = {
    "determination": (
        NO,
        {
            "reasons": "People who do not re-offend are called high risk far more often if they are Black.",
            "data_ownership": "The county owns scores and cases; the vendor keeps no copy.",
            "portability": "Scores can be exported; the model is the vendor's and cannot.",
            "impact": "Judges decide without a score, as before; about a hundred hearings a week.",
        },
    ),
    "decision": (HALT, {"reasons": "The gap is confirmed, and nobody can say how to close it."}),
}
PHASED_OUT: Answers = {
    "determination": (
        NO,
        {
            "reasons": "Of ten calls three are wrong since April; a clerk is wrong in one or two.",
            "data_ownership": "The City owns applications and calls.",
            "portability": "Calls are in the permit system; the model is the vendor's.",
            "impact": "Two clerks look through the sheets again; applicants wait a day longer.",
        },
    ),
    "decision": (
        PHASE_OUT,
        {
            "reasons": "The counter needs six weeks to take over.",
            "stages": f"{HALF}: 50 %: homes are read by clerks\n{NOTHING}: 0 %: all are",
            "substitute": "Two clerks at the counter.",
        },
    ),
}
MISSED_STAGE: Answers = {"decision": (HALT, {"reasons": "Nothing was switched off in the first stage."})}
CLOSED: Answers = {
    "closure": (
        CLOSE,
        {"lessons": "Ask for error rates by group before a score is bought, and each year after."},
    )
}
STEP_NOTE = "Done; invented for the demo."
_COVERED = {"reasons": "It is the same fall in quality, seen by another rule."}
"""All are invented answers, for the demo only."""

_SECONDS = 180.0


def halt_compas(home: Path, airflow: LocalAirflow, say: Callable[[str], None]) -> None:
    """Lets CDPO and CIO answer what is open about COMPAS, and lets days pass until the halt is verified.

    Args:
        home: folder of the demo, with the file of the played day.
        airflow: running.
        say: tells what happens.

    Raises:
        AirflowNotReady: a question did not come, or an answer was not taken.
    """
    cases = Cases(Database(f"sqlite:///{home}/store.db"))
    play(home, COMPAS_DECIDED)
    _answer_all(airflow, cases, COMPAS, HALTED, say)
    play(home, COMPAS_VERIFIED)
    _monitor(airflow, COMPAS, COMPAS_VERIFIED - timedelta(days=1), say)
    airflow.wait_for_dags(["sunset_watch"])  # not before: it would look at each played day
    _watch(airflow, cases, COMPAS, COMPAS_VERIFIED, say)
    _close(home, airflow, cases, say)


def _close(home: Path, airflow: LocalAirflow, cases: Cases, say: Callable[[str], None]) -> None:
    """Says that each closing step is done, by whom the policy names, and lets the CDPO close the case."""
    policy = load_policy(home / "policy.yaml")
    for episode in cases.open_episodes(COMPAS):
        left = [step for step in steps_of(cases.events(episode.id)) if step.done is None]
        for step in left:
            by = policy.roles[step.owner].users[0]  # type: ignore[index]
            finish(cases, policy, episode.id, step.id, by=by, note=STEP_NOTE, link="", as_of=COMPAS_VERIFIED)
        if left:
            say(f"{episode.id}: {len(left)} closing steps are done")
    closed = COMPAS_VERIFIED + timedelta(days=1)
    play(home, closed)
    _watch(airflow, cases, COMPAS, closed, say)
    _answer_all(airflow, cases, COMPAS, CLOSED, say)


def phase_out_example(home: Path, airflow: LocalAirflow, say: Callable[[str], None]) -> None:
    """Lets the example be phased out, miss its first stage, be halted, and still not stop.

    Arguments and errors as of `halt_compas`.
    """
    cases = Cases(Database(f"sqlite:///{home}/store.db"))
    play(home, EXAMPLE_DECIDED)
    _monitor(airflow, EXAMPLE, EXAMPLE_JUDGED, say)
    _answer_all(airflow, cases, EXAMPLE, PHASED_OUT, say)
    play(home, MISSED)
    _monitor(airflow, EXAMPLE, MISSED - timedelta(days=1), say)
    _watch(airflow, cases, EXAMPLE, MISSED, say)
    _answer_all(airflow, cases, EXAMPLE, MISSED_STAGE, say)
    play(home, STILL_RUNNING)
    _monitor(airflow, EXAMPLE, STILL_RUNNING - timedelta(days=1), say)
    _watch(airflow, cases, EXAMPLE, STILL_RUNNING, say)


def _monitor(airflow: LocalAirflow, system: str, as_of: date, say: Callable[[str], None]) -> None:
    say(f"{system}: as of {as_of}: {airflow.run(monitor_id(system), str(as_of))}")


def _watch(airflow: LocalAirflow, cases: Cases, system: str, day: date, say: Callable[[str], None]) -> None:
    say(f"Sunset watch on {day}: {airflow.run('sunset_watch', str(day))}")
    for episode in cases.open_episodes(system):
        events = cases.events(episode.id)
        seen = [_SEEN[event.kind] for event in events if event.kind in _SEEN]
        say(f"{episode.id}: {course_of(events).state.value}; {seen[-1]}")


_SEEN = {
    "silent": "its source is silent, and the register in effect says retired",
    "stage_missed": "its first stage was missed, and the CIO is asked again",
    "still_running": "its source goes on, and CIO and CDPO are told so",
}


def _answer_all(
    airflow: LocalAirflow, cases: Cases, system: str, answers: Answers, say: Callable[[str], None]
) -> None:
    patience = 15.0
    for kind, answer in answers.items():
        questions = _open(cases, system, kind, patience)
        for question in questions:  # a second rule's case needs no answers of its own
            covered = COVERED, _COVERED | {"covered_by": questions[0].episode}
            chosen, params = answer if question is questions[0] else covered
            asked = _awaiting(airflow, cases, question)
            _answer(airflow, asked, chosen, params)
            _wait(airflow, partial(_answered, cases, question), f"take {chosen}")
            say(f"{question.episode}: the {asked.role.upper()} answers: {chosen}")
            patience = _SECONDS  # what follows will be asked


def play(home: Path, day: date) -> None:
    """Makes it that day for all processes of the demo."""
    (home / "today").write_text(str(day), encoding="utf-8")


def _open(cases: Cases, system: str, kind: str, patience: float) -> list[Question]:
    """Returns the open questions of a kind; after a determination the decision takes a moment to be asked."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found = [q for one in cases.open_episodes(system) for q in cases.open_questions(one.id)]
        if found and all(question.kind == kind for question in found):
            return found
        time.sleep(0.5)
    return []


def _answered(cases: Cases, question: Question) -> bool:
    return cases.question(question.episode, question.number).answer is not None


def _awaiting(airflow: LocalAirflow, cases: Cases, question: Question) -> Question:
    def claimed() -> bool:
        return cases.question(question.episode, question.number).claimed_by is not None

    _wait(airflow, claimed, f"ask {question.episode}/{question.number}")
    asked = cases.question(question.episode, question.number)
    airflow.wait_for_question("sunset_review", str(asked.claimed_by), "ask")
    return asked


def _answer(airflow: LocalAirflow, question: Question, chosen: str, params: Mapping[str, str]) -> None:
    run = quote(str(question.claimed_by), safe="")
    path = f"/dags/sunset_review/dagRuns/{run}/taskInstances/ask/-1/hitlDetails"
    try:
        airflow.call(
            "PATCH", path, user=question.role, json={"chosen_options": [chosen], "params_input": dict(params)}
        )
    except httpx.HTTPStatusError as error:
        raise AirflowNotReady(
            f"Airflow did not take the {question.role.upper()}'s answer: {error.response.status_code}"
        ) from error


def _wait(airflow: LocalAirflow, ready: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _SECONDS
    while not ready():
        if time.monotonic() > deadline:
            raise AirflowNotReady(
                f"Airflow did not {what} within {_SECONDS:.0f} s; read the logs in {airflow.home}"
            )
        time.sleep(0.5)
