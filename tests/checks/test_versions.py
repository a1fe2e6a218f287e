"""A new version of the model: one planned comparison with the version before, and drift begins anew."""

from __future__ import annotations

import math
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from towns import FIRST, POLICY, WEEK, Town, only, parquet, town_at

from checks.version_change import WEEKS
from sundial.stats import intervals
from sundial.stats.evidence import Distribution, Floor, TwoSample
from sundial.store.records import Finding, Status

pytestmark = pytest.mark.slow

CHECKS = ["drift.version_change", "drift.categories", "drift.score", "effectiveness.rates"]
TOLERANCE = POLICY.thresholds["version_change"].value
CHANGED = 8
"""Weeks of the version before."""


def rows_of(
    weeks: int,
    *,
    right: tuple[float, float] = (0.8, 0.8),
    chosen: tuple[float, float] = (0.4, 0.4),
    a_week: int = 200,
) -> pd.DataFrame:
    """Outputs of two versions in which these shares are right, and positive."""
    random = np.random.default_rng(8)
    n = weeks * a_week
    week = np.arange(n) // a_week
    new = (week >= CHANGED).astype(int)
    day = pd.Timestamp(FIRST) + pd.to_timedelta(week * 7 + np.arange(n) % 7, "D")
    positive = random.random(n) < np.array(chosen)[new]
    correct = random.random(n) < np.array(right)[new]
    return pd.DataFrame(
        {
            "id": [f"r{place:05d}" for place in range(n)],
            "lit_on": day.date,
            "known_on": (day + pd.Timedelta(days=7)).date,
            "week": week,
            "score": np.where(positive, 0.9, 0.1) + random.uniform(-0.05, 0.05, n).round(3),
            "kind": random.choice(["LED", "sodium"], n),
            "area": "north",
            "version": np.array(["1.0", "2.0"])[new],
            "positive": positive,
            "correct": correct,
            "broken": (positive == correct).astype(int),
        }
    )


def with_versions(folder: Path, **changes: Any) -> Town:
    return town_at(folder, checks=CHECKS, groups=None, outputs={"model_version": "version"}, **changes)


def measured(town: Town, rows: pd.DataFrame, weeks: int) -> tuple[Finding, ...]:
    parquet(town.folder / "outputs.parquet", rows.drop(columns=["known_on", "broken", "positive", "correct"]))
    parquet(town.folder / "outcomes.parquet", rows[["id", "known_on", "broken"]])
    found = town.measure(FIRST + weeks * WEEK - timedelta(days=1))
    assert not [f.reason for f in found if f.status is Status.ERROR]
    return found


def test_a_version_that_is_worse_is_confirmed_by_its_own_blocks(tmp_path: Path) -> None:
    rows = rows_of(18, right=(0.85, 0.6))
    found = only(measured(with_versions(tmp_path), rows, 18), "version_outcome_change")
    assert found.status is Status.BREACH
    by_week = rows.groupby("week")["correct"].agg(["sum", "count"]).reindex(range(-1, 18), fill_value=0)
    # The outcomes of a week's outputs come in the next one: nine weeks of version 2.0, eight before it.
    blocks = [(*by_week.loc[CHANGED + k], *by_week.loc[CHANGED - 1 - k]) for k in range(9)]
    assert found.evidence is not None
    assert found.evidence.log_e == pytest.approx(TwoSample(TOLERANCE).replay(blocks).log_e)
    window = rows[(rows["week"] >= 13) & (rows["week"] < 17)]
    before = rows[(rows["week"] >= CHANGED - 4) & (rows["week"] < CHANGED)]
    counted = window["correct"].sum(), len(window), before["correct"].sum(), len(before)
    assert (found.n, found.details["n_before"]) == (800, 800)
    assert found.estimate == pytest.approx(counted[0] / 800 - counted[2] / 800)
    assert found.interval == intervals.difference(*counted)
    assert (found.details["before"], found.details["after"]) == ("1.0", "2.0")
    assert found.details["since"] == (FIRST + CHANGED * WEEK).isoformat()


def test_a_version_that_is_better_is_ok_though_the_change_is_sure(tmp_path: Path) -> None:
    found = only(
        measured(with_versions(tmp_path), rows_of(18, right=(0.6, 0.85)), 18), "version_outcome_change"
    )
    assert found.evidence is not None
    assert found.evidence.confirmed
    assert (found.status, found.reason[:18]) == (Status.OK, "Better than before")


