"""Incidents that nobody closes."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from measuring import measured, registered
from towns import FIRST, POLICY, WEEK, only

from sundial.engine.standing import Incident
from sundial.store.records import Finding, Status

CHECK = "security_and_safety.incidents"
END = FIRST + timedelta(days=6)
TERM = POLICY.terms["incident_open"]


def incident(discovered: date = FIRST, closed: date | None = None, **changes: Any) -> Incident:
    return Incident(
        **{
            "id": "HARM-1",
            "kind": "harm",
            "grave": True,
            "discovered": discovered,
            "reported": discovered,
            "closed": closed,
            **changes,
        }
    )


def found(*known: Incident, **changes: Any) -> Finding:
    return only(measured(registered(**changes), CHECK, {}, 1, incidents=known), "open_incidents")


def test_none_is_ok_and_says_that_none_was_reported() -> None:
    assert (found().status, found().reason) == (Status.OK, "No reported incident is open.")


def test_an_open_one_is_watched_and_past_its_term_a_breach() -> None:
    young = found(incident())
    assert (young.status, young.details["incidents"], young.details["grave"]) == (
        Status.WATCH,
        ["HARM-1"],
        1,
    )
    assert found(incident(FIRST - timedelta(days=TERM.grace_days))).status is Status.BREACH


def test_what_is_closed_or_was_reported_later_is_not_open() -> None:
    later = incident(id="HARM-2", reported=END + timedelta(days=1))
    assert found(incident(FIRST - WEEK, closed=END), later).status is Status.OK


def test_historical_data_has_none_unless_one_was_reported() -> None:
    assert found(operated=False).status is Status.NOT_APPLICABLE
    assert found(incident(), operated=False).status is Status.WATCH
