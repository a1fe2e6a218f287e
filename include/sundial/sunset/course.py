"""Where an episode stands: its state is never kept, it follows from what happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sundial.store.cases import CLOSING, Event
from sundial.sunset.questions import EXCEPTION, HALT, PHASE_OUT, RETURN
from sundial.sunset.stages import Stage, parse_stages


class State(StrEnum):
    """The states of an episode, in the order of its life."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    EXCEPTED = "exception"
    DECIDED = "decided"
    EXECUTING = "executing"
    VERIFIED = "verified"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


STOPPING = (State.DECIDED, State.EXECUTING)
"""The City has decided to stop the system, and it is not verified yet that it has."""


@dataclass(frozen=True)
class Course:
    """Where an episode stands.

    Attributes:
        state: its state.
        decision: the decision in force; None where there is none, or the last one has run out.
    """

    state: State
    decision: Event | None

    @property
    def stages(self) -> Sequence[Stage]:
        """The stages of a phase-out in force."""
        if self.decision is None or self.decision.payload["chosen"] != PHASE_OUT:
            return ()
        return parse_stages(self.decision.payload["stages"])

    @property
    def expires_on(self) -> date | None:
        """The last day of an exception in force."""
        if self.decision is None or self.decision.payload["chosen"] != EXCEPTION:
            return None
        return date.fromisoformat(self.decision.payload["expires_on"])


_DECIDED = {HALT: State.DECIDED, PHASE_OUT: State.DECIDED, EXCEPTION: State.EXCEPTED, RETURN: State.DRAFT}

_AFTER = {
    "determination": State.SUBMITTED,
    "exception_expired": State.SUBMITTED,
    "stage_missed": State.SUBMITTED,
    "still_running": State.EXECUTING,
    "stage_met": State.EXECUTING,
    "silent": State.VERIFIED,
}
"""Kinds of events, and the state that they lead to; others leave it as it is."""

_ENDS_DECISION = ("exception_expired", "stage_missed")


def course_of(events: Sequence[Event]) -> Course:
    """Returns where the episode of these events stands, given in the order of recording."""
    state, decision = State.DRAFT, None
    for event in events:
        if event.kind in CLOSING:
            state = State(event.kind)
        elif event.kind == "decision":
            state = _DECIDED[event.payload["chosen"]]
            decision = None if event.payload["chosen"] == RETURN else event
        elif event.kind in _AFTER:
            state = _AFTER[event.kind]
            decision = None if event.kind in _ENDS_DECISION else decision
    return Course(state, decision)
