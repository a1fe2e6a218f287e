"""Words that say a system, a column or a measure is about emotions: the policy prohibits that use.

One vocabulary for every place that looks: entries, checks that are deployed, and levels of outputs. Whole
words only, in English and Spanish; a tripwire and no proof, neither by what it finds nor by what it does not.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable

EMOTION_ANALYSIS = (
    "Emotion analysis, or the use of computer vision techniques to classify human facial and body movements "
    "into certain emotions or sentiment (e.g., positive, negative, neutral, happy, angry, nervous)"
)
"""The prohibited use in the policy's words."""

ABOUT = frozenset(
    {
        *("emotion", "emotions", "emotional", "sentiment", "sentiments", "mood", "moods"),
        *("emocion", "emociones", "emocional", "sentimiento", "sentimientos", "animo"),
    }
)
"""Words in the name of a column, a measure or a check."""

FELT = frozenset(
    {
        *("happy", "happiness", "joyful", "sad", "sadness", "angry", "anger", "furious"),
        *("nervous", "nervousness", "anxious", "anxiety", "afraid", "fear", "fearful", "scared"),
        *("disgust", "disgusted", "surprised", "frustrated", "frustration", "annoyed"),
        *("feliz", "felices", "felicidad", "alegre", "triste", "tristeza", "enojado", "enojada", "enojo"),
        *("enfadado", "enfadada", "ira", "furioso", "furiosa", "nervioso", "nerviosa", "ansioso", "ansiosa"),
        *("ansiedad", "miedo", "asustado", "asustada", "asco", "sorprendido", "sorprendida"),
        *("frustrado", "frustrada", "frustracion"),
    }
)
"""Words for what somebody feels; those that are as often something else, such as surprise, are left out."""

BESIDE = frozenset(
    {
        *("very", "slightly", "somewhat", "extremely", "not", "face", "tone", "customer", "and"),
        *("muy", "poco", "un", "algo", "no", "cara", "tono", "y"),
        *ABOUT,
    }
)
"""Words that may stand beside them in a level."""

POLAR = ({"positive", "negative"}, {"positivo", "negativo"}, {"positiva", "negativa"})
NEUTRAL = frozenset({"neutral", "neutro", "neutra"})
"""Positive and negative together with neutral: by themselves they are the result of any test."""

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NO_LETTER = re.compile(r"[^a-z]+")


def named_for_emotions(name: str) -> bool:
    """Whether a name of a column, a measure or a check has a word that says so."""
    return not ABOUT.isdisjoint(_words(name))


def emotional_levels(levels: Iterable[str]) -> list[str]:
    """Returns the levels of one column that read as emotions, sorted.

    A level does when it is made of such words only: "very happy" does, "Happy Hollow Park" does not.
    """
    by_level = {level: _words(level) for level in levels}
    found = {level for level, words in by_level.items() if words & FELT and words <= FELT | BESIDE}
    alone = {next(iter(words)): level for level, words in by_level.items() if len(words) == 1}
    for polar in POLAR:
        if polar <= alone.keys() and not NEUTRAL.isdisjoint(alone):
            found |= {level for word, level in alone.items() if word in polar | NEUTRAL}
    return sorted(found)


def not_of_emotions(column: str) -> str:
    """Returns the name of a column. Raises ValueError where it says that the column is of emotions."""
    if named_for_emotions(column):
        raise ValueError(
            f"{column[:60]} reads as a column of emotions, and the policy prohibits this use: "
            f"{EMOTION_ANALYSIS}; the system must not be used so: tell the CDPO, or have the source name the "
            "column for what it is"
        )
    return column


def first_named_for_emotions(names: Iterable[str], but: Collection[str] = ()) -> str | None:
    """Returns the first of some names, in their order, that has a word that says so."""
    return next((name for name in sorted({*names} - {*but}) if named_for_emotions(name)), None)


def _words(text: str) -> set[str]:
    plain = unicodedata.normalize("NFKD", _CAMEL.sub(" ", text)).casefold()
    letters = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return {word for word in _NO_LETTER.split(letters) if word}
