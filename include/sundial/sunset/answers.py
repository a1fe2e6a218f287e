"""What an answer does to its episode: recorded with its author, or refused and asked again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sundial.register.models import Policy, System
from sundial.store.cases import Answer, Cases, Episode, NewEvent
from sundial.sunset.questions import (
    CLOSURE,
    COVERED,
    DECISION,
    DETERMINATION,
    EXCEPTION,
    FORMS,
    PHASE_OUT,
    RETURN,
    YES,
    Field,
    Form,
    ask,
)
from sundial.sunset.stages import StagesError, parse_stages

SHORTEST = 8
"""Letters and digits that a text has at least: no reason is shorter."""


@dataclass(frozen=True)
class Given:
    """An answer as it came.

    Attributes:
        chosen: the choice; empty when nobody chose.
        user: the user name of who answered; None when no answer came.
    """

    chosen: str
    params: Mapping[str, Any]
    user: str | None
    at: datetime | None


@dataclass(frozen=True)
class Recorded:
    """What became of an answer: the reason of a refusal, and the question that it opened, if any."""

    refused: str | None
    next_question: int | None


def record_answer(
    cases: Cases, policy: Policy, system: System, key: tuple[str, int], given: Given, as_of: date
) -> Recorded:
    """Records an answer, or refuses it and asks again; the same answer twice is recorded once.

    Args:
        cases: the store's cases.
        policy: who may answer.
        system: the episode's system.
        key: episode and number of the question.
        given: the answer.
        as_of: the day of the answer.
    """
    episode, number = cases.episode(key[0]), key[1]
    question = cases.question(*key)
    form = FORMS[question.kind]
    refused = refusal(form, policy, given, as_of) or _not_covered(cases, episode, given)
    answer = Answer(
        accepted=refused is None,
        chosen=given.chosen,
        params={f.name: _text(given, f.name) for f in form.fields if _text(given, f.name)},
        answered_by=given.user or "nobody",
        answered_at=given.at or datetime.now(UTC),
        refused_reason=refused,
    )
    if question.answer is not None:  # run again: what was recorded stands, only what follows may be missing
        answer, refused = question.answer, question.answer.refused_reason
        asked = [later.number for later in cases.questions(episode.id) if later.number > number]
        if asked:
            return Recorded(refused, asked[0])
    else:
        cases.answer(episode.id, number, answer, None if refused else _event(form, number, answer, as_of))
    following = form if refused else _following(form, answer.chosen)
    if following is None:
        return Recorded(refused, None)
    return Recorded(refused, ask(cases, episode, following, system, as_of, refused))


def refusal(form: Form, policy: Policy, given: Given, as_of: date) -> str | None:
    """Returns why an answer cannot stand; None when it can."""
    if given.user is None:
        return (
            "No answer arrived: its task was marked as done, or was interrupted. "
            "Marking a task decides nothing; please answer, again if you did."
        )
    if given.user not in policy.roles[form.role].users:
        role = form.role.upper()
        return f"{given.user} is not {role} in policy.yaml; only the {role} answers this."
    if given.chosen not in form.choices:
        return f"Choose one of: {', '.join(form.choices)}."
    needed = [f for f in form.fields if given.chosen in f.needed_for]
    blank = [f.title for f in needed if not _says_something(f, _text(given, f.name))]
    if blank:
        return f"Please fill in: {'; '.join(blank)}."
    if given.chosen == EXCEPTION:
        return _bad_expiry(_text(given, "expires_on"), as_of)
    if given.chosen == PHASE_OUT:
        return _bad_stages(_text(given, "stages"), as_of)
    return None


def _not_covered(cases: Cases, episode: Episode, given: Given) -> str | None:
    """Returns why another case cannot take this one's place: only an open one of the system goes on."""
    if given.chosen != COVERED:
        return None
    others = [one.id for one in cases.open_episodes(episode.system) if one.id != episode.id]
    if _text(given, "covered_by") in others:
        return None
    named = f"name one of {', '.join(others)}" if others else "there is none, so answer yes, no or cannot say"
    return f"No other open case of {episode.system} has that id; {named}."


def _bad_stages(text: str, as_of: date) -> str | None:
    try:
        parse_stages(text, after=as_of)
    except StagesError as error:
        return str(error)
    return None


def _bad_expiry(text: str, as_of: date) -> str | None:
    try:
        expires = date.fromisoformat(text)
    except ValueError:
        return "The exception's expiry is no date; write YYYY-MM-DD."
    return None if expires > as_of else f"The exception's expiry ({expires}) must lie after {as_of}."


def _event(form: Form, number: int, answer: Answer, as_of: date) -> NewEvent:
    return NewEvent(
        key=f"answer/{number}",
        kind=_kind(form, answer.chosen),
        payload={"chosen": answer.chosen, **answer.params},
        at=as_of,
        by=answer.answered_by,
    )


def _kind(form: Form, chosen: str) -> str:
    """Returns the kind of event that an answer is: a case ends by a named person only, with reasons."""
    if form is DETERMINATION and chosen in _ENDS:
        return _ENDS[chosen]
    return "closed" if form is CLOSURE else form.kind


_ENDS = {YES: "withdrawn", COVERED: "superseded"}
"""A system found to provide a positive outcome has no case, and one case is enough."""


def _following(form: Form, chosen: str) -> Form | None:
    if form is DETERMINATION:
        return None if chosen in _ENDS else DECISION
    return DETERMINATION if form is DECISION and chosen == RETURN else None


def _says_something(field: Field, text: str) -> bool:
    said = sum(character.isalnum() for character in text)
    return said >= (SHORTEST if field.format == "text" else 1)


def _text(given: Given, name: str) -> str:
    value = given.params.get(name)
    return str(value).strip() if value is not None else ""
