"""What the contract promises, what people did before, and what errors cost: every status of each."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest
from measuring import Rows, measured, registered, shares
from towns import WEEK, only

from sundial.register.models import System
from sundial.store.records import Finding, Status

APPROVED = {"approved_by": "CIO", "approved_on": "2014-01-01"}
PROMISED = {"metric": "failed_share", "target": 0.5, "clause": "Exhibit B, 2.1", **APPROVED}
PROCESS = {
    "name": "Two inspectors",
    "metric": "accuracy",
    "successes": 500,
    "n": 1000,
    "start": "2013-01-01",
    "end": "2013-12-31",
    **APPROVED,
}
COSTS = {"unit": "staff hours", "false_positive": 2, "false_negative": 5, **APPROVED}


def promised(of_ten: int, weeks: int, a_week: int) -> Finding:
    """The finding where so many of ten answers failed, and the contract allows five."""
    rows = shares(weeks, a_week, of_ten, "down", score=0.7, kind="LED", area="north")
    system = registered(outputs={"failed": "down"}, service_levels=[PROMISED])
    return only(
        measured(system, "effectiveness.service_levels", {"outputs": rows}, weeks), "promised_failed_share"
    )


def test_a_promise_that_is_kept_is_ok() -> None:
    found = promised(2, 8, 140)
    assert (found.status, found.estimate) == (Status.OK, pytest.approx(0.2))
    assert found.threshold is not None
    assert found.threshold.name == "service_levels: Exhibit B, 2.1"


def test_a_promise_that_is_missed_is_watched_and_then_confirmed() -> None:
    assert promised(6, 1, 140).status is Status.WATCH
    assert promised(8, 8, 140).status is Status.BREACH


def test_a_promise_about_few_answers_is_neither_kept_nor_missed() -> None:
    found = promised(8, 1, 14)
    assert (found.status, found.n) == (Status.INSUFFICIENT, 14)


def test_without_a_contract_nothing_is_promised() -> None:
    (found,) = measured(registered(), "effectiveness.service_levels", judged(1, 14, 8), 1)
    assert found.status is Status.NOT_APPLICABLE


def judged(weeks: int, a_week: int, right_of_ten: int) -> Rows:
    """Outputs of which so many of ten are right; each one's truth is known a week later."""
    rows = shares(weeks, a_week, right_of_ten, "truth_", score=0.7, kind="LED", area="north")
    monday = [day - timedelta(days=day.weekday()) for day in rows["day"]]
    return {"outputs": rows.assign(outcome_counted=pd.Series(monday) + WEEK)}


def against(right_of_ten: int, weeks: int = 8, a_week: int = 140) -> Finding:
    """The finding where so many of ten outputs are right, and people were right in five."""
    rows, system = judged(weeks, a_week, right_of_ten), registered(process=PROCESS)
    return only(measured(system, "effectiveness.process", rows, weeks), "accuracy_against_process")


def test_better_than_people_were_is_ok() -> None:
    found = against(8)
    assert (found.status, found.estimate, found.n) == (Status.OK, pytest.approx(0.3), 560)
    assert found.interval is not None
    assert found.interval.low < 0.3 < found.interval.high


def test_slightly_worse_than_people_were_is_watched_and_much_worse_confirmed() -> None:
    assert against(4, 2).status is Status.WATCH
    assert against(2).status is Status.BREACH


def test_few_outputs_are_neither_better_nor_worse_than_people_were() -> None:
    found = against(2, 2, 14)
    assert (found.status, found.n) == (Status.INSUFFICIENT, 14)


def test_before_an_outcome_had_its_time_nothing_is_held_against_people() -> None:
    assert against(2, 1).status is Status.NOT_MEASURED
    (found,) = measured(registered(), "effectiveness.process", judged(2, 14, 8), 2)
    assert (found.metric, found.status) == ("against_process", Status.NOT_MEASURED)


def cost(a_week: int, system: System) -> Finding:
    (found,) = measured(system, "effectiveness.costs", judged(2, a_week, 8), 2)
    return found


def test_costs_are_reported_of_enough_errors_and_not_of_few() -> None:
    found = cost(140, registered(costs=COSTS))
    assert (found.status, found.threshold) == (Status.OK, None)
    assert found.estimate == pytest.approx(1_000 * 2 * 0.2)
    few = cost(14, registered(costs=COSTS))
    assert (few.status, few.n) == (Status.INSUFFICIENT, 14)
    assert cost(140, registered()).status is Status.NOT_MEASURED
