"""Incidents with their events, the personal texts of both apart from them, holds and destructions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sundial.store.migrations.append_only import keep_append_only, refuse

revision = "0006"
down_revision = "0005"

_TIME = sa.DateTime(timezone=True)
_APPEND_ONLY = ("incidents", "incident_events", "holds", "destructions")
_TEXTS = "personal_texts"
_RECORDED = "SELECT 1 FROM destructions WHERE text = OLD.id"
_NO_RECORD = f"{_TEXTS} is append-only: DELETE refused; `sundial destroy` records each destruction first"


def upgrade() -> None:
    """Creates the tables, and the triggers that keep them append-only.

    A personal text alone may be removed, once a row of `destructions` says so.
    """
    _incidents()
    _records()
    for table in _APPEND_ONLY:
        keep_append_only(table)
    if op.get_bind().dialect.name == "postgresql":
        _texts_postgresql()
    else:
        _texts_sqlite()


def _incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("system", sa.Text),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("grave", sa.Boolean, nullable=False),
        sa.Column("discovered_at", _TIME, nullable=False),
        sa.Column("warn_at", _TIME, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("reported_at", _TIME, nullable=False),
        sa.Column("reported_by", sa.Text, nullable=False),
        sa.Column("supervisor", sa.Text, nullable=False),
        sa.Column("happened_hash", sa.Text, nullable=False),
        sa.Column("whom_hash", sa.Text, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_incidents"),
        sa.UniqueConstraint("key", name="uq_incidents_key"),
    )
    op.create_index("ix_incidents_system", "incidents", ["system"])
    op.create_table(
        "incident_events",
        sa.Column("incident", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("system", sa.Text),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("text_hash", sa.Text),
        sa.Column("by", sa.Text),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("incident", "number", name="pk_incident_events"),
        sa.ForeignKeyConstraint(["incident"], ["incidents.id"], name="fk_incident_events_incidents"),
        sa.UniqueConstraint("incident", "key", name="uq_incident_events_incident_key"),
    )
    op.create_table(
        _TEXTS,
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("salt", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_personal_texts"),
    )


def _records() -> None:
    op.create_table(
        "holds",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("system", sa.Text),
        sa.Column("releases", sa.Integer),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("link", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_holds"),
    )
    op.create_table(
        "destructions",
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("system", sa.Text),
        sa.Column("approval", sa.Text, nullable=False),
        sa.Column("before", sa.Date, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("text", name="pk_destructions"),
    )


def _texts_postgresql() -> None:
    op.execute(
        f"CREATE TRIGGER {_TEXTS}_append_only BEFORE UPDATE OR TRUNCATE ON {_TEXTS} "
        "FOR EACH STATEMENT EXECUTE FUNCTION sundial_append_only()"
    )
    op.execute(
        "CREATE FUNCTION sundial_destroy_recorded() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF NOT EXISTS ({_RECORDED}) THEN "
        f"RAISE EXCEPTION '{_NO_RECORD}'; END IF; RETURN OLD; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {_TEXTS}_no_delete BEFORE DELETE ON {_TEXTS} "
        "FOR EACH ROW EXECUTE FUNCTION sundial_destroy_recorded()"
    )


def _texts_sqlite() -> None:
    refuse(_TEXTS, "UPDATE")
    op.execute(
        f"CREATE TRIGGER {_TEXTS}_no_delete BEFORE DELETE ON {_TEXTS} "
        f"WHEN NOT EXISTS ({_RECORDED}) "
        f"BEGIN SELECT RAISE(ABORT, '{_NO_RECORD}'); END"
    )
