"""Findings whose estimates late outcomes restated: a table beside the findings, which stay as they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sundial.store.migrations.append_only import keep_append_only

revision = "0002"
down_revision = "0001"

_TABLE = "restatements"


def upgrade() -> None:
    """Creates the table and the triggers that keep it append-only."""
    op.create_table(
        _TABLE,
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("week", sa.Date, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("supersedes", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("payload_hash", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key", "revision", name="pk_restatements"),
        sa.ForeignKeyConstraint(["key"], ["findings.key"], name="fk_restatements_findings"),
    )
    op.create_index("ix_restatements_system_week", _TABLE, ["system", "week"])
    keep_append_only(_TABLE)
