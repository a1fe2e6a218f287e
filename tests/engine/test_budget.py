"""The portfolio's budget: the weights of all streams never sum to more than 1, whoever asks, and when."""

from __future__ import annotations

import math
from datetime import date

import pytest

from sundial.engine.budget import PRESUMED, alarms_of, exceeded, fits, spent
from sundial.engine.streams import Alarms, log_alarm
from sundial.register.policy import EvidenceBudget
from sundial.store.grants import Grant, totals

APPROVED, LATER = date(2026, 11, 1), date(2027, 11, 1)


def budget(approved_on: date = APPROVED, weight: float = 0.004) -> EvidenceBudget:
    return EvidenceBudget(
        weeks_between_false_breaches=100,
        stream_weight=weight,
        years_between_false_recommendations=100,
        approved_by="Chief Information Officer",
        approved_on=approved_on,
    )


def alarms(system: str, of: EvidenceBudget, known: list[Grant]) -> Alarms:
    return alarms_of(system, of, [one for one in known if one.system == system], totals(known))


def fit(of: EvidenceBudget, known: list[Grant], new: list[Grant]) -> bool:
    return fits(of, totals(known), totals([*known, *new]), len(new))


def begun(
    system: str, streams: int, known: list[Grant], of: EvidenceBudget, part: float = 1.0
) -> list[Grant]:
    """What as many streams of a system are given after what is known."""
    held = alarms(system, of, known)
    for number in range(streams):
        held.of(f"s{number}", part)
    return [Grant(system, name, of.approved_on, *given) for name, given in held.given.items()]


def portfolio(systems: int, streams: int, of: EvidenceBudget) -> list[Grant]:
    known: list[Grant] = []
    for number in range(systems):
        known += begun(f"system-{number}", streams, known, of)
    return known


@pytest.mark.parametrize("systems", [1, 4, 8, 20])
def test_however_many_systems_there_are_their_weights_stay_within_the_budget(systems: int) -> None:
    assert spent(budget(), totals(portfolio(systems, 60, budget()))) <= 1 + 1e-8


@pytest.mark.parametrize("systems", [1, 4, 8, 20])
def test_a_new_approval_gives_all_the_same_and_no_more_than_the_budget(systems: int) -> None:
    known, renewed = portfolio(systems, 60, budget()), budget(LATER)
    assert spent(renewed, totals(known)) <= 0.8 + 1e-9
    for number in range(systems):  # one after the other, and each is given the same
        known += begun(f"system-{number}", 60, known, renewed)
        assert spent(renewed, totals(known)) <= 0.8 + 1e-9
    given = {one.weight for one in known if one.approved_on == LATER}
    assert max(given) == pytest.approx(min(given)) == pytest.approx(min(0.004, 0.8 / (60 * systems)))


def test_what_begins_before_the_others_were_renewed_comes_out_of_the_reserve() -> None:
    known, renewed = portfolio(8, 60, budget()), budget(LATER)
    known += begun("new", 60, known, renewed)
    for number in range(8):
        known += begun(f"system-{number}", 60, known, renewed)
    assert spent(renewed, totals(known)) <= 1 + 1e-9
    last = [one.weight for one in known if one.system == "system-7" and one.approved_on == LATER]
    assert last == pytest.approx([0.8 / 480] * 60)


def test_parts_of_a_family_are_renewed_as_parts() -> None:
    known = begun("slices", 100, [], budget(), part=0.01)
    again = begun("slices", 100, known, budget(LATER), part=0.01)
    assert spent(budget(LATER), totals(known)) == pytest.approx(0.004)
    assert [one.weight for one in again] == pytest.approx([0.00004] * 100)


def test_what_was_given_stays_whoever_comes_after() -> None:
    known = begun("first", 3, [], budget())
    known += portfolio(8, 60, budget())
    held = alarms("first", budget(), known)
    assert [held.of(f"s{number}") for number in range(3)] == [log_alarm(100, 0.004)] * 3
    assert held.given == {}


def test_two_who_measured_without_knowing_of_each_other_do_not_both_fit() -> None:
    known = portfolio(4, 60, budget())  # 0.96 of it
    one, other = begun("one", 5, known, budget()), begun("other", 5, known, budget())
    third = begun("third", 5, known, budget())
    assert fit(budget(), known, one)
    stands = [*known, *one]
    assert not (fit(budget(), stands, other) and fit(budget(), [*stands, *other], third))
    again = begun("third", 5, [*stands, *begun("other", 5, stands, budget())], budget())
    assert fit(budget(), [*stands, *begun("other", 5, stands, budget())], again)


def test_a_portfolio_that_fits_is_nothing_to_tell_of() -> None:
    known = portfolio(4, 50, budget())
    assert exceeded(budget(), totals(known), [f"system-{number}" for number in range(4)]) is None
    assert exceeded(budget(), [], ["a", "b"]) is None


def test_a_portfolio_beyond_the_budget_is_told_with_the_weight_that_fits_and_its_price() -> None:
    known = portfolio(8, 60, budget())
    found = exceeded(budget(), totals(known), [f"system-{number}" for number in range(8)])
    assert found is not None
    assert (found.streams, found.presumed, found.room) == (480, 0, 200)
    assert found.weight == 0.0016  # 0.8 / 480, rounded down so that it fits
    assert found.longer == pytest.approx(math.log(100 / 0.0016) / math.log(100 / 0.004) - 1)
    assert found.least > 1  # the last streams wait more than twice as long as it is
    assert exceeded(budget(weight=found.weight), totals(known), []) is None
    assert "480 streams" in found.said
    assert "approve evidence.stream_weight 0.0016 with" in found.remedy


def test_systems_that_were_never_measured_count_as_the_others_do() -> None:
    of_none = exceeded(budget(), [], [str(number) for number in range(10)])
    assert of_none is not None
    assert (of_none.streams, of_none.presumed) == (10 * PRESUMED, 10 * PRESUMED)
    of_many = exceeded(budget(), [], [str(number) for number in range(200)])
    assert of_many is not None
    assert "approve evidence.stream_weight 0.00008 with" in of_many.remedy
    of_one = exceeded(budget(), totals(begun("a", 120, [], budget())), ["a", "b"])
    assert of_one is not None
    assert (of_one.streams, of_one.presumed) == (240, 120)
