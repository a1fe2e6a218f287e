"""Mail: the intent is recorded before sending and the outcome after it, so that a crash loses none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, exists, func, or_, select

from sundial.store.canonical import canonical
from sundial.store.database import ConflictingRecord, Database, UnknownRecord
from sundial.store.ledger import append
from sundial.store.tables import mail_results, mails

Outcome = Literal["sent", "unknown", "failed"]


@dataclass(frozen=True)
class Mail:
    """A mail that is to be sent once; sent again after an unknown outcome it has the same Message-ID."""

    key: str
    message_id: str
    to: tuple[str, ...]
    subject: str


@dataclass(frozen=True)
class Tried:
    """A mail with what is known of it.

    Attributes:
        mail: the mail.
        intent_at: when it was first to be sent.
        outcome: of the last try; None before the first.
    """

    mail: Mail
    intent_at: datetime
    outcome: Outcome | None


class Outbox:
    """The mails of the pipeline; rows are added, never changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def intend(self, key: str, message_id: str, to: Sequence[str], subject: str) -> bool:
        """Records that a mail is to be sent; the first intent under a key stands.

        Args:
            key: what the mail is about, such as "report/2015-W05" or "question/compas-broward-2015-001/2".
            message_id: the Message-ID header; made from the key, so that a second try has the same.
            to: addresses.
            subject: the Subject header.

        Returns:
            Whether the mail still is to be sent.

        Raises:
            ConflictingRecord: where the key has another Message-ID.
        """
        with self._database.write(_scope(key)) as connection:
            known = connection.execute(select(mails).where(mails.c.key == key)).first()
            if known is None:
                append(
                    connection,
                    mails,
                    {
                        "key": key,
                        "message_id": message_id,
                        "recipients": canonical(list(to)),
                        "subject": subject,
                        "intent_at": datetime.now(UTC),
                    },
                )
                return True
            if known.message_id != message_id:
                raise ConflictingRecord(
                    f"mail {key} has another Message-ID already; make it from the key alone"
                )
            return not _was_sent(connection, key)

    def result(self, key: str, outcome: Outcome, detail: str = "") -> None:
        """Records what became of one try; `unknown` where the server took the mail but never confirmed it.

        Raises:
            UnknownRecord: where the mail was never intended.
        """
        with self._database.write(_scope(key)) as connection:
            if connection.execute(select(mails.c.key).where(mails.c.key == key)).first() is None:
                raise UnknownRecord(f"mail {key} was never intended; record the intent before sending")
            tries = connection.scalar(select(func.count()).where(mail_results.c.mail == key)) or 0
            append(
                connection,
                mail_results,
                {
                    "mail": key,
                    "attempt": tries + 1,
                    "outcome": outcome,
                    "detail": detail,
                    "at": datetime.now(UTC),
                },
            )

    def tries(self, key: str) -> tuple[tuple[Outcome, str], ...]:
        """Returns outcome and detail of each recorded try of a mail, the first one first."""
        query = select(mail_results.c.outcome, mail_results.c.detail).where(mail_results.c.mail == key)
        with self._database.read() as connection:
            return tuple(
                (row.outcome, row.detail)
                for row in connection.execute(query.order_by(mail_results.c.attempt))
            )

    def about(self, *beginnings: str) -> tuple[Tried, ...]:
        """Returns the mails whose key begins with one of these, the first intended first."""
        begins = or_(*(mails.c.key.startswith(beginning, autoescape=True) for beginning in beginnings))
        query = select(mails).where(begins).order_by(mails.c.intent_at, mails.c.key)
        results = select(mail_results.c.mail, mail_results.c.outcome).order_by(mail_results.c.attempt)
        with self._database.read() as connection:
            found = connection.execute(query).all()
            keys = [row.key for row in found]
            last = {
                row.mail: row.outcome
                for row in connection.execute(results.where(mail_results.c.mail.in_(keys)))
            }
        return tuple(Tried(_mail(row), row.intent_at, last.get(row.key)) for row in found)

    def known(self, begins: str) -> dict[str, bool]:
        """Returns whether each mail was sent whose key begins like this; not those that nobody intended."""
        sent = exists().where(mail_results.c.mail == mails.c.key, mail_results.c.outcome == "sent")
        query = select(mails.c.key, sent).where(mails.c.key.startswith(begins, autoescape=True))
        with self._database.read() as connection:
            return {key: bool(was_sent) for key, was_sent in connection.execute(query.order_by(mails.c.key))}

    def pending(self) -> tuple[Mail, ...]:
        """Returns the mails that no try is known to have sent, the oldest intent first."""
        sent = exists().where(mail_results.c.mail == mails.c.key, mail_results.c.outcome == "sent")
        query = select(mails).where(~sent).order_by(mails.c.intent_at, mails.c.key)
        with self._database.read() as connection:
            return tuple(_mail(row) for row in connection.execute(query))


def _scope(key: str) -> str:
    return f"mail/{key}"


def _was_sent(connection: Connection, key: str) -> bool:
    sent = select(mail_results.c.mail).where(mail_results.c.mail == key, mail_results.c.outcome == "sent")
    return connection.execute(sent).first() is not None


def _mail(row: Row[Any]) -> Mail:
    return Mail(
        key=row.key, message_id=row.message_id, to=tuple(json.loads(row.recipients)), subject=row.subject
    )
