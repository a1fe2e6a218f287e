"""Mail through the SMTP server of the connection `smtp_default`, by whoever looks connections up."""

from __future__ import annotations

import contextlib
import logging
import smtplib
from email.message import EmailMessage
from typing import Any

from sundial.sources.connection import Connection

SMTP_CONNECTION = "smtp_default"

_log = logging.getLogger(__name__)


class NotHandedOver(smtplib.SMTPException):
    """The connection broke before the server had the message: it is certainly not on its way."""


class _Watched:
    """Notes when the message itself is being sent: from then on a broken connection leaves its fate open."""

    handed_over = False
    _asks_to_send = False

    def data(self, msg: Any) -> Any:
        """Asks to send the message, then sends it."""
        self._asks_to_send = True
        return super().data(msg)  # type: ignore[misc]

    def send(self, s: Any) -> None:
        """Sends bytes; what follows the server's consent to DATA is the message."""
        if self._asks_to_send and s not in ("data\r\n", b"data\r\n"):
            self.handed_over = True
        super().send(s)  # type: ignore[misc]


class _Plain(_Watched, smtplib.SMTP):
    pass


class _Encrypted(_Watched, smtplib.SMTP_SSL):
    pass


def sender_of(server: Connection) -> str:
    """Returns the address that mail comes from: `from_email` of the connection's extra.

    Raises:
        LookupError: it names no sender.
    """
    address = server.extra.get("from_email")
    if not address:
        raise LookupError(
            f"Airflow connection {SMTP_CONNECTION}: its extra has no from_email; add the sender's address"
        )
    return str(address)


def send_through(server: Connection, message: EmailMessage) -> None:
    """Sends one message; TLS unless the connection's extra says `disable_tls`, as in Airflow's SMTP provider.

    Recipients that the server refuses while it takes the message for others are named in the log.

    Raises:
        NotHandedOver: the connection broke before the server had the message.
        smtplib.SMTPException: the server refused, or was lost after it had the message.
        OSError: the server cannot be reached.
    """
    timeout = float(server.extra.get("timeout", 30))
    implicit_tls = not server.extra.get("disable_ssl", False)
    kind = _Encrypted if implicit_tls else _Plain
    try:
        client = kind(server.host, server.port or (465 if implicit_tls else 587), timeout=timeout)
    except smtplib.SMTPServerDisconnected as error:
        raise NotHandedOver(str(error)) from error
    try:
        if not implicit_tls and not server.extra.get("disable_tls", False):
            client.starttls()
        if server.login:
            client.login(server.login, server.password)
        refused = client.send_message(message)
    except (smtplib.SMTPServerDisconnected, TimeoutError, ConnectionError) as error:
        if client.handed_over:
            raise
        raise NotHandedOver(str(error)) from error
    finally:
        with contextlib.suppress(Exception):  # the message's fate is known by now
            client.quit()
        client.close()
    if refused:
        _log.error("%s: the mail server refused %s", message["Message-ID"], ", ".join(sorted(refused)))
