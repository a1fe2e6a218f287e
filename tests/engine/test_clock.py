"""Civil weeks: which ones a run judges."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from sundial.engine.clock import due_weeks, last_complete_week, monday, week_name

W53 = date(2015, 12, 28)  # 2015-W53


@pytest.mark.parametrize(
    ("as_of", "week"),
    [
        (date(2016, 1, 2), date(2015, 12, 21)),  # Saturday: week 53 is not over
        (date(2016, 1, 3), W53),  # its Sunday
        (date(2016, 1, 4), W53),
        (date(2018, 12, 31), date(2018, 12, 24)),  # a Monday of the next ISO year
        (date(2014, 3, 9), date(2014, 3, 3)),  # the clock goes forward
        (date(2014, 11, 2), date(2014, 10, 27)),  # and back: a civil week has seven days all the same
    ],
)
def test_the_last_complete_week_ends_on_or_before_the_as_of_date(as_of: date, week: date) -> None:
    assert last_complete_week(as_of) == week


def test_week_names_are_iso() -> None:
    assert [week_name(day) for day in (W53, date(2016, 1, 4), date(2018, 12, 31))] == [
        "2015-W53",
        "2016-W01",
        "2019-W01",
    ]


def test_a_first_run_judges_from_the_first_output_on() -> None:
    assert due_weeks(None, date(2015, 12, 24), date(2016, 1, 10)) == [
        date(2015, 12, 21),
        W53,
        date(2016, 1, 4),
    ]


def test_a_first_run_without_outputs_judges_the_latest_week() -> None:
    assert due_weeks(None, None, date(2016, 1, 10)) == [date(2016, 1, 4)]


def test_missed_weeks_are_judged_in_order() -> None:
    found = due_weeks(date(2015, 12, 7), date(2015, 1, 1), date(2016, 1, 12))
    assert found == [date(2015, 12, 14) + timedelta(weeks=n) for n in range(4)]


@pytest.mark.parametrize("as_of", [date(2016, 1, 10), date(2016, 1, 16), date(2014, 5, 1)])
def test_nothing_is_due_twice_nor_as_of_an_older_date(as_of: date) -> None:
    assert due_weeks(date(2016, 1, 4), date(2014, 1, 1), as_of) == []


def test_outputs_that_begin_this_week_are_not_due_yet() -> None:
    assert due_weeks(None, date(2016, 1, 12), date(2016, 1, 13)) == []


def test_monday() -> None:
    assert {monday(date(2016, 1, 4) + timedelta(days=n)) for n in range(7)} == {date(2016, 1, 4)}
