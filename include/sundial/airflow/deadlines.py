"""A deadline that counts from when staff became aware of a harm, whenever they report it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from airflow.sdk.definitions.deadline import BaseDeadlineReference

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class DiscoveryDeadline(BaseDeadlineReference):
    """The time of discovery that a run of `incident_report` was triggered with.

    Airflow evaluates it once, when the run is created, in the process that creates it. A run whose form has
    no such time gets no deadline: its task `record` says what is wrong with the form.
    """

    required_kwargs: ClassVar[set[str]] = {"dag_id", "run_id"}

    def _evaluate_with(self, *, session: Session, dag_id: str, run_id: str) -> datetime | None:
        from airflow.models import DagRun
        from sqlalchemy import select

        from sundial.engine.settings import settings
        from sundial.register.load import load_policy
        from sundial.register.problems import RegisterError
        from sundial.sunset.incidents import IncidentRefused, discovered

        query = select(DagRun.conf).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
        said = (session.scalar(query) or {}).get("discovered")
        try:
            return discovered(str(said or ""), load_policy(settings().policy))
        except (IncidentRefused, RegisterError):
            return None
