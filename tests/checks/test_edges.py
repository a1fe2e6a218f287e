"""Edges where others go wrong, through the real engine: first one test for each, then more of their kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from towns import FIRST, POLICY, WEEK, Town, only, parquet, rows_of

from checks.drift import UNSEEN, days_due
from sundial.engine.discover import enabled
from sundial.profile.statistics import UNKNOWN
from sundial.stats.evidence import log_mean_joining
from sundial.store.records import Finding, Status

AS_OF = FIRST + 8 * WEEK - timedelta(days=1)


def measured(town: Town, rows: pd.DataFrame) -> tuple[Finding, ...]:
    town.give(rows)
    found = town.measure(AS_OF)
    assert not [f.reason for f in found if f.status is Status.ERROR]
    return found


def test_a_zero_denominator_is_undefined_and_leaves_maxima_minima_and_differences(town: Town) -> None:
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
    odds = only(found, "equalized_odds_difference", by="area")
    assert odds.estimate == max(
        only(found, f"{rate}_difference", by="area").estimate
        for rate in ("true_positive_rate", "false_positive_rate")
    )


def test_n_and_the_floor_are_per_denominator_not_per_row(town: Town) -> None:
    rows = rows_of(8, 60)
    rows["broken"] = (rows.index % 20 < 2).astype(int)  # of both areas
    found = measured(town, rows)
    positives, everybody = (
        only(found, f"{rate}_rate", area="north") for rate in ("true_positive", "selection")
    )
    assert (positives.n, positives.status) == (12, Status.INSUFFICIENT)
    assert positives.estimate is not None
    assert everybody.n == 120
    assert everybody.status is not Status.INSUFFICIENT
    gap = only(found, "true_positive_rate_difference", by="area")
    assert (gap.status, gap.estimate, gap.details["left_out"]) == (
        Status.INSUFFICIENT,
        None,
        ["north", "south"],
    )


@pytest.mark.parametrize(
    ("reference", "named"), [("rest", None), ("largest", "south"), ({"area": "west"}, "west")]
)
def test_a_group_left_out_for_its_size_never_sets_the_reference_rate(
    town: Town, reference: str | dict[str, str], named: str | None
) -> None:
    rows = rows_of(8, 60)
    rows.loc[rows.index[1::4], "area"] = "south"
    rows.loc[rows.index[::48], "area"] = "west"
    rows.loc[rows["area"] == "west", "score"] = 0.99  # the highest rate, on five a window
    found = measured(town.changed(groups={"columns": ["area"], "reference": reference}), rows)
    north = only(found, "selection_rate", area="north")
    assert north.details.get("reference") == named
    if named == "west":  # named, and too small to say anything by
        assert (north.status, north.details["reference_n"]) == (Status.INSUFFICIENT, 5)
    else:
        assert north.status is not Status.INSUFFICIENT
        others = rows[rows["lit_on"] >= FIRST + 4 * WEEK]
        others = others[others["area"] == "south" if named else others["area"] != "north"]
        rate = north.details["reference_rate"] if named else north.details["rest"]
        assert rate == pytest.approx((others["score"] >= 0.5).mean())


def test_max_minus_min_of_equal_groups_is_positive_and_claims_nothing(town: Town) -> None:
    random = np.random.default_rng(1)
    rows = rows_of(8, 125)
    rows["area"] = random.choice(["a", "b", "c", "d", "e"], len(rows))
    rows["score"] = np.where(random.random(len(rows)) < 0.3, 0.9, 0.1)  # 30 % in every area
    found = measured(town, rows)
    gap = only(found, "selection_rate_difference", by="area")
    assert gap.details["ratio"] < 0.8, "four fifths, as in most such weeks"
    assert gap.estimate > 0
    assert gap.interval is None, "one of a picked maximum and minimum would never cover 0"
    assert gap.status is not Status.BREACH
    groups = [f.evidence for f in found if f.metric == "selection_rate"]
    assert len(groups) == 5
    assert gap.evidence is not None
    together = [e.log_e for e in groups if e is not None]
    assert gap.evidence.log_e == pytest.approx(log_mean_joining([together]))
    assert not any(pair["beyond_tolerance"] for pair in gap.details.get("pairs", []))


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


def test_a_missing_group_is_unknown_and_kept_and_its_share_is_watched(town: Town) -> None:
    rows = rows_of(8, 60)
    rows.loc[rows.index % 4 == 0, "area"] = None
    found = measured(town, rows)
    assert only(found, "selection_rate", area=UNKNOWN).n == 15 * 4
    assert UNKNOWN in only(found, "selection_rate_difference", by="area").details["rates"]
    share = only(found, "unknown_group_share", by="area")
    assert (share.estimate, share.n, share.status) == (0.25, 240, Status.BREACH)


def test_a_column_that_turns_half_missing_is_drift(town: Town) -> None:
    rows = rows_of(12, 100)
    late = rows["lit_on"] >= FIRST + 4 * WEEK
    rows.loc[late & (rows.index % 2 == 0), "kind"] = None
    town.give(rows)
    found = town.measure(FIRST + 12 * WEEK - timedelta(days=1))
    share = only(found, "category_share_change", column="kind")
    assert (share.status, share.details["level"], share.details["share"]) == (Status.BREACH, UNSEEN, 0.5)
    missing = only(found, "missing_share", column="kind")
    assert (missing.status, missing.estimate) == (Status.BREACH, 0.5)


def test_the_limit_of_a_missing_share_is_the_one_that_is_judged(town: Town) -> None:
    rows = rows_of(12, 100)
    rows.loc[rows.index % 12 == 0, "kind"] = None
    missing = only(measured(town, rows), "missing_share", column="kind")
    assert missing.threshold is not None
    assert missing.status is Status.OK
    assert missing.details["baseline_share"] < (missing.estimate or 0) + 0.01 < missing.threshold.value
    assert missing.details["tolerated_rise"] == POLICY.thresholds["practical_share_change"].value


def test_another_practical_change_begins_other_streams_and_the_reason_names_it(town: Town) -> None:
    """No evidence speaks for a bound that was chosen after it."""
    rows = rows_of(12, 100)
    rows.loc[rows["lit_on"] >= FIRST + 4 * WEEK, "kind"] = "LED"
    town.give(rows)
    before = town.measure(AS_OF)
    policy = POLICY.thresholds["practical_share_change"].model_copy(update={"value": 0.3})
    thresholds = {**POLICY.thresholds, "practical_share_change": policy}
    wider = replace(town, policy=POLICY.model_copy(update={"thresholds": thresholds}))
    after = wider.measure(AS_OF + WEEK)
    for metric, where in (("category_share_change", {"column": "kind"}), ("score_share_change", {})):
        one, other = (only(found, metric, **where).evidence for found in (before, after))
        assert one is not None
        assert other is not None
        assert one.stream != other.stream
        assert other.weeks == 1
    told = only(before, "category_share_change", column="kind")
    assert told.status is Status.BREACH
    assert "a change beyond 2 points" in told.reason


def test_categories_are_compared_as_two_samples_with_rare_levels_pooled(town: Town) -> None:
    rows = rows_of(8, 100)
    rows["kind"] = [
        f"rare {place}" if place % 10 == 0 else ("LED" if place % 3 else "sodium")
        for place in range(len(rows))
    ]
    found = measured(town, rows)
    drift = only(found, "category_share_change", column="kind")
    old, new = (part["kind"] for _, part in rows.groupby(rows["lit_on"] >= FIRST + 4 * WEEK))
    levels = ["LED", "sodium"]
    table = [
        [*((part == level).sum() for level in levels), (~part.isin(levels)).sum()] for part in (old, new)
    ]
    # Forty levels that only the baseline has, forty that only the window has: one pool, and no drift.
    expected = stats.chi2_contingency(table, correction=False)
    assert drift.details["chi_square_p_value"] == pytest.approx(expected.pvalue)
    assert expected.pvalue > 0.9
    assert drift.status is Status.OK
    assert drift.details["baseline_share"] == drift.details["share"]


def test_few_rows_with_nothing_wrong_raise_no_alarm_where_a_fixed_threshold_does(town: Town) -> None:
    random = np.random.default_rng(7)
    rows = rows_of(30, 25)
    rows["score"] = random.random(len(rows)).round(3)
    few = town.changed(checks=["drift.score"])
    few.give(rows)
    few.measure(FIRST + 30 * WEEK - timedelta(days=1))
    found = [f for f in few.results.findings_between(date.min, date.max) if "psi" in f.details]
    assert len(found) == 26
    assert sum(f.details["psi"] > 0.1 for f in found) > 13, "0.1, the usual threshold, on 100 rows"
    assert all(f.details["psi_without_drift"] > 0.1 for f in found if f.n == 100)
    assert not [f.week for f in found if f.status is Status.BREACH]


def test_a_rare_event_that_becomes_five_times_as_common_is_seen_at_large_n(town: Town) -> None:
    rows = rows_of(10, 2_000)
    late = rows["lit_on"] >= FIRST + 4 * WEEK
    rows["kind"] = "LED"
    rows.loc[~late & (rows.index % 100 == 0), "kind"] = "arc"
    rows.loc[late & (rows.index % 20 == 0), "kind"] = "arc"
    many = town.changed(checks=["drift.categories"])
    many.give(rows)
    found = only(many.measure(FIRST + 10 * WEEK - timedelta(days=1)), "category_share_change", column="kind")
    assert found.status is Status.BREACH
    assert found.threshold is not None
    assert found.estimate == pytest.approx(0.04)
    assert found.estimate < found.threshold.value, "a threshold that ignores n stays silent"


def test_the_week_under_test_is_never_part_of_its_baseline(town: Town) -> None:
    town.give(rows_of(6))
    town.measure(FIRST + 6 * WEEK - timedelta(days=1))
    end = FIRST + 4 * WEEK
    drift = [
        f
        for f in town.results.findings_between(date.min, date.max)
        if f.check.startswith("drift.")
        and f.check != "drift.silence"
        and f.status is not Status.NOT_APPLICABLE
    ]
    assert {f.week < end for f in drift} == {True, False}
    for finding in drift:
        if finding.week < end:
            assert (finding.status, finding.evidence) == (Status.NOT_MEASURED, None), finding.key
    fed = town.results.evidence("street-lights")
    weeks = {week for stream, counts in fed.items() if stream.startswith("drift.") for week, _ in counts}
    assert weeks == {end, end + WEEK}


Spoil = Callable[[pd.DataFrame], pd.DataFrame]
LATE = FIRST + 5 * WEEK
NUMBERS = {"numbers": [{"column": "volts", "low": 0, "high": 500}]}


def late(column: str, value: object) -> Spoil:
    """Gives a column this value from the sixth week on."""
    return lambda rows: rows.assign(
        **{column: rows[column].astype(object).where(rows["lit_on"] < LATE, value).infer_objects()}
    )


ALONE: list[tuple[str, Spoil, dict[str, str], str, Status, str]] = [
    ("an empty column", late("kind", None), {"column": "kind"}, "missing_share", Status.BREACH, ""),
    (
        "an empty batch",
        lambda rows: rows[rows["lit_on"] < LATE - WEEK],
        {},
        "silent",
        Status.BREACH,
        f"No output since {LATE - WEEK - timedelta(days=1)}.",
    ),
    (
        "one class only",
        lambda rows: rows.assign(broken=1),
        {},
        "auc",
        Status.INSUFFICIENT,
        "its denominator is zero",
    ),
    ("a constant", late("score", 0.7), {}, "score_share_change", Status.BREACH, ""),
    ("infinities", late("volts", np.inf), {"column": "volts"}, "missing_share", Status.BREACH, ""),
    ("a new category", late("kind", "arc"), {"column": "kind"}, "category_share_change", Status.BREACH, ""),
]


@pytest.mark.parametrize(
    ("spoil", "where", "metric", "status", "says"), [row[1:] for row in ALONE], ids=[row[0] for row in ALONE]
)
def test_each_check_fails_alone(
    town: Town, spoil: Spoil, where: dict[str, str], metric: str, status: Status, says: str
) -> None:
    watched = town.changed(outputs=NUMBERS)
    whole = rows_of(9, 60).assign(volts=lambda rows: 200 + rows.index % 50.0)
    feeds(watched, spoil(whole))
    found = watched.measure(FIRST + 9 * WEEK - timedelta(days=1))
    wrong = only([f for f in found if dict(f.slice) == where], metric)
    assert wrong.status is status
    assert says in wrong.reason
    assert not [f.reason for f in found if f.status is Status.ERROR]
    assert {f.check for f in found} >= {check.name for check in enabled(watched.system)}


BROKEN: list[tuple[str, Spoil, str]] = [
    ("a dropped column", lambda rows: rows.drop(columns="kind"), "has no column kind"),
    ("a changed type", lambda rows: rows.assign(kind=rows.index), "column kind was text and is now number"),
]


@pytest.mark.parametrize(("spoil", "says"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_feed_that_cannot_be_read_fails_alone(town: Town, spoil: Spoil, says: str) -> None:
    """What its rows mean is no longer known: every check of that feed says so, and no other suffers."""
    feeds(town, rows_of(6))
    before = town.measure(FIRST + 6 * WEEK - timedelta(days=1))
    feeds(town, spoil(rows_of(7)))
    found = town.measure(FIRST + 7 * WEEK - timedelta(days=1))
    needs = {check.name for check in enabled(town.system) if "outputs" in check.feeds}
    wrong = {f.check for f in found if f.status is Status.ERROR}
    assert wrong == needs | {"security_and_safety.refused_rows"}
    assert all(says in f.reason for f in found if f.status is Status.ERROR)
    unharmed = {(f.check, f.metric, f.slice) for f in before if f.check not in wrong}
    assert unharmed
    assert {(f.check, f.metric, f.slice) for f in found} >= unharmed


def feeds(town: Town, rows: pd.DataFrame) -> None:
    """Gives the town all columns of its rows."""
    parquet(town.folder / "outputs.parquet", rows.drop(columns=["known_on", "broken"]))
    parquet(town.folder / "outcomes.parquet", rows[["id", "known_on", "broken"]])


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
