"""Profiles: merging is addition, order changes nothing, and cells say what rows say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, roc_auc_score

from sundial.lake import Lake
from sundial.profile.analysis import analysis_table
from sundial.profile.columns import Columns
from sundial.profile.compute import run
from sundial.profile.partitions import Partitions
from sundial.profile.profile import Profile
from sundial.profile.statistics import SUM_SCALE, UNKNOWN, Bin, Statistic, counts, fuse, histogram
from tests.keys import keys_of

BINS = Bin("score", 0, 1, 16)
PLAN = (
    counts("outputs", []),
    counts("outputs", ["group", "predicted"]),
    counts("outcomes", ["group", "predicted", "outcome"]),
    histogram("outputs", BINS),
    histogram("outcomes", BINS, ["outcome"]),
    counts("outputs", ["model_version"]),
)
COLUMNS = Columns("score", 0.5, None, "version", ("group",))
DAY = date(2014, 1, 6)


def rows_like(n: int, seed: int = 7) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    day = pd.Timestamp(DAY) + pd.to_timedelta(random.integers(0, 21, n), "D")
    return pd.DataFrame(
        {
            "key": [f"k{i}" for i in range(n)],
            "day": day,
            "counted": day - pd.to_timedelta(day.day_of_week, "D"),
            "score": np.where(random.random(n) < 0.1, np.nan, random.random(n)),
            "version": random.choice(["1", "2"], n),
            "group": random.choice(np.array(["a", "b", None], dtype=object), n),
            "outcome": random.choice([0.0, 1.0, np.nan], n),
        }
    )


def table_of(connection: ibis.BaseBackend, name: str, frame: pd.DataFrame) -> ir.Table:
    connection.con.register(name, pa.Table.from_pandas(frame, preserve_index=False))
    return connection.table(name)


def computed(rows: pd.DataFrame, plan: tuple[Statistic, ...] = PLAN) -> Profile:
    connection = ibis.duckdb.connect()
    outputs = table_of(connection, "outputs", rows.drop(columns="outcome"))
    known = rows.dropna(subset=["outcome"]).astype({"outcome": "int64"}).assign(batch="b1")
    outcomes = table_of(connection, "outcomes", known[["key", "day", "counted", "batch", "outcome"]])
    return Profile(run(connection, analysis_table(outputs, outcomes, COLUMNS), plan))


def cells(
    profile: Profile, plan: tuple[Statistic, ...] = PLAN
) -> Mapping[Statistic, list[tuple[object, ...]]]:
    """Every statistic by week, as plain sorted rows."""
    found = {}
    for statistic in plan:
        rows: list[tuple[object, ...]] = []
        for number in range(4):
            week = DAY + timedelta(weeks=number)
            frame = profile.weeks(statistic, week, week).astype("object")
            frame = frame.where(frame.notna(), None)
            rows += [(number, *row) for row in frame.itertuples(index=False)]
        found[statistic] = sorted(rows, key=str)
    return found


@pytest.mark.parametrize("cut", [0, 1, 150, 300])
def test_the_profile_of_a_union_is_the_merge_of_the_profiles(cut: int) -> None:
    rows = rows_like(300)
    merged = computed(rows.iloc[:cut]).merge(computed(rows.iloc[cut:]))
    assert cells(merged) == cells(computed(rows))


def test_merging_is_commutative_and_associative() -> None:
    a, b, c = (computed(rows_like(100, seed)) for seed in (1, 2, 3))
    assert cells(a.merge(b).merge(c)) == cells(c.merge(a.merge(b)))


def test_the_order_of_rows_changes_no_bit() -> None:
    rows = rows_like(500)
    shuffled = rows.sample(frac=1, random_state=3)
    assert cells(computed(rows)) == cells(computed(shuffled))


def accepted(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False).set_column(0, "key", keys_of(frame["key"]))


def stored(folder: Path, rows: pd.DataFrame, pieces: int) -> Partitions:
    """Accepted files as the gate writes them, each day's rows in several pieces."""
    lake = Lake(str(folder))
    paths: dict[str, dict[date, list[str]]] = {"outputs": {}, "outcomes": {}}
    known = rows.dropna(subset=["outcome"]).astype({"outcome": "int64"}).assign(batch="b1")
    tables = {
        "outputs": rows.drop(columns="outcome"),
        "outcomes": known.drop(columns=["score", "group", "version"]),
    }
    for feed, frame in tables.items():
        for (day, piece), part in frame.groupby(["day", np.arange(len(frame)) % pieces]):
            path = f"{feed}/{day:%Y-%m-%d}-{piece}.parquet"
            dated = part.assign(day=part["day"].dt.date, counted=part["counted"].dt.date)
            lake.put_table(path, accepted(dated))
            paths[feed].setdefault(day.date(), []).append(path)
    partitions = Partitions(lake, "a-system", PLAN)
    assert len(partitions.update(paths["outputs"], paths["outcomes"], COLUMNS)) == rows["day"].nunique()
    assert not partitions.update(paths["outputs"], paths["outcomes"], COLUMNS)
    return partitions


