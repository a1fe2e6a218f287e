"""What streams were given of the budget: all or nothing, and never more than fits, whoever asks at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, replace
from datetime import date

import pytest
from sqlalchemy import text
from store_examples import in_processes

from sundial.store.database import Database
from sundial.store.grants import Grant, Grants, Total, totals

ONE = Grant("compas", "equity.groups:rate/a", date(2026, 11, 1), 1.0, 0.3)


def never(before: object, after: object, new: int) -> bool:
    raise AssertionError("nothing is new")


def within_one(before: Sequence[Total], after: Sequence[Total], new: int) -> bool:
    return sum(one.weight for one in after) <= 1


def ask(url: str, system: str) -> bool:
    return Grants(Database(url)).add([replace(ONE, system=system)], within_one)


def test_what_fits_is_kept_and_what_is_there_is_left_alone(database: Database) -> None:
    grants = Grants(database)
    assert grants.add([ONE], within_one)
    assert grants.add([ONE], never)
    assert grants.of(ONE.system) == (ONE,)


def test_all_or_nothing(database: Database) -> None:
    more = [replace(ONE, stream=f"s{number}") for number in range(3)]
    assert not Grants(database).add([ONE, *more], within_one)
    assert Grants(database).of(ONE.system) == ()


def test_a_stream_that_has_another_weight_is_to_be_measured_again(database: Database) -> None:
    Grants(database).add([ONE], within_one)
    assert not Grants(database).add([replace(ONE, weight=0.1)], within_one)


def test_another_approval_gives_anew(database: Database) -> None:
    later = replace(ONE, approved_on=date(2027, 11, 1), weight=0.2)
    assert Grants(database).add([ONE], within_one)
    assert Grants(database).add([later], within_one)
    assert Grants(database).of(ONE.system) == (ONE, later)


def test_those_who_ask_at_once_never_get_more_than_there_is(database: Database, store_url: str) -> None:
    systems = [(store_url, f"system-{number}") for number in range(5)]
    assert sorted(in_processes(ask, systems)) == [False, False, True, True, True]
    assert sum(one.weight for one in Grants(database).totals()) <= 1


def test_totals_are_of_each_system_and_approval_those_renewed_since_apart(database: Database) -> None:
    later = date(2027, 11, 1)
    given = [replace(ONE, stream=f"s{n}", part=1 / n, weight=0.01 * n) for n in range(1, 5)]
    given += [replace(one, approved_on=later, weight=0.02) for one in given[:2]]
    given += [replace(ONE, system="street-lights")]
    grants = Grants(database)
    for system in ("compas", "street-lights"):
        assert grants.add([one for one in given if one.system == system], within_one)
    old, new, other = grants.totals()
    assert (old.system, old.approved_on, old.parts) == ("compas", ONE.approved_on, pytest.approx(25 / 12))
    assert (old.standing, old.weight, old.least) == pytest.approx((7 / 12, 0.07, 0.09))
    assert astuple(new)[1:] == (later, *map(pytest.approx, (1.5, 1.5, 0.04, 0.02)))
    assert other == Total("street-lights", ONE.approved_on, 1.0, 1.0, 0.3, 0.3)
    for one, same in zip(grants.totals(), sorted(totals(given), key=astuple), strict=True):
        assert astuple(one)[:2] == astuple(same)[:2]
        assert astuple(one)[2:] == pytest.approx(astuple(same)[2:])


def test_what_fits_is_asked_of_all_systems_and_of_what_a_grant_replaces(database: Database) -> None:
    asked: list[tuple[Sequence[Total], Sequence[Total], int]] = []

    def told(before: Sequence[Total], after: Sequence[Total], new: int) -> bool:
        asked.append((before, after, new))
        return True

    grants = Grants(database)
    other, later = replace(ONE, system="other"), replace(ONE, approved_on=date(2027, 11, 1), weight=0.2)
    for given in ([ONE], [other], [ONE, later]):
        assert grants.add(given, told)
    (_, first, _), (before, after, _), (_, last, new) = asked
    assert first == before == [Total("compas", ONE.approved_on, 1.0, 1.0, 0.3, 0.3)]
    assert sorted(one.system for one in after) == ["compas", "other"]
    assert new == 1
    assert sorted(last, key=astuple) == [
        Total("compas", ONE.approved_on, 1.0, 0.0, 0.0, 1.0),
        Total("compas", later.approved_on, 1.0, 1.0, 0.2, 0.2),
        Total("other", ONE.approved_on, 1.0, 1.0, 0.3, 0.3),
    ]


def test_no_grant_is_ever_changed(database: Database) -> None:
    Grants(database).add([ONE], within_one)
    for change in ("UPDATE grants SET weight = 1", "DELETE FROM grants"):
        with pytest.raises(Exception, match="append-only"), database.write() as connection:
            connection.execute(text(change))
