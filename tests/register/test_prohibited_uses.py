"""Every entry answers the policy's prohibited uses: a yes or a missing answer refuses it, in its words."""

from __future__ import annotations

from pathlib import Path

import pytest

from sundial.register.load import load_system
from sundial.register.problems import Problem, RegisterError
from sundial.register.prohibited_uses import ProhibitedUses

USES = {
    "biometric_identification": "Real-time and covert biometric identification",
    "emotion_analysis": "Emotion analysis, or the use of computer vision techniques to classify human facial",
    "automated_decisions": "Fully automated decisions that substantially impact the rights or safety",
    "employment_decisions": "Sole determining factor in hiring, promotion, discipline, or evaluation",
    "social_scoring": "Social scoring, or the use of AI systems to track and classify individuals",
    "behavioral_manipulation": "Cognitive behavioral manipulation of people or specific vulnerable groups",
}


def problems(folder: Path, entry: str) -> tuple[Problem, ...]:
    path = folder / "street-lights.yaml"
    path.write_text(entry, "utf-8")
    with pytest.raises(RegisterError) as caught:
        load_system(path)
    return caught.value.problems


def test_the_uses_keep_their_names() -> None:
    assert [*ProhibitedUses.model_fields] == [*USES, "answered_by", "answered_on"]


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("answer", ["yes", "true"])
def test_a_yes_refuses_the_entry_with_the_use_in_the_policys_words(
    entry: str, tmp_path: Path, use: str, answer: str
) -> None:
    (told,) = problems(tmp_path, entry.replace(f"{use}: no", f"{use}: {answer}"))

    assert told.field == f"prohibited_uses.{use}"
    assert told.line == 1 + entry.splitlines().index(f"  {use}: no")
    assert told.message.startswith(f"the policy prohibits this use: {USES[use]}")
    assert told.remedy.startswith("the system must not be used so: tell the CDPO")


@pytest.mark.parametrize("use", USES)
def test_a_missing_answer_refuses_the_entry_and_asks_the_question(
    entry: str, tmp_path: Path, use: str
) -> None:
    (told,) = problems(tmp_path, entry.replace(f"  {use}: no\n", ""))

    assert (told.field, told.remedy) == (f"prohibited_uses.{use}", f"add it, such as {use}: no")
    assert told.message.startswith(f"is missing: {USES[use]}")


def test_an_entry_without_answers_is_asked_every_question(entry: str, tmp_path: Path) -> None:
    without = entry[: entry.index("prohibited_uses:")]

    told = {
        problem.field.removeprefix("prohibited_uses."): problem for problem in problems(tmp_path, without)
    }

    assert set(told) == {*USES, "answered_by", "answered_on"}
    assert all(told[use].message.startswith(f"is missing: {question}") for use, question in USES.items())


@pytest.mark.parametrize("answer", ["", "perhaps", "1.5"])
def test_an_answer_is_yes_or_no(entry: str, tmp_path: Path, answer: str) -> None:
    (told,) = problems(tmp_path, entry.replace("social_scoring: no", f"social_scoring: {answer}"))

    assert told.field == "prohibited_uses.social_scoring"
    assert "must be true or false" in told.message
