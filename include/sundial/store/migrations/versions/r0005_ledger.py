"""The ledger: a chain of hashes over all rows; those that are there already become its first links."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sundial.store.ledger import adopt
from sundial.store.migrations.append_only import keep_append_only

revision = "0005"
down_revision = "0004"

_TABLE = "ledger"


def upgrade() -> None:
    """Creates the table with its first links, and the triggers that keep it append-only."""
    op.create_table(
        _TABLE,
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("lines", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("chain", "number", name="pk_ledger"),
    )
    inspector = sa.inspect(op.get_bind())
    adopt(
        op.get_bind(),
        {
            name: [column["name"] for column in inspector.get_columns(name)]
            for name in inspector.get_table_names()
        },
    )
    keep_append_only(_TABLE)