@pytest.mark.parametrize("many", [0, 2**12])
def test_a_stored_profile_is_the_computed_one_however_the_rows_were_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr("sundial.profile.weekfile._MANY", many)
    rows = rows_like(300)
    whole = cells(computed(rows))
    assert cells(stored(tmp_path / "one", rows, 1).load()) == whole
    assert cells(stored(tmp_path / "three", rows.sample(frac=1, random_state=1), 3).load()) == whole


def test_only_dirty_partitions_are_computed_and_gone_ones_forgotten(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    partitions = Partitions(lake, "a-system", PLAN)
    rows = rows_like(30).assign(day=pd.Timestamp(DAY))
    table = accepted(rows.assign(day=DAY, counted=DAY).drop(columns="outcome"))
    for name in ("a", "b"):
        lake.put_table(f"{name}.parquet", table)
    later = DAY + timedelta(days=1)
    assert list(partitions.update({DAY: ["a.parquet"]}, {}, COLUMNS)) == [DAY]
    before = partitions.fingerprint()
    assert list(partitions.update({DAY: ["b.parquet"]}, {}, COLUMNS)) == [DAY]
    assert partitions.fingerprint() != before
    partitions.update({}, {}, COLUMNS)
    assert list(partitions.load().days) == []
    assert later not in partitions.load().days


def test_a_partition_of_other_columns_is_dirty(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    rows = rows_like(30).assign(day=DAY, counted=DAY).drop(columns="outcome")
    lake.put_table("a.parquet", accepted(rows))
    partitions, paths = Partitions(lake, "a-system", PLAN), {DAY: ["a.parquet"]}
    stricter = replace(COLUMNS, positive_at=0.9)
    partitions.update(paths, {}, COLUMNS)
    assert partitions.current(paths, {}, COLUMNS)
    assert not partitions.current(paths, {}, stricter)
    assert list(partitions.update(paths, {}, stricter)) == [DAY]
    assert partitions.current(paths, {}, stricter)


def test_an_empty_profile_answers_with_nothing() -> None:
    profile = computed(rows_like(3).iloc[:0])
    assert int(profile.window(counts("outputs", []), DAY, DAY, DAY)["n"].sum()) == 0
    assert profile.window(PLAN[2], DAY, DAY, DAY).empty
    assert list(profile.days) == []


def test_a_missing_category_is_unknown_and_a_missing_score_has_a_bin_of_its_own() -> None:
    rows = rows_like(300)
    profile = computed(rows)
    end = DAY + timedelta(days=30)
    groups = profile.window(counts("outputs", ["group"]), DAY, end, end).set_index("group")["n"]
    assert groups[UNKNOWN] == rows["group"].isna().sum()
    scores = profile.window(histogram("outputs", BINS), DAY, end, end)
    assert scores[scores["score@16"].isna()]["n"].sum() == rows["score"].isna().sum()


def test_the_ends_of_a_histogram_take_what_lies_on_or_beyond_them() -> None:
    rows = rows_like(4).assign(score=[-3.0, 0.0, 1.0, 7.0], day=pd.Timestamp(DAY), counted=pd.Timestamp(DAY))
    found = computed(rows).weeks(histogram("outputs", BINS), DAY, DAY)
    assert dict(zip(found["score@16"], found["n"], strict=True)) == {0: 2, 15: 2}
    assert found["sum_score"].sum() == 5 * SUM_SCALE


def test_a_statistic_that_nobody_declared_is_refused_with_the_remedy() -> None:
    with pytest.raises(KeyError, match="declare it in the check's statistics"):
        computed(rows_like(3), PLAN[:1]).weeks(PLAN[1], DAY, DAY)


def test_a_plan_keeps_the_fewest_statistics_that_answer_all() -> None:
    wide, narrow = counts("outputs", ["a", "b"]), counts("outputs", ["b"])
    assert fuse([narrow, wide, wide]) == (wide,)
    assert set(fuse([narrow, counts("outcomes", ["b"])])) == {narrow, counts("outcomes", ["b"])}


def test_a_later_truth_replaces_the_earlier_one_but_not_its_week() -> None:
    connection = ibis.duckdb.connect()
    rows = rows_like(1).assign(score=0.9)
    outputs = table_of(connection, "outputs", rows.drop(columns="outcome"))
    day, week = rows["day"].iloc[0], pd.Timestamp(DAY)
    truth = pd.DataFrame(
        {
            "key": ["k0", "k0"],
            "day": [day, day],
            "outcome": [0, 1],
            "counted": [week + pd.Timedelta(7, "D"), week + pd.Timedelta(14, "D")],
            "batch": ["2014-02-01", "2014-03-01"],
        }
    )
    table = analysis_table(outputs, table_of(connection, "outcomes", truth), COLUMNS)
    statistic = counts("outcomes", ["outcome"])
    found = run(connection, table, [statistic])[statistic].frame()
    assert found[["outcome", "n"]].to_numpy().tolist() == [[1, 1]]
    assert found["counted"].iloc[0] == week + pd.Timedelta(7, "D")


def test_a_column_that_was_not_asked_for_when_the_outputs_came_is_unknown() -> None:
    connection = ibis.duckdb.connect()
    outputs = table_of(connection, "outputs", rows_like(5).drop(columns=["outcome", "group"]))
    statistic = counts("outputs", ["group"])
    found = run(connection, analysis_table(outputs, None, COLUMNS), [statistic])[statistic].frame()
    assert set(found["group"]) == {UNKNOWN}


RATES = {"selection": selection_rate, "fpr": false_positive_rate, "tpr": true_positive_rate}
frames = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 1), st.integers(0, 9), st.integers(0, 1)),
    min_size=2,
    max_size=60,
)


