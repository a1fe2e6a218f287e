"""Facts of the principles: documents with an age, and shares of the same people or machines every week."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from measuring import Rows, daily, days, measured, registered, shares
from towns import FIRST, POLICY, WEEK, entry, only

from sundial.register.models import System
from sundial.store.records import Finding, Status

ATTESTED = {
    "accountability.owner": "owner_confirmed",
    "equity.plan": "equity_plan",
    "human_centered_design.consultation": "consultation",
    "human_centered_design.accessibility": "accessibility",
    "privacy.data_usage_report": "data_usage_report",
    "security_and_safety.security_review": "security_review",
    "workforce_empowerment.training_material": "training_material",
    "accountability.ai_review": "ai_review",
    "transparency.fact_sheet": "fact_sheet",
}
FIELDS = ("ai_review", "fact_sheet")
"""Kinds that have a field of their own."""
each = pytest.mark.parametrize("check", ATTESTED)


def attesting(check: str, age_days: int | None, *, expires: int | None = None, **changes: Any) -> Finding:
    """The finding of the first week with a document so many days old at its end."""
    kind, end = ATTESTED[check], FIRST + timedelta(days=6)
    document: dict[str, Any] = {"by": "Ann Example, owner", "date": end - timedelta(days=age_days or 0)}
    if expires is not None:
        document["expires"] = end + timedelta(days=expires)
    held = {kind: document} if age_days is not None else {}
    written = held if kind in FIELDS else {"attestations": held}
    return only(measured(registered(**written, **changes), check, {}, 1), f"{kind}_age")


@each
def test_a_young_document_is_ok(check: str) -> None:
    assert attesting(check, 10).status is Status.OK


@each
def test_a_document_past_its_limit_is_watched_and_past_its_grace_a_breach(check: str) -> None:
    term = POLICY.terms[f"{ATTESTED[check]}_age"]
    assert attesting(check, term.limit_days + 1).status is Status.WATCH
    assert attesting(check, term.limit_days + 1 + term.grace_days).status is Status.WATCH
    found = attesting(check, term.limit_days + 2 + term.grace_days)
    assert found.status is Status.BREACH
    assert found.threshold is not None
    assert found.threshold.value == term.grace_days


@each
def test_a_missing_document_is_watched_from_the_first_week(check: str) -> None:
    found = attesting(check, None)
    assert found.status is Status.WATCH
    assert "is missing" in found.reason


@each
def test_a_document_of_after_the_week_is_not_said_to_be_missing(check: str) -> None:
    found = attesting(check, -1)
    assert found.status is Status.WATCH
    assert "is later than the week, which had none" in found.reason


@each
def test_a_document_ends_with_its_own_expiry(check: str) -> None:
    assert attesting(check, 10, expires=0).status is Status.OK
    found = attesting(check, 10, expires=-1)
    assert found.status is Status.WATCH
    assert "was valid until" in found.reason


@each
def test_historical_data_has_nobody_to_attest(check: str) -> None:
    assert attesting(check, None, operated=False).status is Status.NOT_APPLICABLE


def test_a_tier_that_is_not_asked_does_without() -> None:
    risk = {"tier": "internal", "decides": "Which lamp is first."}
    assert attesting("human_centered_design.consultation", None, risk=risk).status is Status.NOT_APPLICABLE
    assert attesting("human_centered_design.consultation", 10, risk=risk).status is Status.OK


def outcome_reviewed(age_days: int, **changes: Any) -> Finding:
    """The finding where the intended outcome was reviewed so many days before the week's end."""
    outcome = entry(Path())["intended_outcome"]
    reviewed = {**outcome, "reviewed": FIRST + timedelta(days=6 - age_days)}
    system = registered(intended_outcome=reviewed, **changes)
    return only(measured(system, "effectiveness.outcome_review", {}, 1), "outcome_review_age")


def test_an_outcome_that_nobody_reviews_is_watched_past_its_limit_and_a_breach_past_its_grace() -> None:
    term = POLICY.terms["outcome_review_age"]
    assert outcome_reviewed(term.limit_days).status is Status.OK
    assert outcome_reviewed(term.limit_days + 1).status is Status.WATCH
    assert outcome_reviewed(term.limit_days + 2 + term.grace_days).status is Status.BREACH
    assert outcome_reviewed(10, operated=False).status is Status.NOT_APPLICABLE