def test_a_version_that_is_alike_changes_nothing(tmp_path: Path) -> None:
    found = measured(with_versions(tmp_path), rows_of(18), 18)
    for metric in ("version_outcome_change", "version_selection_change", "version_score_change"):
        assert only(found, metric).status is Status.OK, metric


def test_other_decisions_and_scores_are_seen(tmp_path: Path) -> None:
    found = measured(with_versions(tmp_path), rows_of(18, chosen=(0.3, 0.6)), 18)
    assert only(found, "version_selection_change").status is Status.BREACH
    score = only(found, "version_score_change")
    assert (score.status, score.evidence) == (Status.WATCH, None)
    assert score.interval is not None
    low, high = score.details["kolmogorov_smirnov_bracket"]
    assert score.interval.low < low <= score.estimate <= high < score.interval.high
    assert score.interval.low > 0.1


def test_outcomes_wait_until_those_of_the_new_version_had_their_time(tmp_path: Path) -> None:
    found = measured(with_versions(tmp_path), rows_of(CHANGED + 1), CHANGED + 1)
    outcome = only(found, "version_outcome_change")
    assert outcome.status is Status.NOT_MEASURED
    assert "Immature" in outcome.reason
    assert only(found, "version_selection_change").n == 200


def test_versions_of_few_outputs_are_not_compared(tmp_path: Path) -> None:
    found = measured(with_versions(tmp_path), rows_of(16, a_week=5), 16)
    for metric in ("version_outcome_change", "version_selection_change", "version_score_change"):
        assert (only(found, metric).status, only(found, metric).n) == (Status.INSUFFICIENT, 20), metric


@pytest.mark.parametrize("metric", ["version_outcome_change", "version_selection_change"])
def test_a_version_that_differs_is_watched_until_it_is_confirmed(tmp_path: Path, metric: str) -> None:
    rows = rows_of(10, right=(0.85, 0.65), chosen=(0.4, 0.5), a_week=60)
    found = only(measured(with_versions(tmp_path), rows, 10), metric)
    assert found.status is Status.WATCH
    assert found.evidence is not None
    assert not found.evidence.confirmed


@pytest.mark.parametrize(("version", "says"), [("version", "one version only"), (None, "name no version")])
def test_without_two_versions_there_is_nothing_to_compare(
    tmp_path: Path, version: str | None, says: str
) -> None:
    town = town_at(tmp_path, checks=CHECKS, groups=None, outputs={"model_version": version})
    found = only(measured(town, rows_of(4), 4), "version_change")
    assert found.status is Status.NOT_APPLICABLE
    assert says in found.reason


def test_drift_begins_anew_with_a_version_and_targets_do_not(tmp_path: Path) -> None:
    rows = rows_of(12, right=(0.5, 0.5))
    rows.loc[rows["week"] >= 4, "kind"] = "LED"
    town = with_versions(tmp_path)
    before = measured(town, rows, CHANGED)
    after = measured(town, rows, CHANGED + 2)
    drift, anew = (only(found, "category_share_change", column="kind").evidence for found in (before, after))
    assert drift is not None
    assert anew is not None
    assert drift.stream == anew.stream
    assert drift.log_alarm == anew.log_alarm
    base = [float((rows[rows["week"] < 4]["kind"] == kind).sum()) for kind in ("LED", "sodium")]
    practical = POLICY.thresholds["practical_share_change"].value
    expected = Distribution([*base, 0], practical).replay([[200, 0, 0]] * 2)
    assert (anew.weeks, anew.log_e) == (2, pytest.approx(expected.log_e))
    assert drift.log_e > anew.log_e
    target = only(after, "accuracy").evidence
    assert target is not None
    by_week = rows.groupby("week")["correct"].agg(["sum", "count"]).loc[:CHANGED]
    assert target.log_e == pytest.approx(Floor(0.6).replay(by_week.itertuples(index=False, name=None)).log_e)


