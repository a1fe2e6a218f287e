"""The ledger: a chain of hashes over all rows; those that are there already become its first links."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sundial.store.ledger import adopt

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
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {_TABLE}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {_TABLE} "
            "FOR EACH STATEMENT EXECUTE FUNCTION sundial_append_only()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {_TABLE}_no_{verb.lower()} BEFORE {verb} ON {_TABLE} "
            f"BEGIN SELECT RAISE(ABORT, '{_TABLE} is append-only: {verb} refused; "
            "record a correction as a new row'); END"
        )
