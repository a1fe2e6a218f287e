"""Sunset rules: carried evidence against the policy's sentences; never a single week's estimate."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from datetime import date

from sundial.register.models import Policy, SunsetRule, System
from sundial.store.cases import Detection
from sundial.store.records import Finding

WEEKS_A_YEAR = 52


def streams_of(rule: SunsetRule, system: System) -> int:
    """Returns how many evidence streams of the system the rule looks at."""
    if rule.metric == "harm":
        groups = system.groups
        return len(groups.columns) + len(groups.intersections) if groups and system.harm else 0
    return 1 if system.feeds.outcomes else 0


def log_sunset_alarm(policy: Policy, systems: Iterable[System]) -> float:
    """Returns ln A of a sunset stream: weeks between false recommendations, times the number of streams.

    Each stream then alarms falsely once in A weeks or less often, all of them once in those years.
    """
    streams = sum(streams_of(rule, system) for system in systems for rule in policy.sunset)
    years = policy.evidence.years_between_false_recommendations
    return math.log(years * WEEKS_A_YEAR * max(streams, 1))


def policy_hash(policy: Policy) -> str:
    """Returns the SHA-256 of the policy as it was in force."""
    return hashlib.sha256(policy.model_dump_json(by_alias=True).encode()).hexdigest()


def detect(
    system: System, policy: Policy, findings: Sequence[Finding], *, week: date, as_of: date, log_alarm: float
) -> list[Detection]:
    """Returns what the rules say of one judged week: at most one detection a rule.

    A rule holds when the detector of one of its findings has reached the sunset alarm, which is never below
    the finding's own: the strongest of them is the evidence.
    """
    found = []
    for rule in policy.sunset:
        metric = _metric(rule, system)
        held = [
            f
            for f in findings
            if f.check == rule.check
            and f.metric == metric
            and f.evidence is not None
            and f.evidence.log_detector >= max(log_alarm, f.evidence.log_alarm)
        ]
        if held:
            found.append(_detection(system, policy, rule, held, week, as_of, log_alarm))
    return found


def _metric(rule: SunsetRule, system: System) -> str | None:
    if rule.metric == "intended_outcome":
        return system.intended_outcome.metric
    return f"{system.harm.metric}_difference" if system.harm else None


def _detection(
    system: System,
    policy: Policy,
    rule: SunsetRule,
    held: Sequence[Finding],
    week: date,
    as_of: date,
    log_alarm: float,
) -> Detection:
    outcome, groups = system.intended_outcome, system.groups
    strongest = max(held, key=lambda f: (f.evidence.log_detector if f.evidence else -math.inf, f.key))
    record = {
        "rule": {"id": rule.id, "sentence": rule.sentence, "approved_by": rule.approved_by},
        "intended_outcome": {
            "statement": outcome.statement,
            "metric": outcome.metric,
            "target": outcome.target,
        },
        "harm": {"metric": system.harm.metric, "reason": system.harm.reason} if system.harm else None,
        "compared": [*(groups.columns if groups else ())],
        "principles": sorted({f.principle for f in held}),
        "log_sunset_alarm": log_alarm,
        "decides": system.risk.decides,
        "risk_tier": system.risk.tier,
    }
    return Detection(
        system=system.id,
        family=rule.id,
        rule=rule.id,
        week=week,
        as_of=as_of,
        policy_hash=policy_hash(policy),
        record=record,
        evidence={
            "finding": strongest.payload(),
            "finding_hash": strongest.payload_hash(),
            "also": [f.key for f in held if f is not strongest],
        },
    )
