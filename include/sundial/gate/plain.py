"""The rules that the shape of a feed implies, judged without Great Expectations, which loads for seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sundial.gate.contract import Rule

if TYPE_CHECKING:
    from numpy.typing import NDArray


class PlainValidation:
    """Judges rows as `expectations.Validation` does, by implied rules only.

    A contract's own expectations are Great Expectations' to judge: they are not asked here.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules

    def columns(self) -> set[str]:
        """Returns the columns that the rules speak of."""
        return {rule.args["column"] for rule in self._rules}

    def look_across(self, read: Callable[[set[str] | None], pd.DataFrame]) -> None:
        """Does nothing: no implied rule judges a row by the other rows."""

    def judge(self, part: pd.DataFrame) -> list[NDArray[np.bool_]]:
        """Returns for each rule which of the rows fail it."""
        return [_failed(part[rule.args["column"]], rule) for rule in self._rules]

    def page(self) -> str:
        """Returns a page that says that there are no Data Docs."""
        return "<p>Judged without Great Expectations.</p>"


def _failed(values: pd.Series, rule: Rule) -> NDArray[np.bool_]:
    missing = values.isna().to_numpy()
    if rule.type == "expect_column_values_to_not_be_null":
        return missing
    if rule.type == "expect_column_values_to_be_in_set":
        return ~(missing | values.isin(rule.args["value_set"]).to_numpy())
    if rule.type != "expect_column_values_to_be_between":
        raise ValueError(f"{rule.type} is no rule that a feed's shape implies; have its contract ask for it")
    if values.dtype.kind != "M":
        values = pd.to_numeric(values, errors="coerce")
    return ~(missing | _between(values, rule.args))


def _between(values: pd.Series, limits: dict[str, Any]) -> NDArray[np.bool_]:
    within = np.ones(len(values), dtype=bool)
    if (low := limits.get("min_value")) is not None:
        within &= (values > low if limits.get("strict_min") else values >= low).to_numpy()
    if (high := limits.get("max_value")) is not None:
        within &= (values < high if limits.get("strict_max") else values <= high).to_numpy()
    return within


_NUMBER_OR_TIME = (int, float, datetime)
_PLAIN: dict[str, dict[str, tuple[type, ...]]] = {
    "expect_column_values_to_not_be_null": {},
    "expect_column_values_to_be_in_set": {"value_set": (list,)},
    "expect_column_values_to_be_between": {
        "min_value": _NUMBER_OR_TIME,
        "max_value": _NUMBER_OR_TIME,
        "strict_min": (bool,),
        "strict_max": (bool,),
    },
}
_NEEDED = {
    "expect_column_values_to_be_in_set": {"value_set"},
    "expect_column_values_to_be_between": {"min_value", "max_value"},
}


def plainly_right(rule: Rule) -> bool:
    """Whether Great Expectations is sure to take a rule; of others it has to be asked, which takes seconds.

    These are the three expectations that most contracts are made of, with arguments of the right types.
    """
    kinds = _PLAIN.get(rule.type)
    if kinds is None:
        return False
    given = {name: value for name, value in rule.args.items() if name != "column"}
    needed = _NEEDED.get(rule.type)
    if needed is not None and not needed & given.keys():
        return False
    if not all(name in kinds and type(value) in kinds[name] for name, value in given.items()):
        return False
    return all(type(value) in (str, int, float) for value in given.get("value_set", ()))
