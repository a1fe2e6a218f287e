"""The first tables, and the triggers that keep them append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sundial.store.migrations.append_only import keep_append_only

revision = "0001"
down_revision = None

_TIME = sa.DateTime(timezone=True)
_JUDGED_WEEK = (["system", "week"], ["judged_weeks.system", "judged_weeks.week"])
_QUESTION = (["episode", "number"], ["questions.episode", "questions.number"])
_TABLES = (
    "judged_weeks",
    "findings",
    "evidence",
    "pulls",
    "episodes",
    "episode_events",
    "questions",
    "question_claims",
    "answers",
    "reports",
    "mails",
    "mail_results",
)


def upgrade() -> None:
    """Creates everything."""
    _results()
    _cases()
    _outbox()
    if op.get_bind().dialect.name == "postgresql":
        _function_postgresql()
    for table in _TABLES:
        keep_append_only(table)


def _results() -> None:
    op.create_table(
        "judged_weeks",
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("week", sa.Date, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("config_hash", sa.Text, nullable=False),
        sa.Column("code_version", sa.Text, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("system", "week", name="pk_judged_weeks"),
    )
    op.create_table(
        "findings",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False, autoincrement=True
        ),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("week", sa.Date, nullable=False),
        sa.Column("check", sa.Text, nullable=False),
        sa.Column("principle", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("metric", sa.Text, nullable=False),
        sa.Column("slice", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("payload_hash", sa.Text, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_findings"),
        sa.UniqueConstraint("key", name="uq_findings_key"),
        sa.ForeignKeyConstraint(*_JUDGED_WEEK, name="fk_findings_judged_weeks"),
    )
    op.create_index("ix_findings_system_week", "findings", ["system", "week"])
    op.create_table(
        "evidence",
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("week", sa.Date, nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("log_e", sa.Double, nullable=False),
        sa.Column("log_detector", sa.Double, nullable=False),
        sa.Column("log_alarm", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("system", "stream", "week", name="pk_evidence"),
        sa.ForeignKeyConstraint(*_JUDGED_WEEK, name="fk_evidence_judged_weeks"),
    )
    op.create_table(
        "pulls",
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("feed", sa.Text, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("batches", sa.Text, nullable=False),
        sa.Column("payload_hash", sa.Text, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("system", "feed", "as_of", "attempt", name="pk_pulls"),
    )


def _cases() -> None:
    op.create_table(
        "episodes",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("family", sa.Text, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("opened_week", sa.Date, nullable=False),
        sa.Column("opened_as_of", sa.Date, nullable=False),
        sa.Column("policy_hash", sa.Text, nullable=False),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_episodes"),
        sa.UniqueConstraint("system", "family", "sequence", name="uq_episodes_system_family_sequence"),
    )
    op.create_table(
        "episode_events",
        sa.Column("episode", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("by", sa.Text),
        sa.Column("at", sa.Date, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("episode", "number", name="pk_episode_events"),
        sa.UniqueConstraint("episode", "key", name="uq_episode_events_episode_key"),
        sa.ForeignKeyConstraint(["episode"], ["episodes.id"], name="fk_episode_events_episodes"),
    )
    op.create_table(
        "questions",
        sa.Column("episode", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("asked_as_of", sa.Date, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("reason_reopened", sa.Text),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("episode", "number", name="pk_questions"),
        sa.ForeignKeyConstraint(["episode"], ["episodes.id"], name="fk_questions_episodes"),
    )
    op.create_table(
        "question_claims",
        sa.Column("episode", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("claimed_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("episode", "number", name="pk_question_claims"),
        sa.ForeignKeyConstraint(*_QUESTION, name="fk_question_claims_questions"),
    )
    op.create_table(
        "answers",
        sa.Column("episode", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("accepted", sa.Boolean, nullable=False),
        sa.Column("chosen", sa.Text, nullable=False),
        sa.Column("params", sa.Text, nullable=False),
        sa.Column("answered_by", sa.Text, nullable=False),
        sa.Column("answered_at", _TIME, nullable=False),
        sa.Column("refused_reason", sa.Text),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("episode", "number", name="pk_answers"),
        sa.ForeignKeyConstraint(*_QUESTION, name="fk_answers_questions"),
    )


def _outbox() -> None:
    op.create_table(
        "reports",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("html_hash", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_reports"),
    )
    op.create_table(
        "mails",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("recipients", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("intent_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_mails"),
        sa.UniqueConstraint("message_id", name="uq_mails_message_id"),
    )
    op.create_table(
        "mail_results",
        sa.Column("mail", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("mail", "attempt", name="pk_mail_results"),
        sa.ForeignKeyConstraint(["mail"], ["mails.key"], name="fk_mail_results_mails"),
    )


def _function_postgresql() -> None:
    op.execute(
        """
        CREATE FUNCTION sundial_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only: % refused; record a correction as a new row',
                TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
        END
        $$
        """
    )
