"""One real Airflow: scheduler, DAG processor, REST API and mail, from evidence to the CIO's decision."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage

import httpx
import pytest
from live_city import AS_OF, CONSIDERED, NEXT_DAY, REASONS, REVIEW, UNANSWERED, City, wait_for
from small_city import MONITOR
from small_system import ID

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """The city after its first monitor run, whose event was lost: `sunset_review` was paused."""
    city = City(tmp_path_factory.mktemp("city"))
    try:
        city.airflow.start()
        city.airflow.wait_for_dags([MONITOR, "weekly_report"])
        assert city.airflow.run(MONITOR, AS_OF, timeout=200) == "success"
        yield city
    finally:
        city.airflow.stop()
        city.mailbox.stop()


def test_a_wrong_file_has_a_dag_that_says_so_and_the_other_system_ran(city: City) -> None:
    city.airflow.wait_for_dags(["register_errors"])
    page = city.airflow.call("GET", "/dags/register_errors/details")["doc_md"]
    assert re.search(r"wrong-system\.yaml(:\d+)?: description: ", page)
    assert city.airflow.call("GET", "/importErrors")["total_entries"] == 0
    assert city.results.last_judged_week(ID) is not None


def test_a_case_goes_from_evidence_to_the_decision_of_a_named_person(city: City) -> None:
    # The first event was lost: the run of the next day puts the question again.
    assert [question.claimed_by for question in city.cases.open_questions()] == [None]
    assert city.runs() == []
    city.airflow.wait_for_dags([REVIEW])
    assert city.airflow.run(MONITOR, NEXT_DAY, timeout=200) == "success"
    run, action, question = city.asked(1)
    assert (question.role, question.kind, question.claimed_by) == ("cdpo", "determination", run)
    assert action["options"] == ["No", "Cannot say", "Yes", "Another case covers it"]
    assert [user["id"] for user in action["assigned_users"]] == ["cdpo"]
    assert "unequal" in action["body"] or "harm" in action["body"]

    # One mail, whose link leads to the page of the answer.
    wait_for(lambda: city.mail_to("cdpo@example.gov"), "the CDPO has mail")
    (mail,) = city.mail_to("cdpo@example.gov")
    body = mail.get_body(("plain",))
    assert body is not None
    (link,) = re.findall(r"https?://\S+/required_actions", body.get_content())
    assert link.startswith(f"{city.airflow.url}/dags/{REVIEW}/runs/")
    page = httpx.get(link, timeout=60, follow_redirects=True)
    assert page.status_code == httpx.codes.OK
    assert page.headers["content-type"].startswith("text/html")

    # Airflow takes nobody's answer but the assignee's.
    for user in ("engineer", "operator", "cio", "admin"):
        assert city.answer(user, run, "Yes", REASONS) == httpx.codes.FORBIDDEN, user

    # Airflow accepts an answer without reasons; the record does not, and asks again.
    assert city.answer("cdpo", run, "No", UNANSWERED) == httpx.codes.OK
    run, action, question = city.asked(2)
    assert "Reasons for the determination" in str(question.reason_reopened)
    assert action["body"].startswith("**Asked again.** Please fill in: Reasons for the determination")
    assert {event.kind for event in city.cases.events(question.episode)} == {"evidence"}

    # An event that comes twice is not a second question.
    twice = {"logical_date": None, "partition_key": f"{question.episode}/2", "dag_run_id": "twice"}
    city.airflow.call("POST", f"/dags/{REVIEW}/dagRuns", json=twice)

    assert city.answer("cdpo", run, "No", REASONS | CONSIDERED) == httpx.codes.OK
    run, action, question = city.asked(3)
    assert (question.role, question.kind) == ("cio", "decision")
    assert REASONS["reasons"] in action["body"]
    wait_for(lambda: city.mail_to("cio@example.gov"), "the CIO has mail")
    wait_for(lambda: city.tasks("twice")["record"] == "skipped", "the second event's run was skipped")
    assert city.tasks("twice")["claim"] == "skipped"
    assert city.tasks("twice")["notify"] == "skipped"

    # Marking the task as done decides nothing, nor does an answer that somebody else wrote in the CIO's name.
    forged = {"chosen": "Halt", "params": REASONS, "user": "cio", "at": "2026-01-01T00:00:00+00:00"}
    city.by(
        "operator",
        "POST",
        f"/dags/{REVIEW}/dagRuns/{run}/taskInstances/ask/xcomEntries",
        json={"key": "return_value", "value": forged},
    ).raise_for_status()
    done = city.by(
        "operator",
        "PATCH",
        f"/dags/{REVIEW}/dagRuns/{run}/taskInstances/ask",
        json={"new_state": "success"},
    )
    assert done.status_code == httpx.codes.OK
    run, action, question = city.asked(4)
    assert "Marking a task decides nothing" in action["body"]

    without_expiry = REASONS | {"scope_and_conditions": "Only the north.", "expires_on": None, "stages": None}
    assert city.answer("cio", run, "Exception", without_expiry) == httpx.codes.OK
    run, action, question = city.asked(5)
    assert "the day on which it expires" in action["body"]

    assert city.answer("cio", run, "Halt", REASONS) == httpx.codes.OK
    wait_for(lambda: not city.cases.open_questions(), "the decision is recorded")
    event = city.cases.events(question.episode)[-1]
    assert (event.kind, event.by, event.payload["chosen"]) == ("decision", "cio", "Halt")
    stored = city.cases.question(question.episode, 5).answer
    assert stored is not None
    assert stored.answered_at <= event.recorded_at

    refused = [q.number for q in city.cases.questions() if q.answer and not q.answer.accepted]
    assert refused == [1, 3, 4]
    assert len(city.cases.questions()) == 5
    subjects = [message["Message-ID"] for message in city.mailbox.messages()]
    assert len(subjects) == len(set(subjects)), "no mail was sent twice"


def test_the_weekly_report_is_filed_and_mailed_once(city: City) -> None:
    def reports() -> list[EmailMessage]:
        return [message for message in city.mailbox.messages() if message["Subject"].startswith("AI health")]

    assert city.airflow.run("weekly_report", NEXT_DAY) == "success"
    report = next(file for file in city.results.reports() if file.path.endswith(".html"))
    assert len(city.results.reports()) == 3, "page, PDF and data"
    filed = (city.folder / "lake" / report.path).read_bytes()
    assert b"Small system" in filed
    assert [message["To"] for message in reports()] == ["cdpo@example.gov"]

    again = {"dag_run_id": "again", "logical_date": None, "conf": {"as_of": NEXT_DAY}}
    city.airflow.call("POST", "/dags/weekly_report/dagRuns", json=again)
    wait_for(
        lambda: {run["state"] for run in city.runs("weekly_report")} == {"success"}, "both runs succeeded"
    )
    assert len(reports()) == 1
    assert (city.folder / "lake" / report.path).read_bytes() == filed


def test_two_runs_that_are_asked_for_at_once_both_start(city: City) -> None:
    asked = ["public_register", "sunset_watch"]
    city.airflow.wait_for_dags(asked)
    with ThreadPoolExecutor(2) as threads:
        states = [*threads.map(lambda dag: city.airflow.run(dag, NEXT_DAY), asked)]
    assert states == ["success", "success"]
