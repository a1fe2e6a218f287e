"""What stands open: incidents that nobody closes, and a retired system that goes on."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pandas as pd
from measuring import days, measured, registered
from towns import FIRST, POLICY, WEEK, only, with_grace

from sundial.engine.standing import Incident
from sundial.register.models import Policy
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


def retired(outputs_weeks: int, weeks: int, policy: Policy = POLICY, **changes: Any) -> Finding:
    """The finding of the last of some weeks of which the first ones had outputs."""
    rows = {"outputs": pd.DataFrame({"day": days(outputs_weeks, 7), "prediction": 1})}
    system = registered(**{"status": "retired", **changes})
    return only(measured(system, "accountability.retirement", rows, weeks, policy), "retired_but_running")


def test_a_retired_system_that_puts_out_again_is_a_breach_at_once() -> None:
    found = retired(2, 2)
    assert (found.status, found.details["outputs"]) == (Status.BREACH, 7)
    assert found.details["since"] == str(FIRST + WEEK)


def test_a_city_that_gives_a_grace_watches_it_first() -> None:
    graceful = with_grace("retired_but_running", 7)
    assert retired(2, 2, graceful).status is Status.WATCH
    assert retired(3, 3, graceful).status is Status.BREACH


def test_the_week_in_which_it_was_retired_may_have_outputs() -> None:
    assert retired(1, 1).status is Status.OK
    assert retired(1, 2).status is Status.OK


def test_a_system_in_use_is_not_asked() -> None:
    assert retired(2, 2, status="deployed").status is Status.NOT_APPLICABLE


def test_the_silence_of_a_retired_system_is_no_fault() -> None:
    rows = {"outputs": pd.DataFrame({"day": days(1, 7), "prediction": 1})}
    for check, metric in (("drift.silence", "silent"), ("drift.volume", "volume_ratio")):
        found = only(measured(registered(status="retired"), check, rows, 8), metric)
        assert found.status is Status.NOT_APPLICABLE
    assert only(measured(registered(), "drift.silence", rows, 8), "silent").status is Status.BREACH
