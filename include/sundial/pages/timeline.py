"""What happened to a case, in order: with who did it and when, in words that a visitor may read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from sundial.pages.small_cells import WITHHELD, is_small
from sundial.report.plain import count
from sundial.report.waiting import role_name
from sundial.store.cases import EVIDENCE, Event, Question
from sundial.sunset.case import told
from sundial.sunset.steps import STEPS

_WHAT = {
    "opened": "Opened by a person",
    "bundle": "Evidence frozen",
    "steps": "Closing steps set",
    "step_done": "Step done",
    "still_running": "Still running",
    "silent": "Verified silent",
    "stage_met": "Stage met",
    "stage_missed": "Stage missed",
    "exception_expired": "Exception ended",
}


@dataclass(frozen=True)
class Happened:
    """One thing that happened.

    Attributes:
        until: the last day, of what happened on several in a row.
        who: user name, or "Sundial".
        recorded: when it was recorded, with its time; empty for what the store has no time of.
    """

    on: date
    until: date
    what: str
    who: str
    said: str
    recorded: str


def timeline(
    events: Sequence[Event], questions: Sequence[Question], *, sees_small: bool
) -> Sequence[Happened]:
    """Returns all events and questions of a case, the first one first; evidence in a row is one entry."""
    waiting = list(questions)
    steps = {
        one["id"]: one["what"] for event in events if event.kind == STEPS for one in event.payload["steps"]
    }
    shown: list[Happened] = []
    for kind, group in groupby(events, key=lambda event: event.kind):
        members = list(group)
        if kind == EVIDENCE:
            shown.append(
                _evidence(members, first=not any(one.what.startswith("Evidence of") for one in shown))
            )
            continue
        for event in members:
            if event.key.startswith("answer/"):
                answered = int(event.key.removeprefix("answer/"))
                while waiting and waiting[0].number <= answered:
                    shown += _asked(waiting.pop(0), sees_small)
            shown.append(_entry(event, steps, sees_small=sees_small))
    for question in waiting:
        shown += _asked(question, sees_small)
    return shown


def _asked(question: Question, sees_small: bool) -> Iterator[Happened]:
    on, who = question.asked_as_of, role_name(question.role)
    again = question.reason_reopened if sees_small else None  # it may say how much of a volume is left
    yield Happened(on, on, f"{who} asked", "Sundial", again or f"For the {question.kind}.", "")
    answer = question.answer
    if answer is not None and not answer.accepted:
        at = answer.answered_at.date()
        chosen = f"“{answer.chosen}”. " if answer.chosen else ""
        recorded = f"{answer.answered_at:%Y-%m-%d %H:%M} UTC"
        said = f"{chosen}{answer.refused_reason}"
        yield Happened(at, at, "Answer refused", answer.answered_by or "nobody", said, recorded)


def _evidence(members: Sequence[Event], *, first: bool) -> Happened:
    weeks = count(len(members), "judged week")
    said = f"{weeks}: the rule's condition held." if first else f"Seen again in {weeks}."
    what = "Evidence of the rule" if first else "Evidence of it again"
    last = members[-1]
    return Happened(members[0].at, last.at, what, "Sundial", said, _recorded(last))


def _entry(event: Event, steps: Mapping[str, str], *, sees_small: bool) -> Happened:
    chosen = f": {event.payload['chosen']}" if "chosen" in event.payload else ""
    what = _WHAT.get(event.kind) or f"{event.kind.replace('_', ' ').capitalize()}{chosen}"
    return Happened(
        event.at, event.at, what, event.by or "Sundial", _said(event, steps, sees_small), _recorded(event)
    )


def _said(event: Event, steps: Mapping[str, str], sees_small: bool) -> str:
    said = event.payload
    match event.kind:
        case "bundle":
            return "The case's record and a year of its figures, with their hashes in the ledger."
        case "step_done" if said["step"] in steps:
            return f"{steps[said['step']]} {said['note']}"
        case "steps":
            return f"{count(len(said['steps']), 'step')}, each with an owner and a day."
        case "still_running" if not sees_small and is_small(said["rows"]):
            return WITHHELD
        case "stage_met" | "stage_missed" if not sees_small and any(
            is_small(said[name]) for name in ("rows_a_day_left", "rows_a_day_before")
        ):
            return WITHHELD
        case "determination" | "decision" | "withdrawn" | "superseded" | "opened":
            return str(said.get("reasons", ""))
        case _:
            text = told(event)
            return text[:1].upper() + text[1:]


def _recorded(event: Event) -> str:
    return f"{event.recorded_at:%Y-%m-%d %H:%M} UTC"
