"""Every task through the whole pipeline: what findings say is what scikit-learn says of the rows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve
from towns import FIRST, WEEK, Town, only, parquet, town_at

from sundial.store.records import Finding, Status

WEEKS = 8
AS_OF = FIRST + WEEKS * WEEK - timedelta(days=1)
# The window of four weeks ends a maturity of one week before the judged Sunday.
WINDOW = (pd.Timestamp(FIRST + 3 * WEEK), pd.Timestamp(FIRST + 7 * WEEK))


def rows_of(a_week: int = 60, seed: int = 11) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    n = WEEKS * a_week
    day = pd.Timestamp(FIRST) + pd.to_timedelta(np.arange(n) // a_week * 7 + np.arange(n) % 7, "D")
    return pd.DataFrame(
        {
            "id": [f"r{place:05d}" for place in range(n)],
            "lit_on": day.date,
            "known_on": (day + pd.Timedelta(days=7)).date,
            "kind": random.choice(["LED", "sodium"], n),
            "area": random.choice(["north", "south"], n),
        }
    )


def measured(
    folder: Path,
    rows: pd.DataFrame,
    *,
    outputs: dict[str, Any],
    outcomes: dict[str, Any],
    metric: str,
    target: float,
    **changes: Any,
) -> tuple[Finding, ...]:
    outcome = {
        "statement": "Broken street lights are found.",
        "metric": metric,
        "target": target,
        "approved_by": "CIO",
        "approved_on": "2014-01-01",
        "reviewed": "2014-01-01",
    }
    changes = {"groups": None, **changes}
    folder.mkdir(exist_ok=True)
    town = town_at(folder, outputs=outputs, outcomes=outcomes, intended_outcome=outcome, **changes)
    write(town, rows)
    found = town.measure(AS_OF)
    assert not [f.reason for f in found if f.status is Status.ERROR]
    return found


def write(town: Town, rows: pd.DataFrame) -> None:
    parquet(town.folder / "outputs.parquet", rows.drop(columns=["known_on"]))
    parquet(town.folder / "outcomes.parquet", rows)


def judged(rows: pd.DataFrame) -> pd.DataFrame:
    day = pd.to_datetime(rows["lit_on"])
    return rows[(day >= WINDOW[0]) & (day < WINDOW[1])]


def test_one_class_only_leaves_nothing_to_tell_apart(tmp_path: Path) -> None:
    found = measured(
        tmp_path,
        rows_of().assign(truth="lamp", guess="lamp"),
        outputs={"task": "multiclass", "score": None, "prediction": "guess", "positive_class": "lamp"},
        outcomes={"outcome": "truth"},
        metric="accuracy",
        target=0.6,
    )
    assert only(found, "accuracy").estimate == 1
    for metric in ("balanced_accuracy", "recall_macro", "matthews_corrcoef"):
        one = only(found, metric)
        assert (one.status, one.estimate) == (Status.INSUFFICIENT, None)
        assert "one class, lamp" in one.reason


def test_several_classes(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    rows = rows_of()
    rows["truth"] = random.choice(["lamp", "pole", "wire"], len(rows), p=[0.5, 0.3, 0.2])
    guess = random.choice(["lamp", "pole", "wire"], len(rows))
    rows["guess"] = np.where(random.random(len(rows)) < 0.7, rows["truth"], guess)
    rows.loc[rows.index % 17 == 0, "guess"] = None  # the system abstains
    found = measured(
        tmp_path,
        rows,
        outputs={"task": "multiclass", "score": None, "prediction": "guess", "positive_class": "lamp"},
        outcomes={"outcome": "truth"},
        metric="accuracy",
        target=0.95,
        groups={"columns": ["area"]},
    )
    used = judged(rows).dropna(subset=["guess"])
    truth, guess = used["truth"], used["guess"]
    accuracy = only(found, "accuracy")
    assert accuracy.estimate == pytest.approx(sk.accuracy_score(truth, guess), abs=1e-12)
    assert (accuracy.n, accuracy.status) == (len(used), Status.BREACH)
    for metric, value in {
        "balanced_accuracy": sk.balanced_accuracy_score(truth, guess),
        "f1_macro": sk.f1_score(truth, guess, average="macro"),
        "matthews_corrcoef": sk.matthews_corrcoef(truth, guess),
        "cohen_kappa": sk.cohen_kappa_score(truth, guess),
    }.items():
        assert only(found, metric).estimate == pytest.approx(value, abs=1e-12)
    by_class = {entry["class"]: entry for entry in only(found, "recall_macro").details["by_class"]}
    assert by_class["wire"]["recall"] == pytest.approx(
        sk.recall_score(truth, guess, labels=["wire"], average="macro"), abs=1e-12
    )
    recent = rows[pd.to_datetime(rows["lit_on"]) >= pd.Timestamp(FIRST + 4 * WEEK)].dropna(subset=["guess"])
    north = recent[recent["area"] == "north"]
    assert only(found, "selection_rate", area="north").estimate == pytest.approx(
        (north["guess"] == "lamp").mean(), abs=1e-12
    )


def test_numbers(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    rows = rows_of(100)
    rows["days"] = random.uniform(0, 60, len(rows)).round(1)
    rows["took"] = rows["days"] + random.normal(1, 5, len(rows)).round(1)
    found = measured(
        tmp_path,
        rows,
        outputs={"task": "regression", "score": {"column": "days", "low": 0, "high": 60}},
        outcomes={"outcome": "took", "tolerance": 3},
        metric="mean_absolute_error",
        target=2,
    )
    used = judged(rows)
    truth, guess = used["took"], used["days"]
    error = only(found, "mean_absolute_error")
    assert error.estimate == pytest.approx(sk.mean_absolute_error(truth, guess), abs=1e-6)
    assert error.status is Status.BREACH
    assert error.interval is not None
    assert error.interval.low < (error.estimate or 0) < error.interval.high
    assert only(found, "root_mean_squared_error").estimate == pytest.approx(
        sk.root_mean_squared_error(truth, guess), abs=1e-6
    )
    assert only(found, "r2").estimate == pytest.approx(sk.r2_score(truth, guess), abs=1e-6)
    assert only(found, "mean_error").estimate == pytest.approx((guess - truth).mean(), abs=1e-6)
    within = ((guess - truth).abs() <= 3 + 1e-9).mean()
    assert only(found, "within_tolerance").estimate == pytest.approx(within, abs=1e-12)


@pytest.mark.parametrize("weighs", [{"cluster": "person"}, {"weight": {"column": "stands_for", "max": 4}}])
def test_errors_of_rows_that_weigh_are_those_of_scikit_learn_with_their_weights(
    tmp_path: Path, weighs: dict[str, Any]
) -> None:
    random = np.random.default_rng(3)
    rows = rows_of(100)
    rows["person"] = np.arange(len(rows)) % 30 // 7
    rows["stands_for"] = random.integers(1, 5, len(rows)).astype(float)
    week = pd.to_datetime(rows["lit_on"]).dt.to_period("W-SUN")
    size = rows.groupby([week, "person"])["id"].transform("count")
    rows["days"] = random.uniform(0, 60, len(rows)).round(1)
    rows["took"] = rows["days"] + (size - 15 + 3 * rows["stands_for"]) / 4 + random.normal(0, 2, len(rows))
    found = measured(
        tmp_path,
        rows,
        outputs={"task": "regression", "score": {"column": "days", "low": 0, "high": 60}, **weighs},
        outcomes={"outcome": "took", "tolerance": 3},
        metric="mean_absolute_error",
        target=2,
    )
    used = judged(rows)
    weight = 1 / size[used.index] if "cluster" in weighs else used["stands_for"] / 4
    truth, guess = used["took"], used["days"]
    said = {
        "mean_error": np.average(guess - truth, weights=weight),
        "root_mean_squared_error": sk.root_mean_squared_error(truth, guess, sample_weight=weight),
        "r2": sk.r2_score(truth, guess, sample_weight=weight),
        "mean_absolute_error": sk.mean_absolute_error(truth, guess, sample_weight=weight),
    }
    unweighted = np.mean(guess - truth)
    assert abs(unweighted - said["mean_error"]) > 0.1
    for metric, figure in said.items():
        assert only(found, metric).estimate == pytest.approx(figure, rel=1e-4), metric
    assert only(found, "r2").n == pytest.approx(weight.sum(), abs=1e-4)


def test_truths_far_beyond_the_range_of_the_score_are_cut_and_counted(tmp_path: Path) -> None:
    rows = rows_of(100)
    rows["days"] = 10.0
    rows["took"] = 12.0
    last = rows.index[rows["lit_on"] < WINDOW[1].date()][-3:]
    rows.loc[last, "took"] = [40_000.0, -40_000.0, 1_700.0]  # ranges: 666, -666 and 28
    found = measured(
        tmp_path,
        rows,
        outputs={"task": "regression", "score": {"column": "days", "low": 0, "high": 60}},
        outcomes={"outcome": "took", "tolerance": 3},
        metric="mean_absolute_error",
        target=2,
    )
    r2 = only(found, "r2")
    assert r2.details["truths_cut"] == 2
    assert "2 truths lie more than 30 ranges of the score away" in r2.reason
    used = judged(rows)
    error = (used["days"] - used["took"]).clip(-30 * 60, 30 * 60)
    assert only(found, "mean_error").estimate == pytest.approx(error.mean(), abs=1e-6)


def test_a_detection_that_stays_unknown_has_both_bounds_and_counts_for_the_system(tmp_path: Path) -> None:
    rows = rows_of(100)
    place = np.arange(len(rows)) % 10
    rows["found"] = np.select([place < 6, place < 8], ["confirmed", "unfounded"], "cannot be known")
    truth = {"confirmed": ["confirmed"], "unfounded": ["unfounded"], "indeterminate": ["cannot be known"]}
    found = measured(
        tmp_path,
        rows,
        outputs={"task": "detection", "score": None},
        outcomes={"outcome": "found", "truth": truth},
        metric="precision",
        target=0.7,
    )
    precision = only(found, "precision")
    assert precision.details["lower_bound"] == pytest.approx(0.6)
    assert precision.details["upper_bound"] == pytest.approx(0.8)
    assert precision.status is Status.OK
    assert precision.evidence is not None
    assert precision.evidence.log_e < 0
    # Every output is a detection: nothing is known of what was missed.
    assert only(found, "recall").estimate == 1.0


def test_lists(tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    rows = rows_of(80)
    rows["list"] = [f"l{place // 8}" for place in range(len(rows))]
    rows["lit_on"] = rows.groupby("list")["lit_on"].transform("first")
    rows["rank"] = rows.groupby("list").cumcount() + 1
    rows["good"] = (random.random(len(rows)) < 0.6 / rows["rank"]).astype(int)
    found = measured(
        tmp_path,
        rows,
        outputs={"task": "ranking", "score": None, "ranked": {"list": "list", "rank": "rank", "top_k": 3}},
        outcomes={"outcome": "good"},
        metric="ndcg",
        target=0.5,
    )
    ndcg, hits, inverse = [], [], []
    used = judged(rows)
    for _, items in used.groupby("list"):
        shown = items["good"].to_numpy()
        hits.append(int(shown[:3].any()))
        if shown.any():
            ndcg.append(sk.ndcg_score([shown], [-items["rank"].to_numpy()], k=3))
            inverse.append(1 / (1 + shown[:3].argmax()) if shown[:3].any() else 0.0)
    assert only(found, "ndcg").estimate == pytest.approx(np.mean(ndcg), abs=1e-8)
    assert only(found, "ndcg").n == len(ndcg)
    assert only(found, "hit_rate").estimate == pytest.approx(np.mean(hits), abs=1e-12)
    assert only(found, "reciprocal_rank").estimate == pytest.approx(np.mean(inverse), abs=1e-8)
    top = used[used["rank"] <= 3]
    assert only(found, "precision").estimate == pytest.approx(top["good"].mean(), abs=1e-12)
    assert only(found, "recall").estimate == pytest.approx(top["good"].sum() / used["good"].sum(), abs=1e-12)


def test_a_list_whose_truth_is_not_whole_has_no_figure_of_its_own(tmp_path: Path) -> None:
    rows = rows_of(80)
    rows["list"] = [f"l{place // 8}" for place in range(len(rows))]
    rows["lit_on"] = rows.groupby("list")["lit_on"].transform("first")
    rows["rank"] = rows.groupby("list").cumcount() + 1
    rows["good"] = (rows["rank"] == 1).astype(float)
    rows.loc[rows["rank"] == 8, "good"] = np.nan
    found = measured(
        tmp_path,
        rows,
        outputs={"task": "ranking", "score": None, "ranked": {"list": "list", "rank": "rank", "top_k": 3}},
        outcomes={"outcome": "good"},
        metric="precision",
        target=0.2,
    )
    assert only(found, "ndcg").status is Status.INSUFFICIENT
    assert only(found, "precision").estimate == pytest.approx(1 / 3)


def test_answers_in_words(tmp_path: Path) -> None:
    random = np.random.default_rng(9)
    rows = rows_of(100)
    rows["resolved"] = (random.random(len(rows)) < 0.6).astype(int)
    rows["to_staff"] = (random.random(len(rows)) < 0.2).astype(int)
    rows["mended"] = (random.random(len(rows)) < 0.1).astype(int)
    rows["stars"] = random.integers(1, 6, len(rows)).astype(float)
    rows.loc[rows.index % 3 == 0, "stars"] = np.nan  # not everybody rates
    rows["seconds"] = random.exponential(2, len(rows))
    rows["down"] = (random.random(len(rows)) < 0.03).astype(int)
    found = measured(
        tmp_path,
        rows,
        outputs={
            "task": "text",
            "score": None,
            "latency": {"column": "seconds", "objective": 4},
            "failed": "down",
        },
        outcomes={
            "outcome": "resolved",
            "escalated": "to_staff",
            "corrected": "mended",
            "rating": {"column": "stars", "low": 1, "high": 5},
        },
        metric="mean_rating",
        target=4,
        service_levels=[
            {
                "metric": "late_share",
                "target": 0.05,
                "clause": "Exhibit B, 2.1",
                "approved_by": "CIO",
                "approved_on": "2014-01-01",
            }
        ],
    )
    used = judged(rows)
    for metric, column in (
        ("resolution_rate", "resolved"),
        ("escalation_rate", "to_staff"),
        ("correction_rate", "mended"),
    ):
        assert only(found, metric).estimate == pytest.approx(used[column].mean(), abs=1e-12)
    rating = only(found, "mean_rating")
    assert rating.estimate == pytest.approx(used["stars"].mean(), abs=1e-8)
    assert (rating.n, rating.status) == (used["stars"].notna().sum(), Status.BREACH)
    last = rows[pd.to_datetime(rows["lit_on"]) >= pd.Timestamp(FIRST + 4 * WEEK)]
    assert only(found, "late_share").estimate == pytest.approx((last["seconds"] > 4).mean(), abs=1e-12)
    assert only(found, "failed_share").estimate == pytest.approx(last["down"].mean(), abs=1e-12)
    promised = only(found, "promised_late_share")
    assert promised.status is Status.BREACH
    assert promised.threshold is not None
    assert "Exhibit B" in promised.threshold.name


SCORE = {"score": {"column": "score", "low": 0, "high": 1, "positive_at": 0.5}}


def scored(a_week: int = 100, seed: int = 13) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    rows = rows_of(a_week)
    rows["score"] = random.random(len(rows))
    rows["broken"] = (random.random(len(rows)) < rows["score"]).astype(int)
    return rows


@pytest.mark.parametrize(
    ("metric", "target"),
    [("auc", 0.95), ("brier", 0.05), ("specificity", 0.99), ("false_negative_rate", 0.01)],
)
def test_other_intended_outcomes_carry_evidence_of_their_own(
    tmp_path: Path, metric: str, target: float
) -> None:
    rows = scored()
    found = measured(tmp_path, rows, outputs=SCORE, outcomes={}, metric=metric, target=target)
    used = judged(rows)
    positive = used["score"] >= 0.5
    said = {
        "auc": sk.roc_auc_score(used["broken"], used["score"]),
        "brier": sk.brier_score_loss(used["broken"], used["score"]),
        "specificity": sk.recall_score(used["broken"], positive, pos_label=0),
        "false_negative_rate": 1 - sk.recall_score(used["broken"], positive),
    }
    finding = only(found, metric)
    assert finding.estimate == pytest.approx(said[metric], abs=1e-4 if metric in ("auc", "brier") else 1e-12)
    assert finding.status is Status.BREACH


def test_rows_of_a_cluster_count_as_one(tmp_path: Path) -> None:
    rows = scored(80)
    rows["meeting"] = [f"m{place // 4}" for place in range(len(rows))]
    for column in ("lit_on", "known_on", "score", "broken"):  # four copies of one judgement
        rows[column] = rows.groupby("meeting")[column].transform("first")
    clustered = measured(
        tmp_path / "clustered",
        rows,
        outputs={**SCORE, "cluster": "meeting"},
        outcomes={},
        metric="accuracy",
        target=0.8,
    )
    single = measured(
        tmp_path / "single",
        rows.drop_duplicates("meeting"),
        outputs=SCORE,
        outcomes={},
        metric="accuracy",
        target=0.8,
    )
    one, other = only(clustered, "accuracy"), only(single, "accuracy")
    assert one.n == pytest.approx(other.n)
    assert one.estimate == pytest.approx(other.estimate)
    assert one.evidence is not None
    assert other.evidence is not None
    assert one.evidence.log_e == pytest.approx(other.evidence.log_e, abs=1e-4)


def test_a_person_who_comes_on_several_days_of_a_week_counts_once_in_it(tmp_path: Path) -> None:
    rows = scored(80)
    rows["week"] = pd.to_datetime(rows["lit_on"]).dt.to_period("W-SUN").astype(str)
    rows["person"] = rows.groupby("week").cumcount().mod(30).map("p{}".format)
    same = rows.groupby(["week", "person"])  # what a week asks of a person is answered alike
    for column in ("score", "broken"):
        rows[column] = same[column].transform("first")
    judged = {"outcomes": {}, "metric": "accuracy", "target": 0.8}
    by_person = {**SCORE, "cluster": "person"}
    again = only(measured(tmp_path / "again", rows, outputs=by_person, **judged), "accuracy")
    first = rows.drop_duplicates(["week", "person"])
    once = only(measured(tmp_path / "once", first, outputs=SCORE, **judged), "accuracy")
    assert again.n == pytest.approx(once.n)
    assert again.estimate == pytest.approx(once.estimate)
    assert again.evidence is not None
    assert once.evidence is not None
    assert again.evidence.log_e == pytest.approx(once.evidence.log_e, abs=1e-4)


@pytest.mark.parametrize("m", [3, 7])
def test_thirty_clusters_are_thirty_however_many_rows_they_have(tmp_path: Path, m: int) -> None:
    rows = scored(9 * m)
    rows["person"] = np.arange(len(rows)) // m
    week = pd.to_datetime(rows["lit_on"]).dt.to_period("W-SUN")
    kept = (rows["lit_on"] >= WINDOW[0].date()) & (rows["lit_on"] < WINDOW[1].date())
    clusters = rows[kept].groupby([week, "person"]).ngroups
    found = measured(
        tmp_path, rows, outputs={**SCORE, "cluster": "person"}, outcomes={}, metric="accuracy", target=0.8
    )
    finding = only(found, "accuracy")
    assert clusters >= 30
    assert finding.n == clusters
    assert isinstance(finding.n, int)
    assert finding.status is not Status.INSUFFICIENT


def test_outputs_of_clusters_are_outputs_to_the_volume(tmp_path: Path) -> None:
    rows = scored(80)
    rows["person"] = np.where(rows["lit_on"] < FIRST + 4 * WEEK, rows["id"], "one")
    found = measured(
        tmp_path,
        rows,
        outputs={**SCORE, "cluster": "person"},
        outcomes={},
        metric="accuracy",
        target=0.8,
        baseline={
            "start": FIRST.isoformat(),
            "end": (FIRST + 4 * WEEK - timedelta(days=1)).isoformat(),
            "approved_by": "CIO",
            "approved_on": "2014-02-01",
        },
    )
    volume = only(found, "volume_ratio")
    assert volume.estimate == pytest.approx(1)
    assert volume.n == 320


def test_a_sample_of_the_others_gives_recall_by_its_weight(tmp_path: Path) -> None:
    rows = scored(400)
    flagged = rows["score"] >= 0.5
    checked = flagged | (np.arange(len(rows)) % 4 == 0)
    rows["stands_for"] = np.where(flagged, 1.0, 4.0)
    rows["truth"] = rows["broken"].where(checked)
    found = measured(
        tmp_path,
        rows,
        outputs=SCORE,
        outcomes={
            "outcome": "truth",
            "known_for": "sample",
            "weight": {"column": "stands_for", "max": 4},
        },
        metric="recall",
        target=0.5,
    )
    used = judged(rows).dropna(subset=["truth"])
    recall = sk.recall_score(used["truth"], used["score"] >= 0.5, sample_weight=used["stands_for"])
    assert only(found, "recall").estimate == pytest.approx(recall, abs=1e-8)
    coverage = only(found, "known_outcomes_share")
    assert (coverage.estimate, coverage.n) == (
        pytest.approx(len(used) / len(judged(rows))),
        len(judged(rows)),
    )


def test_scores_that_lie_in_one_bin_are_no_evidence_of_a_bad_order(tmp_path: Path) -> None:
    """A rare event's probabilities: all below a thousandth of the registered range, and in perfect order."""
    rows = rows_of()
    happened = np.random.default_rng(1).random(len(rows)) < 0.3
    spread = np.random.default_rng(2).uniform(-0.00003, 0.00003, len(rows))
    rows["broken"] = happened.astype(int)
    rows["score"] = np.where(happened, 0.00015, 0.00005) + spread
    score = {"column": "score", "low": 0, "high": 1, "positive_at": 0.0005}
    found = only(
        measured(tmp_path, rows, outputs={"score": score}, outcomes={}, metric="auc", target=0.8), "auc"
    )
    assert (found.status, found.estimate) == (Status.INSUFFICIENT, None)
    assert "leave 0.50 of it open" in found.reason
    assert found.evidence is not None
    assert found.evidence.log_e < 0


