"""Names that others than Airflow's processes need, too; nothing here imports Airflow."""

from __future__ import annotations


def monitor_id(system_id: str) -> str:
    """Returns the id of the system's DAG."""
    return f"monitor__{system_id}"
