"""What else stands about a system: incidents, attestations that are about to expire, open sunset cases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sundial.engine.in_effect import standing as in_force
from sundial.register.given import LifecycleChange
from sundial.register.lifecycle import Lifecycle
from sundial.register.models import Policy, System
from sundial.report.plain import clean, count, day, joined, metric_name
from sundial.store.cases import Cases, Episode
from sundial.store.register import Row
from sundial.sunset.course import State, course_of
from sundial.sunset.incidents import NAMES, Phase, Standing, clock
from sundial.sunset.incidents import State as IncidentState

SOON = timedelta(weeks=6)
"""How long before its end an attestation is told of."""

_KINDS = {"harm": "harm", "security": "security incident", "both": "harm and security incident"}
_CLOCKS = {
    Phase.RUNNING: "its hours are running",
    Phase.WARNING: "its hours are nearly over",
    Phase.LATE: "its hours are over",
    Phase.MET: "told in time",
    Phase.MET_LATE: "told late",
}
_STATES = {
    State.DRAFT: "waits for a determination",
    State.SUBMITTED: "waits for a decision",
    State.EXCEPTED: "goes on by an exception",
    State.DECIDED: "decided to stop",
    State.EXECUTING: "is being stopped",
    State.VERIFIED: "verified silent, closing steps remain",
}


@dataclass(frozen=True)
class Case:
    """An open sunset case.

    Attributes:
        stands: its state in words.
        days: its age, from opening to the report.
    """

    id: str
    about: str
    stands: str
    opened: date
    days: int

    @property
    def said(self) -> str:
        """All of it in a sentence or two."""
        return (
            f"Case {self.id}, open for {count(self.days, 'day')} (since {day(self.opened)}): {self.stands}. "
            f"{self.about}"
        )


@dataclass(frozen=True)
class ReportedIncident:
    """An incident, without anything that people wrote.

    Attributes:
        system: id of the system; empty where it is none of the register.
        stands: open, contained or closed, and where its clock is.
        due: by when everybody had to be told.
        unconfirmed: who has not confirmed yet.
    """

    id: str
    system: str
    kind: str
    grave: bool
    stands: str
    open: bool
    discovered: date
    due: date
    unconfirmed: tuple[str, ...]

    @property
    def said(self) -> str:
        """All of it in a sentence."""
        missing = f" Not confirmed by {joined(self.unconfirmed)}." if self.unconfirmed else ""
        grave = "grave " if self.grave else ""
        dates = f"discovered {day(self.discovered)}, to be told by {day(self.due)}"
        return f"{self.id}: {grave}{self.kind}, {dates}: {self.stands}.{missing}"


@dataclass(frozen=True)
class Expiring:
    """A dated document that soon is too old.

    Attributes:
        what: its kind in words.
        dated: its date.
        until: the last day on which it holds.
    """

    what: str
    dated: date
    until: date
    days: int

    @property
    def said(self) -> str:
        """All of it in a sentence."""
        return (
            f"{self.what} of {day(self.dated)} holds until {day(self.until)}, {count(self.days, 'day')} more."
        )


def open_cases(system: str, episodes: Iterable[Episode], cases: Cases, as_of: date) -> tuple[Case, ...]:
    """Returns the open sunset cases of a system that were opened by a day."""
    shown = []
    for episode in episodes:
        if episode.system != system or not episode.open or episode.opened_as_of > as_of:
            continue
        state = course_of([event for event in cases.events(episode.id) if event.at <= as_of]).state
        sentence = episode.record.get("rule", {}).get("sentence", episode.family)
        shown.append(
            Case(
                id=clean(episode.id),
                about=clean(str(sentence)),
                stands=_STATES.get(state, state.value),
                opened=episode.opened_as_of,
                days=(as_of - episode.opened_as_of).days,
            )
        )
    return tuple(shown)


def incidents_told(
    standings: Iterable[Standing], systems: Iterable[str], policy: Policy, week: date, as_of: date
) -> tuple[ReportedIncident, ...]:
    """Returns the incidents that are open, or came or ended since the report's week began.

    Args:
        standings: all incidents, in the order of reporting.
        systems: ids of the register.
        policy: for the City's time zone.
        week: Monday of the report's week.
        as_of: the report's date; what was reported later is of a later report.
    """
    zone, known = ZoneInfo(policy.timezone), set(systems)
    end = datetime.combine(as_of + timedelta(days=1), time(), zone)
    begin = datetime.combine(week, time(), zone)
    return tuple(
        _incident(one, known, zone, end)
        for one in standings
        if one.incident.reported_at < end
        and (one.state is not IncidentState.CLOSED or max(e.at for e in one.events) >= begin)
    )


def _incident(one: Standing, systems: set[str], zone: ZoneInfo, now: datetime) -> ReportedIncident:
    incident, phase = one.incident, clock(one, now).phase
    return ReportedIncident(
        id=clean(incident.id),
        system=incident.system if incident.system in systems else "",
        kind=_KINDS[incident.kind],
        grave=incident.grave,
        stands=f"{one.state.value}, {_CLOCKS[phase]}",
        open=one.state is not IncidentState.CLOSED,
        discovered=incident.discovered_at.astimezone(zone).date(),
        due=incident.due_at.astimezone(zone).date(),
        unconfirmed=tuple(NAMES[to] for to in one.unconfirmed),
    )


def retired(system: System, rows: Sequence[Row], as_of: date) -> str:
    """Returns when and why a system, as it is in effect, was retired; empty where it is not."""
    if system.status is not Lifecycle.RETIRED:
        return ""
    changes = [change for _, change in in_force(rows, LifecycleChange, as_of)]
    if changes and changes[-1].status is Lifecycle.RETIRED:
        return f"Retired on {day(changes[-1].holds_from)}. {clean(changes[-1].reason or '')}".strip()
    ended = system.lifetime
    when = f" in {ended.end}" if ended and ended.end else ""
    return f"Retired{when}. {clean(ended.end_reason or '') if ended else ''}".strip()


def expiring(system: System, policy: Policy, as_of: date) -> tuple[Expiring, ...]:
    """Returns the documents that hold on a day and end soon after it, the next one first.

    Args:
        system: the entry in effect.
        policy: for how old each kind may get.
        as_of: the report's date.
    """
    if not system.operated:
        return ()
    dated: list[tuple[str, date, date | None]] = [
        (kind, found.date, found.expires) for kind, found in system.attestations.items()
    ]
    dated += [
        (kind, found.date, found.expires)
        for kind, found in (("fact_sheet", system.fact_sheet), ("ai_review", system.ai_review))
        if found is not None
    ]
    dated.append(("outcome_review", system.intended_outcome.reviewed, None))
    shown = []
    for kind, on, expires in dated:
        term = policy.terms.get(f"{kind}_age")
        ends = [on + timedelta(days=term.limit_days)] if term and system.risk.tier in term.tiers else []
        ends += [expires] if expires else []
        if ends and as_of <= min(ends) <= as_of + SOON:
            until = min(ends)
            shown.append(Expiring(metric_name(f"{kind}_age"), on, until, (until - as_of).days))
    return tuple(sorted(shown, key=lambda one: (one.until, one.what)))
