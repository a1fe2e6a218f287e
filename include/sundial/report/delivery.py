"""Sends once: the intent is recorded before the first try and the outcome after it; a crash loses nothing.

A try whose outcome nobody knows (the process died, or the connection broke after the message was handed over)
is followed by one more with the same Message-ID, which says so; then a person looks.
"""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Callable
from email.message import EmailMessage

from sundial.report.mail import RESENT, MailError, resent
from sundial.report.smtp import NotHandedOver
from sundial.store.outbox import Mail, Outbox

_BEGINS = "another try begins"
# The server said no, or never had the message: it is certainly not on its way.
_REFUSALS = (
    NotHandedOver,
    smtplib.SMTPConnectError,
    smtplib.SMTPDataError,
    smtplib.SMTPHeloError,
    smtplib.SMTPNotSupportedError,
    smtplib.SMTPRecipientsRefused,
    smtplib.SMTPSenderRefused,
    smtplib.SMTPAuthenticationError,
    ConnectionRefusedError,
    socket.gaierror,
)


def deliver(message: EmailMessage, key: str, outbox: Outbox, send: Callable[[EmailMessage], None]) -> None:
    """Sends a mail once; one that was sent is left alone.

    Args:
        message: from `sundial.report.mail`.
        key: the key it was composed with.
        outbox: where intent and outcome are recorded.
        send: sends one message and raises where it could not.

    Raises:
        MailError: where two tries ended without anybody knowing whether they arrived.
        Exception: whatever `send` raised, after the outcome was recorded; call again to try again.
    """
    to = tuple(address.addr_spec for address in message["To"].addresses)
    mail = Mail(key, message["Message-ID"], to, message["Subject"])
    once(mail, outbox, lambda again: send(resent(message) if again else message))


def once(mail: Mail, outbox: Outbox, attempt: Callable[[bool], None]) -> None:
    """Sends something once; what was sent is left alone. Raises as `deliver` does.

    Args:
        mail: what is recorded of it.
        outbox: where that is recorded.
        attempt: sends it, and says in it whether it may be there already; raises where it could not.
    """
    known = any(one.key == mail.key for one in outbox.pending())
    if not outbox.intend(mail.key, mail.message_id, mail.to, mail.subject):
        return
    again = False
    if known:
        uncertain = _uncertain_tries(outbox, mail.key)
        if uncertain > 1:
            raise MailError(
                f"mail {mail.key}: two tries ended without an answer of the mail server; look for Message-ID "
                f"{mail.message_id} in its log, and record the outcome in the outbox"
            )
        outbox.result(mail.key, "unknown", _BEGINS)  # if this try dies, the next one must know of it
        again = uncertain > 0
    _try(mail.key, outbox, attempt, again=again)


def _try(key: str, outbox: Outbox, attempt: Callable[[bool], None], *, again: bool) -> None:
    try:
        attempt(again)
    except _REFUSALS as error:
        outbox.result(key, "failed", type(error).__name__)
        raise
    except Exception as error:
        outbox.result(key, "unknown", type(error).__name__)
        raise
    outbox.result(key, "sent", f"{RESENT}: it may have been there already" if again else "")


def _uncertain_tries(outbox: Outbox, key: str) -> int:
    """Returns how many of the tries so far may have arrived: those begun, less those certainly refused."""
    tries = outbox.tries(key)
    begun = 1 + sum(detail == _BEGINS for _, detail in tries)
    return begun - sum(outcome == "failed" for outcome, _ in tries)
