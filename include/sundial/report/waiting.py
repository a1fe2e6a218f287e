"""What waits for whom: open questions with their age, and facts that an owner must put right by a day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sundial.engine.standing import Overdue
from sundial.register.models import Policy, System
from sundial.report.people import plain
from sundial.report.plain import clean, count, day, joined, metric_name
from sundial.report.standing import Expiring, ReportedIncident
from sundial.report.waivers import Waived
from sundial.store.cases import CLOSING, Cases, Episode, Event, Question
from sundial.store.records import Finding, Kind, Status
from sundial.store.results import Results
from sundial.sunset.adverse import first_adverse_weeks
from sundial.sunset.rules import rules_of
from sundial.sunset.steps import STEPS, steps_of

_ROLES = {"cio": "CIO", "cdpo": "CDPO", "ciso": "CISO", "oer": "Office of Employee Relations"}
_ADVERSE = (Status.WATCH, Status.BREACH)


@dataclass(frozen=True)
class Waiting:
    """One thing that somebody must do.

    Attributes:
        who: a role, or an owner by name.
        since: the day on which it was asked, or from which the fact holds.
        days: from then to the report.
        first_adverse: first day of the first judged week with an adverse finding behind a question.
        first_adverse_days: from then to the report.
        by: the day on which the fact's grace ends; None for a question, which has no term and stays open.
        overdue: whether that day has passed.
    """

    who: str
    system: str
    what: str
    case: str
    since: date
    days: int
    first_adverse: date | None
    first_adverse_days: int | None
    by: date | None
    overdue: bool

    @property
    def term(self) -> str:
        """By when, and since when, in a sentence or two."""
        if self.by is not None:
            return f"{'Was due' if self.overdue else 'Due by'} {day(self.by)}; holds since {day(self.since)}."
        asked = f"Asked {day(self.since)}, open for {count(self.days, 'day')}"
        if self.first_adverse is None or self.first_adverse_days is None:
            return f"{asked}. No term: silence is never an answer."
        first = (
            f"first adverse finding {day(self.first_adverse)}, {count(self.first_adverse_days, 'day')} ago"
        )
        return f"Case {self.case}. {asked}; {first}. No term: silence is never an answer."


def _due(as_of: date, by: date, *, who: str, system: str, what: str, since: date, case: str = "") -> Waiting:
    """Returns what is due by a day, and holds since another."""
    return Waiting(
        who=who,
        system=clean(system),
        what=what,
        case=case,
        since=since,
        days=(as_of - since).days,
        first_adverse=None,
        first_adverse_days=None,
        by=by,
        overdue=by < as_of,
    )


def role_name(role: str) -> str:
    """Returns a role as people call it."""
    return _ROLES.get(role) or clean(role).capitalize()


def open_questions(
    systems: Mapping[str, System], policy: Policy, results: Results, cases: Cases, as_of: date, week: date
) -> list[Waiting]:
    """Returns the questions that waited on the day, the oldest first; former systems included.

    What was answered, or ended with its case, on a later day was open on this one.
    """
    asked = [question for question in cases.questions() if question.asked_as_of <= as_of]
    episodes = {episode.id: episode for episode in cases.episodes()}  # read later: each question's is there
    over = {name: _over(cases.events(name), as_of) for name in sorted({q.episode for q in asked})}
    waiting = [question for question in asked if _was_open(question, over[question.episode])]
    of_waiting = [episodes[name] for name in sorted({question.episode for question in waiting})]
    adverse = first_adverse_weeks(results.database, policy, systems, of_waiting, week, as_of)
    return [
        _question(question, episodes[question.episode], systems, policy, as_of, adverse[question.episode])
        for question in sorted(waiting, key=lambda q: (q.asked_as_of, q.episode, q.number))
    ]


def _over(events: Iterable[Event], as_of: date) -> set[str]:
    """Returns the keys of what had happened to an episode by a day; with "" where it had ended."""
    known = [event for event in events if event.at <= as_of]
    return {event.key for event in known} | {"" for event in known if event.kind in CLOSING}


def _was_open(question: Question, over: set[str]) -> bool:
    """Returns whether a question waited: an accepted answer counts from the day of its event on."""
    answer = question.answer
    refused = answer is not None and not answer.accepted
    return "" not in over and f"answer/{question.number}" not in over and not refused


def due_facts(system: System, findings: Iterable[Finding], as_of: date) -> list[Waiting]:
    """Returns the facts whose limit has passed, with the last day of the policy's grace."""
    waiting = []
    for finding in findings:
        since = finding.details.get("since")
        if finding.kind is not Kind.FACTUAL or finding.status not in _ADVERSE:
            continue
        if finding.threshold is None or not isinstance(since, str):
            continue
        first = date.fromisoformat(since)
        by = first + timedelta(days=int(finding.threshold.value))
        what = plain(finding, system)
        owner = clean(system.owner.name)
        waiting.append(_due(as_of, by, who=owner, system=system.name, what=what, since=first))
    return sorted(waiting, key=lambda one: (one.by or as_of, one.what))