def test_scores_that_are_the_same_tie_and_others_do_not(tmp_path: Path) -> None:
    rows = rows_of()
    random = np.random.default_rng(3)
    rows["score"] = random.integers(1, 11, len(rows)) / 10
    rows["broken"] = (random.random(len(rows)) < rows["score"]).astype(int)
    found = only(measured(tmp_path, rows, outputs=SCORE, outcomes={}, metric="auc", target=0.99), "auc")
    used = judged(rows)
    assert found.estimate == pytest.approx(sk.roc_auc_score(used["broken"], used["score"]), abs=1e-12)
    assert found.details["bound"] == 0
    assert found.status is Status.BREACH


def test_truth_of_positive_outputs_alone_gives_no_recall(tmp_path: Path) -> None:
    rows = scored()
    rows["truth"] = rows["broken"].where(rows["score"] >= 0.5)
    outcomes = {"outcome": "truth", "known_for": "flagged"}
    found = measured(tmp_path, rows, outputs=SCORE, outcomes=outcomes, metric="precision", target=0.6)
    for metric in ("recall", "accuracy", "false_positive_rate", "auc"):
        assert only(found, metric).status is Status.NOT_MEASURED
    assert only(found, "precision").estimate is not None
    coverage = only(found, "known_outcomes_share")
    assert coverage.estimate == pytest.approx((judged(rows)["score"] >= 0.5).mean())


