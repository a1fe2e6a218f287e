"""Rules run by Great Expectations on a pandas batch, in bounded chunks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # before the import: nothing leaves the machine

import great_expectations as gx
import numpy as np
from great_expectations.core import ExpectationSuiteValidationResult
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.exceptions.exceptions import ExpectationNotFoundError
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metadata_types import FailureSeverity
from great_expectations.expectations.registry import get_expectation_impl
from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
from great_expectations.render.view.view import DefaultJinjaPageView

from sundial.gate.contract import Rule
from sundial.gate.errors import ContractError, RuleError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

CHUNK = 200_000
"""Rows validated at once: bounds memory to some hundred MB whatever the batch."""

ACROSS_ROWS = frozenset(
    {
        "expect_column_values_to_be_unique",
        "expect_column_values_to_be_increasing",
        "expect_column_values_to_be_decreasing",
        "expect_column_values_to_not_be_outliers",
        "expect_column_value_z_scores_to_be_less_than",
    }
)
"""Expectations that judge a row by the other rows: a batch with one of them is validated whole."""

_PLACE = "sundial_rule"
_COUNTS = frozenset({"element_count", "missing_count", "unexpected_count"})
_SHARE = "unexpected_percent"


@dataclass(frozen=True)
class Verdict:
    """What the rules say of a batch.

    Attributes:
        failed: for each rule, which rows fail it (bool by row).
        page: Data Docs of the run as one HTML page; counts only, no row's values.
    """

    failed: Sequence[NDArray[np.bool_]]
    page: str


def validate(frame: pd.DataFrame, rules: Sequence[Rule], where: str, chunk: int = CHUNK) -> Verdict:
    """Runs the rules over the rows.

    Args:
        frame: the rows, with every column that a rule is about.
        rules: at least one.
        where: which feed this is; messages begin with it, and Data Docs have it as title.
        chunk: rows validated at once; the verdict does not depend on it.

    Raises:
        ContractError: an expectation that does not exist, has wrong arguments, speaks of a whole column
            instead of its rows, or cannot run on this feed.
    """
    try:
        expectations = [build(rule, place) for place, rule in enumerate(rules)]
    except RuleError as error:
        raise ContractError(f"{where}: contract: {error}") from error
    suite = gx.ExpectationSuite(name=where, expectations=expectations)
    failed = [np.zeros(len(frame), dtype=bool) for _ in rules]
    rows = max(len(frame), 1) if any(rule.type in ACROSS_ROWS for rule in rules) else chunk
    merged: ExpectationSuiteValidationResult | None = None
    for start in range(0, max(len(frame), 1), rows):
        part = frame.iloc[start : start + rows].reset_index(drop=True)
        result = _whole().get_batch({"dataframe": part}).validate(suite, result_format="COMPLETE")
        outcomes = _in_order(result, rules, where)
        for marks, outcome in zip(failed, outcomes, strict=True):
            marks[[start + row for row in outcome.result.get("unexpected_index_list") or ()]] = True
            _forget_values(outcome.result)
        merged = result if merged is None else _add(merged, outcomes, rules, where)
    return Verdict(failed, _page(merged))


def _page(result: ExpectationSuiteValidationResult | None) -> str:
    render: Any = ValidationResultsPageRenderer().render
    page: str = _view().render(render(result))
    return page.replace("<head>", f"<head>{_NOTHING_REMOTE}", 1)


# The library's page asks others' servers for styles, scripts and a logo with the time; a browser must not.
_NOTHING_REMOTE = """
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>
  body { font-family: sans-serif; max-width: 70rem; margin: 1rem auto }
  table { border-collapse: collapse }
  th, td { border: 1px solid #ccc; padding: .3rem .6rem; text-align: left; vertical-align: top }
  img, nav, button, .modal, iframe, .ge-navigation-sidebar-container { display: none }
</style>"""


@cache
def _view() -> Any:
    return DefaultJinjaPageView()  # it compiles its templates, which takes longer than the page


def build(rule: Rule, place: int = 0) -> Any:
    """Returns the rule as Great Expectations' own object.

    Args:
        rule: what is expected.
        place: the rule's place among those that are validated together.

    Raises:
        RuleError: an expectation that does not exist, has wrong arguments, or speaks of a whole column.
    """
    severity = FailureSeverity(rule.severity)
    try:
        kind = get_expectation_impl(rule.type)
        made = kind(**rule.args, severity=severity, meta={_PLACE: place})
    except ExpectationNotFoundError as error:
        raise RuleError(
            "type", f"there is no expectation {rule.type}", "correct its type in the register entry"
        ) from error
    except (ValueError, TypeError) as error:
        raise RuleError(
            "with",
            f"{rule.type} on {rule.args['column']}: {_wrong_arguments(error)}",
            "correct its arguments (with) in the register entry",
        ) from error
    if not issubclass(kind, ColumnMapExpectation):
        raise RuleError(
            "type",
            f"{rule.type} speaks of the whole column {rule.args['column']}, so that no row could be refused",
            "use one that judges each row (expect_column_values_…)",
        )
    return made


def _wrong_arguments(error: Exception) -> str:
    """Returns what Great Expectations says of the arguments, in one line."""
    if not hasattr(error, "errors"):
        return str(error).splitlines()[0]
    wrong = [" ".join([*map(str, one["loc"]), one["msg"]]) for one in error.errors()]
    return ", ".join(dict.fromkeys(text.removeprefix("__root__ ") for text in wrong))


@cache
def _whole() -> Any:
    """Returns the batch definition that takes a data frame as it is; one context serves the whole process."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("lake").add_dataframe_asset("batch")
    return asset.add_batch_definition_whole_dataframe("whole")


def _in_order(result: ExpectationSuiteValidationResult, rules: Sequence[Rule], where: str) -> list[Any]:
    """Returns one result a rule in the rules' order: Great Expectations gives them in its own."""
    by_place: dict[int, Any] = {}
    for found in result.results:
        config: Any = found.expectation_config
        by_place[config.meta[_PLACE]] = found
    ordered = [by_place[place] for place in range(len(rules))]
    for rule, found in zip(rules, ordered, strict=True):
        if found.exception_info.get("raised_exception", True):
            raise ContractError(
                f"{where}: contract: {rule.type} on {rule.args['column']} cannot run on this feed; "
                "check that the column is in the feed and has the type that the expectation needs"
            )
    return ordered


def _forget_values(result: dict[str, Any]) -> None:
    """Leaves counts and shares only: neither the page nor anything kept may show a row."""
    for name in [name for name in result if name not in _COUNTS and name != _SHARE]:
        result.pop(name)


def _add(
    merged: ExpectationSuiteValidationResult, more: Sequence[Any], rules: Sequence[Rule], where: str
) -> ExpectationSuiteValidationResult:
    """Adds the next chunk's counts to those of the chunks before it."""
    totals = _in_order(merged, rules, where)
    for rule, total, part in zip(rules, totals, more, strict=True):
        for count in _COUNTS.intersection(total.result):
            total.result[count] += part.result[count]
        known = total.result["element_count"] - total.result.get("missing_count", 0)
        share = total.result["unexpected_count"] / known if known else 0.0
        total.result[_SHARE] = 100 * share
        total.success = share <= 1 - rule.args.get("mostly", 1)
    passed = sum(total.success for total in totals)
    merged.success = passed == len(totals)
    merged.statistics.update(
        successful_expectations=passed,
        unsuccessful_expectations=len(totals) - passed,
        success_percent=100 * passed / len(totals),
    )
    return merged
