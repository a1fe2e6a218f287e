from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from case_examples import CONSIDERED, SENTENCE, answer, determined, gap, happened, open_case
from pages_city import ROLES, THIS_WEEK, TODAY, Town, counted
from report_examples import APPROVED, HOSTILE, finding, policy
from test_system import words

from sundial.engine.clock import WEEK
from sundial.register.load import load_policy, load_system
from sundial.store.records import Evidence, Status
from sundial.sunset.by_hand import open_by_hand
from sundial.sunset.record import PARTS
from sundial.sunset.steps import begin, finish

HERE = "/sunset/street-lights-2016-001"
STAGES = f"{TODAY + timedelta(days=20)}: 50 %: the north\n{TODAY + timedelta(days=40)}: 0 %: everybody"


@pytest.fixture
def waiting(town: Town) -> Town:
    """A case that waits for the CIO, with three judged weeks."""
    town.register()
    for week in (THIS_WEEK - 2 * WEEK, THIS_WEEK - WEEK):
        town.judge(gap(week), week=week)
    town.judge(gap(), finding(week=THIS_WEEK))
    determined(town)
    town.cases.claim("street-lights-2016-001", 2, "run-7")
    return town


def closing(town: Town, *owners: str) -> None:
    """The policy wants a step of each of these roles within a day."""
    steps = [
        {"id": f"step_{owner}", "what": f"Something that {owner} does.", "owner": owner, "within_days": 1}
        for owner in owners
    ]
    terms = policy().sunset_terms.model_dump(mode="json") | {"closing": steps, **APPROVED}
    town.write_policy(policy(roles=ROLES, sunset_terms=terms))


def test_it_has_what_a_cio_decides_from(waiting: Town) -> None:
    text = words(waiting.client("cio").get(HERE).text)
    assert SENTENCE in text
    assert (
        "false positive rate difference by district: 21.0 points (n = 900; North 40.0%, South 19.0%)" in text
    )
    assert "North 40.0 % 35.8 % to 44.4 % 500" in text  # the rate of each group with interval and n
    assert "CIO (cio) is asked for the decision" in text
    assert "7 days undecided" in text
    assert "Halt is the default." in text
    assert "Reports ranked urgent are urgent." in text
    for said in CONSIDERED.values():
        assert said in text


def test_it_draws_the_measure_and_how_the_evidence_grew(waiting: Town) -> None:
    text = waiting.client("cio").get(HERE).text
    assert text.count("<figure") == 2
    assert "False-positive rate by district, 3 weeks, of which 3 have an estimate" in text


def test_a_measure_of_everybody_has_its_interval_and_n(town: Town) -> None:
    town.register()
    found = finding(Status.BREACH, THIS_WEEK, evidence=Evidence("aim", 22.5, 23.5, 10.1, 30, ()))
    town.judge(found)
    open_case(town, found)
    assert "Everybody 64.7 % 61.7 % to 67.6 % 1,000" in words(town.client("cio").get(HERE).text)


def test_a_measure_against_the_process_without_ai_shows_both(town: Town) -> None:
    town.register()
    found = finding(
        Status.BREACH,
        THIS_WEEK,
        metric="accuracy_against_process",
        evidence=Evidence("aim", 22.5, 23.5, 10.1, 30, ()),
        details={"process": "A clerk", "process_n": 400, "rate": 0.5},
    )
    town.judge(found)
    open_case(town, found)
    text = words(town.client("cio").get(HERE).text)
    assert "The system 50.0 % 46.9 % to 53.1 % 1,000" in text
    assert "Without AI: A clerk 60.0 % 55.1 % to 64.7 % 400" in text


@pytest.mark.parametrize(("user", "button"), [("cio", True), ("cdpo", False), ("engineer", False)])
def test_only_who_may_answer_has_the_button(waiting: Town, user: str, button: bool) -> None:
    text = waiting.client(user).get(HERE).text
    assert ("Answer in Airflow" in text) is button
    assert 'href="/airflow/answer/run-7"' in text


def test_a_role_that_is_taken_away_loses_the_button_at_once(waiting: Town) -> None:
    client = waiting.client("cio")
    assert "Answer in Airflow" in client.get(HERE).text
    waiting.write_policy(policy(roles=ROLES | {"cio": {"users": ["somebody-else"]}}))
    assert "Answer in Airflow" not in client.get(HERE).text


