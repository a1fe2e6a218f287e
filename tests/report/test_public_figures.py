"""Which figures are public: windows that do not overlap, filed once and never told otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from report_examples import finding, group_rate, judged, system

from sundial.lake import Lake
from sundial.register.models import System
from sundial.report.public_figures import (
    MERGED,
    PublicWindow,
    file_figures,
    filed_figures,
)
from sundial.sources.learnt import published_path
from sundial.stats.suppression import small
from sundial.store.records import Finding, Status, Window
from sundial.store.results import Results

FIRST = date(2016, 1, 4)
LAST_DAY = date(2017, 12, 31)
GROUPS = {"North": (60, 200), "South": (80, 300), "East": (3, 40), "West": (12, 50)}
"""Flagged of how many, by district."""


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def window(week: date, weeks: int = 13, maturity: int = 0) -> Window:
    end = week + timedelta(days=6 - maturity)
    return Window(end - timedelta(days=7 * weeks - 1), end, weeks)


def week_of(
    week: date, weeks: int = 13, groups: dict[str, tuple[float, float]] | None = None
) -> list[Finding]:
    """One week's findings, over a window that overlaps with those of the weeks before."""
    found = [finding(week=week, window=window(week, weeks), estimate=0.6, n=1000)]
    for level, (hits, n) in (groups or GROUPS).items():
        found.append(
            group_rate(
                week=week,
                window=window(week, weeks),
                slice=(("district", level),),
                estimate=hits / n,
                n=n,
                evidence=None,
                details={},
            )
        )
    return found


def record(results: Results, weeks: int, start: date = FIRST, **changes: Any) -> None:
    for number in range(weeks):
        week = start + timedelta(weeks=number)
        results.record("street-lights", [judged(week, *week_of(week, **changes))], "run")


def rows(one: PublicWindow, column: str = "district") -> dict[str, tuple[int, int]]:
    table = next(table for table in one.tables if table.column == column)
    return {row.group: (row.hits, row.n) for row in table.rows}


def test_of_26_weekly_windows_two_are_published(results: Results, lake: Lake) -> None:
    record(results, 26)
    public = file_figures(system(), results, lake, LAST_DAY)
    assert [one.week for one in public] == [FIRST, FIRST + timedelta(weeks=13)]
    assert all(before.end < after.start for before, after in pairwise(public))


def test_a_window_has_the_outcome_of_all_and_the_harm_by_group(results: Results, lake: Lake) -> None:
    record(results, 1)
    (one,) = file_figures(system(), results, lake, LAST_DAY)
    assert rows(one, "") == {"": (600, 1000)}
    assert rows(one) == {"North": (60, 200), "South": (80, 300), MERGED: (15, 90)}
    assert one.suppressed == 2


def test_nothing_is_said_of_how_a_merged_group_fares(results: Results, lake: Lake) -> None:
    record(results, 1)
    (one,) = file_figures(system(), results, lake, LAST_DAY)
    table = next(table for table in one.tables if table.column)
    assert [row.status for row in table.rows if row.merged] == [None]
    assert not table.complete


def test_no_count_that_is_filed_is_small(results: Results, lake: Lake) -> None:
    record(results, 60)
    file_figures(system(), results, lake, LAST_DAY)
    counts = [
        count
        for one in filed_figures(lake, "street-lights")
        for table in one.tables
        for row in table.rows
        for count in (row.hits, row.n - row.hits, row.n)
    ]
    assert counts
    assert not any(map(small, counts))


def test_what_came_out_later_is_not_told(results: Results, lake: Lake) -> None:
    """Three outcomes more are three people: the public figure stays what it was."""
    record(results, 1)
    before = file_figures(system(), results, lake, LAST_DAY)
    late = replace(week_of(FIRST)[0], n=1003, estimate=600 / 1003)
    week = FIRST + timedelta(weeks=1)
    results.record("street-lights", [judged(week, *week_of(week))], "run", restated=[late])
    assert results.findings("street-lights", FIRST)[0].n == 1003
    assert file_figures(system(), results, lake, LAST_DAY) == before
    assert file_figures(system(), results, Lake(str(lake.root) + "-other"), LAST_DAY) == before


