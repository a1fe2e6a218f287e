"""Whatever happens in whatever order: nothing is decided without named people, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sunset_examples import CONSIDERED, REASONS, TODAY, policy, system

from sundial.engine.volume import Volume
from sundial.register.given import LifecycleChange
from sundial.store.cases import Cases, Detection, Event, Question
from sundial.store.database import Database
from sundial.store.ledger import chains, faults
from sundial.store.register import RegisterRows
from sundial.sunset.answers import Given, record_answer
from sundial.sunset.by_hand import open_by_hand
from sundial.sunset.course import State, course_of
from sundial.sunset.detect import registered
from sundial.sunset.questions import DETERMINATION, FORMS, ask
from sundial.sunset.steps import StepRefused, finish, steps_of
from sundial.sunset.watch import watch

USERS = st.sampled_from([None, "cdpo", "cio", "operator", "engineer", "mallory"])
CHOICES = st.sampled_from(sorted({choice for form in FORMS.values() for choice in form.choices} | {""}))
DAYS = st.sampled_from([0, 1, 8, 15, 40])
NEEDS_DECISION = (State.EXCEPTED, State.DECIDED, State.EXECUTING, State.VERIFIED, State.CLOSED)


def _empty_store() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "store.db"
        Database(f"sqlite:///{file}").migrate()
        return file.read_bytes()


class SunsetCases(RuleBasedStateMachine):
    """People and time do to cases whatever they can."""

    empty = b""

    @initialize()
    def city(self) -> None:
        SunsetCases.empty = SunsetCases.empty or _empty_store()
        self.folder = Path(tempfile.mkdtemp())
        (self.folder / "store.db").write_bytes(SunsetCases.empty)
        self.database = Database(f"sqlite:///{self.folder / 'store.db'}")
        self.cases, self.rows = Cases(self.database), RegisterRows(self.database)
        self.today, self.asked = TODAY, 0
        self.seen: dict[str, tuple[Event, ...]] = {}
        self.put_out: dict[date, int] = {TODAY - timedelta(days=n): 10 for n in range(30)}
        self.somebody_doubts("cdpo")

    def teardown(self) -> None:
        with self.database.read() as connection:
            assert [fault for chain in chains(connection) for fault in faults(connection, chain)] == []
        shutil.rmtree(self.folder)

    @rule(by=st.sampled_from(["cdpo", "operator"]))
    def somebody_doubts(self, by: str) -> None:
        self.asked += 1
        open_by_hand(
            self.cases,
            policy(),
            system(),
            key=str(self.asked),
            by=by,
            reasons="Nobody uses it.",
            as_of=self.today,
        )

    @rule()
    def a_rule_fires(self) -> None:
        figures = {"reported": 1, "grave": 1, "ids": [], "from": "2026-01-01", "to": "2026-12-31"}
        fired = Detection(
            system=system().id,
            family="incidents",
            rule="incidents",
            week=self.today - timedelta(days=self.today.weekday()),
            as_of=self.today,
            policy_hash="c0ffee",
            record={
                "rule": {"id": "incidents", "sentence": "Harm."},
                "principles": [],
                **registered(system()),
            },
            evidence={"kind": "incidents", "figures": figures},
        )
        episode, new = self.cases.open_or_extend(fired)
        if new:
            ask(self.cases, self.cases.episode(episode), DETERMINATION, system(), self.today)

    def _answer(self, question: Question, given: Given) -> None:
        key = (question.episode, question.number)
        record_answer(self.cases, policy(), system(), key, given, self.today)

    @precondition(lambda self: self.cases.open_questions())
    @rule(user=USERS, chosen=CHOICES, whole=st.booleans(), data=st.data())
    def somebody_answers(self, user: str | None, chosen: str, whole: bool, data: st.DataObject) -> None:
        question = data.draw(st.sampled_from(self.cases.open_questions()))
        self._answer(question, Given(chosen, self._form() if whole else {}, user, None))

    @precondition(lambda self: self.cases.open_questions())
    @rule(data=st.data())
    def who_is_asked_answers(self, data: st.DataObject) -> None:
        """Else hardly any run would come far."""
        question = data.draw(st.sampled_from(self.cases.open_questions()))
        form = FORMS[question.kind]
        chosen = data.draw(st.sampled_from(form.choices))
        self._answer(question, Given(chosen, self._form(), form.role, None))

    def _form(self) -> dict[str, str]:
        first, second = self.today + timedelta(days=10), self.today + timedelta(days=20)
        return (
            REASONS
            | CONSIDERED
            | {
                "scope_and_conditions": "Only the north.",
                "expires_on": str(first),
                "stages": f"{first}: 50 %: the north\n{second}: 0 %: all",
                "substitute": "The desk, by hand.",
                "lessons": "Ask the desk first.",
                "covered_by": self.cases.open_episodes()[-1].id,
            }
        )

    @rule(days=DAYS, goes_on=st.booleans(), answers=st.booleans())
    def time_passes_and_the_watch_looks(self, days: int, goes_on: bool, answers: bool) -> None:
        for _ in range(days):
            self.today += timedelta(days=1)
            if goes_on:
                self.put_out[self.today] = 10
        seen = Volume(self.put_out, max(self.put_out), self.today if answers else None, self.today)
        for episode in self.cases.open_episodes():
            watch(episode, system(), policy(), self.cases, self.rows, lambda _: seen, self.today)

    @precondition(lambda self: self.cases.open_episodes())
    @rule(user=st.sampled_from(["cdpo", "operator", "mallory"]), data=st.data())
    def a_step_is_done(self, user: str, data: st.DataObject) -> None:
        episode = data.draw(st.sampled_from(self.cases.open_episodes()))
        steps = steps_of(self.cases.events(episode.id))
        for step in steps:
            try:
                finish(
                    self.cases,
                    policy(),
                    episode.id,
                    step.id,
                    by=user,
                    note="It was done.",
                    link="",
                    as_of=self.today,
                )
            except StepRefused:
                continue

    def _histories(self) -> list[tuple[Event, ...]]:
        return [self.cases.events(episode.id) for episode in self.cases.episodes()]

    @invariant()
    def nothing_is_lost_or_rewritten(self) -> None:
        for episode in self.cases.episodes():
            events = self.cases.events(episode.id)
            before = self.seen.get(episode.id, ())
            assert events[: len(before)] == before
            self.seen[episode.id] = events
        assert {episode.id for episode in self.cases.episodes()} == set(self.seen)

    @invariant()
    def nothing_is_decided_without_named_people(self) -> None:
        for events in self._histories():
            state = course_of(events).state
            determined = [e for e in events if e.kind == "determination"]
            decided = [e for e in events if e.kind == "decision"]
            assert all(e.by == "cdpo" and e.payload["chosen"] in ("No", "Cannot say") for e in determined)
            assert all(e.by == "cio" for e in decided)
            if state in NEEDS_DECISION:
                assert determined
                assert decided
                assert determined[0].number < decided[-1].number
            if state in (State.WITHDRAWN, State.CLOSED, State.SUPERSEDED):
                assert events[-1].by == "cdpo"

    @invariant()
    def only_what_is_silent_is_retired(self) -> None:
        retired = [row for row in self.rows.rows() if isinstance(row.given, LifecycleChange)]
        silent = [event for events in self._histories() for event in events if event.kind == "silent"]
        assert bool(retired) <= bool(silent)

    @invariant()
    def an_open_case_waits_for_one_answer_at_most(self) -> None:
        for episode in self.cases.episodes():
            open_ = self.cases.open_questions(episode.id)
            assert len(open_) <= 1
            undecided = course_of(self.cases.events(episode.id)).state in (State.DRAFT, State.SUBMITTED)
            if episode.open and undecided:
                assert len(open_) == 1, "silence is no answer: somebody is always asked"


SunsetCases.TestCase.settings = settings(
    max_examples=40 if os.environ.get("HYPOTHESIS_PROFILE") == "explore" else 5,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestSunsetCases = pytest.mark.timeout(280)(SunsetCases.TestCase)
