"""Rules run by Great Expectations on pandas frames, in bounded chunks."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # before the import: nothing leaves the machine

import great_expectations as gx
import numpy as np
import pandas as pd
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
from sundial.gate.rows import CHUNK

if TYPE_CHECKING:
    from numpy.typing import NDArray

ACROSS_ROWS = frozenset(
    {
        "expect_column_values_to_be_unique",
        "expect_column_values_to_be_increasing",
        "expect_column_values_to_be_decreasing",
        "expect_column_values_to_not_be_outliers",
        "expect_column_value_z_scores_to_be_less_than",
    }
)
"""Expectations that judge a row by the other rows: they see the whole of their column."""

_PLACE = "sundial_rule"
_COUNTS = frozenset({"element_count", "missing_count", "unexpected_count"})
_SHARE = "unexpected_percent"
_NS = (pd.Timestamp.min, pd.Timestamp.max)
_ROWS_ONLY = {  # neither values nor a query to find the rows by: both cost more than the verdict
    "result_format": "COMPLETE",
    "exclude_unexpected_values": True,
    "return_unexpected_index_query": False,
    "partial_unexpected_count": 0,
}


@dataclass(frozen=True)
class Verdict:
    """What the rules say of a batch.

    Attributes:
        failed: for each rule, which rows fail it (bool by row).
        page: Data Docs of the run as one HTML page; counts only, no row's values.
    """

    failed: Sequence[NDArray[np.bool_]]
    page: str


class Validation:
    """Rules run over the rows of one batch: chunk after chunk, so that memory does not grow with them."""

    def __init__(self, rules: Sequence[Rule], where: str) -> None:
        """Prepares the rules.

        Args:
            rules: at least one.
            where: which feed this is; messages begin with it, and Data Docs have it as title.

        Raises:
            ContractError: an expectation that does not exist, has wrong arguments, or speaks of a whole
                column instead of its rows.
        """
        try:
            self._built = [build(rule, place) for place, rule in enumerate(rules)]
        except RuleError as error:
            raise ContractError(f"{where}: contract: {error}") from error
        self._rules, self._where = rules, where
        self._across = {place: np.zeros(0, bool) for place, r in enumerate(rules) if r.type in ACROSS_ROWS}
        self._by_row = [place for place in range(len(rules)) if place not in self._across]
        self._typed = {rule.args["column"] for rule in rules if "type" in rule.type}
        self._results: dict[int, Any] = {}
        self._run: ExpectationSuiteValidationResult | None = None
        self._next = 0

    def columns(self, place: int | None = None) -> set[str] | None:
        """Returns the columns that one rule speaks of, or that all do; None when it may be any."""
        rules = self._rules if place is None else [self._rules[place]]
        if any("row_condition" in rule.args for rule in rules):
            return None
        return {rule.args["column"] for rule in rules}

    def look_across(self, read: Callable[[set[str] | None], pd.DataFrame]) -> None:
        """Runs the rules that judge a row by the other rows; to be called before the first chunk.

        Args:
            read: returns these columns of all rows, or all columns.
        """
        for place in self._across:
            self._across[place] = self._validate(read(self.columns(place)), [place])[0]

    def judge(self, part: pd.DataFrame) -> list[NDArray[np.bool_]]:
        """Runs the rules over the rows that come next.

        Args:
            part: with every column that a rule is about.

        Returns:
            For each rule, which of these rows fail it.

        Raises:
            ContractError: an expectation cannot run on this feed.
        """
        rows = slice(self._next, self._next + len(part))
        self._next = rows.stop
        failed = {place: marks[rows] for place, marks in self._across.items()}
        if self._by_row:
            marks = self._validate(part.reset_index(drop=True), self._by_row)
            failed |= dict(zip(self._by_row, marks, strict=True))
        return [failed[place] for place in range(len(self._rules))]

    def page(self) -> str:
        """Returns the Data Docs of all rows judged so far."""
        run, results = self._run, [self._results[place] for place in range(len(self._rules))]
        assert run is not None, "no rows were judged"  # noqa: S101 - a fault of the caller
        run.results, passed = results, sum(result.success for result in results)
        run.success = passed == len(results)
        run.statistics.update(
            evaluated_expectations=len(results),
            successful_expectations=passed,
            unsuccessful_expectations=len(results) - passed,
            success_percent=100 * passed / len(results),
        )
        return _page(run)

    def _validate(self, part: pd.DataFrame, places: Sequence[int]) -> list[NDArray[np.bool_]]:
        suite = gx.ExpectationSuite(name=self._where, expectations=[self._built[place] for place in places])
        batch = _whole().get_batch({"dataframe": _vectorised(part, self._typed)})
        run = batch.validate(suite, result_format=_ROWS_ONLY)
        self._run = self._run or run
        by_place = {result.expectation_config.meta[_PLACE]: result for result in run.results}
        failed = []
        for place in places:
            rule, found = self._rules[place], by_place[place]
            if found.exception_info.get("raised_exception", True):
                raise ContractError(
                    f"{self._where}: contract: {rule.type} on {rule.args['column']} cannot run on this feed; "
                    "check that the column is in the feed and has the type that the expectation needs"
                )
            marks = np.zeros(len(part), dtype=bool)
            marks[found.result.get("unexpected_index_list") or []] = True
            failed.append(marks)
            _forget_values(found.result)
            self._results[place] = _sum(self._results.get(place), found, rule)
        return failed


def validate(frame: pd.DataFrame, rules: Sequence[Rule], where: str, chunk: int = CHUNK) -> Verdict:
    """Runs the rules over rows that are all there; see `Validation`.

    Args:
        frame: the rows, with every column that a rule is about.
        rules: at least one.
        where: which feed this is.
        chunk: rows validated at once; the verdict does not depend on it.

    Raises:
        ContractError: an expectation that does not exist, has wrong arguments, speaks of a whole column
            instead of its rows, or cannot run on this feed.
    """
    run = Validation(rules, where)
    run.look_across(lambda columns: frame if columns is None else frame[list(columns)])
    parts = [run.judge(frame.iloc[at : at + chunk]) for at in range(0, max(len(frame), 1), chunk)]
    return Verdict([np.concatenate(marks) for marks in zip(*parts, strict=True)], run.page())


def _vectorised(frame: pd.DataFrame, typed: Collection[str]) -> pd.DataFrame:
    """Returns the same values in the types that Great Expectations compares at once, not value by value.

    Args:
        frame: rows.
        typed: columns to be left, since a rule is about their type.
    """
    wide: dict[str, str] = {}
    for name in set(frame.columns) - set(typed):
        kind, values = frame[name].dtype, frame[name]
        if kind.kind == "M" and isinstance(kind, np.dtype):
            if values.isna().all() or _NS[0] <= values.min() <= values.max() <= _NS[1]:
                wide[name] = "datetime64[ns]"
        elif kind in ("float16", "float32"):
            wide[name] = "float64"
        elif kind in ("int8", "int16", "int32", "uint8", "uint16", "uint32"):
            wide[name] = "int64"
    return frame.astype(wide) if wide else frame


def _page(result: ExpectationSuiteValidationResult) -> str:
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


def _forget_values(result: dict[str, Any]) -> None:
    """Leaves counts and shares only: neither the page nor anything kept may show a row."""
    for name in [name for name in result if name not in _COUNTS and name != _SHARE]:
        result.pop(name)


def _sum(total: Any, part: Any, rule: Rule) -> Any:
    """Adds the next chunk's counts to those of the chunks before it."""
    if total is None:
        return part
    total.success = total.success and part.success
    for count in _COUNTS.intersection(total.result):
        total.result[count] += part.result[count]
    if "unexpected_count" in total.result:
        known = total.result["element_count"] - total.result.get("missing_count", 0)
        bad = total.result["unexpected_count"]
        total.result[_SHARE] = bad / known * 100 if known else 0.0
        total.success = not known or (known - bad) / known >= rule.args.get("mostly", 1)
    return total
