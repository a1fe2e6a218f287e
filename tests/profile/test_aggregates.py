"""Aggregates that checks write in Ibis: they merge, are what an engine gives, and all else is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ibis import _
from test_counting import EVER, FIRST, N, by_engine, keys_of, outcomes, outputs, put
from towns import entry

from sundial.lake import Lake
from sundial.profile.aggregates import Aggregate, AggregateError, MissingColumnError, aggregate
from sundial.profile.analysis import analysis_table
from sundial.profile.columns import Columns
from sundial.profile.compute import run
from sundial.profile.partitions import Partitions, needs_truth
from sundial.profile.profile import Profile
from sundial.profile.statistics import Over, counts, fuse
from sundial.register.models import System

SYSTEM = System.model_validate(
    entry(
        Path("/nowhere"),
        outputs={
            "numbers": [{"column": "amount", "low": -2, "high": 3}, {"column": "age", "low": 0, "high": 99}],
            "categories": ["group", "district"],
            "model_version": "version",
        },
        groups=None,
    )
)
assert SYSTEM.feeds.outputs is not None
COLUMNS = Columns.of(SYSTEM, SYSTEM.feeds.outputs)

Build = Callable[[Any], Any]

ASKED: dict[str, Build] = {
    "counts by keys": lambda t: t.group_by("group", "predicted").agg(n=t.count()),
    "a key of one's own": lambda t: t.group_by(
        month=t.day.month(), weekend=t.day.day_of_week.index() > 4
    ).agg(n=t.count(), total=t.age.sum()),
    "filters and columns made of others": lambda t: (
        t.mutate(old=t.age > 60, twice=t.amount * 2)
        .filter(_.old, _.group != "a")
        .select("district", "twice", "old")
        .group_by(zone=_.district.upper())
        .agg(rows=_.count(), total=_.twice.sum(), low=_.twice.min(), high=_.twice.max())
    ),
    "of some of the rows": lambda t: t.group_by("model_version").agg(
        all=t.count(),
        known=t.amount.count(),
        high=t.count(where=t.amount > 0),
        total=t.amount.sum(where=t.predicted == 1),
        least=t.age.min(where=t.predicted == 1),
    ),
    "no keys": lambda t: t.aggregate(n=t.count(), old=(t.age > 60).sum(), ages=t.age.cast("int64").sum()),
    "cases": lambda t: t.group_by(
        size=ibis.cases((t.amount > 1, "large"), (t.amount > 0, "small"), else_="none")
    ).agg(n=_.count()),
    "nothing passes": lambda t: t.filter(t.age > 1_000).group_by("group").agg(n=_.count()),
    "names that others have": lambda t: t.group_by(n=t.group, day=t.predicted).agg(
        counted=t.count(), sum_n=t.age.sum()
    ),
}


def rows() -> pa.Table:
    table = outputs()
    amounts = pd.Series(table["amount"].to_pandas()).replace([np.inf, -np.inf, 1e308], np.nan)
    return table.set_column(table.schema.get_field_index("amount"), "amount", pa.array(amounts.round(3)))


ROWS, KNOWN = rows(), outcomes(rows(), "binary", "1", 0.7)


def table_of(given: pa.Table, known: pa.Table | None) -> Any:
    connection = ibis.duckdb.connect()
    tables = []
    for name, table in (("outputs", given), ("outcomes", known)):
        if table is not None:
            connection.con.register(name, table)
        tables.append(None if table is None else connection.table(name))
    return analysis_table(tables[0], tables[1], COLUMNS)


def by_duckdb(build: Build, over: Over, given: pa.Table, known: pa.Table) -> pd.DataFrame:
    """The expression as the engine takes it, of all rows at once."""
    table = table_of(given, known)
    if over == "outcomes":
        table = table.filter(table.outcome_counted.notnull())
    typed = table.select(
        "day",
        *(["outcome"]),
        *(table[name].cast("float64").name(name) for name in ("amount", "age", "score")),
        *("group", "district", "model_version", "predicted"),
    )
    return build(typed).execute()


def sorted_by_keys(frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    return frame.sort_values(keys, ignore_index=True) if keys else frame.reset_index(drop=True)


def assert_same(ours: pd.DataFrame, theirs: pd.DataFrame, asked: Aggregate) -> None:
    keys = [shown.name for shown in asked.result if shown.of in asked.by]
    assert list(ours.columns) == list(theirs.columns)
    assert len(ours) == len(theirs)
    mine, other = sorted_by_keys(ours, keys), sorted_by_keys(theirs, keys)
    for shown in asked.result:
        if shown.name in keys:
            assert mine[shown.name].astype(str).tolist() == other[shown.name].astype(str).tolist()
        else:  # a sum is of whole parts, some 10^-6 here; of nothing it is 0
            expected = other[shown.name].astype(float)
            expected = expected.fillna(0) if shown.of.startswith("sum_") else expected
            found = mine[shown.name].astype(float)
            np.testing.assert_allclose(found, expected, rtol=0, atol=N * 2**-20, equal_nan=True)
            if shown.kind == "int64":
                assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("over", ["outputs", "outcomes"])
@pytest.mark.parametrize("what", ASKED)
def test_it_is_what_the_engine_gives_of_all_rows(tmp_path: Path, what: str, over: Over) -> None:
    asked = aggregate(SYSTEM, over, ASKED[what])
    plan = fuse([asked, counts("outputs", ["group"]), counts("outcomes", [])])
    lake = Lake(str(tmp_path))
    partitions = Partitions(lake, "s", plan)
    partitions.update(put(lake, "outputs", ROWS), put(lake, "outcomes", KNOWN), COLUMNS)
    found = partitions.load().window(asked, *EVER)
    assert_same(asked.shown(found), by_duckdb(ASKED[what], over, ROWS, KNOWN), asked)
    of_engine = by_engine((ROWS, KNOWN), COLUMNS, (asked,)).window(asked, *EVER)
    pd.testing.assert_frame_equal(found, of_engine, check_exact=True)


def test_all_of_them_are_counted_together_and_kept_apart(tmp_path: Path) -> None:
    asked = {(what, over): aggregate(SYSTEM, over, ASKED[what]) for what in ASKED for over in ("outputs",)}
    lake = Lake(str(tmp_path))
    plan = fuse([*asked.values(), counts("outputs", ["group", "predicted"])])
    assert len(plan) == len(asked) + 1
    partitions = Partitions(lake, "s", plan)
    partitions.update(put(lake, "outputs", ROWS), put(lake, "outcomes", KNOWN), COLUMNS)
    for (what, over), one in asked.items():
        found = partitions.load().window(one, *EVER)
        assert_same(one.shown(found), by_duckdb(ASKED[what], over, ROWS, KNOWN), one)


PARTS = aggregate(SYSTEM, "outputs", ASKED["of some of the rows"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, 2), min_size=40, max_size=40), st.integers(0, N - 40))
def test_the_aggregate_of_a_union_is_the_merge_of_the_aggregates(parts: list[int], start: int) -> None:
    few = ROWS.slice(start, 40)
    place = np.array(parts)

    def profile(chosen: np.ndarray) -> Profile:
        connection = ibis.duckdb.connect()
        connection.con.register("outputs", few.filter(pa.array(chosen)))
        return Profile(run(connection, analysis_table(connection.table("outputs"), None, COLUMNS), [PARTS]))

    merged = profile(place == 0).merge(profile(place == 1)).merge(profile(place == 2))
    whole = profile(place >= 0)
    pd.testing.assert_frame_equal(merged.window(PARTS, *EVER), whole.window(PARTS, *EVER), check_exact=True)


REFUSED: dict[str, tuple[Build, str]] = {
    "mean": (
        lambda t: t.group_by("group").agg(m=t.age.mean()),
        "m is mean: a mean does not merge; ask for sum",
    ),
    "median": (lambda t: t.aggregate(m=t.age.median()), "ask for a histogram"),
    "quantile": (lambda t: t.aggregate(m=t.age.quantile(0.9)), "ask for a histogram"),
    "distinct levels": (lambda t: t.aggregate(m=t.group.nunique()), "make the column a key"),
    "spread": (lambda t: t.aggregate(m=t.age.std()), "ask for count, sum and the sum of squares"),
    "first": (lambda t: t.aggregate(m=t.age.first()), "ask for count, sum, min or max"),
    "ratio": (lambda t: t.aggregate(m=t.age.sum() / t.count()), "do the rest in measure"),
    "having": (lambda t: t.group_by("group").having(_.count() > 1).agg(n=_.count()), "belongs into measure"),
    "after": (lambda t: t.group_by("group").agg(n=_.count()).order_by("n"), "belongs into measure"),
    "no group-by": (lambda t: t.filter(t.age > 1), "an aggregate ends with group_by"),
    "a number": (lambda t: t.age.sum(), "an aggregate ends with group_by"),
    "twice": (lambda t: t.group_by("group").agg(n=_.count()).aggregate(n=_.n.sum()), "there is one group-by"),
    "join": (lambda t: t.join(t.view(), "group").aggregate(n=_.count()), "have the feed bring the column"),
    "window": (lambda t: t.mutate(r=t.age.rank()).group_by("r").agg(n=_.count()), "a window looks at other"),
    "other rows": (lambda t: t.filter(t.age > t.age.mean()).aggregate(n=_.count()), "looks at other rows"),
    "subquery": (
        lambda t: t.filter(t.group.isin(t.filter(t.age > 9).group)).aggregate(n=_.count()),
        "looks at other rows",
    ),
    "limit": (lambda t: t.limit(9).aggregate(n=_.count()), "ask for a sample()"),
    "order": (lambda t: t.order_by("age").aggregate(n=_.count()), "sort in measure"),
    "distinct": (lambda t: t.distinct().aggregate(n=_.count()), "make the columns keys"),
    "union": (lambda t: t.union(t).aggregate(n=_.count()), "write one filter for both"),
    "sample": (lambda t: t.sample(0.5).aggregate(n=_.count()), "which is the same"),
    "drop_null": (lambda t: t.drop_null().aggregate(n=_.count()), "filter by notnull()"),
    "chance": (lambda t: t.filter(ibis.random() < 0.5).aggregate(n=_.count()), "another one in every run"),
    "today": (lambda t: t.filter(t.day < ibis.today()).aggregate(n=_.count()), "take the time from day"),
    "unnest": (lambda t: t.group_by(w=t.group.split(" ").unnest()).agg(n=_.count()), "several rows of one"),
    "number as key": (lambda t: t.group_by("age").agg(n=_.count()), "floor() and cast it to int64"),
    "day as key": (lambda t: t.group_by("day").agg(n=_.count()), "cast it to string"),
    "the table before": (
        lambda t: t.filter(t.age > 9).group_by("group").agg(n=t.count()),
        "write _ for what it is there",
    ),
    "least text": (lambda t: t.aggregate(n=_.group.min()), "sum, min and max are of numbers"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_merge_is_refused_with_what_to_use_instead(what: str) -> None:
    build, says = REFUSED[what]
    with pytest.raises(AggregateError) as refused:
        aggregate(SYSTEM, "outputs", build)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    "build",
    [
        lambda t: t.group_by("channel").agg(n=_.count()),
        lambda t: t.filter(t.channel == "web").aggregate(n=_.count()),
        lambda t: t.filter(_.channel == "web").aggregate(n=_.count()),
        lambda t: t.aggregate(n=t["channel"].count()),
    ],
)
def test_a_column_that_the_system_has_not_is_told_by_name(build: Build) -> None:
    with pytest.raises(MissingColumnError) as missing:
        aggregate(SYSTEM, "outputs", build)
    assert missing.value.column == "channel"


def test_the_same_declaration_is_the_same_everywhere() -> None:
    one, same = (aggregate(SYSTEM, "outputs", ASKED["cases"]) for _place in range(2))
    assert (one, hash(one), one.id) == (same, hash(same), same.id)
    others = [
        aggregate(SYSTEM, "outcomes", ASKED["cases"]),
        aggregate(SYSTEM, "outputs", ASKED["counts by keys"]),
        aggregate(SYSTEM, "outputs", ASKED["of some of the rows"], largest=2),
        PARTS,
    ]
    assert len({one.id, *(other.id for other in others)}) == 5
    assert not counts("outputs", list(one.by)).answers(one)
    assert not any(other.answers(one) or one.answers(other) for other in others)


def test_other_names_for_the_same_are_answered_by_it() -> None:
    one = aggregate(SYSTEM, "outputs", lambda t: t.group_by("group").agg(n=t.count()))
    other = aggregate(SYSTEM, "outputs", lambda t: t.group_by(g=t.group).agg(rows=t.count()))
    assert fuse([one, other]) in ((one,), (other,))
    assert list(other.shown(pd.DataFrame({"key_0": ["a"], "n": [1]})).columns) == ["g", "rows"]


def test_it_tells_what_it_reads() -> None:
    asked = aggregate(SYSTEM, "outputs", lambda t: t.mutate(old=t.age > 60).group_by("old").agg(n=_.count()))
    assert asked.columns == {"age"}
    assert not needs_truth(asked)
    assert needs_truth(aggregate(SYSTEM, "outputs", lambda t: t.group_by("outcome").agg(n=t.count())))


def test_numbers_beyond_the_largest_are_summed_as_if_they_lay_there() -> None:
    amounts = pa.array([1.0, 5e9, float("nan"), None])
    day = pa.array([FIRST] * 4)
    given = pa.table({"key": keys_of(range(4)), "day": day, "counted": day, "amount": amounts})
    columns = Columns(numbers=("amount",))
    system = System.model_validate(
        entry(Path("/"), outputs={"numbers": [{"column": "amount", "low": 0, "high": 1}]}, groups=None)
    )
    for largest, total in ((2**20, 2**20 + 1), (2**40, 5e9 + 1)):
        asked = aggregate(system, "outputs", lambda t: t.aggregate(s=t.amount.sum()), largest=largest)
        connection = ibis.duckdb.connect()
        connection.con.register("outputs", given)
        profile = Profile(
            run(connection, analysis_table(connection.table("outputs"), None, columns), [asked])
        )
        shown = asked.shown(profile.window(asked, FIRST, FIRST, FIRST + timedelta(days=9)))
        assert shown["s"].tolist() == [total]
