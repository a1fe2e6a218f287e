"""Replaying rules against what was recorded: the same policy says the same, another one what it changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sunset_examples import (
    MONDAY,
    evidence,
    harm,
    outcome,
    policy,
    record,
    system,
)

from sundial.register.models import Policy
from sundial.register.sunset_rules import EvidenceCondition, SunsetRule
from sundial.store.cases import Cases, NewEvent
from sundial.store.database import Database
from sundial.store.records import Finding
from sundial.store.results import JudgedWeek, Results
from sundial.sunset.conditions import Incidents
from sundial.sunset.judge import judge
from sundial.sunset.replay import Opening, Replayed, replay

WEEK = timedelta(weeks=1)
ID = "compas-broward"


def with_rules(*rules: SunsetRule) -> Policy:
    return policy().model_copy(update={"sunset": rules})


def of_id(name: str) -> SunsetRule:
    return next(rule for rule in policy().sunset if rule.id == name)


def replayed(database: Database, chosen: Policy | None = None) -> Replayed:
    return replay(system(), chosen or policy(), {ID: system()}, database, incidents)


def incidents(first: object, last: object) -> Incidents:
    """Three reports in the fifth week."""
    return Incidents(3, 0) if last == MONDAY + 4 * WEEK + timedelta(days=6) else Incidents(0, 0)


def place(opening: Opening) -> tuple[object, ...]:
    return (*opening.place, opening.as_of, opening.set_for, opening.sentence)


def lived(database: Database, chosen: Policy, *ends: int) -> None:
    """Eight weekly runs of a system that harms from its third week on, misses its target in the last two,
    and whose case a person ended after the runs named."""
    for number in range(8):
        week = MONDAY + WEEK * number
        as_of = week + timedelta(days=7)
        found: Sequence[Finding] = (
            harm(week, 40.0 if number >= 2 else 1.0),
            outcome(week, 40.0 if number >= 6 else 1.0),
        )
        record(database, *found, week=week, as_of=as_of)
        judge(system(), chosen, {ID: system()}, database, as_of, incidents)
        if number in ends:
            cases = Cases(database)
            for episode in cases.open_episodes(ID):
                ended = NewEvent("answer/1", "withdrawn", {"chosen": "Yes", "reasons": "So."}, as_of, "cdpo")
                cases.append(episode.id, ended)


def test_the_same_policy_opens_the_same_cases(database: Database) -> None:
    lived(database, policy())
    found = replayed(database)
    assert [place(one) for one in found.would] == [place(one) for one in found.did]
    assert [(one.rule, one.week) for one in found.would] == [
        ("unequal_harm", MONDAY + 2 * WEEK),
        ("incidents", MONDAY + 4 * WEEK),
        ("outcome_missed", MONDAY + 6 * WEEK),
    ]


def test_also_where_cases_were_ended_and_their_families_rested(database: Database) -> None:
    short = with_rules(*(rule.model_copy(update={"rest_weeks": 2}) for rule in policy().sunset))
    lived(database, short, 2, 5)
    found = replayed(database, short)
    assert sorted(map(place, found.would), key=str) == sorted(map(place, found.did), key=str)
    assert [one.rule for one in found.would].count("unequal_harm") == 2


def test_a_run_of_many_weeks_and_a_restated_finding_are_known_as_they_were(database: Database) -> None:
    results = Results(database)
    two = [
        JudgedWeek(week, MONDAY + 2 * WEEK, "c0ffee", "0.1.0", (harm(week),))
        for week in (MONDAY, MONDAY + WEEK)
    ]
    results.record(ID, two, "run")
    judge(system(), policy(), {ID: system()}, database, MONDAY + 2 * WEEK, incidents)
    later = JudgedWeek(MONDAY + 2 * WEEK, MONDAY + 3 * WEEK, "c0ffee", "0.1.0", (harm(MONDAY + 2 * WEEK),))
    results.record(ID, [later], "run", [replace(harm(), estimate=0.3)])
    judge(system(), policy(), {ID: system()}, database, MONDAY + 3 * WEEK, incidents)
    found = replayed(database)
    assert [place(one) for one in found.would] == [place(one) for one in found.did]
    assert len(found.would) == 1


def test_another_policy_shows_what_it_changes_and_nothing_is_written(database: Database) -> None:
    lived(database, policy())
    before = Results(database).content_hash()
    patient = of_id("unequal_harm").model_copy(update={"remediation_weeks": 4})
    found = replayed(database, with_rules(patient))
    assert [(one.rule, one.week) for one in found.would] == [("unequal_harm", MONDAY + 6 * WEEK)]
    assert [one.rule for one in found.did] == ["unequal_harm", "incidents", "outcome_missed"]
    assert Results(database).content_hash() == before


def test_a_new_rule_opens_cases_that_there_were_none_of(database: Database) -> None:
    lived(database, with_rules())
    when = EvidenceCondition(kind="evidence", check="equity.groups", metric="harm")
    new = of_id("unequal_harm").model_copy(update={"id": "new_rule", "when": when})
    found = replayed(database, with_rules(new))
    assert found.did == ()
    assert [(one.rule, one.week, one.episode) for one in found.would] == [
        ("new_rule", MONDAY + 2 * WEEK, None)
    ]
    assert len(found.runs) == 8


def test_the_budget_is_that_of_the_replayed_policy(database: Database) -> None:
    record(database, harm(evidence=evidence(9.0, log_alarm=5.0)), as_of=MONDAY + WEEK)
    assert replayed(database, with_rules(of_id("unequal_harm"))).would == ()
    budget = policy().evidence.model_copy(update={"years_between_false_recommendations": 1})
    noisier = with_rules(of_id("unequal_harm")).model_copy(update={"evidence": budget})
    assert [one.week for one in replayed(database, noisier).would] == [MONDAY]


def test_a_system_without_runs_has_nothing_to_replay(database: Database) -> None:
    assert replayed(database) == Replayed((), (), ())
