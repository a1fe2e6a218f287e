"""The daily look at a sunset case: what is undecided ages, what was decided is held against the source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sundial.engine.volume import Volume, mean_daily
from sundial.register.given import LONGEST_REASON, LifecycleChange
from sundial.register.lifecycle import Lifecycle
from sundial.register.models import Policy, System
from sundial.register.policy import RoleName
from sundial.store.cases import EVIDENCE, Cases, Episode, Event, NewEvent, Question
from sundial.store.register import RegisterRows
from sundial.sunset.case import grounds
from sundial.sunset.course import STOPPING, Course, State, course_of
from sundial.sunset.questions import CLOSURE, DECISION, DETERMINATION, Form, ask
from sundial.sunset.stages import Stage
from sundial.sunset.steps import Step, begin, steps_of

WATCHED = "sundial"
"""Who records what the watch saw."""


@dataclass(frozen=True)
class Notice:
    """A mail that is due.

    Attributes:
        key: what it is about: the same notice again is the same mail.
        roles: whom it goes to.
        subject: the Subject header.
        lines: what it says.
        dag: the DAG whose page it links to.
    """

    key: str
    roles: tuple[RoleName, ...]
    subject: str
    lines: tuple[str, ...]
    dag: str = "sunset_review"


def watch(
    episode: Episode,
    system: System,
    policy: Policy,
    cases: Cases,
    rows: RegisterRows,
    volume_since: Callable[[date], Volume],
    as_of: date,
) -> Sequence[Notice]:
    """Looks at one open case; doing it again on the same day changes nothing.

    What it saw is recorded first; what is to be mailed follows from the record, each time anew, so that
    neither a crash nor a mail server that is away loses a notice.

    Args:
        episode: the case.
        system: its system.
        policy: the policy in force.
        cases: the store's cases.
        rows: the register's rows, where a system that is verified silent becomes retired.
        volume_since: what the pulls of the system's outputs saw from a day on.
        as_of: today.

    Returns:
        The mails that are due today or were before; sending one again is the outbox's business.
    """
    course = course_of(cases.events(episode.id))
    if course.state is State.EXCEPTED:
        _end_exception(episode, course, cases, as_of)
    elif course.decision is not None and course.state in STOPPING:
        begin(cases, policy, episode.id, course.decision, as_of)
        since = course.decision.at - timedelta(days=policy.sunset_terms.before_days)
        _hold_against_source(episode, policy, course, course.decision, cases, volume_since(since), as_of)
    events = cases.events(episode.id)
    course = course_of(events)
    if course.state is State.VERIFIED and course.decision is not None:
        _retire(system, course.decision, rows, episode, as_of)
    form = _next_form(course, events)
    # Also after a crash between an event and the question that follows it: silence is no answer.
    if form is not None and not cases.open_questions(episode.id):
        ask(cases, episode, form, system, as_of, _why(events[-1]))
    notices = [*prohibited_use(episode, system, policy, cases)]
    for event in events:
        notices += _told(event, system)
    for question in cases.open_questions(episode.id):
        notices += _unanswered(question, system, policy, as_of)
    if course.state is State.VERIFIED:
        notices += _overdue(episode, system, policy, steps_of(events), as_of)
    return tuple(notices)


def prohibited_use(episode: Episode, system: System, policy: Policy, cases: Cases) -> Sequence[Notice]:
    """Returns the notice that is due at once when a prohibited use opened a case, to CIO, CDPO and CISO."""
    seen = [e.payload for e in cases.events(episode.id) if e.kind == EVIDENCE]
    if not any(one.get("kind") == "prohibited_use" for one in seen):
        return ()
    roles: tuple[RoleName, ...] = ("cio", "cdpo", "ciso")
    return (
        Notice(
            f"sunset/{episode.id}/prohibited_use",
            tuple(role for role in roles if role in policy.roles),
            f"Possible prohibited use: {system.name}",
            (
                *grounds(seen[0]),
                f"It decides: {system.risk.decides}",
                f"Case {episode.id} is open; the CDPO is asked for a determination, then the CIO decides.",
            ),
        ),
    )


def _next_form(course: Course, events: Sequence[Event]) -> Form | None:
    """Returns what somebody must be asked where the case stands; None while nothing is."""
    match course.state:
        case State.DRAFT:
            return DETERMINATION
        case State.SUBMITTED:
            return DECISION
        case State.VERIFIED:
            return CLOSURE if all(step.done is not None for step in steps_of(events)) else None
        case _:
            return None


def _why(last: Event) -> str | None:
    """Returns why somebody is asked again, where what happened last is the reason."""
    match last.kind:
        case "exception_expired":
            return f"The exception expired on {last.payload['expires_on']}; it does not go on by itself."
        case "stage_missed":
            return _missed(last.payload)
        case _:
            return None


def _end_exception(episode: Episode, course: Course, cases: Cases, as_of: date) -> None:
    expires, decision = course.expires_on, course.decision
    if expires is not None and decision is not None and as_of > expires:
        ended = {"expires_on": str(expires)}
        cases.append(episode.id, NewEvent(f"expired/{decision.number}", "exception_expired", ended, as_of))


def _hold_against_source(
    episode: Episode,
    policy: Policy,
    course: Course,
    decision: Event,
    cases: Cases,
    seen: Volume,
    as_of: date,
) -> None:
    """Records what the source says of a halt, or of each stage of a phase-out that is over."""
    stopped = decision.at
    events = cases.events(episode.id)
    known = {event.key for event in events}
    off = None if seen.seen_until else _switched_off(events)
    for number, stage in enumerate(course.stages, start=1):
        stopped = stage.day
        key = f"stage/{decision.number}/{number}"
        if key in known:  # rows that came later do not judge it anew
            continue
        verdict = _stage(number, stage, decision, policy, seen)
        if verdict is None and off is not None:
            continue
        if verdict is None:
            return
        kind = "stage_met" if verdict["met"] else "stage_missed"
        cases.append(episode.id, NewEvent(key, kind, verdict, as_of))
        if not verdict["met"]:
            return
    later = seen.after(stopped)
    if later:
        total = sum(later.values())
        found: Mapping[str, Any] = {
            "since": stopped.isoformat(),
            "rows": total,
            "days": {day.isoformat(): rows for day, rows in later.items()},
        }
        key = f"still_running/{max(later)}/{total}"  # once, until more arrives
        if key not in known:
            cases.append(episode.id, NewEvent(key, "still_running", found, as_of))
    quiet = timedelta(days=policy.sunset_terms.silent_days)
    last_output = seen.last.isoformat() if seen.last else None
    if seen.seen_until is not None and seen.seen_until >= max(later, default=stopped) + quiet:
        found = {"last_output": last_output, "seen_until": seen.seen_until.isoformat()}
        cases.append(episode.id, NewEvent(f"silent/{decision.number}", "silent", found, as_of))
    if off is not None and seen.asked_until and seen.asked_until >= max(stopped, off.at, *later) + quiet:
        found = {
            "last_output": last_output,
            "no_answer_until": seen.asked_until.isoformat(),
            "switched_off_by": off.by,
        }
        cases.append(episode.id, NewEvent(f"silent/{decision.number}", "silent", found, as_of))


def _switched_off(events: Sequence[Event]) -> Event | None:
    """Returns the step by which somebody said that the source is off, of the decision in force."""
    return next((step.done for step in steps_of(events) if step.source_off and step.done), None)


def _stage(
    number: int, stage: Stage, decision: Event, policy: Policy, seen: Volume
) -> Mapping[str, Any] | None:
    """Returns how a stage ended; None while the days over which it is measured are not over."""
    terms = policy.sunset_terms
    last = stage.day + timedelta(days=terms.stage_days)
    if seen.seen_until is None or seen.seen_until < last:
        return None
    before = mean_daily(seen, decision.at - timedelta(days=1), terms.before_days)
    left = mean_daily(seen, last, terms.stage_days)
    return {
        "stage": number,
        "day": stage.day.isoformat(),
        "share": stage.share,
        "what": stage.what,
        "rows_a_day_before": round(before, 3),
        "rows_a_day_left": round(left, 3),
        "met": left <= stage.share * before,
    }


def _missed(stage: Mapping[str, Any]) -> str:
    before, left = stage["rows_a_day_before"], stage["rows_a_day_left"]
    return (
        f"Stage {stage['stage']} of the phase-out was missed: by {stage['day']} at most {stage['share']:.0%} "
        f"of the outputs were to be left ({stage['what']}). There are {left:,.1f} a day; there were "
        f"{before:,.1f}."
    )


def _told(event: Event, system: System) -> Sequence[Notice]:
    """Returns the mail that something means for CIO and CDPO; the outbox knows whether it has gone out."""
    key = f"sunset/{event.episode}/{event.key}"
    if event.kind == "stage_missed":
        said: tuple[str, ...] = (_missed(event.payload),)
        return (Notice(key, ("cio", "cdpo"), f"Phase-out missed: {system.name}", said),)
    if event.kind == "still_running":
        rows, days = event.payload["rows"], event.payload["days"]
        said = (
            f"{system.name} was to be silent after {event.payload['since']}.",
            f"Its source has {rows:,} outputs of {len(days)} later days, the last of {max(days)}.",
            "The case stays open until the source is silent; see that the system's jobs are stopped.",
        )
        return (Notice(key, ("cio", "cdpo"), f"Still running: {system.name}", said),)
    return ()


def _retire(system: System, decision: Event, rows: RegisterRows, episode: Episode, as_of: date) -> None:
    changes = [row.given for row in rows.rows(system.id) if isinstance(row.given, LifecycleChange)]
    if changes and changes[-1].status is Lifecycle.RETIRED:
        return
    reason = f"Sunset case {episode.id}, verified silent. {decision.payload['reasons']}"[:LONGEST_REASON]
    change = LifecycleChange(holds_from=as_of, status=Lifecycle.RETIRED, by=str(decision.by), reason=reason)
    rows.add(system.id, change, WATCHED)


def _overdue(
    episode: Episode, system: System, policy: Policy, steps: Sequence[Step], as_of: date
) -> Sequence[Notice]:
    """Returns a mail for each owner of overdue steps, once in as many days as a question is asked again."""
    late = [step for step in steps if step.done is None and step.due < as_of]
    notices = []
    for owner in dict.fromkeys(step.owner for step in late):
        of_owner = [step for step in late if step.owner == owner]
        again = max((as_of - step.due).days for step in of_owner) // policy.sunset_terms.remind_days
        known: tuple[RoleName, ...] = tuple(role for role in policy.roles if role in (owner, "cdpo"))
        number = "a step is" if len(of_owner) == 1 else f"{len(of_owner)} steps are"
        notices.append(
            Notice(
                f"sunset/{episode.id}/steps/{owner}/{again}",
                known,
                f"{system.name}: {number} overdue",
                (
                    f"Case {episode.id}; say that a step is done with the form Sunset: a step is done.",
                    *(f"{step.id}, due on {step.due}: {step.what}" for step in of_owner),
                ),
                "sunset_step",
            )
        )
    return notices


def _unanswered(question: Question, system: System, policy: Policy, as_of: date) -> Sequence[Notice]:
    terms, age = policy.sunset_terms, (as_of - question.asked_as_of).days
    if age < terms.remind_days:
        return ()
    role: RoleName = question.role  # type: ignore[assignment]
    roles: tuple[RoleName, ...] = (role,) if age < terms.escalate_days else (role, "cio", "cdpo")
    kind = question.kind.replace("_", " ")
    undecided = "Halt is the policy's default. Silence is never a decision; the system goes on meanwhile."
    return (
        Notice(
            f"sunset/{question.episode}/reminder/{question.number}/{age // terms.remind_days}",
            tuple(dict.fromkeys(roles)),
            f"{age} days without a {kind}: {system.name}",
            (
                f"Case {question.episode}: the {kind} is open since {question.asked_as_of}, for {age} days.",
                *([] if question.kind == CLOSURE.kind else [undecided]),
            ),
        ),
    )
