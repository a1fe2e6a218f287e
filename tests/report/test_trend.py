from __future__ import annotations

import re

import pytest
from report_examples import AS_OF, MONDAY, finding, judged, policy, system, unmeasured, year

from sundial.report.picture import RED, named, picture
from sundial.report.rendered import render_html
from sundial.report.trend import Trend
from sundial.report.weekly import build
from sundial.store.cases import Cases
from sundial.store.records import Status
from sundial.store.results import Results


@pytest.fixture
def trend(results: Results, cases: Cases) -> Trend:
    results.record("street-lights", year(), "run")
    found = build({"street-lights": system()}, policy(), results, cases, AS_OF).systems[0].trend
    assert found is not None
    return found


def test_a_trend_has_each_judged_week_with_interval_n_threshold_and_status(trend: Trend) -> None:
    assert len(trend.points) == 30
    assert trend.rows()[-1] == ("2016-W51", "52.6 %", "49.5 % to 55.7 %", "1,000", "60.0 %", "breach")
    assert trend.rows()[0][-1] == "ok"


def test_its_alternative_says_what_the_picture_shows(trend: Trend) -> None:
    assert trend.alternative == (
        "Trend of Accuracy: 70.0 % (95 % 67.1 % to 72.8 %, n 1,000) in 2016-W22, 52.6 % "
        "(95 % 49.5 % to 55.7 %, n 1,000) in 2016-W51. Target at least 60.0 %: "
        "missed in 13 of 30 measured weeks, confirmed in 2."
    )


def test_the_picture_has_a_mark_for_each_week_and_red_ones_for_breaches_only(trend: Trend) -> None:
    (symbols,) = re.findall(r'<g class="mark-symbol.*?</g>', picture(trend))
    points = re.findall(r'fill="(#\w+)"', symbols)
    assert len(points) == 30
    assert points.count(RED) == 2
    assert picture(trend).count(RED) == 2, "nothing else is red"


def test_the_picture_has_the_same_bytes_again_and_fetches_nothing(trend: Trend) -> None:
    first = picture(trend)
    picture.cache_clear()
    assert picture(trend) == first
    assert not re.search(r"<script|<image|href=|url\((?!#)", first)


def test_ids_of_two_pictures_on_a_page_differ() -> None:
    svg = '<svg><clipPath id="clip1"/><g clip-path="url(#clip1)"/><g id="clip10"/></svg>'
    assert named(svg, "a") == (
        '<svg><clipPath id="a-clip1"/><g clip-path="url(#a-clip1)"/><g id="a-clip10"/></svg>'
    )


def test_one_week_is_no_trend_but_has_its_figures(results: Results, cases: Cases) -> None:
    week = finding().week
    results.record("street-lights", [judged(week, finding(week=week))], "run")
    report = build({"street-lights": system()}, policy(), results, cases, AS_OF)
    trend = report.systems[0].trend
    assert trend is not None
    assert picture(trend) == ""
    assert "The figures of 1 week" in render_html(report)


def test_weeks_without_an_estimate_are_rows_and_no_points(results: Results, cases: Cases) -> None:
    weeks = year(3)
    results.record("street-lights", weeks[:2], "run")
    hole = finding(Status.INSUFFICIENT, weeks[2].week, estimate=None, interval=None, n=0)
    results.record("street-lights", [judged(weeks[2].week, hole)], "run")
    trend = build({"street-lights": system()}, policy(), results, cases, AS_OF).systems[0].trend
    assert trend is not None
    assert trend.rows()[-1] == ("2016-W51", "–", "–", "0", "60.0 %", "too few data")
    assert len(trend.measured) == 2


def test_what_was_never_measured_has_no_trend(results: Results, cases: Cases) -> None:
    results.record("street-lights", [judged(MONDAY, unmeasured())], "run")
    assert build({"street-lights": system()}, policy(), results, cases, AS_OF).systems[0].trend is None
