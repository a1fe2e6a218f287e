"""Which findings open a case: carried evidence beyond the sunset alarm, and nothing else."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from given_examples import waiver
from sunset_examples import (
    AS_OF,
    FAR_BEYOND,
    MONDAY,
    OWN_ALARM,
    detected,
    evidence,
    harm,
    next_week,
    outcome,
    policy,
    record,
    run_judge,
    system,
)

from sundial.engine.waive import waived
from sundial.store.cases import Cases, Detection, NewEvent
from sundial.store.database import Database
from sundial.store.records import Finding, Status
from sundial.sunset.rules import log_sunset_alarm, streams_of

SUNSET_ALARM = 16.0


def detections(*found: Finding) -> list[Detection]:
    return detected(*found, log_alarm=SUNSET_ALARM)


def test_evidence_that_reaches_the_sunset_alarm_holds_the_rule() -> None:
    (detection,) = detections(harm(log_detector=SUNSET_ALARM))
    assert (detection.rule, detection.family) == ("unequal_harm", "unequal_harm")
    assert detection.evidence["finding"]["metric"] == "false_positive_rate_difference"
    assert detection.evidence["finding_hash"] == harm(log_detector=SUNSET_ALARM).payload_hash()


def test_a_waiver_stops_no_recommendation() -> None:
    found = harm(log_detector=SUNSET_ALARM, status=Status.BREACH)
    hidden = waived(found, [(1, waiver(check=found.check))])
    assert hidden.status is Status.WAIVED
    assert len(detections(hidden)) == 1


@pytest.mark.parametrize("log_detector", [OWN_ALARM, math.nextafter(SUNSET_ALARM, 0)])
def test_a_confirmed_breach_below_the_sunset_alarm_opens_nothing(log_detector: float) -> None:
    assert detections(harm(log_detector=log_detector, status=Status.BREACH)) == []


def test_the_sunset_alarm_is_never_below_the_finding_s_own() -> None:
    above_sunset = harm(evidence=evidence(log_detector=18.0, log_alarm=20.0))
    assert detections(above_sunset) == []
    assert len(detections(harm(evidence=evidence(log_detector=20.0, log_alarm=20.0)))) == 1


def test_an_estimate_without_carried_evidence_opens_nothing_however_large() -> None:
    assert detections(harm(estimate=0.99, n=1_000_000, evidence=None)) == []


def test_a_detector_counts_although_the_last_window_cannot_be_estimated() -> None:
    assert len(detections(harm(estimate=None, status=Status.BREACH))) == 1


@pytest.mark.parametrize(
    "other",
    [
        harm(check="drift.scores"),
        outcome(check="drift.inputs"),
        harm(check="drift.scores", metric="score_share_change"),
        harm(metric="selection_rate_difference"),
        harm(metric="false_positive_rate"),
        outcome(metric="precision"),
    ],
)
def test_drift_and_measures_that_the_entry_does_not_name_open_nothing(other: Finding) -> None:
    assert detections(other) == []


def test_the_intended_outcome_has_a_rule_of_its_own() -> None:
    assert [d.family for d in detections(harm(), outcome())] == ["unequal_harm", "outcome_missed"]


def test_the_strongest_evidence_is_shown_and_the_rest_named() -> None:
    by_sex = harm(log_detector=FAR_BEYOND + 5, slice=(("by", "sex"),))
    (detection,) = detections(harm(), by_sex)
    assert detection.evidence["finding"]["slice"] == [["by", "sex"]]
    assert detection.evidence["also"] == [harm().key]


def test_the_record_freezes_what_was_registered_and_who_approved_the_rule() -> None:
    (detection,) = detections(harm())
    assert detection.record["intended_outcome"]["target"] == system().intended_outcome.target
    assert detection.record["harm"]["metric"] == "false_positive_rate"
    assert detection.record["rule"]["approved_by"] == "Chief Information Officer"
    assert detection.record["log_sunset_alarm"] == SUNSET_ALARM
    assert detection.record["risk_tier"] == "rights"


def test_all_sunset_streams_of_the_city_share_one_false_recommendation_in_its_years() -> None:
    rules = {rule.id: rule for rule in policy().sunset}
    assert streams_of(rules["unequal_harm"], system()) == 3  # race, sex, race × sex
    assert streams_of(rules["outcome_missed"], system()) == 1
    others = {"worse_than_process", "prohibited_use", "incidents", "silent", "unmeasured"}
    assert {name: streams_of(rules[name], system()) for name in others} == dict.fromkeys(others, 0)
    assert log_sunset_alarm(policy(), [system()]) == pytest.approx(math.log(100 * 52 * 4))
    twice = log_sunset_alarm(policy(), [system(), system()])
    assert twice == pytest.approx(math.log(100 * 52 * 8))


def test_a_system_without_harm_or_outcomes_has_no_streams() -> None:
    bare = system().model_copy(update={"harm": None, "feeds": type(system().feeds)()})
    assert {streams_of(rule, bare) for rule in policy().sunset} == {0}
    assert detected(harm(), of=bare, log_alarm=SUNSET_ALARM) == []


def test_one_episode_a_system_and_family_and_later_weeks_are_appended(database: Database) -> None:
    record(database, harm(), outcome())
    first = run_judge(database)
    assert first.opened == ("compas-broward-2015-001", "compas-broward-2015-002")
    later = AS_OF + timedelta(days=7)
    record(database, harm(next_week()), week=next_week(), as_of=later)
    second = run_judge(database, later)
    assert (second.opened, second.extended) == ((), ("compas-broward-2015-001",))
    cases = Cases(database)
    assert [event.key for event in cases.events("compas-broward-2015-001")] == [
        "evidence/2015-01-05",
        "evidence/2015-01-12",
    ]
    assert len(cases.open_questions()) == 2, "one question an episode, whatever the weeks"


def test_a_run_of_many_weeks_asks_once_with_all_its_evidence_in_the_body(database: Database) -> None:
    record(database, harm())
    record(database, harm(next_week()), week=next_week())
    judgement = run_judge(database)
    assert judgement.opened == ("compas-broward-2015-001",)
    (question,) = Cases(database).open_questions()
    assert (question.role, question.kind, question.asked_as_of) == ("cdpo", "determination", AS_OF)
    assert "seen in 2 judged weeks" in question.body


def test_judging_twice_changes_nothing(database: Database) -> None:
    record(database, harm())
    run_judge(database)
    cases = Cases(database)
    before = (cases.episodes(), cases.events("compas-broward-2015-001"), cases.questions())
    assert run_judge(database).opened == ()
    assert (cases.episodes(), cases.events("compas-broward-2015-001"), cases.questions()) == before


def test_a_judge_that_died_before_it_asked_asks_when_it_runs_again(database: Database) -> None:
    record(database, harm())
    (detection,) = detections(harm())
    episode, _ = Cases(database).open_or_extend(replace(detection, as_of=AS_OF))
    run_judge(database)
    assert [question.episode for question in Cases(database).open_questions()] == [episode]


def test_a_run_judges_the_weeks_of_the_run_before_whose_judge_may_have_died(database: Database) -> None:
    record(database, harm(), as_of=AS_OF)
    assert run_judge(database, AS_OF - timedelta(days=1)).opened == (), "not yet recorded then"
    assert run_judge(database, AS_OF + timedelta(days=1)).opened == ("compas-broward-2015-001",)


def test_after_a_case_was_ended_its_family_rests_for_the_weeks_of_the_rule(database: Database) -> None:
    record(database, harm())
    run_judge(database)
    ended = NewEvent("answer/1", "withdrawn", {"chosen": "Yes", "reasons": "It does."}, MONDAY, "cdpo")
    Cases(database).append("compas-broward-2015-001", ended)
    for weeks, opened in ((1, ()), (26, ("compas-broward-2015-002",))):
        week = MONDAY + timedelta(weeks=weeks)
        record(database, harm(week), week=week, as_of=week + timedelta(days=7))
        assert run_judge(database, week + timedelta(days=7)).opened == opened, weeks
