"""Numbers that nothing could be held against are refused where they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from towns import POLICY, entry

from sundial.register.models import System
from sundial.register.policy import Policy

BY = {"approved_by": "CIO", "approved_on": "2014-01-01", "reason": "We want none of it."}


def refusal(**changes: Any) -> str:
    with pytest.raises(ValidationError) as raised:
        System.model_validate(entry(Path(), **changes))
    return str(raised.value)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("unknown_group_share", 0, "0 would be broken by a single row"),
        ("refused_share", 1, "give a share above 0 and below 1"),
        ("equity_tolerance", -0.1, "give one from 0 to below 1"),
        ("volume_ratio", 1.5, "above 0, at most 1"),
        ("hours_to_review", 0, "above 0, at most inf"),
    ],
)
def test_a_threshold_out_of_its_range_is_refused_with_the_remedy(name: str, value: float, says: str) -> None:
    said = refusal(thresholds={name: {"value": value, **BY}})
    assert f"{name}: {value:g}" in said
    assert says in said


def test_so_are_those_of_the_city_and_of_a_tier() -> None:
    city = POLICY.model_dump(mode="json")
    city["thresholds"]["pii_share"]["value"] = 0
    with pytest.raises(ValidationError, match="pii_share: 0 would be broken"):
        Policy.model_validate(city)
    tier = POLICY.model_dump(mode="json")
    tier["tiers"] = {"rights": {"thresholds": {"pii_share": {"value": 2, **BY}}}}
    with pytest.raises(ValidationError, match="pii_share: 2 would be broken"):
        Policy.model_validate(tier)


def test_a_tolerance_of_nothing_and_a_threshold_of_ones_own_are_kept() -> None:
    own = {"equity_tolerance": {"value": 0, **BY}, "of_our_own": {"value": -3, **BY}}
    system = System.model_validate(entry(Path(), thresholds=own))
    assert {name: chosen.value for name, chosen in system.thresholds.items()} == {
        "equity_tolerance": 0,
        "of_our_own": -3,
    }


@pytest.mark.parametrize("target", [-5, 0, 10, 20])
def test_a_target_that_a_mean_cannot_miss_or_meet_is_refused_with_the_range(target: float) -> None:
    said = refusal(
        intended_outcome={
            "statement": "Broken street lights are found.",
            "metric": "mean_absolute_error",
            "target": target,
            "approved_by": "CIO",
            "approved_on": "2014-01-01",
            "reviewed": "2014-01-01",
        },
        outputs={"task": "regression", "score": {"column": "score", "low": 0, "high": 10}},
        outcomes={"tolerance": 1},
        groups=None,
    )
    assert f"intended_outcome.target: {target:g} can never be missed, or never be met" in said
    assert "between 0 and 10" in said
