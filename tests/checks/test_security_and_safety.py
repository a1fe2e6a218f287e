"""What goes in and out: doubled outputs and values outside their usual range."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from measuring import days, measured, registered
from towns import FIRST, WEEK, only

from sundial.gate.judged import Judged, RuleResult
from sundial.store.records import Finding, Status


def batch(week: int, rows: int, doubled: int) -> Judged:
    """What the gate keeps of a batch of one week."""
    counted = {(FIRST + week * WEEK).isoformat(): (doubled, rows)}
    return Judged(
        f"b{week}", rows, rows - doubled, doubled, 0, [], {}, None, "", {}, {"contract": ""}, counted
    )


def doubled(weeks: int, rows: int, of_week: int, **more: Any) -> Finding:
    outputs = pd.DataFrame({"day": days(weeks, 10), "score": 0.7, "kind": "LED", "area": "north"})
    gates = {"outputs": [batch(week, rows, of_week) for week in range(weeks)]}
    check = "security_and_safety.duplicates"
    return measured(registered(), check, {"outputs": outputs}, weeks, gates=gates, **more)[0]


def test_few_doubled_rows_are_ok_many_are_watched_and_then_confirmed() -> None:
    assert doubled(4, 1_000, 2).status is Status.OK
    assert doubled(1, 100, 3).status is Status.WATCH
    found = doubled(8, 1_000, 100)
    assert found.status is Status.BREACH
    assert found.estimate == pytest.approx(0.1)


def test_doubled_rows_of_few_say_nothing_and_a_failed_feed_is_an_error() -> None:
    assert doubled(1, 20, 3).status is Status.INSUFFICIENT
    assert doubled(2, 100, 1, failed={"outputs": "Gone."}).status is Status.ERROR


def refused(weeks: int, rows: int, of_week: int) -> Finding:
    """The finding of outputs of which the contract refused so many in each week."""
    outputs = pd.DataFrame({"day": days(weeks, 10), "score": 0.7, "kind": "LED", "area": "north"})
    gates = {
        "outputs": [replace(batch(week, rows, 0), **_refusing(week, rows, of_week)) for week in range(weeks)]
    }
    check = "security_and_safety.refused_rows"
    found = measured(registered(), check, {"outputs": outputs}, weeks, gates=gates)
    return only(found, "refused_share", feed="outputs")


def _refusing(week: int, rows: int, of_week: int) -> dict[str, Any]:
    why = RuleResult("expect_column_values_to_not_be_null", "id", "critical", "id is missing", of_week)
    seen = {(FIRST + week * WEEK).isoformat(): (of_week, rows)}
    return {"accepted": rows - of_week, "refused": of_week, "rules": [why], "first_seen": seen}


def test_few_refused_rows_are_ok_many_are_watched_and_then_confirmed() -> None:
    assert refused(4, 1_000, 20).status is Status.OK
    assert refused(1, 100, 7).status is Status.WATCH
    found = refused(8, 1_000, 200)
    assert (found.status, found.estimate) == (Status.BREACH, pytest.approx(0.2))
    assert found.details == {"in_quarantine": 1_600, "reasons": {"id is missing": 1_600}}


def test_refused_rows_of_few_say_nothing() -> None:
    assert refused(1, 20, 7).status is Status.INSUFFICIENT


NUMBERS = {"numbers": [{"column": "age", "low": 0, "high": 100}]}


def far(weeks: int, a_week: int, outside: float, **more: Any) -> Finding:
    """Ages of which this share lies above the usual range; the others lie on both its ends and inside."""
    n = weeks * a_week
    age = np.tile([0.0, 100.0, 40.0, np.nan], n // 4 + 1)[:n]
    age[: int(n * outside)] = 101.0
    np.random.default_rng(1).shuffle(age)
    rows = {
        "outputs": pd.DataFrame(
            {"day": days(weeks, a_week), "score": 0.7, "kind": "LED", "area": "n", "age": age}
        )
    }
    system = registered(outputs=NUMBERS)
    return only(measured(system, "security_and_safety.outliers", rows, weeks, **more), "outlier_share")


def test_both_ends_of_the_usual_range_belong_to_it() -> None:
    found = far(4, 200, 0.0)
    assert (found.status, found.estimate) == (Status.OK, 0.0)
    assert found.n == 600


def test_values_outside_are_watched_and_then_confirmed() -> None:
    assert far(1, 100, 0.08).status is Status.WATCH
    assert far(8, 200, 0.3).status is Status.BREACH
    assert far(1, 24, 0.3).status is Status.INSUFFICIENT


def test_numbers_that_are_not_registered_have_no_range() -> None:
    outputs = pd.DataFrame({"day": days(2, 40), "score": 0.7, "kind": "LED", "area": "north"})
    (found,) = measured(registered(), "security_and_safety.outliers", {"outputs": outputs}, 2)
    assert found.status is Status.NOT_APPLICABLE
