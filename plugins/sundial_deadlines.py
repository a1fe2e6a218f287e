"""Makes the deadline of incidents known to Airflow's processes, which evaluate it."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from sundial.airflow.deadlines import DiscoveryDeadline


class SundialDeadlines(AirflowPlugin):
    """The deadlines that Sundial's DAGs count from."""

    name = "sundial_deadlines"
    deadline_references = [DiscoveryDeadline]  # noqa: RUF012 - as Airflow's plugins are declared
