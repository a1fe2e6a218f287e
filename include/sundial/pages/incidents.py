"""Incidents: who was told in time, where each stands, and, for those who are told, what people wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from sundial.pages.frame import Visit, Visiting
from sundial.pages.site import PageError
from sundial.report.page import Look
from sundial.report.plain import clean, count
from sundial.store.database import UnknownRecord
from sundial.store.incidents import Event, Incident, Incidents
from sundial.sunset.incidents import (
    CONFIRMED,
    CONTAINED,
    ESCALATED,
    LINKED,
    NAMES,
    SENT,
    STATUS,
    Clock,
    Phase,
    Standing,
    State,
    clock,
    local,
    stands,
)

router = APIRouter(prefix="/incidents")

DESTROYED = "Destroyed after an approval; the ledger says which."

_LATE = ("#5c3b00", "#fff1cc", "solid #9a6700")
_RUNS = ("#29415e", "#e8eef6", "solid #5b7595")
_MET = ("#12491f", "#e0f2e3", "solid #2e7d3c")
PHASES: Mapping[Phase, Look] = {
    Phase.RUNNING: Look("time left", "…", "few", *_RUNS),
    Phase.WARNING: Look("little time left", "▲", "watch", *_LATE),
    Phase.LATE: Look("late", "▲", "watch", *_LATE),
    Phase.MET: Look("told in time", "✓", "ok", *_MET),
    Phase.MET_LATE: Look("told late", "▲", "watch", *_LATE),
}
KINDS = {"harm": "Harm", "security": "Security", "both": "Harm and security"}
_DID = {
    SENT: "Notice sent to the {to}",
    CONFIRMED: "The {to} confirmed",
    CONTAINED: "Contained",
    STATUS: "Note",
    LINKED: "Linked to a sunset case",
    ESCALATED: "CDPO and CIO told",
    "closed": "Closed",
}


@dataclass(frozen=True)
class Told:
    """One of those who are told: when, and when they confirmed it; empty for not yet."""

    who: str
    sent: str
    confirmed: str
    by: str


@dataclass(frozen=True)
class Shown:
    """An incident as the visitor may see it.

    Attributes:
        about: name of its system.
        left: the time that is left or by how much it is late; empty once all three were told.
        personal: whether the visitor may read what people wrote.
    """

    standing: Standing
    about: str
    system_link: str
    clock: Clock
    left: str
    due: str
    discovered: str
    told: tuple[Told, ...]
    personal: bool

    @property
    def incident(self) -> Incident:
        """What was reported."""
        return self.standing.incident

    @property
    def kind(self) -> str:
        """What it is, in words."""
        return KINDS[self.incident.kind]

    @property
    def look(self) -> Look:
        """How its clock is shown."""
        return PHASES[self.clock.phase]

    @property
    def confirmed(self) -> int:
        """How many of those told have confirmed."""
        return sum(one.confirmed != "" for one in self.told)


@dataclass(frozen=True)
class Happened:
    """One event: names and text only where the visitor may read them."""

    at: str
    what: str
    by: str
    text: str


@router.get("/", response_class=HTMLResponse)
def incidents(visit: Visiting, state: str = "", kind: str = "") -> HTMLResponse:
    """Every incident, the most urgent first."""
    state = state if state in list(State) else ""
    kind = kind if kind in KINDS else ""
    store = Incidents(visit.city.store)
    happened, now = store.happened(), datetime.now(UTC)
    found = [
        _shown(visit, stands(one, happened.get(one.id, ())), now)
        for one in store.incidents()
        if _is_theirs(visit, one)
    ]
    of_kind = [one for one in found if not kind or one.incident.kind == kind]
    counted = Counter(one.standing.state for one in of_kind)
    return visit.page(
        "incidents.html.j2",
        rows=sorted((one for one in of_kind if not state or one.standing.state == state), key=_urgency),
        among=len(found),
        state=state,
        kind=kind,
        kinds=KINDS,
        tiles=[(one, counted[one]) for one in State if counted[one]],
        states=list(State),
        late=sum(one.clock.phase is Phase.LATE and one.standing.state is not State.CLOSED for one in found),
        hours=visit.city.policy.incident_terms.hours,
    )


@router.get("/{incident_id}", response_class=HTMLResponse)
def incident(visit: Visiting, incident_id: str) -> HTMLResponse:
    """One incident."""
    store = Incidents(visit.city.store)
    try:
        known = store.incident(incident_id)
    except UnknownRecord:
        known = None
    if known is None or not _is_theirs(visit, known):
        raise PageError(
            404,
            f"There is no incident “{clean(incident_id, 60)}”",
            "The page of incidents lists every one that is yours to see.",
        )
    shown = _shown(visit, stands(known, store.events(incident_id)), datetime.now(UTC))

    def text(part: str) -> str:
        return store.text(incident_id, part) or DESTROYED

    return visit.page(
        "incident.html.j2",
        shown=shown,
        happened=text("happened") if shown.personal else "",
        whom=text("whom") if shown.personal else "",
        reported=local(known.reported_at, visit.city.policy),
        events=[_event(visit, shown, event, text) for event in shown.standing.events],
    )


def _is_theirs(visit: Visit, one: Incident) -> bool:
    return one.system is None or visit.visitor.may_see(one.system)


def _urgency(one: Shown) -> tuple[bool, bool, datetime, str]:
    """Sorts what is open before what is closed, what nobody was told of first, then by when it is due."""
    closed = one.standing.state is State.CLOSED
    return closed, one.clock.met_at is not None, one.incident.due_at, one.incident.id


def _shown(visit: Visit, of: Standing, now: datetime) -> Shown:
    policy, known = visit.city.policy, of.incident
    system = visit.systems.get(known.system) if known.system else None
    found, personal = clock(of, now), _may_read(visit, of)

    def at(moment: datetime | None) -> str:
        return local(moment, policy) if moment else ""

    return Shown(
        standing=of,
        about=system.name if system else known.system or "no system named",
        system_link=f"{visit.base}/systems/{system.id}" if system else "",
        clock=found,
        left="" if found.met_at else _left(found.due_at - now),
        due=at(found.due_at),
        discovered=at(known.discovered_at),
        told=tuple(
            Told(
                NAMES[to],
                at(one.sent_at),
                at(one.confirmed_at),
                (one.confirmed_by or "") if personal else "",
            )
            for to, one in of.notices.items()
        ),
        personal=personal,
    )


def _may_read(visit: Visit, of: Standing) -> bool:
    """Returns whether the visitor is one of those who are told; a supervisor by the address as user name."""
    told = frozenset(str(to) for to in of.notices)
    is_supervisor = visit.visitor.name.casefold() == of.incident.supervisor.casefold()
    return is_supervisor or bool(visit.visitor.roles & told)


def _left(time: timedelta) -> str:
    minutes = abs(int(time.total_seconds())) // 60
    days, hours = minutes // (24 * 60), minutes // 60
    said = count(days, "day") if days > 1 else f"{hours} h {minutes % 60} min"
    return f"{said} left" if time > timedelta(0) else f"late by {said}"


def _event(visit: Visit, shown: Shown, event: Event, text: Callable[[str], str]) -> Happened:
    payload = event.payload
    to = next((name for one, name in NAMES.items() if one in payload.values()), "recipient")
    what = _DID.get(event.kind, event.kind.replace("_", " ").capitalize()).format(to=to)
    if event.kind == LINKED:
        what = f"{what}: {payload['episode']}"
    return Happened(
        at=local(event.at, visit.city.policy),
        what=what,
        by=(event.by or "Sundial") if shown.personal else "",
        text=text(str(event.number)) if shown.personal and event.has_text else "",
    )
