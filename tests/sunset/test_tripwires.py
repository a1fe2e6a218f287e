"""What a real check finds of a prohibited use opens a case in the week of its breach."""

from __future__ import annotations

import pytest
from measuring import measured, registered, shares
from towns import POLICY, only

from sundial.engine.clock import WEEK
from sundial.store.cases import Cases
from sundial.store.database import Database
from sundial.store.records import Finding, Status
from sundial.store.results import JudgedWeek, Results
from sundial.sunset.judge import judge
from sundial.sunset.watch import prohibited_use

RIGHTS = registered(
    {"reviews": {"key": "id", "overridden": "changed", "maturity_days": 0}},
    risk={"tier": "rights", "decides": "Who is visited."},
)


def of_week(number: int, a_week: int) -> Finding:
    """What is found after so many weeks in which nobody looked at an output."""
    outputs = shares(number, a_week, 10, "predicted", kind="LED", score=0.7, area="north")
    found = measured(RIGHTS, "accountability.human_review", {"outputs": outputs}, number)
    return only(found, "no_human_share")


@pytest.mark.parametrize("a_week", [70, 350])
def test_decisions_about_rights_that_nobody_reviews(database: Database, a_week: int) -> None:
    for number in range(1, 12):
        found = of_week(number, a_week)
        as_of = found.week + WEEK
        week = JudgedWeek(found.week, as_of, "c0ffee", "0.1.0", (found,))
        Results(database).record(RIGHTS.id, [week], "run")
        opened = judge(RIGHTS, POLICY, {RIGHTS.id: RIGHTS}, database, as_of).opened
        assert bool(opened) is (found.status is Status.BREACH), f"week {number}"
        if opened:
            break
    (question,) = Cases(database).open_questions()
    assert "- Prohibited use: Fully automated decisions that substantially impact" in question.body
    assert "no human share overall: 100.0%" in question.body
    assert found.evidence is not None
    assert found.evidence.weeks <= 400 / a_week + 1, "some three hundred outputs are enough"
    (episode,) = Cases(database).episodes()
    (notice,) = prohibited_use(episode, RIGHTS, POLICY, Cases(database))
    assert notice.roles[:2] == ("cio", "cdpo"), "at once, before anybody has determined anything"
    assert notice.subject == f"Possible prohibited use: {RIGHTS.name}"
    assert "Fully automated decisions" in notice.lines[0]
