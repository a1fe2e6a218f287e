"""The sunset record: a case in sixteen parts, from what the store holds; what nobody said stays blank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sundial.register.models import System
from sundial.store.canonical import canonical, digest
from sundial.store.cases import EVIDENCE, OPENED, Episode, Event
from sundial.sunset.case import grounds
from sundial.sunset.course import course_of
from sundial.sunset.questions import PHASE_OUT
from sundial.sunset.stages import parse_stages
from sundial.sunset.steps import Step, steps_of

PARTS = (
    "identity",
    "intended_outcome",
    "evidence",
    "without_ai",
    "principles",
    "remediation",
    "determination",
    "recommendation",
    "disruption",
    "data_ownership",
    "portability",
    "phase_out",
    "decision",
    "notices",
    "execution",
    "closure",
)
"""The parts in their order."""

_NOTICES = "notify_"


def record_of(episode: Episode, events: Sequence[Event], system: System) -> Mapping[str, Any]:
    """Returns the record by the names of `PARTS`, as JSON values; None stands for what is not known yet.

    Args:
        episode: the case.
        events: all that happened to it, in the order of recording.
        system: its system, as it is in effect.
    """
    course = course_of(events)
    determinations = [event for event in events if event.kind in ("determination", "withdrawn")]
    decisions = [event for event in events if event.kind == "decision"]
    said = determinations[-1].payload if determinations else {}
    steps = steps_of(events)
    parts: dict[str, Any] = {
        "identity": {
            "case": episode.id,
            "system": episode.system,
            "name": system.name,
            "state": course.state.value,
            "opened_on": episode.opened_as_of.isoformat(),
            "opened_week": episode.opened_week.isoformat(),
            "rule": episode.record["rule"],
            "opened_by": [_signed(event) for event in events if event.kind == OPENED],
            "policy_hash": episode.policy_hash,
            "entry_hash": digest(system.model_dump_json()),
        },
        "intended_outcome": episode.record["intended_outcome"],
        "evidence": [
            {
                "recorded_on": event.at.isoformat(),
                "says": [*grounds(event.payload)],
                "hash": digest(canonical(event.payload)),
                **event.payload,
            }
            for event in events
            if event.kind == EVIDENCE
        ],
        "without_ai": {
            "process": _plain(system.process),
            "costs": _plain(system.costs),
            "service_levels": [_plain(one) for one in system.service_levels],
        },
        "principles": {
            "affected": episode.record["principles"],
            "harm": episode.record["harm"],
            "decides": episode.record["decides"],
            "risk_tier": episode.record["risk_tier"],
        },
        "remediation": {
            "tried": [_plain(one) for one in system.remediations],
            "first_adverse_week": episode.opened_week.isoformat(),
        },
        "determination": [_signed(event) for event in determinations] or None,
        "recommendation": {"action": "Halt", "because": "Halt is the policy's default."},
        "disruption": said.get("impact"),
        "data_ownership": said.get("data_ownership"),
        "portability": said.get("portability"),
        "phase_out": _phase_out(events, decisions),
        "decision": [_signed(event) for event in decisions] or None,
        "notices": [_step(step) for step in steps if step.id.startswith(_NOTICES)] or None,
        "execution": _execution(events, [step for step in steps if not step.id.startswith(_NOTICES)]),
        "closure": next((_signed(event) for event in events if event.kind == "closed"), None),
    }
    return {name: parts[name] for name in PARTS}


def _phase_out(events: Sequence[Event], decisions: Sequence[Event]) -> Any:
    chosen = [event for event in decisions if event.payload["chosen"] == PHASE_OUT]
    if not chosen:
        return None
    stages = parse_stages(chosen[-1].payload["stages"])
    return {
        "stages": [{"day": one.day.isoformat(), "share": one.share, "what": one.what} for one in stages],
        "substitute": chosen[-1].payload.get("substitute"),
        "measured": [dict(event.payload) for event in events if event.kind in ("stage_met", "stage_missed")],
    }


def _execution(events: Sequence[Event], steps: Sequence[Step]) -> Any:
    seen = [
        {"on": event.at.isoformat(), "seen": event.kind, **event.payload}
        for event in events
        if event.kind in ("still_running", "silent", "exception_expired")
    ]
    return {"seen": seen, "steps": [_step(step) for step in steps]} if seen or steps else None


def _step(step: Step) -> Mapping[str, Any]:
    done = _signed(step.done) if step.done is not None else None
    return {
        "step": step.id,
        "what": step.what,
        "owner": step.owner,
        "due": step.due.isoformat(),
        "done": done,
    }


def _signed(event: Event) -> Mapping[str, Any]:
    return {"by": event.by, "on": event.at.isoformat(), **event.payload}


def _plain(model: Any) -> Any:
    return None if model is None else model.model_dump(mode="json", exclude_none=True)
