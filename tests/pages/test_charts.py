from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from report_examples import MONDAY, finding, group_rate

from sundial.pages.charts import Chart, estimate_chart, evidence_chart, held_against
from sundial.pages.reading import Change, Point
from sundial.store.records import Finding, Status

WEEKS = [MONDAY + timedelta(weeks=n) for n in range(4)]


def points(*estimates: float | None, **changes: object) -> list[Point]:
    return [
        Point(finding(week=week, estimate=value, **changes), None)
        for week, value in zip(WEEKS, estimates, strict=False)
    ]


def chart(*estimates: float | None, changes: tuple[Change, ...] = ()) -> Chart:
    made = estimate_chart("Accuracy", "", points(*estimates), changes)
    assert made is not None
    return made


def test_a_week_without_an_estimate_breaks_the_line_and_is_in_the_table() -> None:
    made = chart(0.6, None, 0.7, 0.7)
    assert [len(line.split()) for line in made.lines] == [1, 2]
    assert [entry.cells[0] for entry in made.entries] == ["60.0 %", "–", "70.0 %", "70.0 %"]


def test_the_sentence_says_what_the_picture_shows() -> None:
    assert chart(0.6, None, 0.7, 0.65).said == (
        "Accuracy, 4 weeks, of which 3 have an estimate: 60.0 % in 2016-W50, 65.0 % in 2017-W01; "
        "in breach or on watch in 0."
    )


@pytest.mark.parametrize(
    ("metric", "values", "labels"),
    [
        ("accuracy", (0.6, 0.9), ["60 %", "70 %", "80 %", "90 %"]),
        ("missing_share", (0.0, 0.01), ["0.00 %", "0.25 %", "0.50 %", "0.75 %", "1.00 %"]),
        ("parity_difference", (-0.1, 0.2), ["−10", "0", "10", "20"]),
        ("hours_to_review", (20.0, 80.0), ["20", "40", "60", "80"]),
    ],
)
def test_the_axis_says_each_step_as_it_is(metric: str, values: tuple[float, ...], labels: list[str]) -> None:
    found = points(*values, metric=metric, interval=None, threshold=None)
    made = estimate_chart("Measure", "", found, ())
    assert made is not None
    shown = [tick.label for tick in made.ys]
    assert shown[:: len(shown) - 1] == labels[:: len(labels) - 1]
    assert set(labels) <= set(shown)


def test_a_difference_to_the_process_without_ai_is_held_against_none() -> None:
    found = finding(metric="accuracy_against_process", details={"process": "A clerk", "process_n": 400})
    assert held_against(found) == 0.0


def test_nothing_is_drawn_where_nothing_was_estimated() -> None:
    assert estimate_chart("Accuracy", "", points(None, None), ()) is None
    assert evidence_chart(points(0.6), ()) is None


def test_all_points_lie_inside_whatever_the_values() -> None:
    for values in ((0.5, 0.5), (0.0, 0.0), (-3.0, 1e6), (float("inf"), 0.4)):
        made = chart(*values)
        places = [tuple(map(float, point.split(","))) for line in made.lines for point in line.split()]
        assert all(0 <= x <= made.width and 0 <= y <= made.height for x, y in places)


def test_a_restated_week_shows_what_was_judged_first_as_superseded() -> None:
    now = finding(week=MONDAY, estimate=0.7)
    made = estimate_chart("Accuracy", "", [Point(now, replace(now, estimate=0.4))], ())
    assert made is not None
    assert made.heads[-1] == "As first judged"
    assert made.entries[0].cells[-1] == "40.0 % (superseded)"
    assert made.entries[0].before is not None


def test_a_new_version_within_the_weeks_is_marked() -> None:
    made = chart(0.6, 0.6, changes=(Change("v2", WEEKS[1]), Change("v0", MONDAY - timedelta(weeks=9))))
    assert [mark.label for mark in made.versions] == [f"version v2 from {WEEKS[1]}"]


def test_a_breach_and_a_watch_have_bars_of_their_own() -> None:
    found = [finding(Status.BREACH, WEEKS[0]), finding(Status.WATCH, WEEKS[1]), finding(week=WEEKS[2])]
    made = estimate_chart("Accuracy", "", [Point(one, None) for one in found], ())
    assert made is not None
    assert [entry.mark for entry in made.entries] == ["m-breach", "m-watch", ""]


@pytest.mark.parametrize(
    ("one", "against"),
    [
        (finding(), 0.6),
        (group_rate(), 0.18),
        (group_rate(details={}), None),
        (group_rate(metric="false_positive_rate_difference", details={}), 0.1),
        (finding(threshold=None), None),
    ],
)
def test_a_groups_rate_stands_beside_the_others_rate_not_beside_the_tolerance(
    one: Finding, against: float | None
) -> None:
    assert held_against(one) == against


def test_the_evidence_says_whether_it_reached_its_alarm() -> None:
    made = evidence_chart([Point(group_rate(week=week), None) for week in WEEKS], ())
    assert made is not None
    assert made.said == "Evidence by week, 4 weeks: last 10^10.2, alarm at 10^4.4, reached or kept in 4."
    assert made.entries[0].cells == ("10^10.2", "10^4.4", "1 in 10⁹")