def test_a_phase_out_shows_its_stages_with_what_was_measured(waiting: Town) -> None:
    case = "street-lights-2016-001"
    params = {"reasons": "It needs six weeks.", "stages": STAGES, "substitute": "The call center."}
    assert answer(waiting, case, 2, "Phase out", params, "cio").refused is None
    decision = waiting.cases.events(case)[-1]
    seen = {"stage": 1, "what": "the north", "share": 0.5, "met": False, "day": "2017-01-01"}
    volume = {"rows_a_day_left": 55.7, "rows_a_day_before": 56.7}
    happened(waiting, case, "stage_missed", {**seen, **volume}, f"stage/{decision.number}/1")
    late = {"since": "2017-01-01", "rows": 409, "days": {"2017-01-02": 400, "2017-01-03": 9}}
    happened(waiting, case, "still_running", late)
    text = words(waiting.client("cio").get(HERE).text)
    assert "the north 50% 55.7 of 56.7 outputs a day, 98% ▲ missed" in text
    assert "everybody 0% – ○ not measured yet" in text
    assert "Still running: 409 outputs since 2017-01-01" in text
    viewer = words(waiting.client("somebody").get(HERE).text)
    assert "2017-01-03" not in viewer  # a day of nine outputs


def test_closing_steps_have_owner_day_and_who_may_say_that_they_are_done(waiting: Town) -> None:
    case = "street-lights-2016-001"
    closing(waiting, "staff", "operator")
    answer(waiting, case, 2, "Halt", {"reasons": "Nobody can close the gap."}, "cio", TODAY - WEEK)
    in_force = load_policy(waiting.settings.policy)
    begin(waiting.cases, in_force, case, waiting.cases.events(case)[-1], TODAY)
    finish(
        waiting.cases, in_force, case, "step_staff", by="staff", note="Told by letter.", link="", as_of=TODAY
    )
    text = words(waiting.client("operator").get(HERE).text)
    assert "1 of 2 closing steps done" in text
    assert "Something that staff does. Told by letter." in text
    assert "✓ December 28, 2016, staff: Told by letter." in text
    assert "overdue · Say that it is done" in text
    assert "Say that it is done" not in waiting.client("engineer").get(HERE).text


def test_what_happened_has_who_and_when(waiting: Town) -> None:
    text = words(waiting.client("cio").get(HERE).text)
    assert "Determination: No December 21, 2016 · cdpo · recorded" in text


def test_the_record_has_its_sixteen_parts(waiting: Town) -> None:
    text = waiting.client("cio").get(HERE).text
    for number, part in enumerate(PARTS, start=1):
        assert f"<h3>{number} · {part.replace('_', ' ')}</h3>" in text


def test_a_frozen_file_is_downloaded_as_it_was_filed_and_never_shown(waiting: Town) -> None:
    for ending in ("html", "json"):
        answered = waiting.client("cio").get(f"{HERE}/bundles/1.{ending}")
        assert answered.status_code == 200
        assert answered.content == waiting.settings.open_lake().get(
            f"sunset/street-lights-2016-001/bundle-1.{ending}"
        )
        assert answered.headers["content-type"] == "application/octet-stream"
        assert answered.headers["content-disposition"].startswith("attachment;")
        assert answered.headers["x-content-type-options"] == "nosniff"


def test_a_frozen_file_that_was_changed_is_not_given_out(waiting: Town) -> None:
    lake = waiting.settings.open_lake()
    lake.put("sunset/street-lights-2016-001/bundle-1.html", b"<script>alert(1)</script>")
    answered = waiting.client("cio").get(f"{HERE}/bundles/1.html")
    assert answered.status_code == 409
    assert "The bundle is not what was filed" in answered.text
    assert "alert(1)" not in answered.text
    lake.delete("sunset/street-lights-2016-001/bundle-1.html")
    assert waiting.client("cio").get(f"{HERE}/bundles/1.html").status_code == 404


