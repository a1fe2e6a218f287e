"""A sunset case through a live Airflow, over months that are played, by different users."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from live_city import CONSIDERED, REASONS, REVIEW, City, wait_for
from small_city import MONITOR
from small_system import A_GROUP, ID, TUESDAYS

from sundial.engine.settings import INCLUDE
from sundial.engine.today import PLAYED
from sundial.register.given import LifecycleChange
from sundial.register.lifecycle import Lifecycle
from sundial.store.cases import Episode, Question
from sundial.store.ledger import chains, faults
from sundial.store.register import RegisterRows
from sundial.sunset.by_hand import FAMILY
from sundial.sunset.course import State, course_of
from sundial.sunset.steps import steps_of

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(1500)]

FIRST = date(2024, 2, 1)
FORM = {"reasons": "Applicants were sent away who had an appointment."}


AFTER_NOTICE = """
    @task
    def after_notice() -> None:
        pass

"""
"""A task that a new release adds."""


class Played(City):
    """The city in a time of its own."""

    def __init__(self, folder: Path) -> None:
        self._today = folder / "today"
        super().__init__(folder)
        self.dags = folder / "dags"
        shutil.copytree(INCLUDE.parent / "dags", self.dags, ignore=shutil.ignore_patterns("__pycache__"))
        self.airflow.environment = {
            **self.airflow.environment,
            PLAYED: str(self._today),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "15",
        }
        self.rows = RegisterRows(self.cases._database)
        self.play(FIRST)

    def play(self, day: date) -> None:
        self._today.write_text(str(day))

    def deploy(self, dag: str, display: str) -> None:
        """Changes a DAG's file, as a new release does, and waits until Airflow has read it."""
        file = self.dags / f"{dag}.py"
        before = file.read_text()
        file.write_text(
            before.replace('dag_display_name="Sunset review"', f"dag_display_name={display!r}")
            .replace("claimed >> notify()", "claimed >> notify() >> after_notice()")
            .replace("    asked = AskOperator(", AFTER_NOTICE + "    asked = AskOperator(")
        )
        assert file.read_text() != before

        def read_anew() -> bool:
            return bool(self.airflow.call("GET", f"/dags/{dag}")["dag_display_name"] == display)

        wait_for(read_anew, f"{dag} is read anew", 120)

    def put_out(self, until: date) -> None:
        """Writes weekly outputs of the old pace up to a day."""
        with (self.folder / "sources" / "outputs.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "made_on", "decision", "district", "channel"])
            day = TUESDAYS[0]
            while day <= until:
                for number in range(2 * A_GROUP):
                    writer.writerow(
                        [f"{day}/{number}", day, number % 2, ("north", "south")[number % 2], "web"]
                    )
                day += timedelta(days=7)

    def pull(self, day: date) -> None:
        assert self.airflow.run(MONITOR, str(day), timeout=200) == "success"

    def watch(self, day: date) -> None:
        self.play(day)
        assert self.airflow.run("sunset_watch", str(day), timeout=200) == "success"

    def form(self, user: str, dag: str, filled: Mapping[str, Any]) -> str:
        """Triggers a form as a user and returns how its run ended; the status code where Airflow refused."""
        answer = self.by(
            user, "POST", f"/dags/{dag}/dagRuns", json={"logical_date": None, "conf": dict(filled)}
        )
        if answer.status_code != httpx.codes.OK:
            return str(answer.status_code)
        run = answer.json()["dag_run_id"]

        def state() -> str:
            return str(self.airflow.call("GET", f"/dags/{dag}/dagRuns/{run}")["state"])

        wait_for(lambda: state() in ("success", "failed"), f"{dag} of {user} ends")
        return state()

    def case(self) -> Episode:
        """The open case that a person opened; a rule may have opened one of its own beside it."""
        (episode,) = (one for one in self.cases.open_episodes() if one.family == FAMILY)
        return episode

    def state(self) -> State:
        return course_of(self.cases.events(self.case().id)).state

    def open_question(self, kind: str) -> str:
        """Waits until the open question of the one open case waits for an answer; returns its run."""

        def asked() -> list[Question]:  # an answer is recorded first, and the next question after it
            return [q for q in self.cases.open_questions(self.case().id) if q.kind == kind]

        wait_for(asked, f"the question {kind} is open")
        (question,) = asked()
        key = f"{question.episode}/{question.number}"

        def found() -> list[str]:
            runs = {run["dag_run_id"] for run in self.runs() if run["partition_key"] == key}
            return [
                a["task_instance"]["dag_run_id"]
                for a in self.waiting()
                if a["task_instance"]["dag_run_id"] in runs
            ]

        wait_for(found, f"question {key} waits for an answer", 180)
        (run,) = found()
        self.airflow.wait_for_question(REVIEW, run, "ask")
        return run

    def decide(self, user: str, kind: str, chosen: str, params: Mapping[str, Any]) -> None:
        run = self.open_question(kind)
        (question,) = self.cases.open_questions(self.case().id)
        assert self.answer(user, run, chosen, params) == httpx.codes.OK

        def answered() -> bool:
            stored = self.cases.question(question.episode, question.number).answer
            assert stored is None or stored.accepted, stored
            return stored is not None

        wait_for(answered, f"{chosen} is recorded")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    city = Played(tmp_path_factory.mktemp("city"))
    (city.folder / "systems" / "wrong-system.yaml").unlink()
    city.put_out(FIRST)
    try:
        city.airflow.start()
        city.airflow.wait_for_dags([MONITOR, REVIEW, "sunset_open", "sunset_step", "sunset_watch"])
        yield city
    finally:
        city.airflow.stop()
        city.mailbox.stop()


def test_a_case_that_the_cdpo_finds_unfounded_is_withdrawn(city: Played) -> None:
    assert city.form("engineer", "sunset_open", {"system": ID, "reasons": ""}) == "failed"
    assert city.form("operator", "sunset_open", {"system": "no-such", **FORM}) == "failed"
    assert city.cases.episodes() == ()
    assert city.form("operator", "sunset_open", {"system": ID, **FORM}) == "success"
    case = city.case()
    city.decide("cdpo", "determination", "Yes", REASONS)
    event = city.cases.events(case.id)[-1]
    assert (event.kind, event.by) == ("withdrawn", "cdpo")
    assert city.cases.open_episodes() == ()


def test_a_case_goes_through_return_exception_phase_out_and_halt_to_its_closure(city: Played) -> None:
    assert city.form("operator", "sunset_open", {"system": ID, **FORM}) == "success"
    case = city.case()

    # Six weeks without an answer: reminded and escalated, and nothing is decided.
    city.open_question("determination")
    city.watch(FIRST + timedelta(weeks=6))
    assert city.state() is State.DRAFT
    assert any("days without a determination" in m["Subject"] for m in city.mail_to("cio@example.gov"))

    # Every process of Airflow restarts while the question waits.
    city.airflow.stop()
    city.airflow.start()
    # And a new release changes the DAG whose run waits.
    city.open_question("determination")
    city.deploy(REVIEW, "Sunset review, second release")
    city.decide("cdpo", "determination", "No", REASONS | CONSIDERED)
    city.decide("cio", "decision", "Return for information", {"reasons": "Who takes over at the desk?"})
    assert city.state() is State.DRAFT
    city.decide("cdpo", "determination", "No", REASONS | CONSIDERED)
    run = city.open_question("decision")
    for user in ("cdpo", "engineer", "operator", "admin"):
        assert city.answer(user, run, "Halt", REASONS) == httpx.codes.FORBIDDEN, user

    # An exception ends by itself.
    until = FIRST + timedelta(weeks=10)
    excepted = {"scope_and_conditions": "Only the north, with a clerk.", "expires_on": str(until)}
    city.decide("cio", "decision", "Exception", REASONS | excepted)
    city.watch(until)
    assert city.state() is State.EXCEPTED
    city.watch(until + timedelta(days=1))
    assert city.state() is State.SUBMITTED

    # A phase-out whose first stage is missed.
    decided = until + timedelta(days=1)
    stage = decided + timedelta(days=14)
    stages = f"{stage}: 50 %: the south is served by hand\n{stage + timedelta(days=28)}: 0 %: all are"
    city.decide(
        "cio", "decision", "Phase out", REASONS | {"stages": stages, "substitute": "The desk, by hand."}
    )
    measured = stage + timedelta(days=8)
    city.put_out(measured)
    city.play(measured)
    city.pull(measured - timedelta(days=1))
    city.watch(measured)
    assert [e.kind for e in city.cases.events(case.id)][-1] == "stage_missed"
    assert city.state() is State.SUBMITTED
    assert any("Phase-out missed" in m["Subject"] for m in city.mail_to("cdpo@example.gov"))

    # Two answers at once: one stands.
    run = city.open_question("decision")
    with ThreadPoolExecutor(2) as pool:
        codes = [*pool.map(lambda chosen: city.answer("cio", run, chosen, REASONS), ("Halt", "Halt"))]
    assert httpx.codes.OK in codes
    wait_for(lambda: not city.cases.open_questions(case.id), "the decision is recorded")
    decisions = [e for e in city.cases.events(case.id) if e.kind == "decision"]
    assert [e.payload["chosen"] for e in decisions] == [
        "Return for information",
        "Exception",
        "Phase out",
        "Halt",
    ]

    # The system goes on: counted and told. Then it is silent: verified, and only then retired.
    later = measured + timedelta(days=8)
    city.put_out(later)
    city.play(later)
    city.pull(later - timedelta(days=1))
    city.watch(later)
    running = city.cases.events(case.id)[-1]
    assert (running.kind, running.payload["rows"]) == ("still_running", 2 * A_GROUP)
    assert any("Still running" in m["Subject"] for m in city.mail_to("cio@example.gov"))
    assert [r for r in city.rows.rows(ID) if isinstance(r.given, LifecycleChange)] == []
    assert city.state() is State.EXECUTING

    silent = later + timedelta(days=14)
    city.play(silent)
    city.pull(silent - timedelta(days=1))
    city.watch(silent)
    assert city.state() is State.VERIFIED
    (row,) = [r for r in city.rows.rows(ID) if isinstance(r.given, LifecycleChange)]
    assert (row.given.status, row.given.by, row.given.holds_from) == (Lifecycle.RETIRED, "cio", silent)

    # The closing steps, by those who answer for them; then a named person closes the case.
    done = {"case": case.id, "note": "Done; the letter is filed.", "link": ""}
    assert city.form("engineer", "sunset_step", {**done, "step": "stop_jobs"}) == "failed"
    for step in steps_of(city.cases.events(case.id)):
        user = "operator" if step.owner == "operator" else "cdpo"
        assert city.form(user, "sunset_step", {**done, "step": step.id}) == "success"
    city.watch(silent + timedelta(days=1))
    city.decide("cdpo", "closure", "Close", {"lessons": "Ask the desk before the vendor."})
    assert not city.cases.episode(case.id).open
    assert course_of(city.cases.events(case.id)).state is State.CLOSED
    with city.cases._database.read() as connection:
        assert [fault for chain in chains(connection) for fault in faults(connection, chain)] == []
