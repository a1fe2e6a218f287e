"""The case as people read it, for each kind of rule: whole sentences, and no figure without its unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from given_examples import waiver
from sunset_examples import (
    AS_OF,
    CONSIDERED,
    MONDAY,
    REASONS,
    TODAY,
    answer,
    evidence,
    given,
    harm,
    outcome,
    policy,
    system,
)

from sundial.engine.waive import waived
from sundial.register.sunset_rules import SILENCE
from sundial.store.cases import Cases, Detection
from sundial.store.database import Database
from sundial.store.records import Finding, Kind, Side, Status, Threshold
from sundial.sunset.case import case_body, evidence_sentence, grounds
from sundial.sunset.detect import registered
from sundial.sunset.questions import DETERMINATION, ask

SILENT = harm(
    check=SILENCE,
    kind=Kind.FACTUAL,
    metric="silent",
    reason="No output since 2014-12-30. For 20 days; the policy gives 14.",
    slice=(),
    evidence=None,
    details={"since": "2014-12-30"},
)


def body(
    database: Database, kind: str, finding: Finding | None = None, weeks: int = 0, **more: Mapping[str, Any]
) -> str:
    """The case that a rule of the policy opened on this evidence."""
    rule = next(rule for rule in policy().sunset if rule.id == kind)
    shown = {"finding": finding.payload(), "finding_hash": finding.payload_hash()} if finding else {}
    record = {
        "rule": {
            "id": rule.id,
            "sentence": rule.sentence,
            "kind": rule.when.kind,
            "remediation_weeks": weeks,
            "set_for": "city",
            "reason": None,
        },
        **registered(system()),
    }
    detection = Detection(
        "compas-broward",
        kind,
        kind,
        MONDAY,
        AS_OF,
        "c0ffee",
        record,
        {"kind": rule.when.kind, "since": "2014-12-08", **shown, **more},
    )
    episode, _ = Cases(database).open_or_extend(detection)
    return case_body(Cases(database), Cases(database).episode(episode), system())


def test_a_fact_says_since_when_and_that_the_time_to_mend_it_is_over(database: Database) -> None:
    said = body(database, "silent", SILENT, weeks=4)
    assert said.splitlines()[2].startswith("**The system puts nothing out any more")
    assert "- Fact: No output since 2014-12-30. For 20 days; the policy gives 14." in said.splitlines()
    assert (
        "- It has held since the week of 2014-12-08, longer than the 4 weeks that the rule gives to put it "
        "right; seen in 1 judged week."
    ) in said.splitlines()
    assert "1 in" not in said


def test_a_waived_fact_says_what_it_is_and_not_that_it_is_waived(database: Database) -> None:
    hidden = waived(SILENT, [(1, waiver(check=SILENCE))])
    assert "- Fact: No output since 2014-12-30." in body(database, "silent", hidden)


def test_a_prohibited_use_is_in_the_policy_s_words(database: Database) -> None:
    emotions = replace(
        SILENT,
        reason="Outputs read as emotions, a prohibited use: mood: angry.",
        details={"prohibited_use": "emotion_analysis"},
    )
    said = body(database, "prohibited_use", emotions)
    assert "- Prohibited use: Emotion analysis" in said
    assert "- What was seen: Outputs read as emotions, a prohibited use: mood: angry." in said.splitlines()


def test_a_prohibited_use_that_is_a_share_shows_its_evidence(database: Database) -> None:
    alone = harm(
        metric="no_human_share",
        slice=(),
        estimate=0.99,
        threshold=Threshold("no_human_share", 0.95, *_ceiling()),
        details={"prohibited_use": "automated_decisions"},
    )
    said = body(database, "prohibited_use", alone)
    assert "- Prohibited use: Fully automated decisions that substantially impact" in said
    assert "no human share overall: 99.0% (n = 900), threshold 95.0%; if it were within" in said


def _ceiling() -> tuple[Any, ...]:
    threshold = harm().threshold
    assert threshold is not None
    return threshold.side, threshold.approved_by, threshold.approved_on


def test_what_could_not_be_measured_says_since_when_and_why(database: Database) -> None:
    unmeasured = outcome(evidence=None, status=Status.NOT_MEASURED, reason="No outcomes have come.")
    figures = {"metric": "accuracy", "weeks": 18, "tolerated": 13, "last_measured": "2014-09-01"}
    said = body(database, "unmeasured", unmeasured, figures=figures).splitlines()
    assert (
        "- The intended outcome's accuracy was last measured in the week of 2014-09-01. It was missing for "
        "18 weeks; the rule tolerates 13."
    ) in said
    assert "- The last judged week says: No outcomes have come." in said
    (never,) = grounds({"kind": "unmeasured", "figures": figures | {"last_measured": None}})
    assert "accuracy has never been measured. It was missing for 18 weeks" in never


def test_incidents_are_counted_and_named(database: Database) -> None:
    figures = {
        "reported": 3,
        "grave": 1,
        "ids": ["I-1", "I-2", "I-3"],
        "from": "2014-07-14",
        "to": "2015-01-11",
    }
    said = body(database, "incidents", figures=figures)
    assert (
        "- 3 incidents were reported from 2014-07-14 to 2015-01-11, 1 of them grave (I-1, I-2, I-3)."
        in said.splitlines()
    )


def test_worse_than_the_process_shows_both_shares() -> None:
    worse = outcome(
        metric="accuracy_against_process",
        estimate=-0.08,
        threshold=Threshold("process", 0.76, *_ceiling()),
        details={"process": "Interview form", "process_n": 1200, "rate": 0.68},
        evidence=evidence(40.0),
    )
    assert evidence_sentence(worse.payload()).startswith(
        "accuracy against process overall: 68.0% (n = 900), without AI (Interview form) 76.0% (n = 1,200); "
    )


def test_where_the_windows_mean_still_looks_good_the_last_week_is_said_too() -> None:
    floor = Threshold("target", 0.85, Side.FLOOR, *_ceiling()[1:])
    confirmed = replace(evidence(40.0), counts=(290, 395))
    found = outcome(estimate=0.893, n=5239, threshold=floor, evidence=confirmed)
    assert (
        "accuracy overall: 89.3% (n = 5,239) over the window, 73.4% (n = 395) in the last week alone, "
        "threshold 85.0%"
    ) in evidence_sentence(found.payload())
    below = replace(found, estimate=0.825)
    assert "accuracy overall: 82.5% (n = 5,239), threshold 85.0%" in evidence_sentence(below.payload())


def test_a_measure_that_is_no_share_keeps_its_unit() -> None:
    late = outcome(metric="mean_absolute_error", estimate=12.34)
    assert "mean absolute error overall: 12.34 (n = 900), threshold 0.1" in evidence_sentence(late.payload())


def test_a_rule_that_is_not_the_citys_says_who_approved_it(database: Database) -> None:
    cases = Cases(database)
    record = {
        "rule": {
            "id": "own_rule",
            "sentence": "It misses its target.",
            "kind": "evidence",
            "remediation_weeks": 0,
            "set_for": "tier rights",
            "reason": "Rights need more.",
            "approved_by": "Ann Example, CIO",
            "approved_on": "2026-11-02",
        },
        **registered(system()),
    }
    shown = {"kind": "evidence", "since": "2015-01-05", "finding": outcome().payload()}
    detection = Detection("compas-broward", "own_rule", "own_rule", MONDAY, AS_OF, "c0ffee", record, shown)
    episode, _ = cases.open_or_extend(detection)
    assert (
        "- The rule is not the City's own: Ann Example, CIO approved it for systems of tier rights on "
        "2026-11-02. Rights need more."
    ) in case_body(cases, cases.episode(episode), system()).splitlines()


def test_the_question_of_a_fact_can_be_asked_and_answered(database: Database) -> None:
    body(database, "silent", SILENT)
    cases = Cases(database)
    (episode,) = cases.episodes()
    number = ask(cases, episode, DETERMINATION, system(), TODAY)
    done = answer(cases, episode.id, number, given("No", REASONS | CONSIDERED))
    assert done.refused is None
    assert cases.open_questions(episode.id)[0].kind == "decision"
