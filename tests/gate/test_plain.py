"""The rules that a feed's shape implies have the same verdict without Great Expectations."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from towns import town_at

from sundial.gate.contract import rules_of_outcomes, rules_of_outputs
from sundial.gate.expectations import validate
from sundial.gate.plain import PlainValidation

AS_OF = date(2014, 2, 1)
DAYS = pd.to_datetime(["2014-01-06", "2014-02-01", "2014-02-02", None, "2014-01-07"]).astype("datetime64[s]")


@pytest.mark.parametrize("feed", ["outputs", "outcomes"])
def test_the_verdict_is_that_of_great_expectations(tmp_path: Path, feed: str) -> None:
    weight: dict[str, Any] = {"weight": {"column": "weight", "max": 5}}
    changes: dict[str, Any] = {
        "outputs": {**weight, "prediction": "decision", "failed": "failed"},
        "outcomes": {**weight, "observed_until": date(2014, 1, 20)},
    }
    feeds = town_at(tmp_path, **changes).system.feeds
    assert feeds.outputs is not None
    assert feeds.outcomes is not None
    rules = (
        rules_of_outputs(feeds.outputs, AS_OF)
        if feed == "outputs"
        else rules_of_outcomes(feeds.outcomes, AS_OF)
    )
    frame = pd.DataFrame(
        {
            "key": ["a", None, "b", "c", "d"],
            "day": DAYS,
            "output_day": DAYS,
            "matures_on": DAYS + pd.to_timedelta(13, "D"),
            "same_key": np.array([1, 2, 1, 1, 3], np.int32),
            "score": [0.0, 1.0, 1.5, np.nan, -0.1],
            "decision": [0.0, 1.0, 7.0, np.nan, 1.0],
            "failed": [0, 1, 2, 0, 1],
            "broken": [0.0, 1.0, 2.0, np.nan, 0.5],
            "weight": [0.0, 5.0, 5.1, np.nan, 1.0],
        }
    )
    plain = PlainValidation(rules)
    assert plain.columns() <= set(frame)
    theirs = validate(frame, rules, "test").failed
    for rule, ours, expected in zip(rules, plain.judge(frame), theirs, strict=True):
        assert ours.tolist() == expected.tolist(), rule
    assert all(marks.any() for marks in theirs), "a rule that nothing fails shows nothing"