def test_worse_than_the_process_without_ai_is_confirmed_beyond_its_own_error(tmp_path: Path) -> None:
    process = {
        "name": "Two inspectors",
        "metric": "accuracy",
        "successes": 950,
        "n": 1000,
        "start": "2013-01-01",
        "end": "2013-12-31",
        "approved_by": "CIO",
        "approved_on": "2014-01-01",
    }
    costs = {
        "unit": "staff hours",
        "false_positive": 2,
        "false_negative": 5,
        "approved_by": "CIO",
        "approved_on": "2014-01-01",
    }
    rows = scored()
    found = measured(
        tmp_path,
        rows,
        outputs=SCORE,
        outcomes={},
        metric="accuracy",
        target=0.6,
        process=process,
        costs=costs,
    )
    against = only(found, "accuracy_against_process")
    used = judged(rows)
    wrong = (used["score"] >= 0.5) != used["broken"]
    assert against.estimate == pytest.approx(1 - wrong.mean() - 0.95)
    assert against.status is Status.BREACH
    cost = only(found, "cost_of_errors")
    paid = 2 * (wrong & (used["broken"] == 0)).sum() + 5 * (wrong & (used["broken"] == 1)).sum()
    assert cost.details["total"] == paid
    assert cost.estimate == pytest.approx(1000 * paid / len(used))


