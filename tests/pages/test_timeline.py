from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sundial.pages.small_cells import WITHHELD
from sundial.pages.timeline import timeline
from sundial.store.cases import Answer, Event, Question

DAY = date(2016, 12, 28)
AT = datetime(2016, 12, 28, 20, 15, tzinfo=UTC)


def event(number: int, kind: str, key: str = "", by: str | None = None, **payload: Any) -> Event:
    return Event("a-2016-001", number, key or f"{kind}/{number}", kind, payload, by, DAY, AT)


def question(
    number: int, role: str = "cdpo", answer: Answer | None = None, again: str | None = None
) -> Question:
    return Question("a-2016-001", number, role, "determination", DAY, "", again, None, answer, answer is None)


def test_evidence_in_a_row_is_one_entry_and_a_question_comes_before_its_answer() -> None:
    events = [
        event(1, "evidence"),
        event(2, "evidence"),
        event(3, "determination", "answer/1", "cdpo", chosen="No", reasons="It does harm."),
        event(4, "evidence"),
    ]
    shown = timeline(events, [question(1), question(2, "cio")], sees_small=True)
    assert [(one.what, one.who) for one in shown] == [
        ("Evidence of the rule", "Sundial"),
        ("CDPO asked", "Sundial"),
        ("Determination: No", "cdpo"),
        ("Evidence of it again", "Sundial"),
        ("CIO asked", "Sundial"),
    ]
    assert shown[0].said == "2 judged weeks: the rule's condition held."
    assert shown[2].said == "It does harm."
    assert shown[2].recorded == "2016-12-28 20:15 UTC"


def test_an_answer_that_was_refused_is_told_with_the_reason() -> None:
    refused = Answer(False, "No", {}, "staff", AT, "staff is not CDPO in policy.yaml.")
    shown = timeline([], [question(1, answer=refused)], sees_small=True)
    assert (shown[1].what, shown[1].who) == ("Answer refused", "staff")
    assert shown[1].said == "“No”. staff is not CDPO in policy.yaml."


def test_small_volumes_are_withheld_from_a_viewer() -> None:
    missed = {"what": "all", "share": 0.0, "rows_a_day_left": 4.5, "rows_a_day_before": 60.0}
    events = [
        event(1, "still_running", rows=7, days={"2016-12-27": 7}, since="2016-12-20"),
        event(2, "stage_missed", **missed),
    ]
    asked = [question(1, again="There are 4.5 a day; there were 60.0.")]
    assert [one.said for one in timeline(events, asked, sees_small=False)] == [
        WITHHELD,
        WITHHELD,
        "For the determination.",
    ]
    assert "7 outputs of 1 days" in timeline(events, asked, sees_small=True)[0].said
    assert timeline(events, asked, sees_small=True)[2].said == "There are 4.5 a day; there were 60.0."
