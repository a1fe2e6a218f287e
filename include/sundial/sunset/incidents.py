"""Incidents: a harm is told to supervisor, CDPO and Office of Employee Relations soon after its discovery.

The case stays open until each of the three has confirmed that they know of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from sundial.register.models import Policy, System
from sundial.register.policy import RoleName
from sundial.register.wording import did_you_mean
from sundial.store.cases import Cases
from sundial.store.database import Database
from sundial.store.incidents import CLOSED, Event, Incident, IncidentKind, Incidents, NewEvent, Report

Recipient = Literal["supervisor", "cdpo", "oer", "ciso"]
REQUIRED: tuple[Recipient, ...] = ("supervisor", "cdpo", "oer")
"""Whom every incident is told to; those of security go to the CISO, too."""

NAMES: Mapping[Recipient, str] = {
    "supervisor": "supervisor",
    "cdpo": "CDPO",
    "oer": "Office of Employee Relations",
    "ciso": "CISO",
}
SENT, CONFIRMED, CONTAINED, STATUS = "notice_sent", "notice_confirmed", "contained", "status"
LINKED, ESCALATED = "linked", "escalated"

ACTIONS = ("confirm", "status", "contain", "link", "close")
RUN = "run/"
"""What the key begins with of a report or an event that came from a run of Airflow; its id follows."""

_KINDS = get_args(IncidentKind)
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_LONGEST = 20_000


class IncidentRefused(ValueError):  # noqa: N818
    """What was entered cannot stand; each problem on a line, with its field and the remedy."""


class State(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    CONTAINED = "contained"
    CLOSED = "closed"


class Phase(StrEnum):
    """Where the clock of an incident stands."""

    RUNNING = "running"
    WARNING = "warning"
    LATE = "late"
    MET = "met"
    MET_LATE = "met late"


@dataclass(frozen=True)
class Notice:
    """One of an incident's notices: when it was sent, and when and by whom its arrival was confirmed."""

    to: Recipient
    sent_at: datetime | None
    confirmed_at: datetime | None
    confirmed_by: str | None

    @property
    def reached_at(self) -> datetime | None:
        """When the notice was sent; earlier, where somebody was told and confirmed it before."""
        known = [at for at in (self.sent_at, self.confirmed_at) if at is not None]
        return min(known) if known else None


@dataclass(frozen=True)
class Standing:
    """An incident with what its events say."""

    incident: Incident
    state: State
    notices: Mapping[Recipient, Notice]
    episode: str | None
    events: Sequence[Event]

    @property
    def unconfirmed(self) -> tuple[Recipient, ...]:
        """Those of the three whose confirmation is missing."""
        return tuple(to for to in REQUIRED if self.notices[to].confirmed_at is None)

    @property
    def untold(self) -> tuple[Recipient, ...]:
        """Those of the three who were not told yet."""
        return tuple(to for to in REQUIRED if self.notices[to].reached_at is None)


@dataclass(frozen=True)
class Clock:
    """The time that an incident has: to be told to all three by `due_at`; `met_at` is when it was."""

    due_at: datetime
    met_at: datetime | None
    phase: Phase


@dataclass(frozen=True)
class Due:
    """A mail that is due: sent with its key once, and then recorded as its event.

    Attributes:
        key: what it is about: the same again is the same mail.
        incident: id of the incident.
        roles: whom it goes to.
        addresses: further addresses that it goes to.
        subject: the Subject header.
        lines: what it says; nothing personal.
        event: what is recorded once it is sent; `at` is to be when.
    """

    key: str
    incident: str
    roles: tuple[RoleName, ...]
    addresses: tuple[str, ...]
    subject: str
    lines: tuple[str, ...]
    event: NewEvent