@pytest.mark.parametrize("path", ["bundles/2.html", "bundles/1.txt", "bundles/..%2f..%2fstore.html"])
def test_only_what_was_filed_can_be_downloaded(waiting: Town, path: str) -> None:
    assert waiting.client("cio").get(f"{HERE}/{path}").status_code == 404


def test_a_viewer_sees_no_small_counts(town: Town) -> None:
    town.register()
    small = gap(details={"rates": {"North": 0.4, "South": 0.2}, "n": {"North": 500, "South": 7}}, n=507)
    town.judge(small)
    determined(town, found=small)
    assert "South 20.0 %" in words(town.client("engineer").get(HERE).text)
    answered = town.client("somebody").get(HERE)
    text = words(answered.text)
    assert "Withheld: it rests on a count of fewer than 11" in text
    assert "South" not in text
    assert "507" not in text
    assert "<figure" not in answered.text
    assert "The record in sixteen parts has small counts" in text
    assert "bundles/1" not in answered.text
    assert town.client("somebody").get(f"{HERE}/bundles/1.json").status_code == 403


def test_a_viewer_sees_large_counts_rounded_and_no_week_alone(town: Town) -> None:
    town.register()
    carried = Evidence("aim", 22.5, 23.5, 10.1, 30, (3.0, 7.0))
    found = finding(Status.BREACH, THIS_WEEK, evidence=carried, n=1003)
    town.judge(found)
    open_case(town, found)
    assert "in the last week alone" in town.client("cio").get(HERE).text
    text = words(town.client("somebody").get(HERE).text)
    assert "n = 1,005" in text
    assert "alone" not in text


def test_a_case_that_a_person_opened_says_so_and_needs_no_evidence(town: Town) -> None:
    town.register()
    system = load_system(town.settings.register / "street-lights.yaml")
    why = "Crews no longer use the list."
    open_by_hand(
        town.cases, load_policy(town.settings.policy), system, key="1", by="staff", reasons=why, as_of=TODAY
    )
    text = words(town.client("cio").get("/sunset/street-lights-2016-001").text)
    assert "None was measured; a person opened the case." in text
    assert f"{why} staff, December 28, 2016" in text


def test_a_case_that_is_not_there_or_not_theirs_is_not_found(waiting: Town) -> None:
    assert waiting.client().get("/sunset/no-such-case").status_code == 404
    for path in (HERE, f"{HERE}/bundles/1.json"):
        answered = waiting.client("cio", hidden=["street-lights"]).get(path)
        assert answered.status_code == 404
        assert "Street Lights" not in answered.text


def test_it_asks_the_store_few_times(waiting: Town) -> None:
    client = waiting.client("cio")
    client.get(HERE)
    with counted(waiting.store) as queries:
        client.get(HERE)
    assert len(queries) <= 14


def test_hostile_texts_show_and_do_nothing(town: Town) -> None:
    long = HOSTILE + "😀" + "y" * 10_000
    town.register(name=HOSTILE, notice=long, department=long)
    found = gap(
        details={"rates": {HOSTILE: 0.4, long: 0.2}, "n": {HOSTILE: 500, long: 400}, "left_out": [long]}
    )
    found = replace(found, threshold=replace(found.threshold, approved_by=long))  # type: ignore[type-var]
    town.judge(found)
    case = open_case(town, found, sentence=long)
    said: dict[str, Any] = dict.fromkeys(CONSIDERED, long)
    answer(town, case, 1, "No", said, "cdpo", TODAY - WEEK)
    answer(town, case, 2, long, {}, "cio")
    answer(town, case, 3, "Halt", {"reasons": long}, "cio")
    step = {"id": "tell", "what": long, "owner": "staff", "due": "2016-12-01"}
    happened(town, case, "steps", {"steps": [step]}, "steps/9")
    happened(town, case, "step_done", {"step": "tell", "note": long, "link": "javascript:alert(1)"})
    for user in ("cio", "somebody"):
        answered = town.client(user).get(f"/sunset/{case}")
        text = answered.text
        assert answered.status_code == 200
        assert "<script>alert" not in text
        assert "<img src=http" not in text
        assert 'href="javascript' not in text
        assert "\u202e" not in text
        assert "\x1b" not in text
        assert "y" * 2_001 not in text
