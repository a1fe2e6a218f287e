from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from store_examples import MONDAY, detection, in_processes, weeks

from sundial.store.cases import CLOSING, Answer, Cases, NewEvent
from sundial.store.database import ConflictingRecord, Database, UnknownRecord

NEXT = weeks(2)[1]
DAY = date(2015, 3, 2)
FIRST = "compas-2015-001"
AT_NOON = datetime(2015, 3, 3, 12, tzinfo=timezone(timedelta(hours=-8)))
REFUSED = Answer(False, "halt", {}, "eve", AT_NOON, "eve is not the CIO")
ACCEPTED = Answer(True, "halt", {"reasons": "harm is confirmed"}, "carl", AT_NOON)


@pytest.fixture
def cases(database: Database) -> Cases:
    return Cases(database)


@pytest.fixture
def episode(cases: Cases) -> str:
    return cases.open_or_extend(detection())[0]


def ask(cases: Cases, episode: str, **changes: Any) -> int:
    plain = {"role": "cdpo", "kind": "determination", "body": "Does it still do good?", "as_of": DAY}
    return cases.ask(episode, **(plain | changes))


def end(cases: Cases, episode: str, kind: str = "closed") -> None:
    cases.append(episode, NewEvent(kind, kind, {"reason": "retired"}, DAY, "carl"))


def detect(url: str, week: date) -> tuple[str, bool]:
    return Cases(Database(url)).open_or_extend(detection(week))


def append_and_ask(url: str, process: int) -> int:
    cases = Cases(Database(url))
    for number in range(5):
        cases.append(FIRST, NewEvent(f"note/{process}/{number}", "note", {}, DAY))
    return ask(cases, FIRST)


def claim(url: str, run_id: str) -> bool:
    return Cases(Database(url)).claim(FIRST, 1, run_id)


class TestDetections:
    def test_the_first_opens_an_episode(self, cases: Cases) -> None:
        assert cases.open_or_extend(detection()) == (FIRST, True)
        opened = cases.episode(FIRST)
        assert (opened.record, opened.opened_week, opened.open) == (detection().record, MONDAY, True)

    def test_the_next_week_adds_evidence_to_it(self, cases: Cases, episode: str) -> None:
        later = detection(NEXT, evidence={"log_detector": 14.0}, record={"other": "record"})
        assert cases.open_or_extend(later) == (episode, False)
        assert [(event.number, event.key, event.payload) for event in cases.events(episode)] == [
            (1, "evidence/2015-01-05", {"log_detector": 12.5}),
            (2, "evidence/2015-01-12", {"log_detector": 14.0}),
        ]
        assert cases.episode(episode).record == detection().record

    def test_the_same_week_again_changes_nothing(self, cases: Cases, episode: str) -> None:
        assert cases.open_or_extend(detection(as_of=DAY)) == (episode, False)
        assert len(cases.events(episode)) == 1

    @pytest.mark.parametrize("kind", CLOSING)
    def test_after_the_end_a_new_week_opens_the_next(self, cases: Cases, episode: str, kind: str) -> None:
        end(cases, episode, kind)
        assert cases.open_or_extend(detection()) == (episode, False)
        assert cases.open_or_extend(detection(NEXT)) == ("compas-2015-002", True)
        assert [one.id for one in cases.open_episodes()] == ["compas-2015-002"]
        assert [one.id for one in cases.episodes("compas")] == [FIRST, "compas-2015-002"]

    def test_families_and_systems_have_episodes_of_their_own(self, cases: Cases, episode: str) -> None:
        family = detection(family="no_outcome", rule="no_outcome")
        assert cases.open_or_extend(family) == ("compas-2015-002", True)
        assert cases.open_or_extend(detection(system="other")) == ("other-2015-001", True)
        assert [one.id for one in cases.open_episodes("compas")] == [episode, "compas-2015-002"]

    def test_the_year_in_the_id_is_that_of_the_iso_week(self, cases: Cases) -> None:
        assert cases.open_or_extend(detection(date(2014, 12, 29)))[0] == FIRST

    def test_one_week_from_four_processes_opens_one_episode(self, cases: Cases, store_url: str) -> None:
        found = in_processes(detect, [(store_url, MONDAY)] * 4)
        assert sorted(found) == [(FIRST, False)] * 3 + [(FIRST, True)]
        assert len(cases.events(FIRST)) == 1

    def test_four_weeks_from_four_processes_open_one_episode(self, cases: Cases, store_url: str) -> None:
        found = in_processes(detect, [(store_url, week) for week in weeks(4)])
        assert sorted(opened for _, opened in found) == [False, False, False, True]
        assert sorted(event.key for event in cases.events(FIRST)) == [f"evidence/{week}" for week in weeks(4)]


class TestEvents:
    EVENT = NewEvent("stage/1", "stage_done", {"stage": 1}, DAY, "carl")

    def test_are_recorded_once_under_their_key(self, cases: Cases, episode: str) -> None:
        assert cases.append(episode, self.EVENT)
        assert not cases.append(episode, replace(self.EVENT, at=DAY + timedelta(days=1)))
        [_, event] = cases.events(episode)
        assert (event.number, event.kind, event.by, event.at) == (2, "stage_done", "carl", DAY)

    @pytest.mark.parametrize("change", [{"payload": {"stage": 2}}, {"kind": "note"}, {"by": "eve"}])
    def test_another_under_the_key_is_refused(
        self, cases: Cases, episode: str, change: dict[str, Any]
    ) -> None:
        cases.append(episode, self.EVENT)
        with pytest.raises(ConflictingRecord, match="another event stage/1"):
            cases.append(episode, replace(self.EVENT, **change))

    def test_none_comes_after_the_end(self, cases: Cases, episode: str) -> None:
        end(cases, episode)
        end(cases, episode)
        with pytest.raises(ConflictingRecord, match="has ended"):
            cases.append(episode, self.EVENT)

    def test_none_without_an_episode(self, cases: Cases) -> None:
        with pytest.raises(UnknownRecord, match="there is no episode compas-1999-001"):
            cases.append("compas-1999-001", self.EVENT)
        with pytest.raises(UnknownRecord, match="there is no episode compas-1999-001"):
            cases.episode("compas-1999-001")

    def test_numbers_have_no_gap_when_four_processes_append(
        self, cases: Cases, episode: str, store_url: str
    ) -> None:
        asked = in_processes(append_and_ask, [(store_url, process) for process in range(4)])
        assert [event.number for event in cases.events(episode)] == list(range(1, 22))
        assert asked == [1] * 4
        assert len(cases.questions(episode)) == 1