def discovered(text: str, policy: Policy) -> datetime:
    """Returns in UTC the instant that somebody wrote: local City time, or ISO 8601 with an offset.

    Of a local time that the clocks pass twice it is the first: the time that is left is never too long.

    Raises:
        IncidentRefused: it is no time, or one that the City's clocks skip.
    """
    zone = ZoneInfo(policy.timezone)
    try:
        said = datetime.fromisoformat(text.strip())
    except ValueError:
        said = None
    if said is None or not re.search(r"\d[T ]\d", text):
        raise IncidentRefused(
            f"discovered: {text.strip()!r} is no day with a time; write local City time such as 2026-11-27 "
            "16:30, or with an offset such as 2026-11-27T16:30-08:00"
        )
    if said.tzinfo is not None:
        return said.astimezone(UTC)
    instant = said.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != said:
        raise IncidentRefused(
            f"discovered: {text.strip()} does not exist in {policy.timezone}, the clocks skip it; add the "
            "offset"
        )
    return instant


def report(
    incidents: Incidents,
    policy: Policy,
    systems: Mapping[str, System],
    *,
    key: str,
    system: str | None,
    kind: str,
    grave: bool,
    happened: str,
    whom: str,
    discovered_at: str,
    supervisor: str,
    by: str,
    now: datetime,
) -> str:
    """Records a report; the same key again is the same report.

    Args:
        incidents: where it is recorded.
        policy: for the City's time and the hours that the notices have.
        systems: the register.
        key: names the report, such as the run that brings it.
        system: id of the system; empty where it is not known.
        kind: "harm", "security" or "both".
        grave: whether somebody was, or may be, seriously harmed.
        happened: what happened.
        whom: whom it happened to; may be empty.
        discovered_at: as a person wrote it, see `discovered`.
        supervisor: mail address of the reporter's supervisor.
        by: user name of the reporter.
        now: when it is reported.

    Returns:
        The incident's id.

    Raises:
        IncidentRefused: with everything that is wrong.
    """
    wrong = [*_wrong_system(system, systems), *_wrong_words(kind, happened, whom, supervisor)]
    try:
        found = discovered(discovered_at, policy)
        if found > now:
            said = local(found, policy)
            wrong.append(f"discovered: {said} lies in the future; give when staff became aware of it")
    except IncidentRefused as error:
        wrong.append(str(error))
    if wrong:
        raise IncidentRefused("\n".join(wrong))
    terms = policy.incident_terms
    due_at = found + timedelta(hours=terms.hours)
    return incidents.report(
        Report(
            key=key,
            system=system or None,
            kind=kind,  # type: ignore[arg-type]
            grave=grave,
            happened=happened.strip(),
            whom=whom.strip(),
            discovered_at=found,
            warn_at=due_at - timedelta(hours=terms.warn_hours_before),
            due_at=due_at,
            reported_at=now.astimezone(ZoneInfo(policy.timezone)),
            reported_by=by,
            supervisor=supervisor.strip(),
        )
    )


def act(
    database: Database,
    policy: Policy,
    action: str,
    incident: str,
    *,
    key: str,
    by: str,
    which: str,
    episode: str,
    text: str,
    now: datetime,
) -> State:
    """Does one of `ACTIONS`, and returns the state of the incident; the same key again does nothing.

    Raises:
        UnknownRecord: there is no such incident, or no such case.
        ConflictingRecord: the incident is closed.
        IncidentRefused: it cannot be done; with the remedy.
    """
    incidents = Incidents(database)
    if any(event.key == key for event in incidents.events(incident)):
        return standing(incidents, incident).state
    match action:
        case "confirm":
            confirm(incidents, policy, incident, which, by=by, note=text, now=now)
        case "status":
            note(incidents, policy, incident, key=key, by=by, text=text, now=now)
        case "contain":
            contain(incidents, policy, incident, key=key, by=by, text=text, now=now)
        case "link":
            link(incidents, Cases(database), policy, incident, episode, by=by, now=now)
        case "close":
            close(incidents, policy, incident, key=key, by=by, text=text, now=now)
        case _:
            raise IncidentRefused(f"action: {action!r} is none; give one of {', '.join(ACTIONS)}")
    return standing(incidents, incident).state


