"""A case that people open themselves."""

from __future__ import annotations

import pytest
from sunset_examples import CONSIDERED, REASONS, TODAY, answer, given, opened_case, policy, system

from sundial.store.cases import Cases
from sundial.store.database import Database
from sundial.sunset.by_hand import OpeningRefused, open_by_hand

WHY = "Judges say that they no longer look at the score."


def opened(database: Database, key: str = "run-1", by: str = "operator", reasons: str = WHY) -> str:
    return open_by_hand(Cases(database), policy(), system(), key=key, by=by, reasons=reasons, as_of=TODAY)


def test_it_needs_no_evidence_and_says_so(database: Database) -> None:
    episode, cases = opened(database), Cases(database)
    (question,) = cases.open_questions(episode)
    assert (question.role, question.kind) == ("cdpo", "determination")
    assert "Evidence: none was measured; the case was opened by hand." in question.body
    assert f"opened by operator: {WHY}" in question.body
    assert cases.episode(episode).record["intended_outcome"]["metric"] == system().intended_outcome.metric


def test_it_takes_the_same_way_as_any_case(database: Database) -> None:
    episode, cases = opened(database), Cases(database)
    answer(cases, episode, 1, given("No", REASONS | CONSIDERED))
    assert answer(cases, episode, 2, given("Halt", REASONS, "cio")).refused is None


def test_the_same_asking_is_one_case_and_another_adds_to_it(database: Database) -> None:
    episode, cases = opened(database), Cases(database)
    assert opened(database) == opened(database, "run-2", "cdpo", "So say the reviews, too.") == episode
    assert [event.by for event in cases.events(episode)] == ["operator", "cdpo"]
    assert len(cases.questions(episode)) == 1


def test_a_case_on_evidence_is_another_one(database: Database) -> None:
    _, on_evidence = opened_case(database)
    assert opened(database) != on_evidence


def test_asking_again_after_its_end_opens_another_one(database: Database) -> None:
    episode, cases = opened(database), Cases(database)
    answer(cases, episode, 1, given("Yes", REASONS))
    assert opened(database) == episode, "the same asking"
    assert opened(database, "run-2") != episode


@pytest.mark.parametrize(
    ("by", "reasons", "why"),
    [
        ("", WHY, "nobody has no role"),
        ("mallory", WHY, "mallory has no role"),
        ("cdpo", " \n...", "say why"),
    ],
)
def test_somebody_with_a_role_must_say_why(database: Database, by: str, reasons: str, why: str) -> None:
    with pytest.raises(OpeningRefused, match=why):
        opened(database, by=by, reasons=reasons)
    assert Cases(database).episodes() == ()
