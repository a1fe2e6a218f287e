"""The contract of a feed: what its shape implies and its register entry expects, as Great Expectations."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Literal

from sundial.register.events import EventsFeed
from sundial.register.feeds import Feed, OutcomesFeed, OutputsFeed, Weight
from sundial.register.measures import Task

Depends = Literal["contract", "as_of", "outputs"]
"""What else than the row decides: a refused row is judged again when that changes."""


MOST = 1e300
"""No true number is beyond it; an infinite one is."""


@dataclass(frozen=True)
class Rule:
    """One expectation on a feed's rows.

    Attributes:
        type: Great Expectations' name of it.
        args: its arguments, `column` among them.
        reason: what is wrong with a row that fails, in words for the quarantine.
    """

    type: str
    args: dict[str, Any]
    severity: Literal["critical", "warning"]
    reason: str
    depends: Depends = "contract"


def rules_of_outputs(feed: OutputsFeed, as_of: date) -> list[Rule]:
    """Returns the rules of outputs: the implied ones first."""
    rules = [*_implied(as_of), _once("the key occurs more than once: outputs need a key of their own")]
    if feed.score is not None:
        bounds = {"column": feed.score.column, "min_value": feed.score.low, "max_value": feed.score.high}
        span = f"{feed.score.low:g} to {feed.score.high:g}"
        reason = f"the score is outside what the register says it can be ({span})"
        rules.append(Rule("expect_column_values_to_be_between", bounds, "critical", reason))
    if feed.prediction is not None and feed.task != "multiclass":
        rules.append(_zero_or_one(feed.prediction))
    if feed.ranked is not None:
        rules.append(_present(feed.ranked.list, "the item is in no list"))
        rules.append(_present(feed.ranked.rank, "the item has no rank"))
        first = {"column": feed.ranked.rank, "min_value": 1}
        rules.append(Rule("expect_column_values_to_be_between", first, "critical", "the rank is below 1"))
    if feed.weight is not None:
        rules += _weighing(feed.weight)
    rules += [_zero_or_one(column) for column in (feed.failed, feed.marked) if column is not None]
    return rules + declared_rules(feed)


def rules_of_outcomes(feed: OutcomesFeed, as_of: date, task: Task = "binary") -> list[Rule]:
    """Returns the rules of outcomes: the implied ones first."""
    rules = [
        *_implied(as_of),
        _once("the same output has more than one outcome in one batch: send the last one"),
        _of_an_output("no accepted output has this key: an outcome needs its output first"),
        *_of_truth(feed, task),
    ]
    if feed.observed_until is not None:
        latest = _midnight(feed.observed_until)
        reason = (
            f"its {feed.maturity_days} days of maturity end on or after the end of follow-up "
            f"({feed.observed_until}): the truth was not wholly observed"
        )
        limits = {"column": "matures_on", "max_value": latest, "strict_max": True}
        rules.append(Rule("expect_column_values_to_be_between", limits, "critical", reason))
    return rules + declared_rules(feed)


def rules_of_events(feed: EventsFeed, as_of: date) -> list[Rule]:
    """Returns the rules of a feed of events: the implied ones first."""
    rules = [*_implied(as_of), _once(_TWICE[feed.snapshot])]
    if feed.of_outputs:
        rules.append(_of_an_output("no accepted output has this key: a review needs its output first"))
    # What is not known is missing; a matter still open waits.
    rules += [_zero_or_one(column) for column in feed.flags.values()]
    rules += [_number(column, 0, largest) for column, largest in feed.numbers.values()]
    return rules + declared_rules(feed)


_TWICE = {
    False: "the key occurs more than once: each row is one event",
    True: "the day has this row already: send a day once, when it is over",
}
# By whether the feed is of snapshots.


def _of_truth(feed: OutcomesFeed, task: Task) -> list[Rule]:
    rules = []
    if feed.truth is not None:
        words = [*feed.truth.confirmed, *feed.truth.unfounded, *feed.truth.indeterminate]
        reason = f"{feed.outcome} is none of the words that the register gives for the truth"
        args: dict[str, Any] = {"column": feed.outcome, "value_set": words}
        rules.append(Rule("expect_column_values_to_be_in_set", args, "critical", reason))
    elif task == "regression":
        rules.append(_number(feed.outcome, -MOST, MOST))
    elif task != "multiclass":
        rules.append(_zero_or_one(feed.outcome))
    if feed.rating is not None:
        rules.append(_number(feed.rating.column, feed.rating.low, feed.rating.high))
    rules += [_zero_or_one(column) for column in (feed.escalated, feed.corrected) if column is not None]
    return rules + (_weighing(feed.weight) if feed.weight is not None else [])


def declared_rules(feed: Feed) -> list[Rule]:
    """Returns the rules that the register entry expects, in its order.

    They speak of the names and types that key and date have once they are landed.
    """
    landed_as = {column: name for column, name in ((feed.keyed_by, "key"), (feed.dated_by, "day")) if column}
    rules = []
    for expectation in feed.contract:
        named = expectation.args["column"]
        args = {**expectation.args, "column": landed_as.get(named, named)}
        if args["column"] == "day":
            args = {name: _midnight(value) if type(value) is date else value for name, value in args.items()}
        reason = f"the contract's {expectation.type} on {named} does not hold"
        rules.append(Rule(expectation.type, args, expectation.severity, reason))
    return rules


def contract_hash(rules: Sequence[Rule]) -> str:
    """Returns a hash of the rules that does not change with the as-of date."""
    fixed = [(r.type, r.severity, r.args if r.depends != "as_of" else {}) for r in rules]
    return hashlib.sha256(json.dumps(fixed, sort_keys=True, default=str).encode()).hexdigest()[:12]


def _implied(as_of: date) -> list[Rule]:
    return [
        Rule("expect_column_values_to_not_be_null", {"column": "key"}, "critical", "the key is missing"),
        Rule("expect_column_values_to_not_be_null", {"column": "day"}, "critical", "the date is missing"),
        Rule(
            "expect_column_values_to_be_between",
            {"column": "day", "max_value": _midnight(as_of)},
            "critical",
            "the date lies in the future: it is judged again when the day has come",
            "as_of",
        ),
    ]


def _of_an_output(reason: str) -> Rule:
    return Rule(
        "expect_column_values_to_not_be_null", {"column": "output_day"}, "critical", reason, "outputs"
    )


def _once(reason: str) -> Rule:
    return Rule(
        "expect_column_values_to_be_between", {"column": "same_key", "max_value": 1}, "critical", reason
    )


def _present(column: str, reason: str) -> Rule:
    return Rule("expect_column_values_to_not_be_null", {"column": column}, "critical", reason)


def _number(column: str, low: float, high: float) -> Rule:
    reason = f"{column} is outside what the register says it can be ({low:g} to {high:g})"
    limits = {"column": column, "min_value": low, "max_value": high}
    return Rule("expect_column_values_to_be_between", limits, "critical", reason)


def _weighing(weight: Weight) -> list[Rule]:
    reason = f"{weight.column} is no weight above 0 and up to {weight.max:g}, the largest in the register"
    limits = {"column": weight.column, "min_value": 0, "strict_min": True, "max_value": weight.max}
    return [
        _present(weight.column, "the weight is missing"),
        Rule("expect_column_values_to_be_between", limits, "critical", reason),
    ]


def _zero_or_one(column: str) -> Rule:
    args = {"column": column, "value_set": [0, 1]}
    return Rule("expect_column_values_to_be_in_set", args, "critical", f"{column} is neither 0 nor 1")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())
