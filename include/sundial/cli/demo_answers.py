"""The people of the demo: what CDPO and CIO answer about COMPAS, and the days that pass after it."""

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
from sundial.store.cases import Cases, Question
from sundial.store.database import Database
from sundial.sunset.course import State, course_of
from sundial.sunset.questions import HALT, NO

SYSTEM = "compas-broward"
DECIDED = date(2017, 1, 3)
"""The day that is played while people answer: after the last run of the system."""
VERIFIED = DECIDED + timedelta(days=9)

ANSWERS: Mapping[str, tuple[str, Mapping[str, str]]] = {
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
"""Invented answers, for the demo only."""

_SECONDS = 180.0


def decide(home: Path, airflow: LocalAirflow, say: Callable[[str], None]) -> None:
    """Lets CDPO and CIO answer what is open about COMPAS, and lets days pass until the halt is verified.

    Args:
        home: folder of the demo, with the file of the played day.
        airflow: running.
        say: tells what happens.

    Raises:
        AirflowNotReady: a question did not come, or an answer was not taken.
    """
    cases = Cases(Database(f"sqlite:///{home}/store.db"))
    play(home, DECIDED)
    for kind, (chosen, params) in ANSWERS.items():
        for question in _open(cases, kind):
            asked = _awaiting(airflow, cases, question)
            _answer(airflow, asked, chosen, params)
            _wait(airflow, partial(_answered, cases, question), f"take {chosen}")
            say(f"{question.episode}: the {asked.role.upper()} answers: {chosen}")
    play(home, VERIFIED)
    say(f"{SYSTEM}: as of {VERIFIED}: {airflow.run(monitor_id(SYSTEM), str(VERIFIED - timedelta(days=1)))}")
    airflow.wait_for_dags(["sunset_watch"])  # not before: it would look at each played day
    say(f"Sunset watch on {VERIFIED}: {airflow.run('sunset_watch', str(VERIFIED))}")
    for episode in cases.open_episodes(SYSTEM):
        state = course_of(cases.events(episode.id)).state
        silent = "verified silent; the register in effect says retired"
        say(f"{episode.id}: {silent if state is State.VERIFIED else state.value}")


def play(home: Path, day: date) -> None:
    """Makes it that day for all processes of the demo."""
    (home / "today").write_text(str(day), encoding="utf-8")


def _open(cases: Cases, kind: str) -> list[Question]:
    """Returns the open questions of a kind; after a determination the decision takes a moment to be asked."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        found = [q for one in cases.open_episodes(SYSTEM) for q in cases.open_questions(one.id)]
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
