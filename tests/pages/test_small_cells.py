from __future__ import annotations

from dataclasses import replace

import pytest
from pages_city import THIS_WEEK, Town
from report_examples import finding, group_rate

from sundial.pages.small_cells import LEAST, WITHHELD, count_for, for_viewer, is_small
from sundial.stats.intervals import proportion
from sundial.store.records import Finding, Status


def group(level: str, hits: int, n: int, **changes: object) -> Finding:
    told = {"slice": (("race", level),), "estimate": hits / n, "interval": proportion(hits, n), "details": {}}
    return group_rate(**{**told, "n": n, **changes})


def withheld(*findings: Finding) -> list[bool]:
    return [finding.reason == WITHHELD for finding in for_viewer(findings)]


@pytest.mark.parametrize(("count", "small"), [(0, False), (1, True), (10, True), (11, False), (None, False)])
def test_one_to_ten_are_small_and_zero_is_not(count: int | None, small: bool) -> None:
    assert is_small(count) is small


def test_a_count_of_rows_is_shown_or_said_to_be_small() -> None:
    assert count_for(7, sees_small=False) == "fewer than 11"
    assert count_for(7, sees_small=True) == "7"
    assert count_for(1_234, sees_small=False) == "1,234"


def test_a_small_group_takes_the_smallest_other_one_with_it() -> None:
    assert withheld(group("A", 300, 600), group("B", 40, 90), group("C", 3, 8)) == [False, True, True]


def both(race: str, sex: str, n: int) -> Finding:
    return group(race, n // 2, n, slice=(("race", race), ("sex", sex)))


def test_a_group_does_not_give_a_small_part_of_it_away() -> None:
    parts = [both("A", "F", 22), both("A", "M", 300), both("B", "F", 3), both("B", "M", 28)]
    assert withheld(*parts) == [True, False, True, False]
    assert withheld(group("A", 160, 322), group("B", 15, 31), *parts) == [
        False,
        False,
        True,
        True,
        True,
        True,
    ]


def test_a_part_that_is_all_of_its_group_goes_with_it() -> None:
    parts = [both("A", "F", 300), both("A", "M", 300), both("B", "F", 40), both("C", "M", 8)]
    groups = [group("A", 300, 600), group("B", 20, 40), group("D", 300, 600)]
    assert withheld(*groups, *parts)[1] is True


def test_the_parts_of_a_withheld_group_do_not_give_it_away() -> None:
    groups = [group("A", 300, 600), group("B", 45, 90), group("C", 4, 8)]
    parts = [both("A", "F", 300), both("A", "M", 300), both("B", "F", 50), both("B", "M", 40)]
    assert withheld(*groups, *parts) == [False, True, True, False, False, True, True]


def test_few_cases_among_many_are_small_too_and_so_are_all_but_a_few() -> None:
    assert withheld(group("A", 300, 600), group("B", 5, 400), group("C", 395, 400)) == [False, True, True]


def test_a_rate_of_nobody_shows() -> None:
    assert withheld(group("A", 300, 600), group("B", 0, 400)) == [False, False]


def test_nothing_of_a_withheld_figure_is_left() -> None:
    (shown,) = for_viewer([group("C", 3, 8)])
    assert (shown.estimate, shown.interval, shown.n, shown.evidence) == (None, None, None, None)
    assert not shown.details
    assert shown.status is Status.BREACH


def test_a_gap_that_names_a_small_group_goes_with_it() -> None:
    gap = finding(
        Status.BREACH,
        check="equity.groups",
        principle="equity",
        metric="false_positive_rate_difference",
        slice=(("by", "race"),),
        estimate=0.2,
        n=1000,
        details={},
    )
    other = replace(gap, slice=(("by", "sex"),))
    assert withheld(gap, other, group("A", 300, 600), group("C", 3, 8), group("D", 30, 80)) == [
        True,
        False,
        False,
        True,
        True,
    ]


def test_a_family_is_of_one_week() -> None:
    before = replace(group("A", 300, 600), week=THIS_WEEK)
    assert withheld(before, group("C", 3, 8), group("D", 30, 80)) == [False, True, True]


def test_a_gap_by_two_columns_goes_with_their_groups_in_whatever_order() -> None:
    where = (("race", "C"), ("sex", "F"))
    gap = replace(group("A", 300, 600), metric="selection_rate_difference", slice=(("by", "sex × race"),))
    assert withheld(gap, replace(group("C", 3, 8), slice=where)) == [True, True]


def test_the_rest_that_a_group_is_held_against_may_be_small() -> None:
    alone = replace(group("A", 300, 600), details={"rest": 0.5, "rest_n": 6})
    assert withheld(alone) == [True]


def test_other_counts_are_rounded_to_five() -> None:
    (shown,) = for_viewer([group("A", 300, 603)])
    assert shown.n == 605
    assert LEAST > 10


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        (
            "Only 7 to compare it with; 30 are needed.",
            "Only fewer than 11 to compare it with; 30 are needed.",
        ),
        (
            "3 outputs; at the baseline's pace it would be 12.",
            "fewer than 11 outputs; at the baseline's pace it would be 12.",
        ),
        (
            "No output since 2016-12-03, 5 days ago; 2 % of all.",
            "No output since 2016-12-03, 5 days ago; 2 % of all.",
        ),
        ("FactSheet v3 of 2016-01-05, version 2.1.", "FactSheet v3 of 2016-01-05, version 2.1."),
        ("Of 4.", "Of fewer than 11."),
    ],
)
def test_a_reason_tells_no_small_count_either(reason: str, shown: str) -> None:
    assert [one.reason for one in for_viewer([finding(reason=reason)])] == [shown]


