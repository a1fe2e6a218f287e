"""A rule is the City's, a tier's or a system's own: the nearest says how it is, and the case says whose."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sunset_examples import AS_OF, MONDAY, grounds, harm, outcome, policy, system

from sundial.engine.settings import INCLUDE
from sundial.register.load import unknown_rules
from sundial.register.models import Policy, System
from sundial.sunset.detect import detect
from sundial.sunset.rules import log_sunset_alarm, rules_of, streams_of

APPROVED = {"approved_by": "Ann Example, CIO", "approved_on": "2026-11-02"}
REASON = {"reason": "The vendor mends it within a month by contract."}


def change(**what: Any) -> dict[str, Any]:
    return {**what, **REASON, **APPROVED}


def added(name: str = "own_rule", **changes: Any) -> dict[str, Any]:
    return {
        "id": name,
        "sentence": "The system's intended outcome is missed here.",
        "when": {"kind": "evidence", "check": "effectiveness.rates", "metric": "intended_outcome"},
        **REASON,
        **APPROVED,
        **changes,
    }


def with_tier(tier: str = "rights", **own: Any) -> Policy:
    written = policy().model_dump(mode="json", by_alias=True)
    return Policy.model_validate(written | {"tiers": {tier: {"sunset": own}}})


def with_own(**own: Any) -> System:
    return System.model_validate(system().model_dump(mode="json", by_alias=True) | {"sunset": own})


def in_force(chosen: Policy, of: System) -> dict[str, tuple[int, str]]:
    return {one.rule.id: (one.rule.remediation_weeks, one.set_for) for one in rules_of(chosen, of)}


def test_the_citys_rules_hold_where_nobody_says_otherwise() -> None:
    rules = rules_of(policy(), system())
    assert [one.rule for one in rules] == [*policy().sunset]
    assert {one.set_for for one in rules} == {"city"}


def test_a_tier_changes_a_rule_for_its_systems_only() -> None:
    changed = with_tier(change={"unequal_harm": change(remediation_weeks=4)})
    assert in_force(changed, system())["unequal_harm"] == (4, "tier rights")
    assert in_force(changed, system())["outcome_missed"] == (0, "city")
    other = with_tier("internal", change={"unequal_harm": change(remediation_weeks=4)})
    assert in_force(other, system())["unequal_harm"] == (0, "city")


def test_a_system_comes_after_its_tier() -> None:
    changed = with_tier(change={"unequal_harm": change(remediation_weeks=4, rest_weeks=8)})
    own = with_own(change={"unequal_harm": change(remediation_weeks=6)})
    rules = {one.rule.id: one for one in rules_of(changed, own)}
    assert (rules["unequal_harm"].rule.remediation_weeks, rules["unequal_harm"].rule.rest_weeks) == (6, 8)
    assert rules["unequal_harm"].set_for == "system"


def test_a_rule_is_switched_off_and_its_streams_leave_the_budget() -> None:
    own = with_own(change={"unequal_harm": change(switched_off=True)})
    assert "unequal_harm" not in in_force(policy(), own)
    assert log_sunset_alarm(policy(), [own]) < log_sunset_alarm(policy(), [system()])
    assert detect(grounds({MONDAY: [harm()]}, own), policy(), week=MONDAY, as_of=AS_OF) == []


def test_the_weeks_of_a_condition_are_changed() -> None:
    own = with_own(change={"unmeasured": change(weeks=26)})
    rule = next(one.rule for one in rules_of(policy(), own) if one.rule.id == "unmeasured")
    assert rule.when.model_dump()["weeks"] == 26


def test_the_case_says_whose_rule_it_was_with_reason_approver_and_date() -> None:
    own = with_own(add=[added()])
    found = {
        one.rule: one
        for one in detect(grounds({MONDAY: [outcome()]}, own), policy(), week=MONDAY, as_of=AS_OF)
    }
    assert found["outcome_missed"].record["rule"]["set_for"] == "city"
    assert found["outcome_missed"].record["rule"]["reason"] is None
    assert found["own_rule"].family == "own_rule"
    said = {name: found["own_rule"].record["rule"][name] for name in ("set_for", "reason", "approved_on")}
    assert said == {"set_for": "system", **REASON, "approved_on": "2026-11-02"}


def test_an_added_rule_of_a_tier_has_streams_of_its_own() -> None:
    more = with_tier(add=[added()])
    assert log_sunset_alarm(more, [system()]) > log_sunset_alarm(policy(), [system()])


def test_tripwires_that_are_statistics_have_streams() -> None:
    rule = next(rule for rule in policy().sunset if rule.id == "prohibited_use")
    reviews = {
        "source": {"kind": "files", "url": "data/reviews.csv", "format": "csv"},
        "key": "id",
        "overridden": "changed",
        "date": "reviewed_on",
        "maturity_days": 7,
    }
    written = system().model_dump(mode="json", by_alias=True)
    reviewed = System.model_validate(written | {"feeds": written["feeds"] | {"reviews": reviews}})
    assert streams_of(rule, system()) == 0, "without reviews nobody can say"
    assert streams_of(rule, reviewed) == 2, "decisions without a person, and by the output alone"
    service = reviewed.model_copy(update={"risk": reviewed.risk.model_copy(update={"tier": "service"})})
    assert streams_of(rule, service) == 0


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({"change": {"unequal_harms": change(switched_off=True)}}, "is no rule that holds here"),
        ({"change": {"prohibited_use": change(switched_off=True)}}, "nobody may switch it off or delay it"),
        ({"change": {"prohibited_use": change(remediation_weeks=1)}}, "nobody may switch it off or delay it"),
        ({"change": {"prohibited_use": change(rest_weeks=520)}}, "nobody may switch it off or delay it"),
        ({"change": {"unequal_harm": change(weeks=3)}}, "a condition of kind evidence has none"),
        ({"add": [added("unequal_harm")]}, "unequal_harm is the id of another rule"),
        ({"add": [added(), added()]}, "own_rule is the id of another rule"),
    ],
)
def test_what_cannot_stand_is_refused_of_a_tier_told_of_a_system_and_changes_nothing(
    own: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        with_tier(**own)
    wrong = unknown_rules(with_own(**own), policy())
    assert told in wrong[0].message
    assert wrong[0].remedy
    kept = [one for one in rules_of(policy(), with_own(**own)) if one.set_for == "city"]
    assert [one.rule for one in kept] == [*policy().sunset]


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({"change": {"unequal_harm": change()}}, "changes nothing"),
        (
            {"change": {"unequal_harm": change(switched_off=True, rest_weeks=1)}},
            "a rule that is off has no weeks",
        ),
        ({"change": {"unequal_harm": {"switched_off": True, **APPROVED}}}, "Field required"),
        ({"add": [{**added(), "reason": ""}]}, "at least 10 characters"),
        ({"add": [added(when={"kind": "prohibited_use"}, remediation_weeks=1)]}, "opens a case at once"),
        ({"add": [added(when={"kind": "fact", "check": "drift.volume"})]}, "drift alone never opens"),
    ],
)
def test_a_change_says_what_and_why(own: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        with_own(**own)


def test_an_added_rule_on_a_prohibited_use_cannot_stand_in_for_the_citys() -> None:
    own = with_own(add=[added("prohibited_use")])
    assert in_force(policy(), own)["prohibited_use"] == (0, "city")


def test_each_rule_of_the_policy_has_approver_and_date() -> None:
    assert all(
        one.approved_by and one.approved_on >= date(2026, 1, 1) for one in rules_of(policy(), system())
    )


def test_the_page_lists_the_rules_of_the_policy_with_their_time_to_put_it_right() -> None:
    page = (INCLUDE.parent / "docs" / "sunset-rules.md").read_text("utf-8")
    rows = {row.split("`")[1]: row for row in page.split("## ")[0].splitlines() if row.startswith("| `")}
    assert set(rows) == {rule.id for rule in policy().sunset}
    for rule in policy().sunset:
        assert (f"{rule.remediation_weeks} weeks |" if rule.remediation_weeks else "none") in rows[rule.id]
