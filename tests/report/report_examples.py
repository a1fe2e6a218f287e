"""A small city for the tests of report and mail: its policy, its systems, and findings by hand."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from prohibited import PROHIBITED_USES

from sundial.register.models import Policy, System
from sundial.register.principles import Principle
from sundial.stats.intervals import proportion
from sundial.store.records import Evidence, Finding, Kind, Side, Status, Threshold
from sundial.store.results import JudgedWeek

MONDAY = date(2016, 12, 12)
AS_OF = date(2016, 12, 26)
"""A Monday; the report is of the week before, 2016-W51, which begins a week after MONDAY."""
HOSTILE = (
    "</style><script>alert(1)</script>\"'<img src=http://evil.example/x>"
    "\r\nBcc: all@evil.example\u202etxt\x1b[31m{{ 7*7 }}"
)
APPROVED = {"approved_by": "CIO", "approved_on": "2016-01-01"}
TOLERANCE = Threshold("equity_tolerance", 0.1, Side.TOLERANCE, "CIO", date(2016, 1, 1))
TARGET = Threshold("intended_outcome.target", 0.6, Side.FLOOR, "CIO", date(2016, 1, 1))


def policy(**changes: Any) -> Policy:
    plain = {
        "city": "Exampleville",
        "timezone": "America/Los_Angeles",
        "principles": [principle.value for principle in Principle],
        "roles": {
            "cio": {"users": ["cio"], "email": ["cio@city.example"]},
            "cdpo": {"users": ["cdpo"], "email": ["cdpo@city.example"]},
        },
        "thresholds": {},
        "terms": {},
        "evidence": {
            "weeks_between_false_breaches": 100,
            "stream_weight": 0.01,
            "years_between_false_recommendations": 100,
            **APPROVED,
        },
        "sunset_terms": {
            "remind_days": 7,
            "escalate_days": 14,
            "silent_days": 7,
            "stage_days": 7,
            "closing": [],
            **APPROVED,
        },
        "sunset": [
            {
                "id": "unequal_harm",
                "sentence": "It harms some groups more often.",
                "when": {"kind": "evidence", "check": "equity.groups", "metric": "harm"},
                **APPROVED,
            }
        ],
        "incident_terms": {"hours": 24, "warn_hours_before": 4, **APPROVED},
    }
    return Policy.model_validate(plain | changes)


def system(name: str = "street-lights", **changes: Any) -> System:
    plain = {
        "id": name,
        "name": name.replace("-", " ").title(),
        "description": "Ranks reports of broken street lights.",
        "department": "Transportation",
        "owner": {"name": "Ana Ruiz", "email": "ana.ruiz@city.example"},
        "intended_outcome": {
            "statement": "Reports ranked urgent are urgent.",
            "metric": "accuracy",
            "target": 0.6,
            "reviewed": "2016-01-01",
            **APPROVED,
        },
        "risk": {"tier": "service", "decides": "The order of repairs."},
        "prohibited_uses": PROHIBITED_USES,
        "groups": {"columns": ["district"]},
        "harm": {"metric": "false_positive_rate", "reason": "A crew is sent for nothing, and others wait."},
    }
    return System.model_validate(plain | changes)


def finding(status: Status = Status.OK, week: date = MONDAY, **changes: Any) -> Finding:
    plain: dict[str, Any] = {
        "system": "street-lights",
        "week": week,
        "check": "effectiveness.rates",
        "principle": "effectiveness",
        "kind": Kind.STATISTICAL,
        "metric": "accuracy",
        "status": status,
        "reason": "Within the threshold.",
        "estimate": 0.647,
        "interval": proportion(647, 1000),
        "n": 1000,
        "threshold": TARGET,
    }
    return Finding(**plain | changes)


def group_rate(status: Status = Status.BREACH, log_e: float = 22.5, **changes: Any) -> Finding:
    """The harm of one group against the rest, as `equity.groups` gives it."""
    return finding(
        status,
        **{
            "check": "equity.groups",
            "principle": "equity",
            "metric": "false_positive_rate",
            "slice": (("race", "African-American"),),
            "estimate": 0.361,
            "interval": proportion(123, 341),
            "n": 341,
            "threshold": TOLERANCE,
            "evidence": Evidence(f"fpr/{changes.get('slice')}", log_e, log_e + 1, 10.1, 30, (1.0, 2.0)),
            "details": {"rest": 0.18, "rest_n": 500},
        }
        | changes,
    )


def refused(status: Status = Status.WATCH, **changes: Any) -> Finding:
    """The share of outcomes that their data contract refused."""
    return finding(
        status,
        **{
            "check": "security_and_safety.refused_rows",
            "principle": "security_and_safety",
            "metric": "refused_share",
            "slice": (("feed", "outcomes"),),
            "estimate": 0.46,
            "interval": proportion(46, 100),
            "n": 100,
            "threshold": Threshold("refused_share", 0.05, Side.CEILING, "CIO", date(2016, 1, 1)),
        }
        | changes,
    )


def unmeasured(week: date = MONDAY, **changes: Any) -> Finding:
    return finding(
        week=week,
        **{
            "status": Status.NOT_MEASURED,
            "check": "privacy",
            "principle": "privacy",
            "metric": "measured",
            "kind": Kind.FACTUAL,
            "reason": "No check of this principle is enabled yet.",
            "estimate": None,
            "interval": None,
            "n": None,
            "threshold": None,
        }
        | changes,
    )


def judged(week: date, *findings: Finding) -> JudgedWeek:
    return JudgedWeek(week, week + timedelta(days=7), "c0ffee", "0.1.0", findings)


def year(weeks: int = 30, last: date = MONDAY + timedelta(weeks=1), **changes: Any) -> list[JudgedWeek]:
    """Judged weeks in which the accuracy falls from 70 % until its breach is confirmed in the last two."""
    found = []
    for number in range(weeks):
        week = last - timedelta(weeks=weeks - 1 - number)
        hits = 700 - 6 * number
        status = Status.BREACH if number >= weeks - 2 else Status.WATCH if hits < 600 else Status.OK
        rate = {"estimate": hits / 1000, "interval": proportion(hits, 1000)}
        found.append(judged(week, finding(status, week, **rate, **changes), group_rate(week=week)))
    return found
