"""A city with one small system, as Airflow's processes find it: register, policy, sources and environment."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import yaml
from small_system import DATES, ID, entry, policy_entry, write_sources

from sundial.sources.pull import PSEUDONYM_CONNECTION
from sundial.sunset.checkpoint import CONNECTION as CHECKPOINTS

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
