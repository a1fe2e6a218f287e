"""What the daily look does with a decision: held against the source, and never taken for done by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from sunset_examples import (
    ANSWERED,
    REASONS,
    TODAY,
    answer,
    determined,
    given,
    opened_case,
    policy,
    system,
)

from sundial.engine.volume import Volume
from sundial.register.given import LifecycleChange
from sundial.register.lifecycle import Lifecycle
from sundial.store.cases import Answer, Cases, NewEvent
from sundial.store.database import Database
from sundial.store.register import RegisterRows
from sundial.sunset.course import State, course_of
from sundial.sunset.steps import StepRefused, finish, steps_of
from sundial.sunset.watch import Notice, watch

STAGES = "2026-12-10: 50 %: North returns to the form\n2027-01-10: 0 %: everybody does"
PHASE_OUT = REASONS | {"stages": STAGES, "substitute": "The interview form."}


def days(first: date, last: date, rows: int) -> dict[date, int]:
    return {first + timedelta(days=n): rows for n in range((last - first).days + 1)}


def volume(
    rows: Mapping[date, int] | None = None, seen_until: date | None = None, asked_until: date | None = None
) -> Volume:
    found = dict(rows or {})
    return Volume(found, max(found, default=None), seen_until, asked_until or seen_until)


def look(database: Database, episode: str, as_of: date, seen: Volume) -> Sequence[Notice]:
    cases = Cases(database)
    return watch(
        cases.episode(episode), system(), policy(), cases, RegisterRows(database), lambda _: seen, as_of
    )


def decided(database: Database, chosen: str, params: Mapping[str, Any]) -> tuple[Cases, str]:
    cases, episode = determined(database)
    assert answer(cases, episode, 2, given(chosen, params, "cio")).refused is None
    return cases, episode


def state(cases: Cases, episode: str) -> State:
    return course_of(cases.events(episode)).state


def after(count: int) -> date:
    return TODAY + timedelta(days=count)


class TestUndecided:
    def test_a_question_is_asked_for_again_then_both_are_told_and_it_stays_open(
        self, database: Database
    ) -> None:
        cases, episode = opened_case(database)
        (question,) = cases.open_questions(episode)
        asked = question.asked_as_of
        assert look(database, episode, asked + timedelta(days=6), volume()) == ()
        (reminder,) = look(database, episode, asked + timedelta(days=7), volume())
        assert reminder.roles == ("cdpo",)
        (escalated,) = look(database, episode, asked + timedelta(days=14), volume())
        assert escalated.roles == ("cdpo", "cio")
        assert "14 days" in escalated.lines[0]
        assert "Halt is the policy's default" in escalated.lines[1]
        keys = {look(database, episode, asked + timedelta(days=n), volume())[0].key for n in range(7, 56)}
        assert len(keys) == 7, "one mail a week, over six weeks of waiting"
        assert state(cases, episode) is State.DRAFT
        assert len(cases.events(episode)) == 1


class TestHalt:
    def test_outputs_that_still_arrive_are_counted_and_escalated(self, database: Database) -> None:
        cases, episode = decided(database, "Halt", REASONS)
        assert state(cases, episode) is State.DECIDED
        seen = volume(days(after(-3), after(4), 10), after(5))
        (notice,) = look(database, episode, after(5), seen)
        assert notice.roles == ("cio", "cdpo")
        assert "40 outputs of 4 later days, the last of 2026-11-24" in notice.lines[1]
        event = cases.events(episode)[-1]
        assert (event.kind, event.payload["rows"]) == ("still_running", 40)
        assert state(cases, episode) is State.EXECUTING
        assert look(database, episode, after(5), seen) == (notice,)
        assert look(database, episode, after(6), seen) == (notice,)
        assert cases.events(episode)[-1] == event, "nothing is told twice"

    def test_a_system_whose_rows_are_all_refused_is_not_silent(self, database: Database) -> None:
        cases, episode = decided(database, "Halt", REASONS)
        look(database, episode, after(30), Volume({}, after(20), after(26), after(26)))
        assert cases.events(episode)[-1].kind == "still_running"

    def test_a_source_that_is_off_is_verified_once_its_step_is_done_and_it_has_given_no_answer_since(
        self, database: Database
    ) -> None:
        cases, episode = decided(database, "Halt", REASONS)
        silent = volume(days(after(-9), TODAY, 5), asked_until=after(30))
        look(database, episode, after(30), silent)
        assert state(cases, episode) is State.DECIDED, "no answer alone says nothing"
        done = {"note": "Its server is gone.", "link": "", "as_of": after(31)}
        finish(cases, policy(), episode, "stop_jobs", by="operator", **done)  # type: ignore[arg-type]
        look(database, episode, after(37), volume(days(after(-9), TODAY, 5), asked_until=after(37)))
        assert state(cases, episode) is State.DECIDED
        look(database, episode, after(38), volume(days(after(-9), TODAY, 5), asked_until=after(38)))
        assert state(cases, episode) is State.VERIFIED
        found = next(event for event in cases.events(episode) if event.kind == "silent")
        assert found.payload == {
            "last_output": str(TODAY),
            "no_answer_until": str(after(38)),
            "switched_off_by": "operator",
        }

    def test_a_source_that_answers_is_not_off_whatever_somebody_says(self, database: Database) -> None:
        cases, episode = decided(database, "Halt", REASONS)
        look(database, episode, TODAY, volume())
        done = {"note": "Its server is gone.", "link": "", "as_of": TODAY}
        finish(cases, policy(), episode, "stop_jobs", by="operator", **done)  # type: ignore[arg-type]
        look(database, episode, after(20), volume(days(after(1), after(20), 5), after(20)))
        assert state(cases, episode) is State.EXECUTING

    @pytest.mark.parametrize("seen_until", [None, after(-1), after(6)])
    def test_a_source_that_was_not_asked_long_enough_is_not_silent(
        self, database: Database, seen_until: date | None
    ) -> None:
        cases, episode = decided(database, "Halt", REASONS)
        look(database, episode, after(40), volume(days(after(-9), TODAY, 5), seen_until))
        assert state(cases, episode) is State.DECIDED
        assert RegisterRows(database).rows() == ()

    def test_a_system_that_went_on_and_then_fell_silent_is_verified_from_its_last_output(
        self, database: Database
    ) -> None:
        cases, episode = decided(database, "Halt", REASONS)
        rows = days(after(-9), after(4), 5)
        look(database, episode, after(11), volume(rows, after(10)))
        assert state(cases, episode) is State.EXECUTING
        look(database, episode, after(12), volume(rows, after(11)))
        assert state(cases, episode) is State.VERIFIED
        assert cases.events(episode)[-1].payload == {
            "last_output": str(after(4)),
            "seen_until": str(after(11)),
        }

    def test_silence_is_verified_and_only_then_the_register_says_retired(self, database: Database) -> None:
        cases, episode = decided(database, "Halt", REASONS)
        seen = volume(days(after(-9), TODAY, 5), after(7))
        look(database, episode, after(8), seen)
        assert state(cases, episode) is State.VERIFIED
        (row,) = RegisterRows(database).rows(system().id)
        assert isinstance(row.given, LifecycleChange)
        assert (row.given.status, row.given.by, row.given.holds_from) == (Lifecycle.RETIRED, "cio", after(8))
        assert REASONS["reasons"] in str(row.given.reason)
        look(database, episode, after(9), seen)
        assert len(RegisterRows(database).rows()) == 1
        assert cases.episode(episode).open, "its steps are not done"


class TestException:
    def test_it_ends_by_itself_and_the_cio_is_asked_again(self, database: Database) -> None:
        params = REASONS | {"scope_and_conditions": "Only bail, reviewed.", "expires_on": "2027-05-31"}
        cases, episode = decided(database, "Exception", params)
        look(database, episode, date(2027, 5, 31), volume())
        assert state(cases, episode) is State.EXCEPTED
        for day in (date(2027, 6, 1), date(2027, 6, 2)):
            look(database, episode, day, volume())
        assert state(cases, episode) is State.SUBMITTED
        (question,) = cases.open_questions(episode)
        assert (question.role, question.kind) == ("cio", "decision")
        assert "expired on 2027-05-31" in str(question.reason_reopened)
        assert [event.kind for event in cases.events(episode)].count("exception_expired") == 1


class TestAfterACrash:
    """Between an event and what follows from it the process may die, or the mail server may be away."""

    def test_a_case_that_nobody_is_asked_about_is_asked_about(self, database: Database) -> None:
        params = REASONS | {"scope_and_conditions": "Only bail, reviewed.", "expires_on": "2027-05-31"}
        cases, episode = decided(database, "Exception", params)
        cases.append(
            episode, NewEvent("expired/3", "exception_expired", {"expires_on": "2027-05-31"}, after(200))
        )
        assert cases.open_questions(episode) == ()
        look(database, episode, after(201), volume())
        (question,) = cases.open_questions(episode)
        assert (question.role, question.kind) == ("cio", "decision")

    def test_a_returned_case_is_asked_about_again(self, database: Database) -> None:
        cases, episode = determined(database)
        said = Answer(True, "Return for information", REASONS, "cio", ANSWERED)
        payload = {"chosen": "Return for information", **REASONS}
        cases.answer(episode, 2, said, NewEvent("answer/2", "decision", payload, TODAY, "cio"))
        assert cases.open_questions(episode) == ()
        look(database, episode, after(1), volume())
        assert [question.kind for question in cases.open_questions(episode)] == ["determination"]

    def test_what_was_to_be_told_is_told_until_the_outbox_has_it(self, database: Database) -> None:
        cases, episode = decided(database, "Phase out", PHASE_OUT)
        rows = days(after(-28), after(60), 100)
        day = date(2026, 12, 18)
        first = look(database, episode, day, volume(rows, date(2026, 12, 17)))
        assert look(database, episode, day, volume(rows, date(2026, 12, 17))) == first
        (question,) = cases.open_questions(episode)
        answer(cases, episode, question.number, given("Halt", REASONS, "cio"), day)
        later = look(database, episode, day + timedelta(days=60), volume(rows, day + timedelta(days=59)))
        assert state(cases, episode) is State.VERIFIED
        subjects = [notice.subject.partition(":")[0] for notice in later]
        assert subjects[:2] == ["Phase-out missed", "Still running"]


class TestPhaseOut:
    def test_stages_that_are_met_lead_to_verified_silence(self, database: Database) -> None:
        cases, episode = decided(database, "Phase out", PHASE_OUT)
        first, second = date(2026, 12, 10), date(2027, 1, 10)
        rows = days(after(-28), first, 100) | days(first + timedelta(days=1), second, 50)
        look(database, episode, first + timedelta(days=5), volume(rows, first + timedelta(days=4)))
        assert state(cases, episode) is State.DECIDED, "the days over which it is measured are not over"
        look(database, episode, first + timedelta(days=8), volume(rows, first + timedelta(days=7)))
        met = cases.events(episode)[-1]
        assert (met.kind, met.payload["rows_a_day_before"], met.payload["rows_a_day_left"]) == (
            "stage_met",
            100,
            50,
        )
        look(database, episode, second + timedelta(days=8), volume(rows, second + timedelta(days=7)))
        assert [e.kind for e in cases.events(episode)][-2:] == ["stage_met", "silent"]
        assert state(cases, episode) is State.VERIFIED

    def test_a_stage_that_is_missed_goes_back_to_the_cio_with_the_counts(self, database: Database) -> None:
        cases, episode = decided(database, "Phase out", PHASE_OUT)
        rows = days(after(-28), after(60), 100)
        (notice,) = look(database, episode, date(2026, 12, 18), volume(rows, date(2026, 12, 17)))
        assert "at most 50% of the outputs were to be left" in notice.lines[0]
        assert state(cases, episode) is State.SUBMITTED
        (question,) = cases.open_questions(episode)
        assert "There are 100.0 a day" in str(question.reason_reopened)
        assert (
            answer(cases, episode, question.number, given("Halt", REASONS, "cio"), date(2026, 12, 18)).refused
            is None
        )
        assert state(cases, episode) is State.DECIDED

    def test_rows_that_come_later_do_not_judge_a_stage_anew(self, database: Database) -> None:
        cases, episode = decided(database, "Phase out", PHASE_OUT)
        rows = days(after(-28), date(2026, 12, 10), 100)
        look(database, episode, date(2026, 12, 18), volume(rows, date(2026, 12, 17)))
        late = rows | days(date(2026, 12, 11), date(2026, 12, 17), 100)
        look(database, episode, date(2026, 12, 19), volume(late, date(2026, 12, 18)))
        assert [e.kind for e in cases.events(episode) if e.kind.startswith("stage")] == ["stage_met"]


class TestSteps:
    def verified(self, database: Database) -> tuple[Cases, str]:
        cases, episode = decided(database, "Halt", REASONS)
        look(database, episode, after(8), volume(days(after(-9), TODAY, 5), after(7)))
        return cases, episode

    def done(
        self,
        database: Database,
        episode: str,
        step: str,
        by: str = "cdpo",
        note: str = "Done, see the letter.",
    ) -> None:
        finish(Cases(database), policy(), episode, step, by=by, note=note, link="", as_of=after(9))

    def test_they_are_the_policy_s_with_owner_and_day(self, database: Database) -> None:
        cases, episode = self.verified(database)
        steps = steps_of(cases.events(episode))
        assert [step.id for step in steps] == [step.id for step in policy().sunset_terms.closing]
        assert (steps[0].owner, steps[0].due, steps[0].done) == ("staff", after(7), None)

    def test_overdue_ones_are_told_to_their_owners_once_a_week(self, database: Database) -> None:
        _, episode = self.verified(database)
        assert look(database, episode, after(7), volume()) == ()
        first = look(database, episode, after(8), volume())
        assert [(notice.roles, notice.dag) for notice in first] == [
            (("cdpo", "staff"), "sunset_step"),
            (("cdpo", "operator"), "sunset_step"),
        ]
        assert first[0].subject == f"{system().name}: 2 steps are overdue"
        assert episode in first[0].lines[0]
        assert f"notify_vendor, due on {after(7)}" in first[0].lines[1]
        assert look(database, episode, after(9), volume()) == first
        assert not {n.key for n in look(database, episode, after(14), volume())} & {n.key for n in first}

    def test_when_all_are_done_a_named_person_closes_the_case_with_what_was_learnt(
        self, database: Database
    ) -> None:
        cases, episode = self.verified(database)
        for step in steps_of(cases.events(episode)):
            assert cases.open_questions(episode) == ()
            self.done(database, episode, step.id)
            look(database, episode, after(9), volume())
        (question,) = cases.open_questions(episode)
        assert (question.kind, question.role) == ("closure", "cdpo")
        assert answer(cases, episode, question.number, given("Close", {"lessons": ""})).refused is not None
        (question,) = cases.open_questions(episode)
        answer(cases, episode, question.number, given("Close", {"lessons": "Ask for calibration first."}))
        assert state(cases, episode) is State.CLOSED
        assert not cases.episode(episode).open

    @pytest.mark.parametrize(
        ("step", "by", "note", "why"),
        [
            ("dance", "cdpo", "It was done.", "has no step 'dance'; its steps: notify_vendor"),
            ("stop_jobs", "cio", "It was done.", "cio cannot say that stop_jobs is done; operator or cdpo"),
            ("stop_jobs", "operator", "...", "say what was done"),
        ],
    )
    def test_what_cannot_stand_is_refused(
        self, database: Database, step: str, by: str, note: str, why: str
    ) -> None:
        _, episode = self.verified(database)
        with pytest.raises(StepRefused, match=why):
            self.done(database, episode, step, by, note)

    def test_one_that_is_done_stays_so(self, database: Database) -> None:
        _, episode = self.verified(database)
        self.done(database, episode, "stop_jobs", "operator")
        self.done(database, episode, "stop_jobs", "operator")  # the same again is the same
        with pytest.raises(StepRefused, match="is done already"):
            self.done(database, episode, "stop_jobs", "cdpo", "I did it later.")