def confirm(
    incidents: Incidents, policy: Policy, incident: str, which: str, *, by: str, note: str, now: datetime
) -> None:
    """Records that one of those told confirms it: somebody of the role, or the CDPO for them.

    Raises:
        UnknownRecord: there is no such incident.
        ConflictingRecord: it is closed.
        IncidentRefused: nobody by that name is told, or the person may not confirm it.
    """
    if which not in NAMES:
        raise IncidentRefused(f"which: {which!r} is none; give one of {', '.join(NAMES)}")
    _require_role(policy, by)
    if which != "supervisor":
        may = {user for role in (which, "cdpo") for user in _users(policy, role)}
        if by not in may:
            raise IncidentRefused(
                f"{by} is neither {NAMES[which]} nor CDPO in policy.yaml; let one of them confirm it"  # type: ignore[index]
            )
    event = NewEvent(f"confirmed/{which}", CONFIRMED, now, by, {"which": which}, note.strip() or None)
    incidents.append(incident, event)


def contain(
    incidents: Incidents, policy: Policy, incident: str, *, key: str, by: str, text: str, now: datetime
) -> None:
    """Records that the harm no longer goes on, and how that was done. Raises as `confirm`."""
    _require_role(policy, by)
    incidents.append(incident, NewEvent(key, CONTAINED, now, by, text=_written(text)))


def note(
    incidents: Incidents, policy: Policy, incident: str, *, key: str, by: str, text: str, now: datetime
) -> None:
    """Records how things stand. Raises as `confirm`."""
    _require_role(policy, by)
    incidents.append(incident, NewEvent(key, STATUS, now, by, text=_written(text)))


def link(
    incidents: Incidents, cases: Cases, policy: Policy, incident: str, episode: str, *, by: str, now: datetime
) -> None:
    """Links an incident to a sunset case of its system.

    Raises:
        UnknownRecord: there is no such incident, or no such case.
        ConflictingRecord: the incident is closed.
        IncidentRefused: the case is of another system, or the person has no role.
    """
    _require_role(policy, by)
    about, of = incidents.incident(incident).system, cases.episode(episode).system
    if about != of:
        raise IncidentRefused(
            f"episode: {episode} is a case of {of}, the incident is about {about or 'no system'}; give a "
            "case of the incident's system"
        )
    incidents.append(incident, NewEvent(f"linked/{episode}", LINKED, now, by, {"episode": episode}))


def close(
    incidents: Incidents, policy: Policy, incident: str, *, key: str, by: str, text: str, now: datetime
) -> None:
    """Closes an incident with what was learnt; only once each of the three has confirmed.

    Raises:
        UnknownRecord: there is no such incident.
        ConflictingRecord: it is closed.
        IncidentRefused: a confirmation or the text is missing, or the person has no role.
    """
    _require_role(policy, by)
    written = _written(text)
    missing = standing(incidents, incident).unconfirmed
    if missing:
        names = ", ".join(NAMES[to] for to in missing)
        raise IncidentRefused(
            f"{incident} stays open: the notice is not confirmed by {names}; confirm it first, or say how "
            "they were reached with confirm's text"
        )
    incidents.append(incident, NewEvent(key, CLOSED, now, by, text=written))


def standing(incidents: Incidents, incident: str) -> Standing:
    """Returns where an incident stands. Raises UnknownRecord."""
    return stands(incidents.incident(incident), incidents.events(incident))


def stands(known: Incident, events: Sequence[Event]) -> Standing:
    """Returns where an incident with these events stands."""
    state = State.OPEN
    for event in events:
        if event.kind in (CONTAINED, CLOSED):
            state = State(event.kind)
    told: tuple[Recipient, ...] = REQUIRED if known.kind == "harm" else (*REQUIRED, "ciso")
    linked = [event.payload["episode"] for event in events if event.kind == LINKED]
    notices = {to: _notice(to, events) for to in told}
    return Standing(known, state, notices, linked[-1] if linked else None, events)


