"""What streams were given of the budget: all or nothing, and never more than fits, whoever asks at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import text
from store_examples import in_processes

from sundial.store.database import Database
from sundial.store.grants import Grant, Grants

ONE = Grant("compas", "equity.groups:rate/a", date(2026, 11, 1), 1.0, 0.3)


def never(known: object, new: object) -> bool:
    raise AssertionError("nothing is new")


def within_one(known: list[Grant], new: list[Grant]) -> bool:
    return sum(one.weight for one in [*known, *new]) <= 1


def ask(url: str, system: str) -> bool:
    return Grants(Database(url)).add([replace(ONE, system=system)], within_one)


def test_what_fits_is_kept_and_what_is_there_is_left_alone(database: Database) -> None:
    grants = Grants(database)
    assert grants.add([ONE], within_one)
    assert grants.add([ONE], never)
    assert grants.all() == (ONE,)


def test_all_or_nothing(database: Database) -> None:
    more = [replace(ONE, stream=f"s{number}") for number in range(3)]
    assert not Grants(database).add([ONE, *more], within_one)
    assert Grants(database).all() == ()


def test_a_stream_that_has_another_weight_is_to_be_measured_again(database: Database) -> None:
    Grants(database).add([ONE], within_one)
    assert not Grants(database).add([replace(ONE, weight=0.1)], within_one)


def test_another_approval_gives_anew(database: Database) -> None:
    later = replace(ONE, approved_on=date(2027, 11, 1), weight=0.2)
    assert Grants(database).add([ONE], within_one)
    assert Grants(database).add([later], within_one)
    assert Grants(database).all() == (ONE, later)


def test_those_who_ask_at_once_never_get_more_than_there_is(database: Database, store_url: str) -> None:
    systems = [(store_url, f"system-{number}") for number in range(5)]
    assert sorted(in_processes(ask, systems)) == [False, False, True, True, True]
    assert sum(one.weight for one in Grants(database).all()) <= 1


def test_no_grant_is_ever_changed(database: Database) -> None:
    Grants(database).add([ONE], within_one)
    for change in ("UPDATE grants SET weight = 1", "DELETE FROM grants"):
        with pytest.raises(Exception, match="append-only"), database.write() as connection:
            connection.execute(text(change))
