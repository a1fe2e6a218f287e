"""Edges where others go wrong, through the real engine."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from towns import FIRST, WEEK, Town, only, parquet, rows_of

from checks.drift import days_due
from sundial.profile.statistics import UNKNOWN
from sundial.store.records import Finding, Status

AS_OF = FIRST + 8 * WEEK - timedelta(days=1)


def measured(town: Town, rows: pd.DataFrame) -> tuple[Finding, ...]:
    town.give(rows)
    found = town.measure(AS_OF)
    assert not [f.reason for f in found if f.status is Status.ERROR]
    return found


def test_a_zero_denominator_is_insufficient_and_leaves_the_gap(town: Town) -> None:
    rows = rows_of(8, 60)
    rows.loc[rows.index % 6 == 0, "area"] = "west"
    rows.loc[rows["area"] == "west", "broken"] = 0
    found = measured(town, rows)
    west = only(found, "true_positive_rate", area="west")
    assert (west.status, west.estimate, west.n) == (Status.INSUFFICIENT, None, 0)
    gap = only(found, "true_positive_rate_difference", by="area")
    assert "west" not in gap.details["rates"]
    assert gap.details["left_out"] == ["west"]
    rates = gap.details["rates"].values()
    assert gap.estimate == pytest.approx(max(rates) - min(rates))


def test_a_small_group_is_listed_and_left_out_of_gaps(town: Town) -> None:
    rows = rows_of(8, 60)
    rows.loc[rows.index[-40::8], "area"] = "west"
    rows.loc[rows["area"] == "west", "score"] = 0.99
    found = measured(town, rows)
    west = only(found, "selection_rate", area="west")
    assert (west.status, west.n, west.estimate) == (Status.INSUFFICIENT, 5, 1.0)
    gap = only(found, "selection_rate_difference", by="area")
    assert gap.details["left_out"] == ["west"]
    assert set(gap.details["rates"]) == {"north", "south"}


def test_a_missing_group_is_the_group_unknown(town: Town) -> None:
    rows = rows_of(8, 60)
    rows.loc[rows.index % 4 == 0, "area"] = None
    found = measured(town, rows)
    assert only(found, "selection_rate", area=UNKNOWN).n == 15 * 4
    assert UNKNOWN in only(found, "selection_rate_difference", by="area").details["rates"]


def test_a_level_may_hold_the_sign_between_levels(town: Town) -> None:
    crossed = town.changed(groups={"columns": ["area", "kind"], "intersections": [["area", "kind"]]})
    rows = rows_of(8, 60).assign(area=lambda frame: frame["area"].replace("north", "4th × Main"))
    found = measured(crossed, rows)
    assert only(found, "selection_rate", area="4th × Main").n == 30 * 4
    assert only(found, "selection_rate", area="4th × Main", kind="LED").n is not None


def test_one_class_only_has_no_auc_and_no_false_positive_rate(town: Town) -> None:
    found = measured(town, rows_of(8).assign(broken=1))
    for metric in ("auc", "false_positive_rate"):
        by_all = [f for f in found if f.metric == metric and not f.slice]
        assert [(f.status, f.estimate) for f in by_all] == [(Status.INSUFFICIENT, None)]


def test_a_constant_score_ranks_nothing(town: Town) -> None:
    found = measured(town, rows_of(8).assign(score=0.7))
    auc = only(found, "auc")
    assert auc.estimate == pytest.approx(0.5)
    assert only(found, "score_share_change").estimate == pytest.approx(0)
    rates = {f.slice: (f.status, f.estimate) for f in found if f.metric == "false_positive_rate"}
    assert rates[()] == (Status.OK, 1.0)


def test_an_empty_week_changes_no_evidence(town: Town) -> None:
    rows = rows_of(8)
    quiet = rows["lit_on"].between((FIRST + 6 * WEEK), (FIRST + 7 * WEEK - timedelta(days=1)))
    town.give(rows[~quiet])
    town.measure(FIRST + 6 * WEEK - timedelta(days=1))
    before = only(town.results.latest_findings("street-lights"), "selection_rate", area="north").evidence
    after = only(town.measure(FIRST + 7 * WEEK - timedelta(days=1)), "selection_rate", area="north").evidence
    assert before is not None
    assert after is not None
    assert (after.log_e, after.weeks) == (before.log_e, before.weeks)


def test_a_score_that_is_never_there_is_not_measured_and_nothing_else_suffers(town: Town) -> None:
    decided = town.changed(
        outputs={"prediction": "kind_code", "score": {"column": "score", "low": 0, "high": 1}}
    )
    rows = rows_of(8).assign(score=np.nan)
    rows["kind_code"] = (rows.index % 2 == 0).astype(int)
    decided.give(rows)
    parquet(decided.folder / "outputs.parquet", rows)
    found = decided.measure(AS_OF)
    assert not [f.reason for f in found if f.status is Status.ERROR]
    assert only(found, "score_share_change").status is Status.NOT_MEASURED
    assert only(found, "auc").status is Status.INSUFFICIENT
    assert only(found, "accuracy").estimate is not None


def test_volume_is_held_against_the_days_on_which_outputs_were_due(town: Town) -> None:
    end = FIRST + 6 * WEEK - timedelta(days=1)
    ended = town.changed(outputs={"ends": end.isoformat()})
    rows = rows_of(8)
    found = measured(ended, rows[rows["lit_on"] <= end])
    assert only(found, "volume_ratio").estimate == pytest.approx(1, abs=0.05), (
        "no output is missed after the end"
    )


@pytest.mark.parametrize(
    ("first", "last", "cadence", "due"),
    [
        (date(2015, 12, 31), date(2016, 1, 10), "yearly", 366),
        (date(2015, 12, 31), date(2017, 1, 1), "yearly", 732),
        (date(2016, 1, 4), date(2016, 1, 10), "weekly", 7),
        (date(2016, 1, 4), date(2016, 1, 12), "weekly", 14),
        (date(2016, 1, 4), date(2016, 1, 12), "daily", 9),
    ],
)
def test_outputs_are_due_in_whole_periods_of_the_cadence(
    first: date, last: date, cadence: str, due: int
) -> None:
    assert days_due(first, last, cadence) == due


def test_a_group_that_left_the_window_keeps_its_evidence(town: Town) -> None:
    rows = rows_of(10, 60)
    early = rows["lit_on"] < FIRST + 3 * WEEK
    rows.loc[early & (rows.index % 3 == 0), "area"] = "west"
    town.give(rows)
    before = only(town.measure(FIRST + 3 * WEEK - timedelta(days=1)), "selection_rate", area="west")
    after = only(town.measure(FIRST + 10 * WEEK - timedelta(days=1)), "selection_rate", area="west")
    assert before.evidence is not None
    assert after.evidence is not None
    assert before.n > 0
    assert (after.n, after.estimate, after.status) == (0, None, Status.INSUFFICIENT)
    assert after.evidence.log_e == pytest.approx(before.evidence.log_e)
