"""Groups through the whole pipeline: whom they are compared with, and what of a gap is said."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
from towns import FIRST, WEEK, Town, only, parquet
from towns import town_at as any_town_at

from sundial.profile.statistics import UNKNOWN
from sundial.stats import intervals
from sundial.store.records import Finding, Status

WEEKS = 8
CHECKS = ["equity.groups", "equity.unknown_group", "slices.intended_outcome"]
SCORE = {"score": {"column": "score", "low": 0, "high": 1, "positive_at": 0.5}}


def town_at(folder: Path, **changes: Any) -> Town:
    return any_town_at(folder, checks=CHECKS, **changes)


def rows_of(
    shares: dict[str, float], a_week: int = 120, weeks: int = WEEKS, seed: int = 3, **sizes: float
) -> pd.DataFrame:
    """Outputs of groups with these shares of positives; each is right in four of five."""
    random = np.random.default_rng(seed)
    n = weeks * a_week
    day = pd.Timestamp(FIRST) + pd.to_timedelta(np.arange(n) // a_week * 7 + np.arange(n) % 7, "D")
    weight = np.array([sizes.get(group, 1.0) for group in shares])
    area = random.choice(list(shares), n, p=weight / weight.sum())
    positive = random.random(n) < np.array([shares[group] for group in area])
    right = random.random(n) < 0.8
    return pd.DataFrame(
        {
            "id": [f"r{place:05d}" for place in range(n)],
            "lit_on": day.date,
            "known_on": (day + pd.Timedelta(days=7)).date,
            "kind": random.choice(["LED", "sodium"], n),
            "area": area,
            "score": np.where(positive, 0.9, 0.1),
            "broken": (positive == right).astype(int),
        }
    )


def write(town: Town, rows: pd.DataFrame) -> None:
    parquet(town.folder / "outputs.parquet", rows.drop(columns=["known_on"]))
    parquet(town.folder / "outcomes.parquet", rows)


def sunday(weeks: int) -> Any:
    return FIRST + weeks * WEEK - timedelta(days=1)


def measured(town: Town, rows: pd.DataFrame, weeks: int = WEEKS) -> tuple[Finding, ...]:
    write(town, rows)
    found = town.measure(sunday(weeks))
    assert not [f.reason for f in found if f.status is Status.ERROR]
    return found


def recent(rows: pd.DataFrame, *, matured: bool) -> pd.DataFrame:
    """The outputs of the window of four weeks, one week earlier for those whose truth had its time."""
    day, end = pd.to_datetime(rows["lit_on"]), WEEKS - matured
    return rows[(day >= pd.Timestamp(FIRST + (end - 4) * WEEK)) & (day < pd.Timestamp(FIRST + end * WEEK))]


def of_group(found: tuple[Finding, ...], metric: str) -> dict[str, Finding]:
    return {f.slice[0][1]: f for f in found if f.metric == metric and dict(f.slice).keys() == {"area"}}


def test_rates_are_fairlearns_on_rows(tmp_path: Path) -> None:
    crossed = {"columns": ["area", "kind"], "intersections": [["area", "kind"]]}
    rows = rows_of({"north": 0.3, "south": 0.5})
    found = measured(town_at(tmp_path, outputs=SCORE, groups=crossed), rows)
    for metric, rate in {
        "selection_rate": selection_rate,
        "true_positive_rate": true_positive_rate,
        "false_positive_rate": false_positive_rate,
    }.items():
        used = recent(rows, matured=metric != "selection_rate")
        frame = MetricFrame(
            metrics=rate,
            y_true=used["broken"],
            y_pred=(used["score"] >= 0.5).astype(int),
            sensitive_features=used[["area", "kind"]],
        )
        for (area, kind), expected in frame.by_group.items():
            finding = only(found, metric, area=area, kind=kind)
            assert finding.estimate == pytest.approx(expected, abs=1e-12)
        gap = only(found, f"{metric}_difference", by="area × kind")
        assert gap.estimate == pytest.approx(frame.difference(), abs=1e-12)
        assert gap.details["ratio"] == pytest.approx(frame.ratio(), abs=1e-12)


def test_a_named_reference_is_compared_with_and_carries_no_evidence_against_itself(tmp_path: Path) -> None:
    groups = {"columns": ["area"], "reference": {"area": "south"}}
    rows = rows_of({"east": 0.8, "north": 0.3, "south": 0.5}, 300)
    found = measured(town_at(tmp_path, outputs=SCORE, groups=groups), rows)
    by_area = of_group(found, "selection_rate")
    south = by_area.pop("south")
    assert (south.evidence, south.threshold, south.details["difference"]) == (None, None, None)
    assert south.status is Status.OK
    used = recent(rows, matured=False)
    hits, n = ((used["score"] >= 0.5).groupby(used["area"]).agg(how) for how in ("sum", "count"))
    for area, finding in by_area.items():
        interval = intervals.difference(hits[area], n[area], hits["south"], n["south"])
        assert interval is not None
        assert finding.details["difference"] == pytest.approx(
            hits[area] / n[area] - hits["south"] / n["south"]
        )
        assert finding.details["difference_interval"] == pytest.approx([interval.low, interval.high])
        assert finding.details["reference_n"] == n["south"]
        assert finding.evidence is not None
        assert "against named" in finding.evidence.stream
    assert by_area["east"].status is Status.BREACH
    gap = only(found, "selection_rate_difference", by="area")
    assert gap.evidence is not None
    logs = [f.evidence.log_e for f in by_area.values() if f.evidence]
    assert gap.evidence.log_e == pytest.approx(math.log(0.9 * np.mean(np.exp(logs)) + 0.1))


def test_a_reference_under_the_floor_sets_no_rate(tmp_path: Path) -> None:
    groups = {"columns": ["area"], "reference": {"area": "west"}}
    rows = rows_of({"north": 0.2, "south": 0.2, "west": 0.9}, west=0.02)
    by_area = of_group(measured(town_at(tmp_path, outputs=SCORE, groups=groups), rows), "selection_rate")
    assert 0 < (by_area["west"].n or 0) < 30
    assert {f.status for f in by_area.values()} == {Status.INSUFFICIENT}


def growing_south() -> pd.DataFrame:
    early = rows_of({"north": 0.3, "south": 0.5}, north=3.0)
    late = rows_of({"north": 0.3, "south": 0.5}, south=5.0)
    is_early = pd.to_datetime(early["lit_on"]) < pd.Timestamp(FIRST + 4 * WEEK)
    return pd.concat([early[is_early], late[~is_early]], ignore_index=True)


@pytest.mark.parametrize("with_baseline", [True, False])
def test_the_largest_group_stays_the_reference(tmp_path: Path, with_baseline: bool) -> None:
    changes = {} if with_baseline else {"baseline": None}
    town = town_at(tmp_path, outputs=SCORE, groups={"columns": ["area"], "reference": "largest"}, **changes)
    rows = growing_south()
    for weeks in (5, WEEKS):
        by_area = of_group(measured(town, rows, weeks), "selection_rate")
    assert (by_area["south"].n or 0) > 2 * (by_area["north"].n or 0)
    assert by_area["north"].evidence is None
    evidence = by_area["south"].evidence
    assert evidence is not None
    assert evidence.weeks == WEEKS - 1  # the first has fewer than 30 in the south
    assert evidence.stream.endswith('/["area"]/["north"]/["south"]')
    assert by_area["south"].details["reference"] == "north"


def test_unknown_is_a_group_and_never_the_largest_reference(tmp_path: Path) -> None:
    groups = {"columns": ["area"], "reference": "largest"}
    rows = rows_of({"north": 0.3, "south": 0.5, "none": 0.5}, none=4.0).replace({"area": {"none": None}})
    by_area = of_group(measured(town_at(tmp_path, outputs=SCORE, groups=groups), rows), "selection_rate")
    assert by_area[UNKNOWN].evidence is not None
    assert by_area[UNKNOWN].details["reference"] in ("north", "south")


def test_a_gap_lists_its_largest_pairs_corrected_for_all_of_them(tmp_path: Path) -> None:
    shares = {f"a{place}": 0.2 + 0.1 * place for place in range(6)}
    rows = rows_of(shares, 600)
    gap = only(measured(town_at(tmp_path, outputs=SCORE), rows), "selection_rate_difference", by="area")
    assert gap.status is Status.BREACH
    pairs = gap.details["pairs"]
    assert (len(pairs), gap.details["pairs_of"]) == (10, 15)
    assert pairs[0]["groups"] == ["a5", "a0"]
    assert pairs[0]["difference"] == pytest.approx(gap.estimate)
    assert [pair["difference"] for pair in pairs] == sorted((p["difference"] for p in pairs), reverse=True)
    used = recent(rows, matured=False)
    hits, n = ((used["score"] >= 0.5).groupby(used["area"]).agg(how) for how in ("sum", "count"))
    wide = intervals.difference(hits["a5"], n["a5"], hits["a0"], n["a0"], level=1 - 0.05 / 15)
    assert wide is not None
    assert pairs[0]["interval"] == pytest.approx([wide.low, wide.high])
    assert pairs[0]["beyond_tolerance"]
    assert pairs[0]["log_e"] > math.log(1_000)
    json.dumps(gap.payload())


def test_equal_groups_list_no_pairs(tmp_path: Path) -> None:
    rows = rows_of({"north": 0.4, "south": 0.4}, 400)
    gap = only(measured(town_at(tmp_path, outputs=SCORE), rows), "selection_rate_difference", by="area")
    assert gap.status is Status.OK
    assert "pairs" not in gap.details


@pytest.mark.parametrize(
    ("missing", "status"), [(0.02, Status.OK), (0.5, Status.BREACH)], ids=["few", "half"]
)
def test_the_share_of_unknown_groups_is_watched(tmp_path: Path, missing: float, status: Status) -> None:
    rows = rows_of({"north": 0.4, "south": 0.4})
    rows.loc[np.random.default_rng(1).random(len(rows)) < missing, "area"] = None
    finding = only(measured(town_at(tmp_path, outputs=SCORE), rows), "unknown_group_share", by="area")
    used = recent(rows, matured=False)
    assert finding.estimate == pytest.approx(used["area"].isna().mean())
    assert (finding.n, finding.status) == (len(used), status)
    assert finding.interval is not None
    assert finding.interval.low <= (finding.estimate or 0) <= finding.interval.high


def test_areas_are_labelled_as_areas(tmp_path: Path) -> None:
    groups = {"columns": ["area"], "level": "area"}
    found = measured(
        town_at(tmp_path, outputs=SCORE, groups=groups, slices=[["area"], ["kind"]]),
        rows_of({"north": 0.4, "south": 0.5}),
    )
    of_equity = [f for f in found if f.check.startswith("equity.")]
    assert of_equity
    for finding in of_equity + [
        f for f in found if f.check.startswith("slices.") and "area" in dict(f.slice)
    ]:
        assert finding.reason.endswith("By area, not by person.")
        assert finding.details["level"] == "area"
    assert all(
        "level" not in f.details for f in found if f.check.startswith("slices.") and "kind" in dict(f.slice)
    )


def test_rows_of_clusters_count_in_fractions(tmp_path: Path) -> None:
    rows = rows_of({"north": 0.3, "south": 0.5}, 300)
    meeting = np.arange(len(rows)) // 7
    rows["meeting"] = meeting // 3  # three rows of a meeting a day, on each day of a week
    found = measured(town_at(tmp_path, outputs={**SCORE, "cluster": "meeting"}), rows)
    used = recent(rows, matured=False)
    week = pd.to_datetime(used["lit_on"]).dt.to_period("W-SUN")
    weight = 1 / used.groupby([week, "meeting"])["id"].transform("count")
    positive = used["score"] >= 0.5
    for area, finding in of_group(found, "selection_rate").items():
        own = used["area"] == area
        assert finding.n == pytest.approx(weight[own].sum(), abs=1e-6)
        assert finding.n != int(finding.n or 0)
        assert finding.estimate == pytest.approx(np.average(positive[own], weights=weight[own]), abs=1e-6)


def test_what_a_detection_never_tells_is_in_no_rate(tmp_path: Path) -> None:
    rows = rows_of({"north": 0.3, "south": 0.5}, 300)
    rows["found"] = np.where(rows["broken"] == 1, "yes", "no")
    rows.loc[rows.index % 5 == 0, "found"] = "cannot be known"
    rows["flag"] = (rows["score"] >= 0.5).astype(int)
    truth = {"confirmed": ["yes"], "unfounded": ["no"], "indeterminate": ["cannot be known"]}
    intended = {
        "statement": "Broken street lights are found.",
        "metric": "precision",
        "target": 0.6,
        "approved_by": "CIO",
        "approved_on": "2014-01-01",
        "reviewed": "2014-01-01",
    }
    town = town_at(
        tmp_path,
        outputs={"task": "detection", "score": None, "prediction": "flag"},
        outcomes={"outcome": "found", "truth": truth},
        intended_outcome=intended,
    )
    found = measured(town, rows)
    used = recent(rows, matured=True)
    for metric, word in (("true_positive_rate", "yes"), ("false_positive_rate", "no")):
        for area, finding in of_group(found, metric).items():
            own = used[(used["area"] == area) & (used["found"] == word)]
            assert (finding.n, finding.estimate) == (len(own), pytest.approx(own["flag"].mean()))


def intended_of(metric: str, target: float) -> dict[str, Any]:
    return {
        "statement": "People get what they ask for.",
        "metric": metric,
        "target": target,
        "approved_by": "CIO",
        "approved_on": "2014-01-01",
        "reviewed": "2014-01-01",
    }


def test_errors_of_numbers_by_group(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    rows = rows_of({"north": 0.5, "south": 0.5}, 200)
    rows["days"] = random.uniform(0, 60, len(rows)).round(1)
    off = np.where(rows["area"] == "north", 15.0, 1.0)
    rows["took"] = (rows["days"] + random.normal(off, 3)).round(1)
    town = town_at(
        tmp_path,
        outputs={"task": "regression", "score": {"column": "days", "low": 0, "high": 60}},
        outcomes={"outcome": "took"},
        intended_outcome=intended_of("mean_absolute_error", 20),
    )
    found = measured(town, rows)
    used = recent(rows, matured=True)
    error = used["days"] - used["took"]
    for metric, values in (("mean_error", error), ("mean_absolute_error", error.abs())):
        means = values.groupby(used["area"]).mean()
        for area, mean in means.items():
            finding = only(found, metric, area=area)
            assert finding.estimate == pytest.approx(mean, abs=1e-6)
            assert (finding.n, finding.status) == ((used["area"] == area).sum(), Status.WATCH)
            assert finding.interval is not None
            half = 1.96 * values[used["area"] == area].std() / math.sqrt((used["area"] == area).sum())
            assert finding.interval.high - mean == pytest.approx(half, rel=0.03)
        gap = only(found, f"{metric}_difference", by="area")
        assert gap.estimate == pytest.approx(means.max() - means.min(), abs=1e-6)
        assert (gap.status, gap.evidence) == (Status.WATCH, None)
        north = only(found, metric, area="north")
        low, high = north.details["difference_interval"]
        assert low < means["north"] - means["south"] < high
    assert not [f for f in found if f.metric == "selection_rate"]


def test_answers_in_words_are_compared_by_what_became_of_the_matter(tmp_path: Path) -> None:
    random = np.random.default_rng(9)
    rows = rows_of({"north": 0.5, "south": 0.5}, 200)
    rows["solved"] = (random.random(len(rows)) < np.where(rows["area"] == "north", 0.9, 0.5)).astype(int)
    rows["handed_over"] = (random.random(len(rows)) < 0.2).astype(int)
    town = town_at(
        tmp_path,
        outputs={"task": "text", "score": None},
        outcomes={"outcome": "solved", "escalated": "handed_over"},
        intended_outcome=intended_of("resolution_rate", 0.3),
    )
    found = measured(town, rows)
    used = recent(rows, matured=True)
    for metric, column in (("resolution_rate", "solved"), ("escalation_rate", "handed_over")):
        for area, mean in used.groupby("area")[column].mean().items():
            assert only(found, metric, area=area).estimate == pytest.approx(mean)
    assert only(found, "resolution_rate_difference", by="area").status is Status.BREACH
    assert only(found, "escalation_rate_difference", by="area").status is not Status.BREACH
    assert not [f for f in found if f.metric.startswith(("selection_rate", "equalized_odds"))]


def test_truth_of_positive_outputs_alone_gives_no_rate_of_the_missed(tmp_path: Path) -> None:
    rows = rows_of({"north": 0.3, "south": 0.5})
    rows.loc[rows["score"] < 0.5, "broken"] = None
    town = town_at(
        tmp_path,
        outputs=SCORE,
        outcomes={"known_for": "flagged"},
        intended_outcome=intended_of("precision", 0.5),
    )
    found = measured(town, rows)
    for metric in ("true_positive_rate_difference", "false_positive_rate_difference"):
        assert only(found, metric, by="area").status is Status.NOT_MEASURED
    assert only(found, "selection_rate", area="north").estimate is not None


def test_one_group_alone_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    found = measured(town_at(tmp_path, outputs=SCORE), rows_of({"north": 0.3}))
    assert only(found, "selection_rate", area="north").status is Status.INSUFFICIENT
    gap = only(found, "selection_rate_difference", by="area")
    assert (gap.status, gap.estimate, gap.evidence) == (Status.INSUFFICIENT, None, None)


def test_levels_of_a_few_rows_take_no_part_of_the_budget(tmp_path: Path) -> None:
    """A feed may name as many levels as it likes; the gap of the groups that matter stays what it is."""
    rows = rows_of({"north": 0.2, "south": 0.5}, weeks=14)
    other = rows.copy()
    junk = other.index % 40 == 0
    other.loc[junk, "area"] = [f"junk {place}" for place in range(int(junk.sum()))]
    folders = (tmp_path / "clean", tmp_path / "junk")
    gaps, streams = [], []
    for folder, given in zip(folders, (rows[~junk], other), strict=True):
        folder.mkdir()
        town = town_at(folder)
        gaps.append(only(measured(town, given, 14), "selection_rate_difference"))
        streams.append(set(town.results.evidence(town.system.id)))
    assert [gap.status for gap in gaps] == [Status.BREACH] * 2
    assert streams[0] == streams[1]
    assert len({gap.evidence.log_alarm for gap in gaps if gap.evidence}) == 1
