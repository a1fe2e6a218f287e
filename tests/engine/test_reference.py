"""A reference window to propose: quiet weeks in a row, the latest that there are."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from given_examples import waiver
from store_examples import evidence, finding, judged, weeks

from sundial.engine.reference import quiet_window
from sundial.engine.waive import waived
from sundial.store.database import Database
from sundial.store.records import Finding, Kind, Status
from sundial.store.results import Results

QUIET = finding(status=Status.OK)
BREACH = finding(status=Status.BREACH, evidence=evidence())


@pytest.fixture
def results(tmp_path: Path) -> Results:
    database = Database(f"sqlite:///{tmp_path / 'store.db'}")
    database.migrate()
    return Results(database)


def judged_as(results: Results, found: dict[int, Finding], count: int = 20) -> None:
    """Records so many weeks; quiet but for those that have another finding."""
    each = [(week, found.get(number, QUIET)) for number, week in enumerate(weeks(count))]
    results.record("compas", [judged(week, [_of(week, one)]) for week, one in each], "run")


def _of(week: date, one: Finding) -> Finding:
    return finding(week, **{name: getattr(one, name) for name in ("status", "kind", "details", "check")})


def window(first: int, last: int) -> tuple[date, date]:
    days = weeks(last + 1)
    return days[first], days[last] + timedelta(days=6)


def test_the_latest_weeks_in_a_row_count(results: Results) -> None:
    judged_as(results, {})
    assert quiet_window(results, "compas", 15) == window(5, 19)


@pytest.mark.parametrize("loud", [BREACH, finding(status=Status.ERROR)])
def test_a_confirmed_breach_or_an_error_breaks_the_row(results: Results, loud: Finding) -> None:
    judged_as(results, {17: loud})
    assert quiet_window(results, "compas", 2) == window(18, 19)
    assert quiet_window(results, "compas", 3) == window(14, 16)
    assert quiet_window(results, "compas", 18) is None


def test_a_fact_in_breach_says_nothing_of_the_outputs(results: Results) -> None:
    judged_as(results, {17: finding(status=Status.BREACH, kind=Kind.FACTUAL)})
    assert quiet_window(results, "compas", 3) == window(17, 19)


def test_a_waiver_hides_no_breach(results: Results) -> None:
    hidden = waived(BREACH, [(1, waiver(check=BREACH.check))])
    judged_as(results, {17: hidden})
    assert quiet_window(results, "compas", 3) == window(14, 16)


def test_weeks_that_were_not_judged_are_not_in_a_row(results: Results) -> None:
    results.record("compas", [judged(week, [_of(week, QUIET)]) for week in (*weeks(3), weeks(5)[4])], "run")
    assert quiet_window(results, "compas", 2) == window(1, 2)
