"""What becomes of an answer: recorded with its author, or refused with the reason and asked again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from sunset_examples import (
    ANSWERED,
    CONSIDERED,
    MONDAY,
    REASONS,
    TODAY,
    answer,
    determined,
    given,
    harm,
    next_week,
    opened_case,
    policy,
    record,
    run_judge,
    system,
)

from sundial.store.cases import Answer, Cases, NewEvent, Question
from sundial.store.database import Database
from sundial.sunset.answers import Given
from sundial.sunset.by_hand import open_by_hand
from sundial.sunset.course import State, course_of
from sundial.sunset.questions import COVERED

STAGES = {
    "stages": "2027-05-01: 0 %: the form replaces it",
    "substitute": "The interview form.",
}
EXCEPTION = REASONS | {"scope_and_conditions": "Only bail, reviewed by a judge."}
NOBODY = Given("", {}, None, None)


@pytest.mark.parametrize("chosen", ["No", "Cannot say"])
def test_a_determination_goes_to_the_cio_with_what_the_cdpo_said(database: Database, chosen: str) -> None:
    cases, episode = opened_case(database)
    done = answer(cases, episode, 1, given(chosen, REASONS | CONSIDERED))
    assert (done.refused, done.next_question) == (None, 2)
    event = cases.events(episode)[-1]
    assert (event.kind, event.by, event.at) == ("determination", "cdpo", TODAY)
    assert event.payload == {"chosen": chosen} | REASONS | CONSIDERED
    (decision,) = cases.open_questions(episode)
    assert (decision.number, decision.role, decision.kind) == (2, "cio", "decision")
    assert REASONS["reasons"] in decision.body


@pytest.mark.parametrize(
    ("chosen", "params"),
    [
        ("Halt", REASONS),
        ("Phase out", REASONS | STAGES),
        ("Exception", EXCEPTION | {"expires_on": "2027-05-31"}),
    ],
)
def test_a_decision_is_an_event_with_author_and_time_and_asks_nothing_more(
    database: Database, chosen: str, params: Mapping[str, Any]
) -> None:
    cases, episode = determined(database)
    done = answer(cases, episode, 2, given(chosen, params, "cio"))
    assert (done.refused, done.next_question) == (None, None)
    event = cases.events(episode)[-1]
    assert (event.kind, event.by, event.payload) == ("decision", "cio", {"chosen": chosen, **params})
    stored = cases.question(episode, 2).answer
    assert stored == Answer(True, chosen, params, "cio", ANSWERED)
    assert cases.open_questions(episode) == ()
    assert cases.episode(episode).open, "a decision ends nothing: it has to be carried out"


def test_return_asks_the_cdpo_again_with_what_the_cio_wants(database: Database) -> None:
    cases, episode = determined(database)
    wants = {"reasons": "Who pays for the interview form?"}
    done = answer(cases, episode, 2, given("Return for information", wants, "cio"))
    assert (done.refused, done.next_question) == (None, 3)
    (question,) = cases.open_questions(episode)
    assert (question.role, question.kind, question.reason_reopened) == ("cdpo", "determination", None)
    assert wants["reasons"] in question.body
    answer(cases, episode, 3, given("No", REASONS | CONSIDERED))
    assert [q.role for q in cases.open_questions(episode)] == ["cio"]


def test_yes_withdraws_the_case_by_a_named_person_with_reasons(database: Database) -> None:
    cases, episode = opened_case(database)
    done = answer(cases, episode, 1, given("Yes", REASONS))
    assert (done.refused, done.next_question) == (None, None)
    event = cases.events(episode)[-1]
    assert (event.kind, event.by, event.payload) == ("withdrawn", "cdpo", {"chosen": "Yes"} | REASONS)
    assert not cases.episode(episode).open
    assert cases.open_questions() == ()


def test_after_yes_neither_the_same_week_nor_the_next_opens_a_case(database: Database) -> None:
    cases, episode = opened_case(database)
    answer(cases, episode, 1, given("Yes", REASONS))
    assert run_judge(database).opened == ()
    record(database, harm(next_week(MONDAY)), week=next_week(MONDAY), as_of=TODAY)
    assert run_judge(database, TODAY).opened == ()


def another_case(database: Database) -> str:
    return open_by_hand(
        Cases(database), policy(), system(), key="1", by="operator", reasons=REASONS["reasons"], as_of=TODAY
    )


def test_a_case_that_another_open_one_covers_ends_superseded_by_a_named_person(database: Database) -> None:
    cases, episode = opened_case(database)
    other = another_case(database)
    done = answer(cases, episode, 1, given(COVERED, REASONS | {"covered_by": other}))
    assert (done.refused, done.next_question) == (None, None)
    event = cases.events(episode)[-1]
    assert (event.kind, event.by, event.payload["covered_by"]) == ("superseded", "cdpo", other)
    assert course_of(cases.events(episode)).state is State.SUPERSEDED
    assert [one.id for one in cases.open_episodes()] == [other]
    record(database, harm(next_week()), week=next_week())
    assert run_judge(database).opened == (), "the rule rests, as after any case that a person ended"


@pytest.mark.parametrize("covered_by", ["", "no-such-2026-001", "itself"])
def test_only_another_open_case_of_the_system_covers_one(database: Database, covered_by: str) -> None:
    cases, episode = opened_case(database)
    other = another_case(database)
    named = episode if covered_by == "itself" else covered_by
    done = answer(cases, episode, 1, given(COVERED, REASONS | {"covered_by": named}))
    assert done.refused is not None
    assert other in done.refused or "Please fill in" in done.refused
    assert done.next_question == 2


def test_the_last_open_case_cannot_be_covered(database: Database) -> None:
    cases, episode = opened_case(database)
    done = answer(cases, episode, 1, given(COVERED, REASONS | {"covered_by": "another-2026-001"}))
    assert "there is none" in str(done.refused)


DETERMINATIONS_REFUSED = {
    "marked as done": (NOBODY, "Marking a task decides nothing"),
    "the CIO's": (given("No", REASONS | CONSIDERED, "cio"), "cio is not CDPO"),
    "an engineer's": (given("No", REASONS | CONSIDERED, "engineer"), "engineer is not CDPO"),
    "no choice": (given("", REASONS | CONSIDERED), "Choose one of: No, Cannot say, Yes"),
    "the choice of another question": (given("Halt", REASONS | CONSIDERED), "Choose one of"),
    "no reasons": (given("No", CONSIDERED), "Reasons for the determination"),
    "reasons of spaces": (given("Yes", {"reasons": " \n\t\u2003\u200b"}), "Reasons for the determination"),
    "reasons of dots": (given("Yes", {"reasons": "..."}), "Reasons for the determination"),
    "null reasons": (given("Cannot say", {"reasons": None, **CONSIDERED}), "Reasons for the determination"),
    "no considerations": (given("No", REASONS), "Ownership of the data"),
    "one blank consideration": (given("Cannot say", REASONS | CONSIDERED | {"impact": " "}), "Impact"),
}
DECISIONS_REFUSED = {
    "marked as done": (NOBODY, "Marking a task decides nothing"),
    "the CDPO's": (given("Halt", REASONS, "cdpo"), "cdpo is not CIO"),
    "no reasons": (given("Halt", {}, "cio"), "Reasons for the decision"),
    "a phase-out without stages": (given("Phase out", REASONS, "cio"), "Phase-out: its stages"),
    "a phase-out that leaves something": (
        given("Phase out", REASONS | STAGES | {"stages": "2027-05-01: 10 %: most of it"}, "cio"),
        "The last stage must leave 0 %",
    ),
    "a phase-out that began before": (
        given("Phase out", REASONS | STAGES | {"stages": "2026-11-20: 0 %: all"}, "cio"),
        "after the decision",
    ),
    "an exception without scope": (
        given("Exception", REASONS | {"expires_on": "2027-05-31"}, "cio"),
        "Exception: its scope",
    ),
    "an exception without expiry": (given("Exception", EXCEPTION, "cio"), "the day on which it expires"),
    "an exception to a past day": (
        given("Exception", EXCEPTION | {"expires_on": "2026-11-19"}, "cio"),
        "must lie after 2026-11-20",
    ),
    "an exception to today": (
        given("Exception", EXCEPTION | {"expires_on": "2026-11-20"}, "cio"),
        "must lie after 2026-11-20",
    ),
    "an exception to no day": (
        given("Exception", EXCEPTION | {"expires_on": "next May"}, "cio"),
        "write YYYY-MM-DD",
    ),
    "an exception to a day that is none": (
        given("Exception", EXCEPTION | {"expires_on": "2027-02-29"}, "cio"),
        "write YYYY-MM-DD",
    ),
    "a return without what is missing": (
        given("Return for information", {}, "cio"),
        "Reasons for the decision",
    ),
}


def refused_and_asked_again(before: Question, after: Question, why: str) -> None:
    assert before.answer is not None
    assert not before.answer.accepted
    assert why in str(before.answer.refused_reason)
    assert (after.role, after.kind) == (before.role, before.kind)
    assert after.reason_reopened == before.answer.refused_reason


@pytest.mark.parametrize(("answered", "why"), DETERMINATIONS_REFUSED.values(), ids=DETERMINATIONS_REFUSED)
def test_a_determination_that_cannot_stand_is_kept_with_the_reason_and_asked_again(
    database: Database, answered: Given, why: str
) -> None:
    cases, episode = opened_case(database)
    done = answer(cases, episode, 1, answered)
    assert done.next_question == 2
    refused_and_asked_again(cases.question(episode, 1), cases.question(episode, 2), why)
    assert [event.kind for event in cases.events(episode)] == ["evidence"], "it did nothing to the case"
    assert len(cases.open_questions()) == 1


@pytest.mark.parametrize(("answered", "why"), DECISIONS_REFUSED.values(), ids=DECISIONS_REFUSED)
def test_a_decision_that_cannot_stand_is_kept_with_the_reason_and_asked_again(
    database: Database, answered: Given, why: str
) -> None:
    cases, episode = determined(database)
    done = answer(cases, episode, 2, answered)
    assert done.next_question == 3
    refused_and_asked_again(cases.question(episode, 2), cases.question(episode, 3), why)
    assert cases.events(episode)[-1].kind == "determination", "it did nothing to the case"


def test_a_refused_answer_keeps_who_gave_it_and_what_it_said(database: Database) -> None:
    cases, episode = opened_case(database)
    answer(cases, episode, 1, given("No", REASONS | CONSIDERED, "engineer"))
    stored = cases.question(episode, 1).answer
    assert stored is not None
    assert (stored.answered_by, stored.chosen, stored.params) == ("engineer", "No", REASONS | CONSIDERED)
    answer(cases, episode, 2, NOBODY)
    nobody = cases.question(episode, 2).answer
    assert nobody is not None
    assert nobody.answered_by == "nobody"


def test_fields_that_the_form_does_not_have_are_not_kept(database: Database) -> None:
    cases, episode = opened_case(database)
    answer(cases, episode, 1, given("Yes", REASONS | {"by": "cio", "expires_on": "2099-01-01"}))
    assert cases.events(episode)[-1].payload == {"chosen": "Yes"} | REASONS


@pytest.mark.parametrize("answered", [given("No", REASONS | CONSIDERED), given("No", {})])
def test_recording_again_records_once(database: Database, answered: Given) -> None:
    cases, episode = opened_case(database)
    first = answer(cases, episode, 1, answered)
    before = (cases.events(episode), cases.questions(episode))
    assert answer(cases, episode, 1, answered) == first
    assert (cases.events(episode), cases.questions(episode)) == before


def test_a_record_that_died_before_it_asked_asks_what_follows(database: Database) -> None:
    cases, episode = opened_case(database)
    died = Answer(True, "No", REASONS | CONSIDERED, "cdpo", ANSWERED)
    event = NewEvent("answer/1", "determination", {"chosen": "No"} | REASONS | CONSIDERED, TODAY, "cdpo")
    cases.answer(episode, 1, died, event)
    assert answer(cases, episode, 1, given("No", REASONS | CONSIDERED)).next_question == 2
    assert [question.kind for question in cases.open_questions()] == ["decision"]


def test_clearing_an_old_run_does_not_ask_what_was_decided_since(database: Database) -> None:
    cases, episode = determined(database)
    answer(cases, episode, 2, given("Halt", REASONS, "cio"))
    assert answer(cases, episode, 1, NOBODY).next_question == 2
    assert answer(cases, episode, 2, NOBODY).next_question is None
    assert cases.open_questions(episode) == ()
    assert [event.kind for event in cases.events(episode)] == ["evidence", "determination", "decision"]


def test_what_was_recorded_stands_against_a_later_answer(database: Database) -> None:
    cases, episode = determined(database)
    answer(cases, episode, 2, given("Halt", REASONS, "cio"))
    answer(cases, episode, 2, given("Exception", EXCEPTION | {"expires_on": "2099-01-01"}, "cio"))
    stored = cases.question(episode, 2).answer
    assert stored is not None
    assert stored.chosen == "Halt"