@pytest.mark.parametrize("role", ["cio", "cdpo", "operator", "engineer"])
def test_roles_that_need_small_cells_see_them(town: Town, role: str) -> None:
    assert "n 8" in _page(town, role)


@pytest.mark.parametrize("user", ["staff", "somebody"])
def test_others_do_not(town: Town, user: str) -> None:
    text = _page(town, user)
    assert WITHHELD in text
    for figure in ("37.5", "n 8", "44.4", "n 90", "n 603"):
        assert figure not in text
    assert "n 605" in text


def test_a_gap_that_is_withheld_is_on_no_chart_either(town: Town) -> None:
    town.register()
    gap = group(
        "A",
        301,
        603,
        metric="false_positive_rate_difference",
        slice=(("by", "race"),),
        details={"rates": {"A": 0.5, "B": 0.4444}, "n": {"A": 603, "B": 90}},
    )
    gap = replace(gap, estimate=0.0556, interval=None, evidence=None, week=THIS_WEEK)
    groups = [group("A", 301, 603), group("B", 40, 90), group("C", 3, 8)]
    town.judge(gap, *(replace(one, week=THIS_WEEK, evidence=None) for one in groups))
    client = town.client("somebody")
    for page in ("equity", f"findings/2016-W51/{gap.id}"):
        assert "5.6" not in client.get(f"/systems/street-lights/{page}").text
    assert "5.6" in town.client("cdpo").get(f"/systems/street-lights/findings/2016-W51/{gap.id}").text


def _page(town: Town, user: str) -> str:
    town.register()
    groups = [group("A", 301, 603), group("B", 40, 90), group("C", 3, 8)]
    town.judge(*(replace(one, week=THIS_WEEK, evidence=None) for one in groups))
    client = town.client(user)
    texts = [client.get("/systems/street-lights/equity").text, client.get("/systems/street-lights").text]
    for one in groups:
        key = replace(one, week=THIS_WEEK).id
        answer = client.get(f"/systems/street-lights/findings/2016-W51/{key}")
        assert answer.status_code == 200
        texts.append(answer.text)
    return " ".join(texts).replace("\u00a0", " ").replace("\u2060", "")