@pytest.mark.parametrize(
    "changed",
    [
        {"window_weeks": 4},
        {
            "harm": {
                "metric": "selection_rate",
                "reason": "Who is not selected does not get what it is about.",
            }
        },
        {"groups": {"columns": ["language"]}},
    ],
)
def test_another_entry_tells_nothing_else_of_the_same_people(
    results: Results, lake: Lake, changed: dict[str, Any]
) -> None:
    record(results, 14)
    before = file_figures(system(), results, lake, LAST_DAY)
    assert file_figures(system(**changed), results, lake, LAST_DAY) == before


def test_a_shorter_window_waits_until_it_no_longer_overlaps(results: Results, lake: Lake) -> None:
    record(results, 1)
    file_figures(system(), results, lake, LAST_DAY)
    for number in range(1, 20):
        week = FIRST + timedelta(weeks=number)
        results.record("street-lights", [judged(week, *week_of(week, weeks=4))], "run")
    public = file_figures(system(), results, lake, LAST_DAY)
    assert [one.start for one in public[1:]] == [window(one.week, 4).start for one in public[1:]]
    assert all(before.end < after.start for before, after in pairwise(public))


def test_groups_over_other_days_than_the_outcome_are_not_published(results: Results, lake: Lake) -> None:
    found = week_of(FIRST)
    outcome = replace(found[0], window=window(FIRST, maturity=1))
    results.record("street-lights", [judged(FIRST, outcome, *found[1:])], "run")
    (one,) = file_figures(system(), results, lake, LAST_DAY)
    assert [table.column for table in one.tables] == [""]


def test_weights_are_no_people_and_are_not_published(results: Results, lake: Lake) -> None:
    found = [replace(one, n=one.n + 0.5) if one.n else one for one in week_of(FIRST)]
    results.record("street-lights", [judged(FIRST, *found)], "run")
    (one,) = file_figures(system(), results, lake, LAST_DAY)
    assert one.tables == ()


def test_a_week_that_failed_is_not_filed_for_ever(results: Results, lake: Lake) -> None:
    failed = [replace(one, status=Status.ERROR) for one in week_of(FIRST)]
    week = FIRST + timedelta(weeks=1)
    results.record("street-lights", [judged(FIRST, *failed), judged(week, *week_of(week))], "run")
    assert [one.week for one in file_figures(system(), results, lake, LAST_DAY)] == [week]


@pytest.mark.parametrize(
    ("path", "left"), [("intended_outcome", ["district"]), ("harm.metric", [""]), ("groups", [""])]
)
def test_what_the_entry_withholds_has_no_figure(
    results: Results, lake: Lake, path: str, left: list[str]
) -> None:
    record(results, 1)
    entry: System = system(withheld={path: "Gov. Code § 7922.000"})
    (one,) = file_figures(entry, results, lake, LAST_DAY)
    assert [table.column for table in one.tables] == left


def test_a_day_knows_only_what_was_published_by_then(results: Results, lake: Lake) -> None:
    record(results, 14)
    first = file_figures(system(), results, lake, FIRST + timedelta(weeks=2))
    later = file_figures(system(), results, lake, LAST_DAY)
    assert (len(first), len(later)) == (1, 2)
    assert file_figures(system(), results, lake, FIRST + timedelta(weeks=2)) == first


def test_the_record_is_read_as_it_was_filed(results: Results, lake: Lake) -> None:
    record(results, 20)
    public = file_figures(system(), results, lake, LAST_DAY)
    filed = lake.get(published_path("street-lights"))
    assert filed_figures(lake, "street-lights") == public
    file_figures(system(), results, lake, LAST_DAY)
    assert lake.get(published_path("street-lights")) == filed