class TestQuestions:
    def test_one_that_is_open_is_not_asked_again(self, cases: Cases, episode: str) -> None:
        assert ask(cases, episode) == 1
        assert ask(cases, episode, body="another text") == 1
        assert ask(cases, episode, role="cio", kind="decision") == 2
        assert [one.body for one in cases.open_questions(episode)] == ["Does it still do good?"] * 2

    def test_after_a_refused_answer_the_next_says_why(self, cases: Cases, episode: str) -> None:
        cases.answer(episode, ask(cases, episode), REFUSED)
        assert ask(cases, episode, reason_reopened=REFUSED.refused_reason) == 2
        [question] = cases.open_questions()
        assert (question.number, question.reason_reopened) == (2, "eve is not the CIO")

    def test_end_with_their_episode(self, cases: Cases, episode: str) -> None:
        number = ask(cases, episode)
        end(cases, episode)
        assert cases.open_questions() == ()
        assert not cases.claim(episode, number, "run-1")
        with pytest.raises(ConflictingRecord, match="has ended"):
            cases.answer(episode, number, ACCEPTED)
        with pytest.raises(ConflictingRecord, match="has ended"):
            ask(cases, episode)

    @pytest.mark.parametrize("number", [0, 2])
    def test_one_that_was_not_asked_is_unknown(self, cases: Cases, episode: str, number: int) -> None:
        ask(cases, episode)
        for use in (
            lambda: cases.claim(episode, number, "run-1"),
            lambda: cases.answer(episode, number, ACCEPTED),
            lambda: cases.question(episode, number),
        ):
            with pytest.raises(UnknownRecord, match=f"has no question {number}"):
                use()

    def test_need_an_episode(self, cases: Cases) -> None:
        with pytest.raises(UnknownRecord, match="there is no episode"):
            ask(cases, FIRST)


class TestClaims:
    def test_belong_to_the_first_run(self, cases: Cases, episode: str) -> None:
        ask(cases, episode)
        assert cases.claim(episode, 1, "run-1")
        assert cases.claim(episode, 1, "run-1")
        assert not cases.claim(episode, 1, "run-2")
        assert cases.question(episode, 1).claimed_by == "run-1"

    def test_none_on_an_answered_question(self, cases: Cases, episode: str) -> None:
        ask(cases, episode)
        cases.claim(episode, 1, "run-1")
        cases.answer(episode, 1, ACCEPTED)
        assert not cases.claim(episode, 1, "run-1")

    def test_one_of_four_runs_at_once_gets_it(self, cases: Cases, episode: str, store_url: str) -> None:
        ask(cases, episode)
        assert sorted(in_processes(claim, [(store_url, f"run-{number}") for number in range(4)])) == [
            False,
            False,
            False,
            True,
        ]


class TestAnswers:
    EVENT = NewEvent("answer/1", "decided", {"chosen": "halt"}, DAY, "carl")

    def test_come_with_their_event_or_not_at_all(self, cases: Cases, episode: str) -> None:
        ask(cases, episode)
        cases.append(episode, replace(self.EVENT, payload={"chosen": "exception"}))
        with pytest.raises(ConflictingRecord, match="another event answer/1"):
            cases.answer(episode, 1, ACCEPTED, self.EVENT)
        assert cases.question(episode, 1).open

    def test_twice_is_once(self, cases: Cases, episode: str) -> None:
        ask(cases, episode)
        assert cases.answer(episode, 1, ACCEPTED, self.EVENT)
        assert not cases.answer(episode, 1, ACCEPTED, self.EVENT)
        assert [event.kind for event in cases.events(episode)] == ["evidence", "decided"]
        answer = cases.question(episode, 1).answer
        assert answer == ACCEPTED
        assert answer.answered_at.tzinfo is UTC

    def test_are_never_replaced(self, cases: Cases, episode: str) -> None:
        ask(cases, episode)
        cases.answer(episode, 1, REFUSED)
        with pytest.raises(ConflictingRecord, match="question 1 has another answer"):
            cases.answer(episode, 1, ACCEPTED)

    @pytest.mark.parametrize(("accepted", "reason"), [(True, "why"), (False, None)])
    def test_are_refused_with_a_reason_or_accepted(self, accepted: bool, reason: str | None) -> None:
        with pytest.raises(ValueError, match="refused_reason"):
            replace(ACCEPTED, accepted=accepted, refused_reason=reason)


def test_what_happened_to_all_is_read_at_once_without_the_evidence(cases: Cases, episode: str) -> None:
    for number in (1, 2):
        cases.append(episode, NewEvent(f"note/{number}", "note", {"n": number}, DAY))
    found = cases.happened()
    assert {name: [event.key for event in events] for name, events in found.items()} == {
        episode: ["note/1", "note/2"]
    }
    assert [*found[episode]] == [event for event in cases.events(episode) if event.kind != "evidence"]