@settings(max_examples=25, deadline=None)
@given(frames)
def test_fairlearn_and_scikit_learn_say_the_same_of_cells_and_rows(
    drawn: list[tuple[str, int, int, int]],
) -> None:
    rows = pd.DataFrame(drawn, columns=["group", "predicted", "score", "outcome"])
    assert_cells_equal_rows(rows)


def assert_cells_equal_rows(rows: pd.DataFrame) -> None:
    keys = ["group", "predicted", "score", "outcome"]
    grouped = rows.groupby(keys, as_index=False).size()

    def frame(part: pd.DataFrame, weight: pd.Series[int] | None) -> pd.DataFrame:
        given = {} if weight is None else {name: {"sample_weight": weight} for name in RATES}
        return MetricFrame(
            metrics=RATES,
            y_true=part["outcome"],
            y_pred=part["predicted"],
            sensitive_features=part["group"],
            sample_params=given,
        ).by_group

    pd.testing.assert_frame_equal(frame(grouped, grouped["size"]), frame(rows, None), rtol=0, atol=1e-12)
    accuracy = accuracy_score(grouped["outcome"], grouped["predicted"], sample_weight=grouped["size"])
    assert accuracy == pytest.approx(accuracy_score(rows["outcome"], rows["predicted"]), abs=1e-12)
    if rows["outcome"].nunique() == 2:
        auc = roc_auc_score(grouped["outcome"], grouped["score"], sample_weight=grouped["size"])
        assert auc == pytest.approx(roc_auc_score(rows["outcome"], rows["score"]), abs=1e-12)
