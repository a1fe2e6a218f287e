"""Running rules with Great Expectations: one verdict whatever the chunks, and nothing left behind."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sundial.gate.contract import Rule
from sundial.gate.expectations import validate

RULES = [
    Rule("expect_column_values_to_not_be_null", {"column": "key"}, "critical", "missing"),
    Rule("expect_column_values_to_be_between", {"column": "n", "max_value": 90}, "critical", "large"),
    Rule(
        "expect_column_values_to_be_between",
        {"column": "n", "max_value": 50, "mostly": 0.4},
        "critical",
        "mid",
    ),
    Rule("expect_column_values_to_be_in_set", {"column": "kind", "value_set": ["a", "b"]}, "warning", "kind"),
]
UNIQUE = Rule("expect_column_values_to_be_unique", {"column": "n"}, "critical", "unique")


def frame() -> pd.DataFrame:
    random = np.random.default_rng(7)
    keys = [f"k{i}" if i % 9 else None for i in range(101)]
    kinds = random.choice(np.array(["a", "b", "c", None], dtype=object), 101)
    return pd.DataFrame({"key": keys, "n": random.integers(0, 100, 101), "kind": kinds})


@pytest.mark.parametrize("rules", [RULES, [*RULES, UNIQUE]])
@pytest.mark.parametrize("chunk", [1, 10, 100])
def test_chunks_give_the_verdict_of_the_whole(rules: list[Rule], chunk: int) -> None:
    whole, cut = validate(frame(), rules, "here"), validate(frame(), rules, "here", chunk)
    for one, other in zip(whole.failed, cut.failed, strict=True):
        np.testing.assert_array_equal(one, other)
    counted = [text for text in whole.page.split() if "%" in text]
    assert counted == [text for text in cut.page.split() if "%" in text]


def test_each_rule_marks_its_own_rows() -> None:
    rows = frame()
    missing, large, mid, kind = validate(rows, RULES, "here").failed
    np.testing.assert_array_equal(missing, rows["key"].isna())
    np.testing.assert_array_equal(large, rows["n"] > 90)
    np.testing.assert_array_equal(mid, rows["n"] > 50)
    np.testing.assert_array_equal(kind, rows["kind"] == "c")


def test_the_same_rule_twice_is_judged_twice() -> None:
    first, second = validate(frame(), [RULES[1], RULES[1]], "here").failed
    np.testing.assert_array_equal(first, second)


def test_an_empty_batch_passes() -> None:
    assert [len(marks) for marks in validate(frame().iloc[:0], RULES, "here").failed] == [0] * 4


def test_nothing_is_left_behind_and_nothing_is_said(
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with caplog.at_level(logging.INFO):
        validate(frame(), RULES, "here")
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
