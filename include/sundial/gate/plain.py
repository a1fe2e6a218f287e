"""The rules that the shape of a feed implies, judged without Great Expectations, which loads for seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