def clock(of: Standing, now: datetime) -> Clock:
    """Returns where the clock of an incident stands; it counts from discovery, not from the report."""
    due_at = of.incident.due_at
    reached = [of.notices[to].reached_at for to in REQUIRED]
    met_at = max(at for at in reached if at is not None) if all(reached) else None
    if met_at is not None:
        phase = Phase.MET if met_at <= due_at else Phase.MET_LATE
    elif now >= due_at:
        phase = Phase.LATE
    else:
        phase = Phase.WARNING if now >= of.incident.warn_at else Phase.RUNNING
    return Clock(due_at, met_at, phase)


def due_notices(
    of: Standing, policy: Policy, systems: Mapping[str, System], now: datetime
) -> tuple[Due, ...]:
    """Returns the mails of an incident that are due now.

    Each notice at once; to CDPO and CIO a warning before the time is over and word when it is, each once; and
    from a day after a notice on, daily while it is unconfirmed, to its recipient, CDPO and CIO.
    """
    if of.state is State.CLOSED:
        return ()
    known = {event.key for event in of.events}
    mails = [_told(of, to, policy, systems, now) for to, one in of.notices.items() if one.sent_at is None]
    phase = clock(of, now).phase
    if phase is Phase.WARNING:
        mails.append(_escalation(of, "warning", policy, systems, now))
    if phase in (Phase.LATE, Phase.MET_LATE):
        mails.append(_escalation(of, "breach", policy, systems, now))
    mails += [
        _reminder(of, to, policy, systems, now)
        for to, one in of.notices.items()
        if one.confirmed_at is None and one.sent_at is not None and now >= one.sent_at + timedelta(days=1)
    ]
    return tuple(mail for mail in mails if mail.event.key not in known)


def local(at: datetime, policy: Policy) -> str:
    """Returns an instant in the City's time, such as "2026-11-27 16:30 PST"."""
    return f"{at.astimezone(ZoneInfo(policy.timezone)):%Y-%m-%d %H:%M %Z}"


def _wrong_system(system: str | None, systems: Mapping[str, System]) -> Sequence[str]:
    if not system or system in systems:
        return ()
    remedy = did_you_mean(system, sorted(systems))
    return (f"system: there is no system {system!r}; {remedy}; leave it empty where it is none of them",)


def _wrong_words(kind: str, happened: str, whom: str, supervisor: str) -> Sequence[str]:
    wrong = []
    if kind not in _KINDS:
        wrong.append(f"kind: {kind!r} is none; give one of {', '.join(_KINDS)}")
    if not any(character.isalnum() for character in happened):
        wrong.append("happened: says nothing; write what happened")
    for name, text in (("happened", happened), ("whom", whom)):
        if len(text) > _LONGEST:
            wrong.append(
                f"{name}: has {len(text):,} characters; keep it under {_LONGEST:,} and link to the rest"
            )
    if not _ADDRESS.fullmatch(supervisor.strip()) or not supervisor.isascii():
        wrong.append("supervisor: is not a plain e-mail address; write it as name@city.gov")
    return wrong


def _told(of: Standing, to: Recipient, policy: Policy, systems: Mapping[str, System], now: datetime) -> Due:
    incident = of.incident
    left = f"Supervisor, CDPO and Office of Employee Relations are told by {local(incident.due_at, policy)}."
    return Due(
        key=f"incident/{incident.id}/notice/{to}",
        incident=incident.id,
        roles=() if to == "supervisor" else (to,),
        addresses=(incident.supervisor,) if to == "supervisor" else (),
        subject=f"{'Grave incident' if incident.grave else 'Incident'} with AI: {_about(incident, systems)}",
        lines=(
            *_facts(incident, policy, systems),
            left,
            f"You are told as {NAMES[to]}. Confirm that you know of it; the case stays open until then.",
        ),
        event=NewEvent(f"notice/{to}", SENT, now, payload={"to": to}),
    )