def not_acted_upon(system: System, breaches: Sequence[Overdue], as_of: date) -> list[Waiting]:
    """Returns the confirmed breaches that nobody has acted upon within the policy's days, as one line."""
    if not breaches:
        return []
    first = breaches[0]
    where = ", ".join(clean(level) for _, level in first.breach.slice)
    number = count(len(breaches), "confirmed breach", "confirmed breaches")
    named = f"{metric_name(first.breach.metric).lower()}{f' ({where})' if where else ''}"
    what = f"Repair, waive or bring to a case: {number}, the first {named}."
    since, owner = first.breach.since, clean(system.owner.name)
    return [_due(as_of, first.by, who=owner, system=system.name, what=what, since=since)]


def to_carry_out(
    systems: Mapping[str, System], episodes: Iterable[Episode], cases: Cases, as_of: date
) -> list[Waiting]:
    """Returns what decided cases ask for: to stop a source that goes on, and closing steps, by owner."""
    found = []
    for episode in episodes:
        events = [event for event in cases.events(episode.id) if event.at <= as_of]
        if any(event.kind in CLOSING for event in events):
            continue
        name = systems[episode.system].name if episode.system in systems else episode.system
        for who, what, since, by in (*_still_running(events), *_steps(events)):
            case = clean(episode.id)
            found.append(_due(as_of, by, who=who, system=name, what=what, since=since, case=case))
    return found


def _still_running(events: Sequence[Event]) -> Iterator[tuple[str, str, date, date]]:
    """Yields that the source is to be stopped, where it was last seen to go on after it should not."""
    seen = [event for event in events if event.kind in ("still_running", "silent", "decision")]
    if seen and seen[-1].kind == "still_running":
        said = seen[-1].payload
        since = date.fromisoformat(said["since"])
        rows, days = count(said["rows"], "output"), count(len(said["days"]), "day")
        yield "Operator", f"Stop it: {rows} came on {days} after it was to be silent.", since, since


def _steps(events: Sequence[Event]) -> Iterator[tuple[str, str, date, date]]:
    begun = next((event.at for event in events if event.kind == STEPS), None)
    left = [step for step in steps_of(events) if step.done is None]
    for owner in dict.fromkeys(step.owner for step in left):
        own = sorted((step for step in left if step.owner == owner), key=lambda step: step.due)
        named = joined([" ".join(_ROLES.get(word, word) for word in step.id.split("_")) for step in own])
        yield role_name(owner), f"Closing steps: {named}.", begun or own[0].due, own[0].due


def renewals(system: System, documents: Iterable[Expiring], as_of: date) -> list[Waiting]:
    """Returns the documents that the owner renews before they are too old."""
    return [
        _due(
            as_of,
            one.until,
            who=clean(system.owner.name),
            system=system.name,
            what=f"Renew: {one.what} of {day(one.dated)} holds until then.",
            since=one.dated,
        )
        for one in documents
    ]


def unconfirmed_incidents(
    incidents: Iterable[ReportedIncident], systems: Mapping[str, System], as_of: date
) -> list[Waiting]:
    """Returns the open incidents of which somebody has not confirmed yet that they know."""
    return [
        _due(
            as_of,
            one.due,
            who=joined([name[:1].upper() + name[1:] for name in one.unconfirmed]),
            system=systems[one.system].name if one.system else "No registered system",
            what=f"Confirm that you know of {one.id}, a {'grave ' if one.grave else ''}{one.kind}.",
            since=one.discovered,
        )
        for one in incidents
        if one.open and one.unconfirmed
    ]


def ended_waivers(system: str, waivers: Iterable[Waived], as_of: date) -> list[Waiting]:
    """Returns the waivers that have ended and are still in breach: whoever approved them answers for it."""
    return [
        Waiting(
            who=waiver.approver,
            system=system,
            what=f"The waiver of {waiver.what} has ended, and it is still in breach: {waiver.still[0]}",
            case="",
            since=waiver.since,
            days=waiver.days,
            first_adverse=None,
            first_adverse_days=None,
            by=waiver.expires,
            overdue=True,
        )
        for waiver in waivers
        if waiver.still
    ]


def _question(
    question: Question,
    episode: Episode,
    systems: Mapping[str, System],
    policy: Policy,
    as_of: date,
    first: date,
) -> Waiting:
    system = systems.get(episode.system)
    rules = rules_of(policy, system) if system is not None else ()
    rule = next((one.rule for one in rules if one.rule.id == episode.rule), None)
    kind = clean(question.kind.replace("_", " "))
    about = clean(rule.sentence if rule else episode.record.get("rule", {}).get("sentence", episode.family))
    return Waiting(
        who=role_name(question.role),
        system=clean(system.name if system else episode.system),
        what=f"{kind[:1].upper()}{kind[1:]} on a sunset recommendation: {about}",
        case=clean(episode.id),
        since=question.asked_as_of,
        days=(as_of - question.asked_as_of).days,
        first_adverse=first,
        first_adverse_days=(as_of - first).days,
        by=None,
        overdue=False,
    )
