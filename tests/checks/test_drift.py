"""Drift between ok and confirmed: a number that moved in few rows, and too few outcomes at each score."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from measuring import days, measured, registered
from towns import FIRST, WEEK, only

from sundial.store.records import Finding, Status

BASELINE = 4
"""Weeks of the small town's baseline."""


def number(a_week: int, moved_by: float, weeks: int = 8) -> Finding:
    """The finding of heights that lie higher after the baseline."""
    rows = pd.DataFrame({"day": days(weeks, a_week), "score": 0.7, "kind": "LED", "area": "north"})
    after = np.arange(len(rows)) >= BASELINE * a_week
    rows["height"] = np.random.default_rng(17).normal(50, 10, len(rows)) + moved_by * after
    system = registered(outputs={"numbers": [{"column": "height", "low": 0, "high": 100}]})
    return only(measured(system, "drift.numbers", {"outputs": rows}, weeks), "number_share_change")


def test_a_number_that_stays_is_ok() -> None:
    assert number(200, 0).status is Status.OK


def test_a_number_that_moves_is_watched_and_with_many_rows_confirmed() -> None:
    found = number(20, 5)
    assert found.status is Status.WATCH
    assert found.evidence is not None
    assert not found.evidence.confirmed
    assert number(200, 10).status is Status.BREACH


def test_a_number_of_few_rows_says_nothing() -> None:
    assert number(7, 5).status is Status.NOT_MEASURED


def concept(a_week: int, weeks: int = 9) -> Finding:
    """The finding where outcomes follow from the score as before, of 300 outputs a week in the baseline."""
    rows = pd.concat([days(BASELINE, 300), days(weeks, a_week)[BASELINE * a_week :]], ignore_index=True)
    random = np.random.default_rng(13)
    score = random.random(len(rows))
    frame = pd.DataFrame({"day": rows, "score": score, "kind": "LED", "area": "north"})
    frame["truth_"] = (random.random(len(rows)) < score).astype(int)
    frame["outcome_counted"] = [day - timedelta(days=day.weekday()) + WEEK for day in rows]
    return only(measured(registered(), "drift.concept", {"outputs": frame}, weeks), "outcome_rate_change")


def test_outcomes_that_follow_from_the_score_as_before_are_ok() -> None:
    found = concept(1_000)
    assert (found.status, found.n) == (Status.OK, pytest.approx(400, abs=100))


def test_outcomes_that_are_few_at_each_score_say_nothing_of_the_concept() -> None:
    found = concept(30)
    assert (found.status, found.estimate) == (Status.INSUFFICIENT, None)
    assert "No tenth of the score has 30 outcomes" in found.reason


COMPARED = ["categories", "missing", "multivariate", "numbers", "score", "volume"]


@pytest.mark.parametrize("check", COMPARED)
def test_outputs_that_ended_as_registered_do_not_drift(check: str) -> None:
    rows = pd.DataFrame({"day": days(5, 40), "score": 0.7, "kind": "LED", "area": "north", "height": 50.0})
    numbers = [{"column": "height", "low": 0, "high": 100}]
    system = registered(outputs={"numbers": numbers, "ends": FIRST + 5 * WEEK})
    found = measured(system, f"drift.{check}", {"outputs": rows}, 11)
    assert found
    assert {(one.status, one.reason[:13]) for one in found} == {(Status.NOT_APPLICABLE, "Outputs ended")}


def test_a_column_that_never_had_a_value_is_no_drift() -> None:
    rows = pd.DataFrame({"day": days(30, 400), "score": 0.7, "kind": None, "area": "north"})
    found = measured(registered(), "drift.missing", {"outputs": rows}, 30)
    kind = only(found, "missing_share", column="kind")
    assert (kind.status, kind.estimate, kind.threshold, kind.evidence) == (Status.OK, 1.0, None, None)
    assert "no more can be missing than were" in kind.reason
    assert only(found, "missing_share", column="area").evidence is not None


def test_of_a_baseline_with_few_rows_nothing_is_said_and_of_a_small_one_no_more_than_it_tells() -> None:
    def gone(a_week_at_first: int) -> Finding:
        """The finding of a column of which nothing was missing at first, and 6 in 100 are later."""
        at_first, later = days(BASELINE, a_week_at_first), days(30, 400)[BASELINE * 400 :]
        frame = pd.DataFrame({"day": pd.concat([at_first, later], ignore_index=True), "score": 0.7})
        frame["kind"] = ["LED"] * len(at_first) + ["LED" if n % 100 >= 6 else None for n in range(len(later))]
        found = measured(registered(), "drift.missing", {"outputs": frame.assign(area="north")}, 30)
        return only(found, "missing_share", column="kind")

    assert gone(7).status is Status.NOT_MEASURED
    assert "28 outputs" in gone(7).reason
    assert gone(11).status is Status.OK  # of 44 rows none tells little of a share
    assert gone(400).status is Status.BREACH


def test_late_outcomes_of_the_baseline_begin_no_other_stream_of_the_concept() -> None:
    weeks, a_week = 20, 1_000
    day = days(weeks, a_week)
    random = np.random.default_rng(13)
    score = random.random(len(day))
    right = (random.random(len(day)) < score).astype(int)
    turned = (np.arange(len(day)) // a_week >= 6) & (random.random(len(day)) < 0.25)
    frame = pd.DataFrame({"day": day, "score": score, "kind": "LED", "area": "north"})
    frame["truth_"] = np.where(turned, 1 - right, right)
    counted = [one - timedelta(days=one.weekday()) + WEEK for one in day]
    frame["outcome_counted"] = [
        FIRST + (7 + place % 12) * WEEK if place % 40 == 0 and place < BASELINE * a_week else monday
        for place, monday in enumerate(counted)
    ]
    found = only(measured(registered(), "drift.concept", {"outputs": frame}, weeks), "outcome_rate_change")
    assert found.status is Status.BREACH
    assert found.evidence is not None
    assert found.evidence.weeks == weeks - BASELINE - 1
