"""What the test of a check needs, by using it: on checks that are there, and on the example of the docs."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from checks.effectiveness.rates import Rates
from checks.equity import Groups
from checks.transparency import RegisterEntry
from sundial.api import Check, Finding, Principle, Status, View
from sundial.testing import FIRST, example_system, measured

PAGE = Path(__file__).parents[1] / "docs" / "checks.md"


def test_a_measure_that_is_there() -> None:
    week = [{"decision": 1, "truth": int(place < 30)} for place in range(40)]
    *_, last = measured(Rates(), [week] * 3)
    (accuracy,) = [finding for finding in last if finding.metric == "accuracy"]
    assert (accuracy.estimate, accuracy.n, accuracy.status) == (0.75, 120, Status.OK)


def test_evidence_is_carried_over_the_weeks() -> None:
    week = [{"decision": 1, "truth": int(place < 10)} for place in range(100)]
    statuses = []
    for found in measured(Rates(), [week] * 4):
        (accuracy,) = [finding for finding in found if finding.metric == "accuracy"]
        statuses.append(accuracy.status)
        assert accuracy.evidence is not None
    assert statuses[-1] is Status.BREACH
    assert accuracy.evidence.weeks == 4


def test_groups_of_a_frame_and_a_threshold_of_the_test() -> None:
    place = pd.Series(range(200))
    week = pd.DataFrame({"area": ["north", "south"] * 100, "decision": ((place % 2 == 0) & (place < 120))})
    system = example_system(groups={"columns": ["area"]})
    *_, last = measured(
        Groups(), [week.astype({"decision": int})] * 4, system, thresholds={"equity_tolerance": 0.3}
    )
    (gap,) = [finding for finding in last if finding.metric == "selection_rate_difference"]
    assert gap.estimate == pytest.approx(0.6)
    assert gap.threshold is not None
    assert gap.threshold.value == 0.3


def test_a_check_that_looks_at_the_entry_alone() -> None:
    ((found,),) = measured(RegisterEntry(), [[]])
    assert (found.status, found.week) == (Status.WATCH, FIRST)


def test_weeks_without_outputs_are_weeks() -> None:
    week = [{"decision": 1, "truth": 1}] * 40
    first, silent = measured(Rates(), [week, []])
    assert [{finding.week for finding in found} for found in (first, silent)] == [
        {FIRST},
        {FIRST + pd.Timedelta(days=7)},
    ]


def test_what_a_check_raises_is_what_the_pipeline_would_say() -> None:
    class Failing(Check):
        name = "custom.failing"
        principle = Principle.PRIVACY

        def measure(self, view: View) -> Iterator[Finding]:
            raise ZeroDivisionError("nothing to divide by")

    ((found,),) = measured(Failing(), [[]])
    assert found.status is Status.ERROR
    assert "ZeroDivisionError: nothing to divide by" in found.reason


def test_the_example_of_the_docs_does_what_its_test_says(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    check, test = (next(block for block in blocks if start in block) for start in ("class Flag", "def test_"))
    module, its_test = ModuleType("checks.custom.flagged_online"), ModuleType("test_flagged_online")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for text, where in ((check, module), (test, its_test)):
        exec(compile(text, str(PAGE), "exec"), vars(where))  # noqa: S102
    its_test.test_three_of_four_online_requests_are_flagged()


def test_the_aggregate_of_the_docs_is_one_that_merges() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    module = ModuleType("example")
    text = next(block for block in blocks if "def online_by_district" in block)
    exec(compile(text, str(PAGE), "exec"), vars(module))  # noqa: S102
    score = {"column": "score", "low": 0, "high": 1, "positive_at": 0.5}
    asked = module.online_by_district(
        example_system(outputs={"categories": ["channel", "district"], "score": score})
    )
    assert asked.columns == {"channel", "day", "district", "score"}
