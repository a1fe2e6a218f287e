"""When the condition of a sunset rule holds: by kind, week by week, and for how long."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

import pytest
from given_examples import waiver
from hypothesis import given
from hypothesis import strategies as st
from sunset_examples import (
    AS_OF,
    FAR_BEYOND,
    MONDAY,
    detected,
    evidence,
    grounds,
    harm,
    outcome,
    policy,
    system,
)

from sundial.engine.waive import waived
from sundial.register.given import LifecycleChange
from sundial.register.lifecycle import Lifecycle
from sundial.register.models import Policy, System
from sundial.register.sunset_rules import SILENCE, SunsetRule
from sundial.store.records import Finding, Kind, Status
from sundial.store.register import Row
from sundial.sunset.conditions import Incidents, IncidentsBetween, no_incidents
from sundial.sunset.detect import detect

WEEK = timedelta(weeks=1)
SUNSET_ALARM = 16.0

Found = Mapping[date, Sequence[Finding]]


def rule(when: Mapping[str, Any], remediation_weeks: int = 0, **changes: Any) -> SunsetRule:
    return SunsetRule.model_validate(
        {
            "id": "tried",
            "sentence": "A rule that is tried.",
            "when": when,
            "remediation_weeks": remediation_weeks,
            "approved_by": "CIO",
            "approved_on": "2026-11-01",
            **changes,
        }
    )


def only(tried: SunsetRule) -> Policy:
    return policy().model_copy(update={"sunset": (tried,)})


def opens(tried: SunsetRule, found: Found, **given_: Any) -> list[date]:
    """The weeks of the history in which the rule alone gives a detection."""
    ground = grounds(found, log_alarm=SUNSET_ALARM, **given_)
    return [w for w in sorted(found) if detect(ground, only(tried), week=w, as_of=AS_OF)]


def weeks(said: str, make: Mapping[str, Any]) -> dict[date, Sequence[Finding]]:
    """A history as a row of letters, a week each; a space is a week that was not judged."""
    return {
        MONDAY + WEEK * place: [replace(f, week=MONDAY + WEEK * place) for f in make[letter]]
        for place, letter in enumerate(said)
        if letter != " "
    }


def shown(said: str, days: Sequence[date]) -> str:
    return "".join("!" if MONDAY + WEEK * place in days else "." for place in range(len(said)))


def fact(status: Status, **changes: Any) -> Finding:
    """The fact that nothing comes any more."""
    return harm(
        check=SILENCE,
        principle="effectiveness",
        kind=Kind.FACTUAL,
        metric="silent",
        status=status,
        reason="No output since 2014-12-30. For 20 days; the policy gives 14.",
        slice=(),
        evidence=None,
        details={"since": "2014-12-30"},
        **changes,
    )


BROKEN = harm(metric="measured", status=Status.ERROR, evidence=None, slice=())
"""What a check leaves that could not run."""
LIVE = system().model_copy(
    update={
        "operated": True,
        "feeds": system().feeds.model_copy(
            update={
                "outputs": system().feeds.outputs.model_copy(update={"ends": None}),  # type: ignore[union-attr]
                "outcomes": system().feeds.outcomes.model_copy(update={"maturity_days": 0}),  # type: ignore[union-attr]
            }
        ),
    }
)
"""The same system as if the City ran it, its truth known at once."""


class TestEvidence:
    HARM: ClassVar[Mapping[str, Any]] = {"kind": "evidence", "check": "equity.groups", "metric": "harm"}
    SAID: ClassVar[Mapping[str, Any]] = {
        "H": [harm(log_detector=SUNSET_ALARM)],
        "w": [harm(log_detector=SUNSET_ALARM - 1)],
        "e": [BROKEN],
        "n": [],
    }

    @pytest.mark.parametrize(
        ("said", "opened"),
        [
            ("HHHHH", "...!!"),
            ("wHHHH", "....!"),
            ("HHwHHHH", "......!"),  # it ended: the time to put it right begins anew
            ("HHeHH", "...!!"),  # an error ends nothing, and starts nothing
            ("HeeeH", "....!"),
            ("HHneH", "....!"),
            ("HH  HH", "....!!"),  # weeks that were never judged
            ("HHHe", "...."),  # and a week that says nothing opens nothing
            ("wwww", "...."),
        ],
    )
    def test_it_must_hold_for_the_weeks_of_remediation(self, said: str, opened: str) -> None:
        assert shown(said, opens(rule(self.HARM, 3), weeks(said, self.SAID))) == opened

    def test_without_remediation_the_first_week_opens(self) -> None:
        assert shown("wH", opens(rule(self.HARM), weeks("wH", self.SAID))) == ".!"

    def test_worse_than_the_process_without_ai(self) -> None:
        when = {"kind": "evidence", "check": "effectiveness.process", "metric": "process"}
        found = outcome(check="effectiveness.process", metric="accuracy_against_process")
        process = {
            "name": "Interview form",
            "metric": "accuracy",
            "successes": 700,
            "n": 1000,
            "start": "2012-01-01",
            "end": "2012-12-31",
            "approved_by": "CIO",
            "approved_on": "2013-01-01",
        }
        compared = System.model_validate(system().model_dump(by_alias=True) | {"process": process})
        assert opens(rule(when), {MONDAY: [found]}, of=compared) == [MONDAY]
        assert opens(rule(when), {MONDAY: [found]}) == [], "no process is registered"


class TestProhibitedUse:
    WHEN: ClassVar[Mapping[str, Any]] = {"kind": "prohibited_use"}

    def no_human(self, log_detector: float, **changes: Any) -> Finding:
        return harm(
            check="accountability.human_review",
            principle="accountability",
            metric="no_human_share",
            slice=(),
            evidence=evidence(log_detector),
            details={"prohibited_use": "automated_decisions"},
            **changes,
        )

    def emotions(self) -> Finding:
        return replace(
            fact(Status.BREACH),
            check="privacy.prohibited_levels",
            metric="prohibited_levels",
            details={"prohibited_use": "emotion_analysis", "since": MONDAY.isoformat()},
        )

    def test_a_fact_in_breach_opens_at_once(self) -> None:
        assert opens(rule(self.WHEN), {MONDAY: [self.emotions()]}) == [MONDAY]

    def test_a_fact_that_is_no_breach_opens_nothing(self) -> None:
        assert opens(rule(self.WHEN), {MONDAY: [replace(self.emotions(), status=Status.OK)]}) == []

    def test_an_estimate_needs_its_confirmed_breach_at_the_sunset_alarm(self) -> None:
        assert opens(rule(self.WHEN), {MONDAY: [self.no_human(SUNSET_ALARM)]}) == [MONDAY]
        below = self.no_human(math.nextafter(SUNSET_ALARM, 0))
        assert opens(rule(self.WHEN), {MONDAY: [below]}) == []
        assert opens(rule(self.WHEN), {MONDAY: [self.no_human(FAR_BEYOND, status=Status.WATCH)]}) == []

    def test_a_waiver_hides_no_prohibited_use(self) -> None:
        found = self.emotions()
        hidden = waived(found, [(1, waiver(check=found.check))])
        assert hidden.status is Status.WAIVED
        assert opens(rule(self.WHEN), {MONDAY: [hidden]}) == [MONDAY]

    def test_it_holds_for_a_system_that_was_decided_to_stop(self) -> None:
        assert opens(rule(self.WHEN), {MONDAY: [self.emotions()]}, stopped=True) == [MONDAY]


class TestFact:
    WHEN: ClassVar[Mapping[str, Any]] = {"kind": "fact", "check": SILENCE}
    SAID: ClassVar[Mapping[str, Any]] = {
        "B": [fact(Status.BREACH)],
        "w": [fact(Status.WATCH)],
        "o": [fact(Status.OK)],
        "e": [fact(Status.ERROR)],
        "W": [waived(fact(Status.BREACH), [(1, waiver(check=SILENCE))])],
        "x": [fact(Status.NOT_APPLICABLE)],
    }

    @pytest.mark.parametrize(
        ("said", "opened"),
        [
            ("BBB", "..!"),
            ("BeB", "..!"),
            ("BoBB", "...."),
            ("BwBBB", "....!"),
            ("WWW", "..!"),  # a waiver is seen through
            ("BBx", "..."),
            ("eee", "..."),
        ],
    )
    def test_a_fact_in_breach_holds(self, said: str, opened: str) -> None:
        assert shown(said, opens(rule(self.WHEN, 2), weeks(said, self.SAID))) == opened

    def test_silence_is_wanted_of_a_system_that_was_decided_to_stop(self) -> None:
        assert opens(rule(self.WHEN), {MONDAY: self.SAID["B"]}) == [MONDAY]
        assert opens(rule(self.WHEN), {MONDAY: self.SAID["B"]}, stopped=True) == []

    @pytest.mark.parametrize("status", [Lifecycle.SUSPENDED, Lifecycle.RETIRED, Lifecycle.PHASING_OUT])
    def test_and_of_one_that_is_not_in_use(self, status: Lifecycle) -> None:
        change = LifecycleChange(holds_from=MONDAY, status=status, by="CIO", reason="It is replaced.")
        row = Row("compas-broward", 1, change, "cio", datetime(2015, 1, 5, tzinfo=UTC))
        history = {MONDAY - WEEK: self.SAID["B"], MONDAY: self.SAID["B"]}
        assert opens(rule(self.WHEN), history, rows=[row]) == [MONDAY - WEEK]

    def test_evidence_of_the_same_check_is_no_fact(self) -> None:
        statistical = replace(fact(Status.BREACH), kind=Kind.STATISTICAL, evidence=evidence(FAR_BEYOND))
        assert opens(rule(self.WHEN), {MONDAY: [statistical]}) == []


class TestUnmeasured:
    WHEN: ClassVar[Mapping[str, Any]] = {"kind": "unmeasured", "weeks": 2}

    def said(self) -> Mapping[str, Any]:
        def of(status: Status, **changes: Any) -> list[Finding]:
            return [outcome(evidence=None, status=status, reason="Said so.", **changes)]

        return {
            "o": of(Status.OK),
            "b": of(Status.BREACH),
            "i": of(Status.INSUFFICIENT),
            "n": of(Status.NOT_MEASURED),
            "e": of(Status.ERROR, metric="measured"),
            "z": [],
            "W": [waived(of(Status.NOT_MEASURED)[0], [(1, waiver(check="effectiveness.rates"))])],
        }

    @pytest.mark.parametrize(
        ("said", "opened"),
        [
            ("onnnn", "...!!"),
            ("onien", "...!!"),
            ("onbnn", "....."),
            ("nnn", "..!"),
            ("ozzz", "...!"),
            ("oWWW", "...!"),  # a waiver is seen through
            ("on  n", "....!"),  # weeks that were never judged were not measured either
            ("nnno", "..!."),
        ],
    )
    def test_so_many_weeks_without_a_measured_outcome(self, said: str, opened: str) -> None:
        assert shown(said, opens(rule(self.WHEN), weeks(said, self.said()), of=LIVE)) == opened

    def test_remediation_comes_on_top_and_begins_anew_with_a_measured_week(self) -> None:
        said = "nnnnonnnnn"
        tried = rule(self.WHEN, 1)
        assert shown(said, opens(tried, weeks(said, self.said()), of=LIVE)) == "...!....!!"

    def test_weeks_before_any_truth_could_have_had_its_time_do_not_count(self) -> None:
        outcomes = LIVE.feeds.outcomes.model_copy(update={"maturity_days": 14})  # type: ignore[union-attr]
        slow = LIVE.model_copy(update={"feeds": LIVE.feeds.model_copy(update={"outcomes": outcomes})})
        assert shown("nnnnnn", opens(rule(self.WHEN), weeks("nnnnnn", self.said()), of=slow)) == "....!!"

    def test_it_is_asked_of_systems_whose_monitoring_is_mandatory(self) -> None:
        history = weeks("nnnn", self.said())
        service = LIVE.model_copy(update={"risk": LIVE.risk.model_copy(update={"tier": "service"})})
        assert opens(rule(self.WHEN), history, of=service) == []
        assert opens(rule({**self.WHEN, "tiers": ["service"]}), history, of=service) != []

    def test_it_is_not_asked_of_history_nor_of_a_system_that_stops(self) -> None:
        history = weeks("nnnn", self.said())
        assert opens(rule(self.WHEN), history, of=system()) == []
        assert opens(rule(self.WHEN), history, of=LIVE, stopped=True) == []

    def test_the_evidence_says_since_when_and_why(self) -> None:
        ground = grounds(weeks("onnn", self.said()), LIVE)
        (found,) = detect(ground, only(rule(self.WHEN)), week=MONDAY + 3 * WEEK, as_of=AS_OF)
        assert found.evidence["figures"] == {
            "metric": "accuracy",
            "weeks": 3,
            "tolerated": 2,
            "last_measured": MONDAY.isoformat(),
        }
        assert found.evidence["finding"]["status"] == "not_measured"


class TestIncidents:
    WHEN: ClassVar[Mapping[str, Any]] = {"kind": "incidents", "count": 3, "weeks": 4}

    def reported(self, *days: date, grave: Sequence[date] = ()) -> IncidentsBetween:
        def between(first: date, last: date) -> Incidents:
            within = [day for day in (*days, *grave) if first <= day <= last]
            bad = [day for day in grave if first <= day <= last]
            return Incidents(len(within), len(bad), tuple(f"INC-{day}" for day in within))

        return between

    def test_so_many_within_the_weeks_up_to_the_sunday(self) -> None:
        sunday = MONDAY + timedelta(days=6)
        said: dict[date, Sequence[Finding]] = {MONDAY + WEEK * place: () for place in range(6)}
        three = self.reported(MONDAY, MONDAY, sunday)
        assert opens(rule(self.WHEN), said, incidents=three) == [MONDAY + WEEK * n for n in range(4)]
        assert opens(rule(self.WHEN), said, incidents=self.reported(MONDAY, sunday)) == []

    def test_one_grave_one_is_enough_unless_the_rule_says_otherwise(self) -> None:
        grave = self.reported(grave=[MONDAY])
        assert opens(rule(self.WHEN), {MONDAY: ()}, incidents=grave) == [MONDAY]
        assert opens(rule({**self.WHEN, "one_grave": False}), {MONDAY: ()}, incidents=grave) == []

    def test_without_any_report_nothing_opens(self) -> None:
        assert opens(rule(self.WHEN), {MONDAY: ()}, incidents=no_incidents) == []

    def test_the_evidence_has_the_counts_and_which(self) -> None:
        ground = grounds({MONDAY: ()}, incidents=self.reported(grave=[MONDAY]))
        (found,) = detect(ground, only(rule(self.WHEN)), week=MONDAY, as_of=AS_OF)
        assert found.evidence["figures"]["ids"] == ["INC-2015-01-05"]
        assert (found.evidence["figures"]["reported"], found.evidence["figures"]["grave"]) == (1, 1)
        assert "finding" not in found.evidence


DRIFT_CHECKS = (
    "drift.score",
    "drift.numbers",
    "drift.categories",
    "drift.concept",
    "drift.missing",
    "drift.volume",
    "drift.multivariate",
    "drift.version_change",
)


@given(
    check=st.sampled_from(DRIFT_CHECKS),
    metric=st.sampled_from(
        ["accuracy", "false_positive_rate_difference", "no_human_share", "silent", "measured", "share_change"]
    ),
    kind=st.sampled_from(Kind),
    status=st.sampled_from([status for status in Status if status is not Status.WAIVED]),
    log_detector=st.one_of(st.none(), st.floats(0, 1e6)),
    details=st.sampled_from([{}, {"prohibited_use": "automated_decisions"}, {"since": "2014-01-01"}]),
    estimate=st.one_of(st.none(), st.floats(0, 1)),
)
def test_no_finding_of_drift_ever_opens_anything(
    check: str,
    metric: str,
    kind: Kind,
    status: Status,
    log_detector: float | None,
    details: Mapping[str, Any],
    estimate: float | None,
) -> None:
    moved = harm(
        check=check,
        metric=metric,
        kind=kind,
        status=status,
        evidence=None if log_detector is None else evidence(log_detector, log_alarm=0.0),
        details=details,
        estimate=estimate,
    )
    measured = outcome(evidence=None, status=Status.OK)
    assert detected(moved, measured, of=LIVE) == []


def test_the_same_finding_of_another_check_opens_one() -> None:
    """So that the test before can fail."""
    tripwire = harm(details={"prohibited_use": "automated_decisions"})
    assert {found.rule for found in detected(tripwire, of=LIVE)} == {"unequal_harm", "prohibited_use"}
