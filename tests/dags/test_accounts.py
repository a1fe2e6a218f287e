"""What `deploy/accounts.py` lets people do, asked of Flask AppBuilder on a real database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sundial.engine.settings import INCLUDE

ROOT = INCLUDE.parent
ASK = """
import json
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity, DagDetails
from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
from airflow.utils.providers_configuration_loader import providers_configuration_loaded
from sundial.airflow.auth import SundialAuthManager

@providers_configuration_loaded
def main():
    with get_application_builder() as builder:
        manager = SundialAuthManager()
        manager.appbuilder = builder
        users = builder.sm
        users.add_user("staff", "s", "s", "s@city.example", [users.find_role("Forms")], "secret")

        def may(name, method, entity, dag):
            user, details = users.find_user(name), DagDetails(id=dag)
            return manager.is_authorized_dag(method=method, user=user, access_entity=entity, details=details)

        run, answer = DagAccessEntity.RUN, DagAccessEntity.HITL_DETAIL
        told = {
            name: {
                "fills in": all(may(name, "POST", run, dag) for dag in ("sunset_open", "incident_report")),
                "runs a monitor": may(name, "POST", run, "monitor__compas-broward"),
                "answers": may(name, "PUT", answer, "sunset_review"),
                "reads reports of incidents": may(name, "GET", run, "incident_report"),
                "finds AI Health in the menu": manager.is_authorized_view(
                    access_view=AccessView.PLUGINS, user=users.find_user(name)
                ),
            }
            for name in ("cio", "cdpo", "engineer", "staff")
        }
        print("\\n" + json.dumps(told))

main()
"""


@pytest.mark.slow
def test_each_role_opens_the_doors_that_it_needs_and_no_other(tmp_path: Path) -> None:
    names = ("ADMIN", "CIO", "CDPO", "OPERATOR", "ENGINEER")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        **{f"{name}_PASSWORD": "of this test only" for name in names},
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__AUTH_MANAGER": "sundial.airflow.auth.SundialAuthManager",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db",
    }
    for command in (["-m", "airflow", "db", "migrate"], ["deploy/accounts.py"], ["-c", ASK]):
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    people = {
        "fills in": True,
        "runs a monitor": False,
        "answers": True,
        "reads reports of incidents": True,
        "finds AI Health in the menu": True,
    }
    assert told["cio"] == told["cdpo"] == people
    assert told["engineer"] == people | {"runs a monitor": True, "answers": False}
    assert told["staff"] == people | {"answers": False, "reads reports of incidents": False}
