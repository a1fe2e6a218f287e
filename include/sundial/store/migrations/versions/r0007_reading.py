"""Indexes for those who read: counts of a week by principle and status and one measure over time."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Creates the indexes; the first one does all that the one it replaces did."""
    op.create_index(
        "ix_findings_system_week_principle_status", "findings", ["system", "week", "principle", "status"]
    )
    op.drop_index("ix_findings_system_week", "findings")
    op.create_index("ix_findings_system_check_metric_week", "findings", ["system", "check", "metric", "week"])
