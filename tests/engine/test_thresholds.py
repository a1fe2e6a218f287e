"""A threshold is the City's, a tier's or a system's own: the nearest judges, and the finding says which."""

from __future__ import annotations

from typing import Any

import pytest
from measuring import measured, registered, shares
from towns import POLICY, only

from sundial.register.load import unknown_thresholds
from sundial.register.models import Policy
from sundial.report.plain import sentence
from sundial.store.records import Finding, Status, finding_from_payload

NAME = "overturned_share"


def chosen(value: float) -> dict[str, Any]:
    return {
        "value": value,
        "reason": "Appeals are of another kind here.",
        "approved_by": "Ann Example, CDPO",
        "approved_on": "2026-11-02",
    }


def with_tier(value: float) -> Policy:
    written = POLICY.model_dump(mode="json") | {"tiers": {"service": {"thresholds": {NAME: chosen(value)}}}}
    return Policy.model_validate(written)


def found(policy: Policy = POLICY, **changes: Any) -> Finding:
    system = registered({"appeals": {"key": "id", "overturned": "changed"}}, **changes)
    rows = {"appeals": shares(4, 100, 3, "overturned")}
    return only(measured(system, "human_centered_design.appeals", rows, 4, policy), NAME)


def test_the_citys_threshold_judges_where_no_other_is_chosen() -> None:
    threshold = found().threshold
    assert threshold is not None
    assert (threshold.value, threshold.set_for) == (POLICY.thresholds[NAME].value, "city")


def test_a_tiers_threshold_judges_its_systems() -> None:
    finding = found(with_tier(0.5))
    assert finding.threshold is not None
    assert (finding.threshold.value, finding.threshold.set_for) == (0.5, "tier service")
    assert finding.threshold.approved_by == "Ann Example, CDPO"
    assert finding.status is Status.OK
    assert "; at most 50.0 %, chosen for tier service; within the limit" in sentence(finding)


def test_a_systems_own_threshold_comes_first() -> None:
    finding = found(with_tier(0.5), thresholds={NAME: chosen(0.05)})
    assert finding.threshold is not None
    assert (finding.threshold.value, finding.threshold.set_for) == (0.05, "system")
    assert finding.status is Status.BREACH
    assert "; at most 5.0 %, chosen for this system; confirmed" in sentence(finding)


def test_a_tier_that_is_not_the_systems_changes_nothing() -> None:
    finding = found(with_tier(0.5), risk={"tier": "internal", "decides": "Which lamp is first."})
    assert finding.threshold is not None
    assert finding.threshold.set_for == "city"


def test_the_store_gives_back_whose_threshold_it_was() -> None:
    finding = found(thresholds={NAME: chosen(0.05)})
    assert finding_from_payload(finding.payload()) == finding
    payload = finding.payload()
    del payload["threshold"]["set_for"]  # as findings were recorded before there were others
    threshold = finding_from_payload(payload).threshold
    assert threshold is not None
    assert threshold.set_for == "city"


def test_a_tiers_threshold_that_the_city_has_not_is_refused() -> None:
    written = POLICY.model_dump(mode="json") | {
        "tiers": {"service": {"thresholds": {"overturned": chosen(0.1)}}}
    }
    with pytest.raises(ValueError, match=r"tiers.service.thresholds: overturned is none of the City's"):
        Policy.model_validate(written)


def test_a_systems_threshold_that_the_city_has_not_is_told() -> None:
    system = registered(thresholds={"overturned_shares": chosen(0.1)})
    (wrong,) = unknown_thresholds(system, POLICY)
    assert "no threshold overturned_shares" in wrong.message
    assert "overturned_share" in wrong.remedy
