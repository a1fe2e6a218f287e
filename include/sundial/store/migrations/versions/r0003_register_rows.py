"""What is registered beside the YAML: attestations, waivers, baselines, lifecycle changes, versions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sundial.store.migrations.append_only import keep_append_only

revision = "0003"
down_revision = "0002"

_TABLE = "register_rows"


def upgrade() -> None:
    """Creates the table and the triggers that keep it append-only."""
    op.create_table(
        _TABLE,
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("holds_from", sa.Date, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("payload_hash", sa.Text, nullable=False),
        sa.Column("recorded_by", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("system", "number", name="pk_register_rows"),
    )
    op.create_index("ix_register_rows_kind", _TABLE, ["kind"])
    keep_append_only(_TABLE)
