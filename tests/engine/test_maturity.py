"""What changes with outputs shows in outcomes only once theirs have had their time: repairs, new versions."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from towns import FIRST, WEEK, Town, parquet, rows_of, town_at

from sundial.store.records import Finding, Status


def told(town: Town, rows: pd.DataFrame, weeks: int, metric: str) -> dict[int, Finding]:
    """The findings that carry evidence, by the number of their week from 0 on."""
    for feed in ("outputs", "outcomes"):
        parquet(town.folder / f"{feed}.parquet", rows)
    town.measure(FIRST + weeks * WEEK - timedelta(days=1))
    found = town.results.findings_between(date.min, date.max)
    return {(f.week - FIRST) // WEEK: f for f in found if f.metric == metric and f.evidence is not None}


@pytest.mark.parametrize("weeks_of_maturity", [0, 8])
def test_a_repair_is_asked_for_the_outcomes_of_repaired_outputs(
    tmp_path: Path, weeks_of_maturity: int
) -> None:
    bad, repaired = 8, 20
    town = town_at(
        tmp_path,
        outcomes={"maturity_days": 7 * weeks_of_maturity},
        checks=["effectiveness.rates"],
        remediations=[
            {
                "on": str(FIRST + repaired * WEEK - timedelta(days=1)),
                "what": "The model was trained on new reports.",
                "checks": "all",
                "recorded_by": "Ann Example",
            }
        ],
    )
    rows = rows_of(36, 100)
    week = np.arange(len(rows)) // 100
    right = np.random.default_rng(0).random(len(rows)) < np.where((week >= bad) & (week < repaired), 0.4, 0.9)
    rows["broken"] = ((rows["score"] >= 0.5) == right).astype(int)
    rows["known_on"] = [day + weeks_of_maturity * WEEK for day in rows["lit_on"]]
    found = told(town, rows, 36, "accuracy")
    first = repaired + weeks_of_maturity
    assert {n for n, f in found.items() if f.status is Status.BREACH} == {
        *range(bad + weeks_of_maturity, first)
    }
    recovered = found[first].evidence
    assert recovered is not None
    assert recovered.log_detector == -np.inf  # it began anew


def test_a_new_versions_concept_is_not_held_against_the_outcomes_of_the_one_before(tmp_path: Path) -> None:
    bad, changed, maturity = 13, 20, 8
    town = town_at(
        tmp_path,
        outputs={"model_version": "version"},
        outcomes={"maturity_days": 7 * maturity},
        checks=["drift.concept"],
    )
    rows = rows_of(32, 400)
    week = np.arange(len(rows)) // 400
    rows["version"] = np.where(week < changed, "v1", "v2")
    rows["known_on"] = [day + maturity * WEEK for day in rows["lit_on"]]
    wrong = (week >= bad) & (week < changed) & (np.random.default_rng(0).random(len(rows)) < 0.5)
    rows.loc[wrong, "broken"] = 1 - rows.loc[wrong, "broken"]
    found = told(town, rows, 32, "outcome_rate_change")
    weeks = {n: f.evidence.weeks for n, f in found.items() if f.evidence is not None}
    assert [weeks[n] for n in (changed, changed + maturity - 1, changed + maturity)] == [0, 0, 1]
    assert not [n for n, f in found.items() if n >= changed and f.status is Status.BREACH]
