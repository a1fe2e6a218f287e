"""The steps that close a case: what the policy wants done after a system's end, by whom and until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sundial.register.models import Policy
from sundial.store.cases import Cases, Event, NewEvent

STEPS, STEP_DONE = "steps", "step_done"


class StepRefused(ValueError):  # noqa: N818
    """A step cannot be recorded as done; the message says why."""


@dataclass(frozen=True)
class Step:
    """One step of a case.

    Attributes:
        source_off: whether a source that gives no answer counts as switched off once it is done.
        done: the event that says by whom and how.
    """

    id: str
    what: str
    owner: str
    due: date
    source_off: bool
    done: Event | None


def begin(cases: Cases, policy: Policy, episode: str, decision: Event, as_of: date) -> None:
    """Writes the policy's steps into the case, once a decision: a later policy does not change them."""
    listed = [
        {
            "id": step.id,
            "what": step.what,
            "owner": step.owner,
            "due": (decision.at + timedelta(days=step.within_days)).isoformat(),
            **({"source_off": True} if step.source_off else {}),
        }
        for step in policy.sunset_terms.closing
    ]
    key = f"{STEPS}/{decision.number}"
    if all(event.key != key for event in cases.events(episode)):
        cases.append(episode, NewEvent(key, STEPS, {"steps": listed}, as_of))


def steps_of(events: Sequence[Event]) -> Sequence[Step]:
    """Returns the steps of the last decision that began any; what was done once stays done."""
    listed = next((event.payload["steps"] for event in reversed(events) if event.kind == STEPS), ())
    done = {event.payload["step"]: event for event in events if event.kind == STEP_DONE}
    return [
        Step(
            one["id"],
            one["what"],
            one["owner"],
            date.fromisoformat(one["due"]),
            one.get("source_off", False),
            done.get(one["id"]),
        )
        for one in listed
    ]


def finish(
    cases: Cases, policy: Policy, episode: str, step: str, *, by: str, note: str, link: str, as_of: date
) -> None:
    """Records that a step is done.

    Args:
        cases: the store's cases.
        policy: who fills which role.
        episode: id of the case.
        step: id of the step.
        by: user name of who did it, or answers for it.
        note: what was done, and what came of it.
        link: where that can be read; may be empty.
        as_of: the day.

    Raises:
        StepRefused: there is no such open step, nothing says what was done, or the person may not say so.
        UnknownRecord: there is no such episode.
    """
    cases.episode(episode)
    steps = {one.id: one for one in steps_of(cases.events(episode))}
    if step not in steps:
        raise StepRefused(f"{episode} has no step {step!r}; its steps: {', '.join(steps) or 'none yet'}")
    if (before := steps[step].done) is not None:
        if (before.by, before.payload["note"]) == (by, note):
            return
        raise StepRefused(f"{episode}: step {step} is done already, since {before.at}, by {before.by}")
    may = policy.roles.get(steps[step].owner)  # type: ignore[call-overload]
    users = {*(may.users if may else ()), *policy.roles["cdpo"].users}
    if by not in users:
        raise StepRefused(
            f"{by or 'nobody'} cannot say that {step} is done; {steps[step].owner} or cdpo of policy.yaml can"
        )
    if sum(character.isalnum() for character in note) < 8:
        raise StepRefused(f"note: say what was done for {step}, and what came of it")
    cases.append(
        episode,
        NewEvent(f"{STEP_DONE}/{step}", STEP_DONE, {"step": step, "note": note, "link": link}, as_of, by),
    )
