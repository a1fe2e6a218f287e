"""Sunset cases for the tests of the pages: opened by a rule, determined and decided by named people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from pages_city import THIS_WEEK, TODAY, Town
from report_examples import finding

from sundial.engine.clock import WEEK
from sundial.register.load import load_policy, load_system
from sundial.report.bundle import file_bundle
from sundial.store.cases import Detection, NewEvent
from sundial.store.records import Evidence, Finding, Status
from sundial.sunset.answers import Given, Recorded, record_answer
from sundial.sunset.detect import registered
from sundial.sunset.questions import DETERMINATION, ask

SENTENCE = "It harms some groups more often."
OPENED = TODAY - 2 * WEEK
CONSIDERED = {
    "reasons": "The gap has not closed in a year.",
    "data_ownership": "The City owns the exports.",
    "portability": "The scores can be exported.",
    "impact": "Crews go by the call again.",
}


def gap(week: date = THIS_WEEK, status: Status = Status.BREACH, **changes: Any) -> Finding:
    """The registered harm's gap between two districts."""
    return finding(
        status,
        week,
        **{
            "check": "equity.groups",
            "principle": "equity",
            "metric": "false_positive_rate_difference",
            "slice": (("by", "district"),),
            "estimate": 0.21,
            "interval": None,
            "n": 900,
            "evidence": Evidence("harm", 22.5, 23.5, 10.1, 30, ()),
            "details": {"rates": {"North": 0.4, "South": 0.19}, "n": {"North": 500, "South": 400}},
        }
        | changes,
    )


def open_case(
    town: Town,
    found: Finding | None = None,
    *,
    family: str = "unequal_harm",
    opened: date = OPENED,
    sentence: str = SENTENCE,
) -> str:
    """Opens a case on a finding that is recorded already, and asks the CDPO; returns its id."""
    found = found or gap()
    system = load_system(town.settings.register / f"{found.system}.yaml")
    rule = {"id": family, "sentence": sentence, "kind": "evidence", "remediation_weeks": 0}
    record = {
        "rule": {
            **rule,
            "set_for": "city",
            "reason": None,
            "approved_by": "CIO",
            "approved_on": "2016-01-01",
        },
        **registered(system),
        "principles": [found.principle],
    }
    evidence = {"kind": "evidence", "since": str(found.week), "finding": found.payload(), "also": []}
    detection = Detection(found.system, family, family, found.week, opened, "ab12", record, evidence)
    case, _ = town.cases.open_or_extend(detection)
    ask(town.cases, town.cases.episode(case), DETERMINATION, system, opened)
    return case


def answer(
    town: Town, case: str, number: int, chosen: str, params: Mapping[str, Any], by: str, on: date = TODAY
) -> Recorded:
    """Answers a question of a case; a determination freezes the evidence, as in Airflow."""
    at = datetime.combine(on, time(20), UTC)
    episode, policy = town.cases.episode(case), load_policy(town.settings.policy)
    system = load_system(town.settings.register / f"{episode.system}.yaml")
    given = Given(chosen, params, by, at)
    done = record_answer(town.cases, policy, system, (case, number), given, on)
    if chosen == "No" and done.refused is None:
        lake = town.settings.open_lake()
        file_bundle(episode, town.database, lake, system, policy, on)
    return done


def determined(town: Town, **changes: Any) -> str:
    """A case that waits for the CIO; its question is number 2."""
    case = open_case(town, **changes)
    answer(town, case, 1, "No", CONSIDERED, "cdpo", TODAY - WEEK)
    return case


def happened(town: Town, case: str, kind: str, payload: Mapping[str, Any], key: str = "") -> None:
    town.cases.append(case, NewEvent(key or f"{kind}/1", kind, payload, TODAY))
