"""The sunset rules in force for a system, and how rarely all of them together may be wrong."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence

from sundial.register.models import Policy, System
from sundial.register.policy import rules_of_tier
from sundial.register.sunset_rules import (
    EvidenceCondition,
    ProhibitedUseCondition,
    RuleInForce,
    SunsetRule,
    inherited,
)

WEEKS_A_YEAR = 52


def rules_of(policy: Policy, system: System) -> Sequence[RuleInForce]:
    """Returns the rules in force for a system: the City's, with its tier's and its own changes.

    What a tier or a system may not say, such as that a prohibited use is no matter, changes nothing.
    """
    return inherited(rules_of_tier(policy, system.risk.tier), system.sunset, "system")


def streams_of(rule: SunsetRule, system: System) -> int:
    """Returns how many evidence streams of the system the rule looks at: facts and counts have none."""
    if isinstance(rule.when, ProhibitedUseCondition):
        return _tripwires(system)
    if not isinstance(rule.when, EvidenceCondition):
        return 0
    match rule.when.metric:
        case "harm":
            groups = system.groups
            return len(groups.columns) + len(groups.intersections) if groups and system.harm else 0
        case "process":
            return 1 if system.process and system.feeds.outcomes else 0
        case "intended_outcome":
            return 1 if system.feeds.outcomes else 0


def _tripwires(system: System) -> int:
    """Returns how many statistical tripwires it has: decisions without a person, or by the output alone."""
    if system.feeds.reviews is None:
        return 0
    deciding = system.risk.tier in ("rights", "safety")
    alone = deciding or (system.groups is not None and system.groups.employment)
    return deciding + alone


def log_sunset_alarm(policy: Policy, systems: Iterable[System]) -> float:
    """Returns ln A of a sunset stream: weeks between false recommendations, times the number of streams.

    Each stream then alarms falsely once in A weeks or less often, all of them once in those years.
    """
    streams = sum(streams_of(one.rule, system) for system in systems for one in rules_of(policy, system))
    years = policy.evidence.years_between_false_recommendations
    return math.log(years * WEEKS_A_YEAR * max(streams, 1))


def policy_hash(policy: Policy) -> str:
    """Returns the SHA-256 of the policy as it was in force."""
    return hashlib.sha256(policy.model_dump_json(by_alias=True).encode()).hexdigest()
