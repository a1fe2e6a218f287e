"""One real Airflow: the deadline of an incident that counts from discovery, evaluated and missed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from small_city import build_city, connection
from small_system import ID

from sundial.cli.local_airflow import LocalAirflow
from sundial.cli.mailbox import Mailbox
from sundial.store.database import Database
from sundial.store.incidents import Incidents

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(600)]

SECRET = "J. Doe of 5 Elm Street"
WARNED_IN = timedelta(seconds=40)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[tuple[LocalAirflow, Mailbox]]:
    """A running Airflow, and a mail server that does not take mail yet."""
    mailbox = Mailbox(tmp_path / "mail")
    smtp = {"disable_ssl": True, "disable_tls": True, "from_email": "sundial@example.gov"}
    airflow = LocalAirflow(
        tmp_path / "airflow",
        build_city(tmp_path)
        | {
            "AIRFLOW_CONN_SMTP_DEFAULT": connection("smtp", host="127.0.0.1", port=mailbox.port, extra=smtp),
            "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        },
    )
    airflow.start()
    yield airflow, mailbox
    airflow.stop()


def test_when_the_time_runs_out_the_store_is_looked_at_and_what_is_due_is_sent(
    city: tuple[LocalAirflow, Mailbox], tmp_path: Path
) -> None:
    airflow, mailbox = city
    airflow.wait_for_dags(["incident_report"])
    found = datetime.now(UTC) - timedelta(hours=20) + WARNED_IN
    form = {
        "system": ID,
        "kind": "harm",
        "grave": True,
        "discovered": found.isoformat(),
        "happened": f"{SECRET} was refused",
        "whom": SECRET,
        "supervisor": "boss@example.gov",
    }
    login = {"username": "staff", "password": airflow.passwords()["staff"]}
    token = httpx.post(f"{airflow.url}/auth/token", json=login, timeout=60).json()["access_token"]
    body = {"dag_run_id": "report-1", "logical_date": None, "conf": form}
    run = httpx.post(
        f"{airflow.url}/api/v2/dags/incident_report/dagRuns",
        json=body,
        headers={"Authorization": f"Bearer {token}"},
        timeout=60,
    )
    assert run.is_success, run.text
    incidents = Incidents(Database(f"sqlite:///{tmp_path}/store.db"))
    _wait(lambda: len(incidents.incidents()) == 1)
    (incident,) = incidents.incidents()
    assert incident.reported_by == "staff"
    _wait(lambda: _state(airflow) == "up_for_retry")
    mailbox.start()
    _wait(lambda: len(mailbox.messages()) == 3)  # before the task is tried again
    mailbox.stop()
    _wait(lambda: len(incidents.events(incident.id)) == 3)
    assert {event.kind for event in incidents.events(incident.id)} == {"notice_sent"}
    assert datetime.now(UTC) >= incident.warn_at
    written = "".join(log.read_text(errors="replace") for log in (tmp_path / "airflow").rglob("*.log"))
    assert "Elm Street" not in written, "what people write is in no log"


def _state(airflow: LocalAirflow) -> str:
    tasks = airflow.call("GET", "/dags/incident_report/dagRuns/report-1/taskInstances")["task_instances"]
    return str(next(task["state"] for task in tasks if task["task_id"] == "notify"))


def _wait(ready: Callable[[], bool], seconds: float = 150) -> None:
    until = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.5)