def test_performance_is_estimated_before_outcomes_are_known(tmp_path: Path) -> None:
    rows = scored(600)
    found = measured(tmp_path, rows, outputs=SCORE, outcomes={}, metric="accuracy", target=0.6)
    last = rows[pd.to_datetime(rows["lit_on"]) >= pd.Timestamp(FIRST + 4 * WEEK)]
    estimated = only(found, "estimated_accuracy")
    # The outcomes of the last week have not had their time: the rows know them, the check does not.
    truth = ((last["score"] >= 0.5) == last["broken"]).mean()
    assert estimated.interval is not None
    assert estimated.interval.low < truth < estimated.interval.high
    assert estimated.evidence is None
    assert (estimated.status, estimated.details["calibrated_days_ago"]) == (Status.OK, 7)


def test_a_number_that_moves_is_confirmed_and_its_distances_bracket_the_rows(tmp_path: Path) -> None:
    random = np.random.default_rng(17)
    rows = scored(400)
    moved = pd.to_datetime(rows["lit_on"]) >= pd.Timestamp(FIRST + 4 * WEEK)
    rows["height"] = random.normal(50, 10, len(rows)) + 10 * moved
    rows["width"] = random.normal(50, 10, len(rows))
    rows.loc[rows.index % 9 == 0, "height"] = np.nan
    found = measured(
        tmp_path,
        rows,
        outputs={
            **SCORE,
            "numbers": [
                {"column": "height", "low": 0, "high": 100},
                {"column": "width", "low": 0, "high": 100},
            ],
        },
        outcomes={},
        metric="accuracy",
        target=0.6,
    )
    height, width = (only(found, "number_share_change", column=c) for c in ("height", "width"))
    assert (height.status, width.status) == (Status.BREACH, Status.OK)
    pair = rows.loc[~moved, "height"].dropna(), rows.loc[moved, "height"].dropna()
    low, high = height.details["kolmogorov_smirnov_bracket"]
    assert low <= stats.ks_2samp(*pair).statistic <= high
    low, high = height.details["wasserstein_bracket"]
    assert low <= stats.wasserstein_distance(*pair) <= high
    assert width.details["psi"] < 3 * width.details["psi_without_drift"]
    missing = only(found, "missing_share", column="height")
    assert missing.estimate == pytest.approx(rows.loc[moved, "height"].isna().mean())


