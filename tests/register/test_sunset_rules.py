"""What is wrong with a sunset rule, told by line, field and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from sundial.register.load import load_policy, load_system, unknown_checks, unknown_rules
from sundial.register.problems import RegisterError

RULE = "    when: {kind: evidence, check: parity, metric: harm}\n"
TIER = """\
tiers:
  rights:
    sunset:
"""
APPROVED = "reason: It is mended by contract., approved_by: CIO, approved_on: 2026-01-31"


def told(tmp_path: Path, text: str) -> str:
    path = tmp_path / "policy.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(RegisterError) as caught:
        load_policy(path)
    return str(caught.value).replace(f"{path}:", "")


@pytest.mark.parametrize(
    ("when", "problem"),
    [
        (
            "{kind: evidenc}",
            "sunset[0].when.kind: must be one of evidence, prohibited_use, fact, unmeasured, ",
        ),
        ("{check: parity}", "sunset[0].when.kind: is missing; add it"),
        (
            "{kind: evidence, check: drift.score, metric: harm}",
            "sunset[0].when.check: is a check of drift, and drift alone never opens a sunset case",
        ),
        ("{kind: fact, check: my_drift_check}", "sunset[0].when.check: is a check of drift"),
        ("{kind: unmeasured}", "sunset[0].when.weeks: is missing; add it, such as weeks: 1"),
        (
            "{kind: incidents, count: 0, weeks: 4}",
            "sunset[0].when.count: must be at least 1; give a larger number",
        ),
        ("{kind: prohibited_use, check: x}", "sunset[0].when.check: is not a field here; use one of kind"),
    ],
)
def test_a_condition_that_cannot_be_met(tmp_path: Path, policy_text: str, when: str, problem: str) -> None:
    assert problem in told(tmp_path, policy_text.replace(RULE, f"    when: {when}\n"))


def test_silence_is_a_fact_although_it_lies_among_the_checks_of_drift(
    tmp_path: Path, policy_text: str
) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(policy_text.replace(RULE, "    when: {kind: fact, check: drift.silence}\n"), "utf-8")
    assert load_policy(path).sunset[0].when.kind == "fact"


def test_a_prohibited_use_waits_for_nobody(tmp_path: Path, policy_text: str) -> None:
    delayed = "    when: {kind: prohibited_use}\n    remediation_weeks: 2\n"
    problem = "sunset[0].remediation_weeks: a prohibited use opens a case at once; leave it out"
    assert problem in told(tmp_path, policy_text.replace(RULE, delayed))


def test_two_rules_have_two_ids(tmp_path: Path, policy_text: str) -> None:
    start = policy_text.index("  - id: harm")
    rule = policy_text[start : policy_text.index("sunset_terms")]
    problem = "sunset[1].id: harm_to_a_group is the id of another rule; give it its own"
    assert problem in told(tmp_path, policy_text.replace(rule, rule + rule))


def test_a_tier_s_change_of_no_rule_is_told_where_it_stands(tmp_path: Path, policy_text: str) -> None:
    text = f"{policy_text}{TIER}      change:\n        harm_to_groups: {{switched_off: true, {APPROVED}}}\n"
    line = 1 + text.splitlines().index(f"        harm_to_groups: {{switched_off: true, {APPROVED}}}")
    assert told(tmp_path, text) == (
        f"{line}: tiers.rights.sunset.change.harm_to_groups: is no rule that holds here; use one of "
        "harm_to_a_group"
    )


def test_checks_of_added_rules_are_looked_for_too(tmp_path: Path, policy_text: str, entry: str) -> None:
    added = (
        "      add:\n        - {id: more, sentence: It is worse here., when: {kind: fact, check: pariti}, "
        f"{APPROVED}}}\n"
    )
    (tmp_path / "policy.yaml").write_text(policy_text + TIER + added, "utf-8")
    (wrong,) = unknown_checks(load_policy(tmp_path / "policy.yaml"), {"parity"})
    assert wrong.path == ("tiers", "rights", "sunset", "add", 0, "when", "check")
    (tmp_path / "street-lights.yaml").write_text(
        f"{entry}sunset:\n{added.replace('      add', '  add')}", "utf-8"
    )
    system = load_system(tmp_path / "street-lights.yaml")
    wrong, *_ = unknown_checks(system, {"parity", "accuracy"})
    assert wrong.path == ("sunset", "add", 0, "when", "check")
    assert unknown_rules(system, load_policy(tmp_path / "policy.yaml")) == []
