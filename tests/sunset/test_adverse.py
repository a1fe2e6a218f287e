"""The first adverse week behind a case, which the database finds for pages and report."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from store_examples import detection
from sunset_examples import AS_OF, MONDAY, harm, outcome, policy, record, system

from sundial.engine.waive import waived
from sundial.register.given import Waiver
from sundial.report.waiting import open_questions
from sundial.store.cases import Cases, Episode
from sundial.store.database import Database
from sundial.store.records import Finding, Status
from sundial.store.results import JudgedWeek, Results
from sundial.sunset.adverse import first_adverse_weeks

SYSTEMS = {"compas-broward": system()}
EARLY, LATER = MONDAY - timedelta(weeks=8), MONDAY - timedelta(weeks=4)


def opened(database: Database, rule: str) -> Episode:
    """A case of a rule, opened on MONDAY's week, whose question is open."""
    cases = Cases(database)
    found = replace(detection(), system="compas-broward", family=rule, rule=rule, week=MONDAY, as_of=AS_OF)
    case, _ = cases.open_or_extend(found)
    cases.ask(case, role="cdpo", kind="determination", body="", as_of=AS_OF)
    return cases.episode(case)


def first(database: Database, episode: Episode) -> date:
    """The week, as the pages and as the weekly report say it."""
    found = first_adverse_weeks(database, policy(), SYSTEMS, [episode])[episode.id]
    (asked,) = open_questions(SYSTEMS, policy(), Results(database), Cases(database), AS_OF, MONDAY)
    assert asked.first_adverse == found
    return found


@pytest.mark.parametrize(
    ("rule", "found"),
    [("unequal_harm", harm), ("outcome_missed", outcome)],
)
def test_it_is_the_first_on_watch_or_in_breach_of_what_the_rule_looks_at(
    database: Database, rule: str, found: type[Finding]
) -> None:
    other = outcome if found is harm else harm
    record(database, found(EARLY - timedelta(weeks=1), status=Status.OK), week=EARLY - timedelta(weeks=1))
    record(database, other(EARLY, status=Status.BREACH), week=EARLY)
    record(database, found(LATER, status=Status.WATCH), week=LATER)
    record(database, found(MONDAY), week=MONDAY)
    assert first(database, opened(database, rule)) == LATER


def test_what_was_restated_counts_as_it_is_now(database: Database) -> None:
    results, was = Results(database), harm(EARLY)
    record(database, was, week=EARLY)
    now = harm(LATER, status=Status.OK)
    record(database, now, week=LATER)
    restated = [replace(was, status=Status.OK), replace(now, status=Status.WATCH)]
    week = JudgedWeek(MONDAY, AS_OF, "c0ffee", "0.1.0", (harm(MONDAY),))
    results.record("compas-broward", [week], "run", restated)
    assert first(database, opened(database, "unequal_harm")) == LATER


def test_a_report_knows_what_was_judged_and_restated_up_to_its_day(database: Database) -> None:
    results, was = Results(database), harm(EARLY, status=Status.OK)
    record(database, was, week=EARLY)
    record(database, harm(MONDAY), week=MONDAY)
    episode = opened(database, "unequal_harm")
    next_week, later = MONDAY + timedelta(weeks=1), AS_OF + timedelta(weeks=1)
    week = JudgedWeek(next_week, later, "c0ffee", "0.1.0", (harm(next_week),))
    results.record("compas-broward", [week], "run", [replace(was, status=Status.WATCH)])
    asked = (database, policy(), SYSTEMS, [episode])
    assert first_adverse_weeks(*asked)[episode.id] == EARLY
    assert first_adverse_weeks(*asked, until=MONDAY, as_of=AS_OF)[episode.id] == MONDAY
    (told,) = open_questions(SYSTEMS, policy(), results, Cases(database), AS_OF, MONDAY)
    assert told.first_adverse == MONDAY


def test_a_waiver_makes_nothing_younger(database: Database) -> None:
    waiver = Waiver(
        holds_from=EARLY,
        check="equity.groups",
        reason="The vendor repairs it.",
        approver="CIO",
        link="https://city.example/7",
        expires=EARLY + timedelta(weeks=20),
    )
    fine = harm(EARLY - timedelta(weeks=1), status=Status.OK)
    record(database, waived(fine, [(1, waiver)]), week=EARLY - timedelta(weeks=1))
    record(database, waived(harm(EARLY), [(1, waiver)]), week=EARLY)
    record(database, harm(MONDAY), week=MONDAY)
    assert first(database, opened(database, "unequal_harm")) == EARLY


def test_a_case_of_incidents_or_of_a_rule_that_is_gone_is_as_old_as_its_opening(database: Database) -> None:
    record(database, harm(EARLY), week=EARLY)
    record(database, harm(MONDAY), week=MONDAY)
    assert first(database, opened(database, "no_such_rule")) == MONDAY


def test_a_system_whose_entry_is_gone_has_the_opening(database: Database) -> None:
    record(database, harm(MONDAY), week=MONDAY)
    episode = opened(database, "unequal_harm")
    assert first_adverse_weeks(database, policy(), {}, [episode]) == {episode.id: MONDAY}
    assert first_adverse_weeks(database, policy(), SYSTEMS, []) == {}
