"""Waivers in the weekly report: in force with age and expiry; ended ones nag while they are in breach."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from given_examples import revocation, rows, waiver
from report_examples import AS_OF, HOSTILE, MONDAY, finding, group_rate, judged, policy, system

from sundial.engine.waive import waived
from sundial.register.given import Waiver
from sundial.report.rendered import render_html, render_text
from sundial.report.weekly import WeeklyReport, build
from sundial.store.cases import Cases
from sundial.store.records import Finding, Status
from sundial.store.register import Row
from sundial.store.results import Results

NEXT = MONDAY + timedelta(weeks=1)
GIVEN = date(2016, 11, 6)
IN_FORCE = waiver(holds_from=GIVEN, expires=date(2017, 1, 31))
ENDED = waiver(holds_from=GIVEN, expires=date(2016, 12, 10))
BREACH = group_rate(week=NEXT)


def report_on(results: Results, cases: Cases, given: tuple[Row, ...], *found: Finding) -> WeeklyReport:
    before = replace(BREACH, week=MONDAY)
    results.record("street-lights", [judged(MONDAY, before), judged(NEXT, *found)], "run")
    return build({"street-lights": system()}, policy(), results, cases, AS_OF, given)


def plain(report: WeeklyReport) -> str:
    return " ".join(render_text(report).split())


def hidden(by: Waiver) -> Finding:
    return waived(BREACH, [(1, by)])


def test_a_waiver_in_force_is_listed_with_its_age_and_what_it_hides(results: Results, cases: Cases) -> None:
    report = report_on(results, cases, rows(IN_FORCE), hidden(IN_FORCE), finding(week=NEXT))
    (shown,) = report.systems[0].waivers
    assert (shown.days, shown.would_be, shown.still) == (50, "1 breach", ())
    assert (
        "* Waiver until January 31, 2017: equity.groups: The vendor repairs it in May. By Dana, CDPO, 50 "
        "days ago; https://city.example/waivers/7; without it: 1 breach."
    ) in plain(report)
    page = " ".join(render_html(report).split())
    assert "<strong>In force until January 31, 2017.</strong> equity.groups: The vendor repairs" in page
    assert report.waiting == ()


def test_what_is_waived_is_not_told_as_mended(results: Results, cases: Cases) -> None:
    report = report_on(results, cases, rows(IN_FORCE), hidden(IN_FORCE))
    assert [change.headline for change in report.systems[0].changes] == ["Now waived (was breach)"]


def test_an_ended_one_nags_while_it_is_in_breach(results: Results, cases: Cases) -> None:
    report = report_on(results, cases, rows(ENDED), BREACH)
    (shown,) = report.systems[0].waivers
    assert len(shown.still) == 1
    (waiting,) = [one for one in report.waiting if "waiver" in one.what]
    assert (waiting.who, waiting.by, waiting.overdue) == ("Dana, CDPO", date(2016, 12, 10), True)
    assert "WAIVER ended December 10, 2016, still in breach: equity.groups" in plain(report)
    assert "The waiver of equity.groups has ended, and it is still in breach" in plain(report)
    assert "Ended December 10, 2016, still in breach." in render_html(report)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        pytest.param(rows(ENDED), replace(BREACH, status=Status.OK), id="it is mended"),
        pytest.param(rows(ENDED), finding(Status.BREACH, week=NEXT), id="another check is in breach"),
        pytest.param(rows(ENDED, revocation(1, holds_from=GIVEN)), BREACH, id="it was revoked"),
        pytest.param(
            rows(waiver(holds_from=AS_OF + timedelta(days=1), expires=date(2017, 2, 1))), BREACH, id="later"
        ),
    ],
)
def test_what_is_over_is_not_listed(
    results: Results, cases: Cases, given: tuple[Row, ...], found: Finding
) -> None:
    report = report_on(results, cases, given, found)
    assert report.systems[0].waivers == ()
    assert not [one for one in report.waiting if "waiver" in one.what]


def test_one_that_was_renewed_does_not_nag(results: Results, cases: Cases) -> None:
    report = report_on(results, cases, rows(ENDED, IN_FORCE), hidden(IN_FORCE))
    assert [shown.number for shown in report.systems[0].waivers] == [2]


@pytest.mark.parametrize("field", ["reason", "approver", "metric"])
def test_what_a_person_wrote_is_text_and_nothing_else(results: Results, cases: Cases, field: str) -> None:
    written: dict[str, Any] = {field: HOSTILE}
    hostile = IN_FORCE.model_copy(update=written)
    page = render_html(report_on(results, cases, rows(hostile), hidden(IN_FORCE)))
    assert "<script" not in page
    assert "<img" not in page
    assert "\x1b" not in page