def _escalation(
    of: Standing,
    what: Literal["warning", "breach"],
    policy: Policy,
    systems: Mapping[str, System],
    now: datetime,
) -> Due:
    incident = of.incident
    missing = ", ".join(NAMES[to] for to in of.untold)
    ends = local(incident.due_at, policy)
    says = f"Not told yet: {missing}." if missing else "All three were told, but too late."
    when = f"The time to tell them ends {ends}." if what == "warning" else f"The time ended {ends}."
    word = "Time is running out" if what == "warning" else "Told too late"
    return Due(
        key=f"incident/{incident.id}/{what}",
        incident=incident.id,
        roles=("cdpo", "cio"),
        addresses=(),
        subject=f"{word}: {incident.id}, {_about(incident, systems)}",
        lines=(*_facts(incident, policy, systems), when, says),
        event=NewEvent(what, ESCALATED, now, payload={"what": what, "untold": list(of.untold)}),
    )


def _reminder(
    of: Standing, to: Recipient, policy: Policy, systems: Mapping[str, System], now: datetime
) -> Due:
    incident = of.incident
    sent = of.notices[to].sent_at
    assert sent is not None  # noqa: S101 - the caller has looked
    days = (now - sent) // timedelta(days=1)
    roles: tuple[RoleName, ...] = () if to == "supervisor" else (to,)
    return Due(
        key=f"incident/{incident.id}/unconfirmed/{to}/{days}",
        incident=incident.id,
        roles=tuple(dict.fromkeys((*roles, "cdpo", "cio"))),
        addresses=(incident.supervisor,) if to == "supervisor" else (),
        subject=f"Not confirmed by the {NAMES[to]}: {incident.id}, {_about(incident, systems)}",
        lines=(
            *_facts(incident, policy, systems),
            f"The {NAMES[to]} was told on {local(sent, policy)} and has not confirmed it since.",
        ),
        event=NewEvent(f"unconfirmed/{to}/{days}", ESCALATED, now, payload={"what": "unconfirmed", "to": to}),
    )


def _facts(incident: Incident, policy: Policy, systems: Mapping[str, System]) -> tuple[str, ...]:
    kind = {"harm": "a harm", "security": "a security incident", "both": "a harm and a security incident"}
    what = f"{kind[incident.kind]}, grave" if incident.grave else kind[incident.kind]
    when = f"Discovered {local(incident.discovered_at, policy)}"
    told = f"reported {local(incident.reported_at, policy)} by {incident.reported_by}"
    return f"{incident.id}: {what}; {_about(incident, systems)}.", f"{when}, {told}."


def _about(incident: Incident, systems: Mapping[str, System]) -> str:
    if incident.system is None:
        return "system not named"
    found = systems.get(incident.system)
    return f"{found.name} ({found.department})" if found else incident.system


def _notice(to: Recipient, events: Sequence[Event]) -> Notice:
    sent = next((event for event in events if event.kind == SENT and event.payload["to"] == to), None)
    said = next((event for event in events if event.kind == CONFIRMED and event.payload["which"] == to), None)
    return Notice(to, sent.at if sent else None, said.at if said else None, said.by if said else None)


def _users(policy: Policy, role: str) -> Sequence[str]:
    filled = {str(name): one for name, one in policy.roles.items()}
    return filled[role].users if role in filled else ()


def _require_role(policy: Policy, by: str) -> None:
    if by not in {user for role in policy.roles.values() for user in role.users}:
        raise IncidentRefused(
            f"{by or 'nobody'} has no role in policy.yaml; only people whom it names can do this"
        )


def _written(text: str) -> str:
    if not any(character.isalnum() for character in text):
        raise IncidentRefused("text: says nothing; write it out")
    if len(text) > _LONGEST:
        raise IncidentRefused(
            f"text: has {len(text):,} characters; keep it under {_LONGEST:,} and link to the rest"
        )
    return text.strip()