def test_a_version_that_comes_back_is_no_new_one(tmp_path: Path) -> None:
    rows = rows_of(12)
    rows.loc[rows["week"] >= 10, "version"] = "1.0"
    found = only(measured(with_versions(tmp_path), rows, 12), "version_selection_change")
    assert found.details["since"] == (FIRST + CHANGED * WEEK).isoformat()
    assert date.fromisoformat(found.details["since"]).weekday() == 0
    assert found.n == 400, "the new version's outputs in the window, not those of the one that came back"


def test_a_version_that_was_worse_is_not_called_better_for_a_good_quarter(tmp_path: Path) -> None:
    """The evidence speaks both ways: what it confirmed is that the version was worse."""
    rows = rows_of(33, right=(0.8, 0.3))
    late = (rows["week"] >= 24) & ~rows["correct"] & (np.random.default_rng(1).random(len(rows)) < 0.8)
    rows["broken"] = np.where(late, 1 - rows["broken"], rows["broken"])  # right in 86 % of the last weeks
    found = only(measured(with_versions(tmp_path, window_weeks=4), rows, 33), "version_outcome_change")
    assert (found.estimate or 0) > 0
    assert found.status is Status.BREACH
    assert "Better" not in found.reason


@pytest.mark.parametrize(("right", "said"), [(0.3, "with a"), (0.8, "without a")])
def test_a_comparison_is_over_after_its_weeks(tmp_path: Path, right: float, said: str) -> None:
    """What it confirmed stays in its last findings; it could not recover, since no week is added any more."""
    rows, town = rows_of(37, right=(0.8, right)), with_versions(tmp_path)
    weeks = CHANGED + 1 + WEEKS  # outcomes have a week to mature
    last = only(measured(town, rows, weeks), "version_outcome_change")
    assert last.status is (Status.BREACH if right < 0.8 else Status.OK)
    found = measured(town, rows, weeks + 1)
    after = only(found, "version_outcome_change")
    assert only(found, "version_score_change").status is Status.NOT_APPLICABLE
    assert after.status is Status.NOT_APPLICABLE
    assert f"ended after {WEEKS} weeks, {said} confirmed" in after.reason
    assert after.evidence is not None


def test_however_many_versions_come_they_have_one_weight_together(tmp_path: Path) -> None:
    rows = rows_of(16).assign(version=lambda frame: (frame["week"] // 4).astype(str))
    town, alarms = with_versions(tmp_path), []
    for weeks in (8, 12, 16):
        found = only(measured(town, rows[rows["week"] < weeks], weeks), "version_selection_change")
        assert found.evidence is not None
        alarms.append(found.evidence.log_alarm)
    parts = [math.exp(alarms[0] - alarm) / 2 for alarm in alarms]
    assert parts == pytest.approx([1 / 2, 1 / 6, 1 / 12])


def test_labels_of_a_few_outputs_are_no_new_versions(tmp_path: Path) -> None:
    rows = rows_of(12, a_week=80).assign(version="1.0")
    junk = rows.copy()
    junk.loc[junk.index % 80 == 0, "version"] = [f"test {week}" for week in range(12)]
    found = []
    for folder, given in ((tmp_path / "clean", rows), (tmp_path / "junk", junk)):
        folder.mkdir()
        found.append(measured(with_versions(folder), given, 12))
    clean, spoilt = (only(findings, "score_share_change") for findings in found)
    assert clean.evidence == spoilt.evidence
    assert clean.evidence is not None
    assert clean.evidence.weeks > 5
    changes = [[(f.metric, f.status) for f in all_ if f.check == "drift.version_change"] for all_ in found]
    assert changes[0] == changes[1]


def test_a_version_that_comes_slowly_has_all_its_outputs_compared(tmp_path: Path) -> None:
    rows = rows_of(16, right=(0.85, 0.6))
    slow = rows.drop(rows[(rows["week"].isin([CHANGED, CHANGED + 1])) & (rows.index % 16 > 0)].index)
    town = with_versions(tmp_path)
    found = only(measured(town, slow, 16), "version_outcome_change")
    assert found.evidence is not None
    fed = [counts for _, counts in town.results.evidence(town.system.id)[found.evidence.stream]]
    assert len(fed) == 16 - CHANGED - 2  # the two weeks of 13 outputs are in the first block
    assert sum(n for _, n, _, _ in fed) == len(slow[slow["week"].between(CHANGED, 14)])
