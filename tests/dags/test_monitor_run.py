"""A monitor DAG run by Airflow's own runner, in this process: what each task's colour says."""

from __future__ import annotations

from small_city import City
from small_system import DATES, ID

from sundial.register.principles import Principle
from sundial.store.cases import Cases
from sundial.store.records import Status
from sundial.store.results import Results

FLOW = ("pull", "gate", "profile", "record", "judge", "ask")


def test_a_run_leaves_findings_a_case_and_one_colour_a_principle(city: City) -> None:
    state, tasks = city.run(str(DATES[-1]))
    assert state == "success"
    assert {task: tasks[task] for task in FLOW} == dict.fromkeys(FLOW, "success")
    results = Results(city.database)
    assert results.last_judged_week(ID) is not None
    by_principle = {p: {f.status for f in results.latest_findings(ID) if f.principle == p} for p in Principle}
    nothing = {Status.NOT_MEASURED, Status.NOT_APPLICABLE}
    for principle, found in by_principle.items():
        assert found, principle
        assert tasks[principle.value] == ("skipped" if found <= nothing else "success"), principle
    assert tasks["equity"] == "success"
    assert [question.kind for question in Cases(city.database).open_questions()] == ["determination"]

    again, tasks = city.run(str(DATES[-1]))
    assert again == "success", "a second run finds nothing new and changes nothing"
    assert len(Cases(city.database).open_questions()) == 1

    # A run claimed the question, and was deleted: it is asked anew, or it would wait for ever.
    (question,) = Cases(city.database).open_questions()
    Cases(city.database).claim(question.episode, question.number, "deleted")
    city.run(str(DATES[-1]))
    (anew,) = Cases(city.database).open_questions()
    assert (anew.number, anew.claimed_by) == (2, None)
    assert "No answer arrived" in str(anew.reason_reopened)


def test_a_broken_feed_is_red_where_it_could_not_be_measured_and_nowhere_else(city: City) -> None:
    assert city.run(str(DATES[0]))[0] == "success"
    outcomes = city.sources / "outcomes.csv"
    outcomes.write_text(outcomes.read_text().replace("truth", "verity", 1))
    state, tasks = city.run(str(DATES[-1]))
    assert state == "failed"
    results = Results(city.database)
    found = results.latest_findings(ID)
    errors = [f for f in found if f.status is Status.ERROR]
    assert {"effectiveness.rates", "effectiveness.ranking"} <= {f.check for f in errors}
    assert all("no column truth" in f.reason for f in errors), "what to mend is in the finding"
    red = {task for task, state in tasks.items() if state == "failed"}
    assert red == {"pull", "judge"} | {f.principle for f in errors}
    assert not {"gate", "profile", "record", "transparency", "accountability"} & red
    assert (tasks["gate"], tasks["record"], tasks["transparency"]) == ("success",) * 3
    measured = {f.status for f in found if f.metric == "selection_rate"}
    assert measured, "what needs outputs alone is measured all the same"
    assert Status.ERROR not in measured
    assert results.latest_pulls(ID)["outcomes"].status == "failed"
    assert results.latest_pulls(ID)["outputs"].status == "ok"
