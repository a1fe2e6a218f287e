"""A city with a real Airflow, for the tests that need scheduler, REST API and mail."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
from small_city import build_city, connection
from small_system import DATES

from sundial.cli.local_airflow import LocalAirflow
from sundial.cli.mailbox import Mailbox
from sundial.store.cases import Cases, Question
from sundial.store.database import Database
from sundial.store.results import Results

REVIEW = "sunset_review"
AS_OF, NEXT_DAY = (str(DATES[-1] + timedelta(days=days)) for days in (0, 1))
REASONS = {"reasons": "The gap between the districts has not closed."}
CONSIDERED = {"data_ownership": "The City's.", "portability": "Exportable.", "impact": "A form replaces it."}
UNANSWERED = dict.fromkeys([*REASONS, *CONSIDERED, "covered_by"])


class City:
    """A running Airflow with one small system beside a file that is wrong."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mailbox = Mailbox(folder / "mail")
        self.mailbox.start()
        smtp = {"disable_ssl": True, "disable_tls": True, "from_email": "sundial@example.gov"}
        environment = build_city(folder) | {
            "AIRFLOW_CONN_SMTP_DEFAULT": connection(
                "smtp", host="127.0.0.1", port=self.mailbox.port, extra=smtp
            ),
            "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        }
        (folder / "systems" / "wrong-system.yaml").write_text("id: wrong-system\nname: Wrong\n")
        self.airflow = LocalAirflow(folder / "airflow", environment)
        self.cases = Cases(Database(environment["SUNDIAL_STORE"]))
        self.results = Results(Database(environment["SUNDIAL_STORE"]))

    def by(self, user: str, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """Calls the REST API as one of its users."""
        login = {"username": user, "password": self.airflow.passwords()[user]}
        answer = httpx.post(f"{self.airflow.url}/auth/token", json=login, timeout=60)
        headers = {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}
        return httpx.request(
            method, f"{self.airflow.url}/api/v2{path}", headers=headers, timeout=60, **kwargs
        )

    def runs(self, dag: str = REVIEW) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = self.airflow.call("GET", f"/dags/{dag}/dagRuns")["dag_runs"]
        return found

    def tasks(self, run: str) -> dict[str, str]:
        found = self.airflow.call("GET", f"/dags/{REVIEW}/dagRuns/{run}/taskInstances")["task_instances"]
        return {ti["task_id"]: ti["state"] for ti in found}

    def waiting(self) -> list[Mapping[str, Any]]:
        """The required actions that wait for somebody."""
        return list(
            self.airflow.call(
                "GET",
                f"/dags/{REVIEW}/dagRuns/~/hitlDetails",
                params={"response_received": False, "state": "awaiting_input"},
            )["hitl_details"]
        )

    def asked(self, number: int) -> tuple[str, Mapping[str, Any], Question]:
        """Waits until the case's question waits for an answer; returns its run, action and row."""
        (episode,) = self.cases.episodes()
        key = f"{episode.id}/{number}"

        def found() -> list[tuple[str, Mapping[str, Any]]]:
            runs = {run["dag_run_id"] for run in self.runs() if run["partition_key"] == key}
            actions = ((action["task_instance"]["dag_run_id"], action) for action in self.waiting())
            return [(run, action) for run, action in actions if run in runs]

        wait_for(found, f"question {key} waits for an answer")
        ((run, action),) = found()
        self.airflow.wait_for_question(REVIEW, run, "ask")
        return run, action, self.cases.question(episode.id, number)

    def answer(self, user: str, run: str, chosen: str, params: Mapping[str, Any]) -> int:
        body = {"chosen_options": [chosen], "params_input": params}
        path = f"/dags/{REVIEW}/dagRuns/{run}/taskInstances/ask/-1/hitlDetails"
        return self.by(user, "PATCH", path, json=body).status_code

    def mail_to(self, address: str) -> list[EmailMessage]:
        return [message for message in self.mailbox.messages() if address in message["To"]]


def wait_for(ready: Callable[[], object], what: str, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"{seconds:.0f} s passed, and not yet: {what}"
        time.sleep(0.5)
