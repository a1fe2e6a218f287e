"""Multivariate drift: columns that change together are seen where each of them keeps its own distribution."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from towns import FIRST, WEEK, only, town_at

from sundial.store.records import Finding, Status, Window

CHECKS = ["drift.multivariate", "drift.score", "drift.categories"]
BASELINE = 4


def rows_of(weeks: int, a_week: int = 150, seed: int = 4) -> pd.DataFrame:
    """Outputs whose score, kind and area have nothing to do with each other."""
    random = np.random.default_rng(seed)
    n = weeks * a_week
    day = pd.Timestamp(FIRST) + pd.to_timedelta(np.arange(n) // a_week * 7 + np.arange(n) % 7, "D")
    return pd.DataFrame(
        {
            "id": [f"r{place:05d}" for place in range(n)],
            "lit_on": day.date,
            "known_on": (day + pd.Timedelta(days=7)).date,
            "score": random.random(n).round(3),
            "kind": random.choice(["LED", "sodium"], n),
            "area": random.choice(["north", "south"], n),
            "broken": random.integers(0, 2, n),
        }
    )


def measured(folder: Path, rows: pd.DataFrame, weeks: int = 8, **changes: Any) -> tuple[Finding, ...]:
    town = town_at(folder, checks=CHECKS, **changes)
    town.give(rows)
    found = town.measure(FIRST + weeks * WEEK - timedelta(days=1))
    assert not [f.reason for f in found if f.status is Status.ERROR]
    return found


def after_the_baseline(rows: pd.DataFrame) -> pd.Series:
    return pd.to_datetime(rows["lit_on"]) >= pd.Timestamp(FIRST + BASELINE * WEEK)


def test_nothing_moved_is_not_told_apart(tmp_path: Path) -> None:
    shift = only(measured(tmp_path, rows_of(8)), "domain_classifier_auc")
    assert shift.status is Status.OK
    assert shift.estimate == pytest.approx(0.5, abs=0.05)
    assert shift.estimate < shift.details["auc_without_drift"] < 0.6
    assert shift.details["p_value"] > 0.01
    assert (shift.n, shift.details["baseline_n"]) == (600, 600)
    assert "cannot be told from the baseline's" in shift.reason
    assert shift.evidence is None


def test_columns_that_move_together_only_are_seen_and_named(tmp_path: Path) -> None:
    rows = rows_of(8)
    late = after_the_baseline(rows)
    rows.loc[late, "kind"] = np.where(rows.loc[late, "score"] > 0.5, "LED", "sodium")
    found = measured(tmp_path, rows)
    alone = [f for f in found if f.metric.endswith("_share_change")]
    assert len(alone) == 4
    assert {f.status for f in alone} == {Status.OK}
    shift = only(found, "domain_classifier_auc")
    assert shift.status is Status.WATCH
    assert shift.threshold is not None
    assert shift.estimate > shift.threshold.value > shift.details["auc_without_drift"]
    assert shift.details["p_value"] == 0.01
    named = {driver["column"] for driver in shift.details["columns"]}
    assert "kind" in named
    assert "area" not in named
    assert "most by" in shift.reason
    assert "kind" in shift.reason


def test_a_small_move_that_is_sure_is_not_worth_a_look(tmp_path: Path) -> None:
    rows = rows_of(8, 300)
    late = after_the_baseline(rows)
    rows.loc[late, "score"] = (rows.loc[late, "score"] ** 0.72).round(3)
    shift = only(measured(tmp_path, rows), "domain_classifier_auc")
    assert (shift.status, shift.details["p_value"]) == (Status.OK, 0.01)
    assert (shift.n, shift.details["baseline_n"]) == (1000, 1000), "samples are bounded"
    assert "less than is worth a look; most by" in shift.reason


def test_the_window_has_no_day_of_the_baseline(tmp_path: Path) -> None:
    shift = only(measured(tmp_path, rows_of(5), weeks=5), "domain_classifier_auc")
    first = FIRST + BASELINE * WEEK
    assert shift.window == Window(first, first + timedelta(days=6), 4)
    assert shift.n == 150


@pytest.mark.parametrize(
    ("changes", "a_week", "status", "says"),
    [
        ({}, 6, Status.INSUFFICIENT, "Only 24 rows to tell apart; 30 are needed"),
        ({"baseline": None}, 60, Status.NOT_MEASURED, "No baseline is approved"),
        ({"outputs": {"cluster": "note"}}, 60, Status.NOT_APPLICABLE, "not exchangeable"),
    ],
)
def test_what_cannot_be_tested_says_why(
    tmp_path: Path, changes: dict[str, Any], a_week: int, status: Status, says: str
) -> None:
    rows = rows_of(8, a_week).assign(note="one meeting")
    shift = only(measured(tmp_path, rows, **changes), "domain_classifier_auc")
    assert (shift.status, shift.estimate) == (status, None)
    assert says in shift.reason


def test_columns_without_any_variation_are_no_drift(tmp_path: Path) -> None:
    rows = rows_of(8).assign(score=0.7, kind="LED", area="north")
    shift = only(measured(tmp_path, rows), "domain_classifier_auc")
    assert (shift.status, shift.estimate) == (Status.OK, None)
    assert "No column varies" in shift.reason
