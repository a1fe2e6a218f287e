"""What reads as an emotion, and what only has a word in common with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from sundial.register.emotions import emotional_levels, named_for_emotions
from sundial.register.expectation import Expectation
from sundial.register.load import load_system
from sundial.register.problems import RegisterError


@pytest.mark.parametrize(
    "name",
    ["sentiment", "sentiment_score", "callerEmotion", "EMOTIONS", "mood-2", "x.mood", "estado_de_ánimo"],
)
def test_names_with_a_word_for_emotions(name: str) -> None:
    assert named_for_emotions(name)


@pytest.mark.parametrize(
    "name", ["moody_street", "sentimental", "animal", "score", "promotion", "remoods", ""]
)
def test_names_that_only_share_letters(name: str) -> None:
    assert not named_for_emotions(name)


@pytest.mark.parametrize(
    ("levels", "found"),
    [
        (["happy", "sad", "other"], ["happy", "sad"]),
        (["Very Angry", "NOT_HAPPY", "calm down"], ["NOT_HAPPY", "Very Angry"]),
        (["muy feliz", "Frustración", "normal"], ["Frustración", "muy feliz"]),
        (["positive", "negative", "neutral", "mixed"], ["negative", "neutral", "positive"]),
        (["Positivo", "Negativo", "Neutro"], ["Negativo", "Neutro", "Positivo"]),
        (["positive", "negative", "invalid"], []),
        (["neutral", "hot", "ground"], []),
        (["Happy Hollow Park", "Anger Street", "sad-tree"], []),
        (["not", "very", "7", ""], []),
    ],
)
def test_levels(levels: list[str], found: list[str]) -> None:
    assert emotional_levels(levels) == found


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("    model_version: mood", "feeds.outputs.model_version"),
        ("    text: {column: sentiment_text}", "feeds.outputs.text.column"),
        ("    also_present: [a, emotion]", "feeds.outputs.also_present[1]"),
        ("    numbers: [{column: caller_sentiment, low: 0, high: 1}]", "feeds.outputs.numbers[0].column"),
    ],
)
def test_an_entry_with_a_column_of_emotions_is_refused_in_the_policys_words(
    entry: str, tmp_path: Path, line: str, field: str
) -> None:
    path = tmp_path / "street-lights.yaml"
    path.write_text(entry.replace("  outputs:\n", f"  outputs:\n{line}\n", 1), "utf-8")
    with pytest.raises(RegisterError) as caught:
        load_system(path)
    (told,) = caught.value.problems
    assert told.field == field
    assert "the policy prohibits this use: Emotion analysis, or the use of computer vision" in told.message
    assert told.remedy.startswith("the system must not be used so: tell the CDPO")


def test_a_contract_about_a_column_of_emotions_is_refused() -> None:
    with pytest.raises(ValueError, match="moods reads as a column of emotions"):
        Expectation.model_validate(
            {"type": "expect_column_values_to_not_be_null", "with": {"column": "moods"}}
        )
