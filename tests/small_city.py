"""A city with one small system, as Airflow's processes find it: register, policy, sources and environment."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from small_system import DATES, ID, entry, policy_entry, write_sources

from sundial.sources.pull import PSEUDONYM_CONNECTION
from sundial.store.database import Database
from sundial.sunset.checkpoint import CONNECTION as CHECKPOINTS

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

MONITOR = f"monitor__{ID}"


def build_city(folder: Path, as_of: date = DATES[-1]) -> dict[str, str]:
    """Writes the city's files into the folder, and returns the environment that leads to them."""
    register = folder / "systems"
    register.mkdir(parents=True)
    (register / f"{ID}.yaml").write_text(yaml.safe_dump(entry()))
    policy = policy_entry() | {"report_schedule": "manual"}
    (folder / "policy.yaml").write_text(yaml.safe_dump(policy, sort_keys=False))
    write_sources(folder / "sources", as_of)
    return {
        "SUNDIAL_STORE": f"sqlite:///{folder}/store.db",
        "SUNDIAL_LAKE": f"file://{folder}/lake",
        "SUNDIAL_REGISTER": str(register),
        "SUNDIAL_POLICY": str(folder / "policy.yaml"),
        "AIRFLOW_CONN_SOURCE": connection("fs", extra={"path": str(folder / "sources")}),
        f"AIRFLOW_CONN_{PSEUDONYM_CONNECTION.upper()}": connection("generic", password="of this test only"),
        f"AIRFLOW_CONN_{CHECKPOINTS.upper()}": connection(
            "generic", password="ab" * 32, extra={"url": f"{folder}/checkpoints"}
        ),
    }


def connection(conn_type: str, **fields: object) -> str:
    """Returns a connection as Airflow reads it from the environment."""
    return json.dumps({"conn_type": conn_type, **fields})


def mail_server(port: int) -> str:
    """Returns the connection of a plain mail server on this machine."""
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "sundial@example.gov"}
    return connection("smtp", host="127.0.0.1", port=port, extra=extra)


class City:
    """A city whose monitor can be run as of a date."""

    def __init__(self, folder: Path, parse: Callable[[Path], DagBag]) -> None:
        self.sources = folder / "sources"
        self._parse = parse
        self._register = folder / "systems"
        self.database = Database(f"sqlite:///{folder / 'store.db'}")
        self.database.migrate()

    def run(self, as_of: str, *, retries: bool = True) -> tuple[str, Mapping[str, str]]:
        """Runs the monitor; returns the run's state and the state of each task."""
        dag: Any = self._parse(self._register).dags[MONITOR]
        for task in dag.tasks if not retries else ():
            task.retries = 0
        run = dag.test(run_conf={"as_of": as_of})
        return str(run.state), {ti.task_id: str(ti.state) for ti in run.get_task_instances()}
