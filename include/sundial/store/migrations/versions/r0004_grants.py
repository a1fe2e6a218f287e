"""What each stream of evidence was given of the portfolio's budget."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import sqlalchemy as sa
from alembic import op

from sundial.store.migrations.append_only import keep_append_only

revision = "0004"
down_revision = "0003"

_TABLE = "grants"
_UNKNOWN = date(1970, 1, 1)
# No budget is approved that early: what streams had is void, and given anew within the budget in force.


def upgrade() -> None:
    """Creates the table, with the streams that there are, and the triggers that keep it append-only."""
    table = op.create_table(
        _TABLE,
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("approved_on", sa.Date, nullable=False),
        sa.Column("part", sa.Double, nullable=False),
        sa.Column("weight", sa.Double, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("system", "stream", "approved_on", name="pk_grants"),
    )
    found = op.get_bind().execute(sa.text("SELECT DISTINCT system, stream FROM evidence"))
    streams = sorted({(system, re.sub(r"~\d+$", "", stream)) for system, stream in found})
    now = datetime.now(UTC)
    rows = [
        {
            "system": system,
            "stream": stream,
            "approved_on": _UNKNOWN,
            "part": 1.0,
            "weight": 0.0,
            "recorded_at": now,
        }
        for system, stream in streams
    ]
    if rows:
        op.bulk_insert(table, rows)
    keep_append_only(_TABLE)
