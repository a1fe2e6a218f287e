"""The sunset record: a case in sixteen parts, from what the store holds; what nobody said stays blank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sundial.register.models import System
from sundial.store.canonical import canonical, digest
from sundial.store.cases import EVIDENCE, OPENED, Episode, Event
from sundial.store.records import Finding, Status
from sundial.sunset.around import Around
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


WITHOUT_AI = ("against_process", "cost_of_errors", "service_level")
"""Metrics of the last judged week that stand beside the process without AI, in the order of the record."""
COMPLAINTS = ("complaint_share", "overturned_share")


def record_of(episode: Episode, events: Sequence[Event], system: System, beside: Around) -> Mapping[str, Any]:
    """Returns the record by the names of `PARTS`, as JSON values; None stands for what is not known yet.

    Args:
        episode: the case.
        events: all that happened to it, in the order of recording.
        system: its system, as it is in effect.
        beside: what was measured of the system, its incidents, and the mails about the case.
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
            "measured": _measured(beside.findings, WITHOUT_AI),
        },
        "principles": {
            "affected": episode.record["principles"],
            "harm": episode.record["harm"],
            "decides": episode.record["decides"],
            "risk_tier": episode.record["risk_tier"],
            "incidents": [
                {
                    "incident": one.id,
                    "kind": one.kind,
                    "grave": one.grave,
                    "discovered": one.discovered_at.isoformat(),
                }
                for one in beside.incidents
            ],
            "complaints": _measured(beside.findings, COMPLAINTS),
        },
        "remediation": {
            "tried": [_plain(one) for one in system.remediations],
            "first_adverse_week": episode.opened_week.isoformat(),
        },
        "determination": [_signed(event) for event in determinations] or None,
        "recommendation": {"action": "Halt", "because": "Halt is the policy's default."},
        "disruption": _disruption(said, decisions, system, beside.findings),
        "data_ownership": said.get("data_ownership"),
        "portability": said.get("portability"),
        "phase_out": _phase_out(events, decisions),
        "decision": [_signed(event) for event in decisions] or None,
        "notices": _notices([step for step in steps if step.id.startswith(_NOTICES)], beside),
        "execution": _execution(events, [step for step in steps if not step.id.startswith(_NOTICES)]),
        "closure": next((_signed(event) for event in events if event.kind == "closed"), None),
    }
    return {name: parts[name] for name in PARTS}


def _measured(findings: Sequence[Finding], metrics: Sequence[str]) -> Sequence[Mapping[str, Any]]:
    """Returns what the last judged week says of some metrics; those that do not apply are left out."""
    found = [one for one in findings if one.metric in metrics and one.status is not Status.NOT_APPLICABLE]
    return [
        {
            "metric": one.metric,
            "slice": dict(one.slice),
            "week": one.week.isoformat(),
            "estimate": one.estimate,
            "interval": [one.interval.low, one.interval.high] if one.interval else None,
            "n": one.n,
            "threshold": one.threshold.value if one.threshold else None,
            "status": one.status.value,
            "reason": one.reason,
        }
        for one in sorted(found, key=lambda one: (metrics.index(one.metric), one.slice))
    ]


def _disruption(
    said: Mapping[str, Any], decisions: Sequence[Event], system: System, findings: Sequence[Finding]
) -> Any:
    """Returns whom the end concerns; None until the determination says so, or the register does."""
    substitutes = [event.payload["substitute"] for event in decisions if event.payload.get("substitute")]
    outputs = [one for one in findings if one.metric == "selection_rate" and len(one.slice) == 1 and one.n]
    parts = {
        "said": said.get("impact"),
        "people": system.impact.people if system.impact else None,
        "relied_on_by": [*(system.impact.relied_on_by if system.impact else ())],
        "substitute": substitutes[-1] if substitutes else system.process.name if system.process else None,
        "outputs_by_group": [
            {
                "group": dict(one.slice),
                "outputs": one.n,
                "window": [one.window.start.isoformat(), one.window.end.isoformat()] if one.window else None,
            }
            for one in outputs
        ],
    }
    return parts if any(parts.values()) else None


def _notices(steps: Sequence[Step], beside: Around) -> Any:
    """Returns the notices that closing asks for, and the mails about the case with what became of them."""
    mails = [
        {
            "on": one.intent_at.isoformat(),
            "to": [*one.mail.to],
            "subject": one.mail.subject,
            "message_id": one.mail.message_id,
            "outcome": one.outcome,
        }
        for one in beside.mails
    ]
    return {"steps": [_step(step) for step in steps], "mails": mails} if steps or mails else None


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
