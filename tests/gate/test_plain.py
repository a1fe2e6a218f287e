"""Rules that need no asking: Great Expectations takes each of them, and what it refuses is not among them."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import pytest

from sundial.gate.contract import Rule
from sundial.gate.errors import RuleError
from sundial.gate.expectations import build
from sundial.gate.plain import plainly_right

MIDNIGHT = datetime.combine(date(2026, 1, 1), time())
NOT_NULL, IN_SET, BETWEEN = (
    f"expect_column_values_to_{end}" for end in ("not_be_null", "be_in_set", "be_between")
)


def rule(kind: str, **args: Any) -> Rule:
    return Rule(kind, {"column": "channel", **args}, "critical", "")


@pytest.mark.parametrize(
    "one",
    [
        rule(NOT_NULL),
        rule(IN_SET, value_set=["web", "desk"]),
        rule(IN_SET, value_set=[0, 1.5]),
        rule(IN_SET, value_set=[]),
        rule(BETWEEN, min_value=0),
        rule(BETWEEN, max_value=1.5, strict_max=True),
        rule(BETWEEN, min_value=MIDNIGHT, max_value=MIDNIGHT, strict_min=False),
    ],
    ids=lambda one: f"{one.type} {sorted(one.args)}",
)
def test_what_is_plainly_right_is_taken(one: Rule) -> None:
    assert plainly_right(one)
    build(one)


@pytest.mark.parametrize(
    "one",
    [
        rule(IN_SET),
        rule(IN_SET, value_set="web"),
        rule(IN_SET, values=["web"]),
        rule(BETWEEN),
        rule(BETWEEN, min_value="a lot", max_value=[]),
        rule(BETWEEN, low=0),
        rule(NOT_NULL, value_set=["web"]),
        rule("expect_column_values_to_be_somewhere"),
        rule("expect_column_mean_to_be_between", min_value=0, max_value=1),
    ],
    ids=lambda one: f"{one.type} {sorted(one.args)}",
)
def test_what_is_refused_is_not_plainly_right(one: Rule) -> None:
    assert not plainly_right(one)
    with pytest.raises(RuleError):
        build(one)


def test_of_any_other_great_expectations_is_asked() -> None:
    other = rule("expect_column_values_to_match_regex", regex="^[A-Z]")
    assert not plainly_right(other)
    build(other)