@dataclass(frozen=True)
class Fact:
    """A share that is a fact, with rows that are well, or ill."""

    check: str
    metric: str
    feeds: Mapping[str, Any]
    rows: Callable[[int, bool], Rows]
    more: Mapping[str, Any]

    @property
    def system(self) -> System:
        return registered(self.feeds, **self.more)

    def found(self, weeks: int, *, well: bool) -> Finding:
        return only(measured(self.system, self.check, self.rows(weeks, well), weeks), self.metric)


def _of_training(flag: str) -> Callable[[int, bool], Rows]:
    others = {"trained", "active"} - {flag}
    return lambda weeks, well: {
        "training": shares(weeks, 70, 10 if well else 1, flag, **dict.fromkeys(others, 1))
    }


def _versions(weeks: int, well: bool) -> Rows:
    version = "2.0" if well else "3.0"
    return {
        "outputs": pd.DataFrame(
            {"day": days(weeks, 70), "score": 0.7, "model": version, "kind": "LED", "area": "n"}
        )
    }


TRAINING = {"training": {"key": "id", "trained": "valid", "active": "used"}}
FACTS = [
    Fact("workforce_empowerment.training", "trained_share", TRAINING, _of_training("trained"), {}),
    Fact("workforce_empowerment.use", "active_share", TRAINING, _of_training("active"), {}),
    Fact(
        "workforce_empowerment.use",
        "active_share",
        {"operations": {"counters": {"licences": "a", "active_users": "b"}}},
        lambda weeks, well: {"operations": daily(weeks, licences=50, active_users=40 if well else 4)},
        {},
    ),
    Fact(
        "security_and_safety.availability",
        "availability",
        {"operations": {"counters": {"minutes": "a", "minutes_down": "b"}}},
        lambda weeks, well: {"operations": daily(weeks, minutes=1_440, minutes_down=1 if well else 300)},
        {},
    ),
    Fact(
        "workforce_empowerment.time_saved",
        "time_saved_share",
        {"operations": {"counters": {"hours_saved": "a"}}},
        lambda weeks, well: {"operations": daily(weeks, hours_saved=8 if well else 1)},
        {"time_saved": {"hours_a_week": 60, "claimed_by": "the vendor"}},
    ),
    Fact(
        "security_and_safety.integrity",
        "version_integrity",
        {},
        _versions,
        {
            "vendor": {"name": "Lumen", "product": "Triage", "version": "2.0"},
            "outputs": {"model_version": "model"},
        },
    ),
]
every = pytest.mark.parametrize("fact", FACTS, ids=lambda fact: f"{fact.metric} {len(fact.feeds)}")


@every
def test_a_fact_is_ok_watched_and_a_breach_after_its_grace(fact: Fact) -> None:
    grace = POLICY.terms[fact.metric].grace_days
    late = grace // 7 + 2
    assert fact.found(2, well=True).status is Status.OK
    assert fact.found(1, well=False).status is Status.WATCH
    assert fact.found(late, well=False).status is Status.BREACH


@every
def test_a_fact_without_its_source_is_not_measured(fact: Fact) -> None:
    (found,) = measured(registered(), fact.check, {}, 1)
    assert found.status is Status.NOT_MEASURED


@every
def test_a_fact_whose_feed_failed_is_an_error(fact: Fact) -> None:
    feed = next(iter(fact.feeds), "outputs")
    (found,) = measured(fact.system, fact.check, fact.rows(2, True), 2, failed={feed: "The source is gone."})
    assert (found.status, found.reason) == (Status.ERROR, "The source is gone.")


def test_a_week_without_rows_measures_nothing() -> None:
    rows = {"training": shares(1, 70, 10, "trained", active=1)}
    found = only(measured(registered(TRAINING), "workforce_empowerment.training", rows, 2), "trained_share")
    assert found.status is Status.NOT_MEASURED


def test_weeks_of_hours_saved_follow_the_cadence() -> None:
    feeds = {"operations": {"counters": {"hours_saved": "a"}, "cadence": "weekly"}}
    rows = {"operations": pd.DataFrame({"day": [FIRST + n * WEEK for n in range(4)], "hours_saved": 56.0})}
    system = registered(feeds, time_saved={"hours_a_week": 60, "claimed_by": "the vendor"})
    found = only(measured(system, "workforce_empowerment.time_saved", rows, 4), "time_saved_share")
    assert found.details["hours_a_week"] == pytest.approx(56)
