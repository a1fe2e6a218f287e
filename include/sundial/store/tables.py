"""The tables of the store. A row is written once: triggers refuse UPDATE and DELETE (see `migrations`)."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: goes in aware and comes out in UTC, also from SQLite, which keeps no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuses a naive time; a zone of the machine's would be a guess."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant without a time zone; give an aware datetime")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Returns the instant in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[int]:
    # SQLite counts up by itself only in a column of type INTEGER.
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


judged_weeks = Table(
    "judged_weeks",
    metadata,
    Column("system", Text, primary_key=True),
    Column("week", Date, primary_key=True),
    Column("as_of", Date, nullable=False),
    Column("config_hash", Text, nullable=False),
    Column("code_version", Text, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("run_id", Text, nullable=False),
)

findings = Table(
    "findings",
    metadata,
    _id(),
    Column("key", Text, nullable=False, unique=True),
    Column("system", Text, nullable=False),
    Column("week", Date, nullable=False),
    Column("check", Text, nullable=False),
    Column("principle", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("slice", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("payload_hash", Text, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("run_id", Text, nullable=False),
    ForeignKeyConstraint(["system", "week"], ["judged_weeks.system", "judged_weeks.week"]),
    Index(None, "system", "week", "principle", "status"),
    Index(None, "system", "check", "metric", "week"),
)

restatements = Table(
    "restatements",
    metadata,
    Column("key", Text, ForeignKey("findings.key"), primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("system", Text, nullable=False),
    Column("week", Date, nullable=False),
    Column("as_of", Date, nullable=False),
    Column("supersedes", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("payload_hash", Text, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("run_id", Text, nullable=False),
    Index(None, "system", "week"),
)

evidence = Table(
    "evidence",
    metadata,
    Column("system", Text, primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("week", Date, primary_key=True),
    Column("counts", Text, nullable=False),
    Column("log_e", Double, nullable=False),
    Column("log_detector", Double, nullable=False),
    Column("log_alarm", Double, nullable=False),
    ForeignKeyConstraint(["system", "week"], ["judged_weeks.system", "judged_weeks.week"]),
)

pulls = Table(
    "pulls",
    metadata,
    Column("system", Text, primary_key=True),
    Column("feed", Text, primary_key=True),
    Column("as_of", Date, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("status", Text, nullable=False),
    Column("error", Text),
    Column("rows", BigInteger, nullable=False),
    Column("batches", Text, nullable=False),
    Column("payload_hash", Text, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
)

episodes = Table(
    "episodes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("system", Text, nullable=False),
    Column("family", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("rule", Text, nullable=False),
    Column("opened_week", Date, nullable=False),
    Column("opened_as_of", Date, nullable=False),
    Column("policy_hash", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    UniqueConstraint("system", "family", "sequence"),
)

episode_events = Table(
    "episode_events",
    metadata,
    Column("episode", Text, ForeignKey("episodes.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("by", Text),
    Column("at", Date, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    UniqueConstraint("episode", "key"),
)

questions = Table(
    "questions",
    metadata,
    Column("episode", Text, ForeignKey("episodes.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("role", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("asked_as_of", Date, nullable=False),
    Column("body", Text, nullable=False),
    Column("reason_reopened", Text),
    Column("recorded_at", UtcDateTime, nullable=False),
)

question_claims = Table(
    "question_claims",
    metadata,
    Column("episode", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("claimed_at", UtcDateTime, nullable=False),
    ForeignKeyConstraint(["episode", "number"], ["questions.episode", "questions.number"]),
)

answers = Table(
    "answers",
    metadata,
    Column("episode", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("accepted", Boolean, nullable=False),
    Column("chosen", Text, nullable=False),
    Column("params", Text, nullable=False),
    Column("answered_by", Text, nullable=False),
    Column("answered_at", UtcDateTime, nullable=False),
    Column("refused_reason", Text),
    Column("recorded_at", UtcDateTime, nullable=False),
    ForeignKeyConstraint(["episode", "number"], ["questions.episode", "questions.number"]),
)

reports = Table(
    "reports",
    metadata,
    Column("key", Text, primary_key=True),
    Column("as_of", Date, nullable=False),
    Column("html_hash", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
)

mails = Table(
    "mails",
    metadata,
    Column("key", Text, primary_key=True),
    Column("message_id", Text, nullable=False, unique=True),
    Column("recipients", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("intent_at", UtcDateTime, nullable=False),
)

mail_results = Table(
    "mail_results",
    metadata,
    Column("mail", Text, ForeignKey("mails.key"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("outcome", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

register_rows = Table(
    "register_rows",
    metadata,
    Column("system", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("holds_from", Date, nullable=False),
    Column("payload", Text, nullable=False),
    Column("payload_hash", Text, nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Index(None, "kind"),
)

grants = Table(
    "grants",
    metadata,
    Column("system", Text, primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("approved_on", Date, primary_key=True),
    Column("part", Double, nullable=False),
    Column("weight", Double, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
)

ledger = Table(
    "ledger",
    metadata,
    Column("chain", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("previous", Text, nullable=False),
    Column("lines", Text, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("hash", Text, nullable=False),
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("system", Text),
    Column("kind", Text, nullable=False),
    Column("grave", Boolean, nullable=False),
    Column("discovered_at", UtcDateTime, nullable=False),
    Column("warn_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("reported_at", UtcDateTime, nullable=False),
    Column("reported_by", Text, nullable=False),
    Column("supervisor", Text, nullable=False),
    Column("happened_hash", Text, nullable=False),
    Column("whom_hash", Text, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Index(None, "system"),
)

incident_events = Table(
    "incident_events",
    metadata,
    Column("incident", Text, ForeignKey("incidents.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("system", Text),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("text_hash", Text),
    Column("by", Text),
    Column("at", UtcDateTime, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    UniqueConstraint("incident", "key"),
)

personal_texts = Table(
    "personal_texts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("salt", Text, nullable=False),
    Column("body", Text, nullable=False),
)

holds = Table(
    "holds",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("system", Text),
    Column("releases", Integer),
    Column("reason", Text, nullable=False),
    Column("link", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
)

destructions = Table(
    "destructions",
    metadata,
    Column("text", Text, primary_key=True),
    Column("system", Text),
    Column("approval", Text, nullable=False),
    Column("before", Date, nullable=False),
    Column("by", Text, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
)
