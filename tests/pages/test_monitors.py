from __future__ import annotations

import pytest
from pages_city import BASE, THIS_WEEK, Town
from report_examples import finding


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("/dags/monitor__street-lights", ""),
        ("/dags/monitor__street-lights/tasks/equity", "/equity"),
        ("/dags/monitor__street-lights/tasks/gate", "/data"),
        ("/dags/monitor__street-lights/tasks/judge", ""),
        ("/dags/monitor__street-lights/runs/run-1", "?week=2016-W51"),
        ("/dags/monitor__street-lights/runs/run-1/tasks/privacy", "/privacy?week=2016-W51"),
        ("/dags/monitor__street-lights/runs/run-1/tasks/pull", "/data"),
    ],
)
def test_a_dag_a_run_and_a_task_lead_to_what_they_found(town: Town, path: str, to: str) -> None:
    town.register()
    town.judge(finding(week=THIS_WEEK))
    answer = town.client().get(path, follow_redirects=False)
    assert answer.headers["location"] == f"{BASE}/systems/street-lights{to}"


def test_a_run_that_judged_nothing_says_why_that_may_be(town: Town) -> None:
    town.register()
    text = town.client().get("/dags/monitor__street-lights/runs/manual__2016-12-28T00:00:00+00:00%2F1").text
    assert "This run has judged no week" in text


@pytest.mark.parametrize("path", ["/dags/weekly_report", "/dags/weekly_report/runs/a/tasks/b"])
def test_a_dag_that_measures_no_system_says_so_kindly(town: Town, path: str) -> None:
    assert "This DAG measures no system" in town.client().get(path).text


def test_a_dag_of_a_system_that_is_not_the_visitors_tells_nothing(town: Town) -> None:
    town.register()
    answer = town.client(hidden=["street-lights"]).get("/dags/monitor__street-lights", follow_redirects=False)
    assert "This DAG measures no system" in answer.text
