"""Slices: the objective is held in every named part, and the parts of one combination share one weight."""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from towns import FIRST, POLICY, WEEK, Town, only, parquet
from towns import town_at as any_town_at

from sundial.stats.evidence import Floor
from sundial.store.records import Finding, Status

CHECKS = ["effectiveness.coverage", "effectiveness.rates", "slices.intended_outcome"]
SCORE = {"score": {"column": "score", "low": 0, "high": 1, "positive_at": 0.5}}
ONE = math.log(POLICY.evidence.weeks_between_false_breaches / POLICY.evidence.stream_weight)


def town_at(folder: Path, **changes: Any) -> Town:
    return any_town_at(folder, checks=CHECKS, groups=None, outputs=SCORE, **changes)


def rows_of(right: dict[str, float], weeks: int, a_week: int = 150, seed: int = 2) -> pd.DataFrame:
    """Outputs of parts in which this share is right."""
    random = np.random.default_rng(seed)
    n = weeks * a_week
    day = pd.Timestamp(FIRST) + pd.to_timedelta(np.arange(n) // a_week * 7 + np.arange(n) % 7, "D")
    kind = random.choice(list(right), n)
    positive = random.random(n) < 0.5
    correct = random.random(n) < np.array([right[one] for one in kind])
    return pd.DataFrame(
        {
            "id": [f"r{place:05d}" for place in range(n)],
            "lit_on": day.date,
            "known_on": (day + pd.Timedelta(days=7)).date,
            "kind": kind,
            "area": "north",
            "score": np.where(positive, 0.9, 0.1),
            "broken": (positive == correct).astype(int),
        }
    )


def measured(town: Town, rows: pd.DataFrame, weeks: int) -> dict[str, Finding]:
    parquet(town.folder / "outputs.parquet", rows.drop(columns=["known_on"]))
    parquet(town.folder / "outcomes.parquet", rows)
    found = town.measure(FIRST + weeks * WEEK - timedelta(days=1))
    assert not [f.reason for f in found if f.status is Status.ERROR]
    return {dict(f.slice).get("kind", ""): f for f in found if f.check == "slices.intended_outcome"}


def slow_and_fast(folder: Path) -> Town:
    return town_at(folder, slices=[["kind"]])


def test_a_part_that_misses_the_target_is_confirmed_though_the_whole_meets_it(tmp_path: Path) -> None:
    rows = rows_of({"LED": 0.9, "sodium": 0.35}, 10)
    town = slow_and_fast(tmp_path)
    found = measured(town, rows, 10)
    day = pd.to_datetime(rows["lit_on"])
    used = rows[(day >= pd.Timestamp(FIRST + 5 * WEEK)) & (day < pd.Timestamp(FIRST + 9 * WEEK))]
    right = (used["score"] >= 0.5) == (used["broken"] == 1)
    for kind, finding in found.items():
        own = used["kind"] == kind
        assert (finding.n, finding.estimate) == (own.sum(), pytest.approx(right[own].mean()))
    assert (found["LED"].status, found["sodium"].status) == (Status.OK, Status.BREACH)
    whole = [
        f for f in town.results.latest_findings("street-lights") if f.metric == "accuracy" and not f.slice
    ]
    assert [f.status for f in whole] == [Status.OK]
    sodium = rows[(rows["kind"] == "sodium") & (day < pd.Timestamp(FIRST + 9 * WEEK))]
    hits = (sodium["score"] >= 0.5) == (sodium["broken"] == 1)
    weeks = hits.groupby(pd.to_datetime(sodium["lit_on"]).dt.to_period("W")).agg(["sum", "count"])
    evidence = found["sodium"].evidence
    assert evidence is not None
    expected = Floor(0.6).replay(weeks.itertuples(index=False, name=None))
    assert evidence.log_e == pytest.approx(expected.log_e)
    assert evidence.log_detector == pytest.approx(expected.log_detector)


def test_the_parts_share_the_weight_of_one_stream(tmp_path: Path) -> None:
    kinds = {f"k{place}": 0.8 for place in range(6)}
    found = measured(slow_and_fast(tmp_path), rows_of(kinds, 4, 300), 4)
    alarms = {f.details["place"]: f.evidence.log_alarm for f in found.values() if f.evidence}
    assert sorted(alarms) == [1, 2, 3, 4, 5, 6]
    for place, alarm in alarms.items():
        assert alarm == pytest.approx(ONE + math.log(place * (place + 1)))
    weights = [POLICY.evidence.weeks_between_false_breaches / math.exp(a) for a in alarms.values()]
    assert sum(weights) < POLICY.evidence.stream_weight


def test_a_place_is_kept_for_ever_and_so_is_its_alarm(tmp_path: Path) -> None:
    town = slow_and_fast(tmp_path)
    early = rows_of({"LED": 0.8, "sodium": 0.8}, 12)
    late = rows_of({"arc": 0.8, "sodium": 0.8}, 12, seed=4)
    is_early = pd.to_datetime(early["lit_on"]) < pd.Timestamp(FIRST + 3 * WEEK)
    rows = pd.concat([early[is_early], late[~is_early]], ignore_index=True)
    first = measured(town, rows, 4)
    later = measured(town, rows, 6)
    last = measured(town, rows, 12)
    assert {kind: f.details["place"] for kind, f in first.items()}.keys() == {"LED", "sodium"}
    assert last["arc"].details["place"] == 3
    for kind, before in first.items():
        after = last[kind]
        assert after.details["place"] == before.details["place"]
        assert before.evidence is not None
        assert after.evidence is not None
        assert after.evidence.stream == before.evidence.stream
        assert after.evidence.log_alarm == pytest.approx(before.evidence.log_alarm, abs=1e-9)
    gone = last["LED"]
    assert (gone.n, gone.status) == (0, Status.INSUFFICIENT)
    assert gone.evidence is not None
    assert later["LED"].evidence is not None
    assert gone.evidence.log_e == pytest.approx(later["LED"].evidence.log_e)
    assert gone.evidence.weeks == 3


def test_combinations_of_columns_are_parts_too(tmp_path: Path) -> None:
    town = town_at(tmp_path, slices=[["kind", "area"]])
    rows = rows_of({"LED": 0.9, "sodium": 0.9}, 6)
    measured(town, rows, 6)
    found = town.results.latest_findings("street-lights")
    assert only(found, "accuracy", kind="LED", area="north").n


def test_a_measure_that_is_no_share_and_a_system_without_slices_have_none(tmp_path: Path) -> None:
    intended = {
        "statement": "Broken street lights are found.",
        "metric": "auc",
        "target": 0.6,
        "approved_by": "CIO",
        "approved_on": "2014-01-01",
        "reviewed": "2014-01-01",
    }
    rows = rows_of({"LED": 0.9}, 4)
    for folder, changes in (
        ("auc", {"slices": [["kind"]], "intended_outcome": intended}),
        ("none", {}),
    ):
        (tmp_path / folder).mkdir()
        town = town_at(tmp_path / folder, **changes)
        assert [f.status for f in measured(town, rows, 4).values()] == [Status.NOT_APPLICABLE]


def test_outcomes_that_break_are_an_error_of_each_part(tmp_path: Path) -> None:
    town, rows = slow_and_fast(tmp_path), rows_of({"LED": 0.9}, 6)
    measured(town, rows, 5)
    (town.folder / "outcomes.parquet").unlink()
    found = town.measure(FIRST + 6 * WEEK - timedelta(days=1))
    led = only(found, "accuracy", kind="LED")
    assert led.status is Status.ERROR
    assert led.evidence is not None
