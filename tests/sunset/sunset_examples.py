"""A system, a policy and findings that the tests of sunset cases judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from sundial.engine.in_effect import InEffect
from sundial.engine.settings import INCLUDE
from sundial.register.load import load_policy, load_system
from sundial.register.models import Policy, System
from sundial.store.cases import Cases, Detection
from sundial.store.database import Database
from sundial.store.records import Evidence, Finding, Kind, Side, Status, Threshold
from sundial.store.register import Row
from sundial.store.results import JudgedWeek, Results
from sundial.sunset.answers import Given, Recorded, record_answer
from sundial.sunset.conditions import Grounds, IncidentsBetween, no_incidents
from sundial.sunset.detect import detect
from sundial.sunset.history import History
from sundial.sunset.judge import Judgement, judge

MONDAY = date(2015, 1, 5)
AS_OF = date(2015, 2, 1)
TODAY = date(2026, 11, 20)
ANSWERED = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
OWN_ALARM = 10.0
FAR_BEYOND = 40.0

CONSIDERED = {
    "data_ownership": "The City owns the exports; the vendor deletes its copy.",
    "portability": "The scores can be exported; the model cannot.",
    "impact": "Judges return to the interview form.",
}
REASONS = {"reasons": "The gap has not closed in a year."}


@cache
def system() -> System:
    return load_system(INCLUDE / "systems" / "compas-broward.yaml")


@cache
def policy() -> Policy:
    return load_policy(INCLUDE / "policy.yaml")


def evidence(
    log_detector: float, log_alarm: float = OWN_ALARM, log_e: float = 12.0, stream: str = "harm"
) -> Evidence:
    return Evidence(stream, log_e=log_e, log_detector=log_detector, log_alarm=log_alarm, weeks=9, counts=())


def harm(week: date = MONDAY, log_detector: float = FAR_BEYOND, **changes: Any) -> Finding:
    """The registered harm's gap between groups, as `equity.groups` finds it."""
    found = Finding(
        system="compas-broward",
        week=week,
        check="equity.groups",
        principle="equity",
        kind=Kind.STATISTICAL,
        metric="false_positive_rate_difference",
        status=Status.BREACH,
        reason="Confirmed.",
        slice=(("by", "race"),),
        estimate=0.21,
        n=900,
        threshold=Threshold("equity_tolerance", 0.1, Side.TOLERANCE, "CIO", date(2026, 11, 1)),
        evidence=evidence(log_detector),
        details={"rates": {"A": 0.4, "B": 0.19}, "n": {"A": 500, "B": 400}},
    )
    return replace(found, **changes)


def outcome(week: date = MONDAY, log_detector: float = FAR_BEYOND, **changes: Any) -> Finding:
    """The intended outcome's measure, as `effectiveness.rates` finds it."""
    return harm(
        week,
        log_detector,
        **{
            "check": "effectiveness.rates",
            "principle": "effectiveness",
            "metric": "accuracy",
            "slice": (),
            "details": {},
            "evidence": evidence(log_detector, stream="outcome"),
            **changes,
        },
    )


def record(database: Database, *found: Finding, week: date = MONDAY, as_of: date = AS_OF) -> None:
    """Records one judged week."""
    results = Results(database)
    results.record("compas-broward", [JudgedWeek(week, as_of, "c0ffee", "0.1.0", found)], "run")


def run_judge(database: Database, as_of: date = AS_OF) -> Judgement:
    return judge(system(), policy(), {"compas-broward": system()}, database, as_of)


def opened_case(database: Database, finding: Finding | None = None) -> tuple[Cases, str]:
    """A case of one week's evidence, its first question open."""
    record(database, finding or harm())
    (episode,) = run_judge(database).opened
    return Cases(database), episode


def given(chosen: str, params: Mapping[str, Any], user: str | None = "cdpo") -> Given:
    return Given(chosen, params, user, ANSWERED)


def answer(
    cases: Cases, episode: str, number: int, answered: Given, as_of: date = TODAY, case: System | None = None
) -> Recorded:
    return record_answer(cases, policy(), case or system(), (episode, number), answered, as_of)


def determined(database: Database) -> tuple[Cases, str]:
    """A case that the CDPO sent to the CIO: question 2 is the decision."""
    cases, episode = opened_case(database)
    answer(cases, episode, 1, given("No", REASONS | CONSIDERED))
    return cases, episode


def next_week(week: date = MONDAY) -> date:
    return week + timedelta(days=7)


class Weeks(History):
    """A history of findings that are given and not recorded."""

    def __init__(self, found: Mapping[date, Sequence[Finding]]) -> None:
        self.weeks = sorted(found)
        self._found = found

    def findings(self, week: date) -> Sequence[Finding]:
        return self._found.get(week, ())


def grounds(
    found: Mapping[date, Sequence[Finding]],
    of: System | None = None,
    *,
    log_alarm: float = 0.0,
    incidents: IncidentsBetween = no_incidents,
    stopped: bool = False,
    rows: Sequence[Row] = (),
) -> Grounds:
    """What a run may look at: these findings by week."""
    entry = of or system()
    return Grounds(entry, InEffect(entry, policy(), rows), Weeks(found), log_alarm, incidents, stopped)


def detected(*found: Finding, of: System | None = None, log_alarm: float = 0.0) -> list[Detection]:
    """What the policy's rules say of one week with these findings."""
    return detect(grounds({MONDAY: found}, of, log_alarm=log_alarm), policy(), week=MONDAY, as_of=AS_OF)