def test_a_probability_is_held_to_its_word(tmp_path: Path) -> None:
    rows = scored(300)
    score = {"score": {**SCORE["score"], "probability": True}}
    found = measured(tmp_path, rows, outputs=score, outcomes={}, metric="accuracy", target=0.6)
    used = judged(rows)
    assert only(found, "brier").estimate == pytest.approx(
        sk.brier_score_loss(used["broken"], used["score"]), abs=1e-4
    )
    assert only(found, "log_loss").estimate == pytest.approx(
        sk.log_loss(used["broken"], used["score"]), abs=1e-3
    )
    table = only(found, "expected_calibration_error").details["reliability"]
    assert sum(part["n"] for part in table) == len(used)
    observed, mean_score = calibration_curve(used["broken"], used["score"], n_bins=10)
    assert [part["observed"] for part in table] == pytest.approx(observed)
    assert [part["mean_score"] for part in table] == pytest.approx(mean_score, abs=1e-6)


@pytest.mark.parametrize("flipped", [False, True])
def test_what_follows_from_a_score_is_watched_apart_from_the_score(tmp_path: Path, *, flipped: bool) -> None:
    rows = scored(600)
    late = pd.to_datetime(rows["lit_on"]) >= pd.Timestamp(FIRST + 5 * WEEK)
    if flipped:
        rows.loc[late, "broken"] = 1 - rows.loc[late, "broken"]
    else:  # the scores move, and the outcomes with them
        rows.loc[late, "score"] **= 3
        rows.loc[late, "broken"] = (np.random.default_rng(1).random(late.sum()) < rows.loc[late, "score"]) * 1
    found = measured(tmp_path, rows, outputs=SCORE, outcomes={}, metric="accuracy", target=0.2)
    concept = only(found, "outcome_rate_change")
    score = only(found, "score_share_change")
    assert (concept.status is Status.BREACH, score.status is Status.BREACH) == (flipped, not flipped)
