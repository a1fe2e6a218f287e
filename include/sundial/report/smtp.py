"""Mail through the SMTP server of the connection `smtp_default`, by whoever looks connections up."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage

from sundial.sources.connection import Connection

SMTP_CONNECTION = "smtp_default"


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

    Raises:
        smtplib.SMTPException: the server refused.
        OSError: the server cannot be reached.
    """
    timeout = float(server.extra.get("timeout", 30))
    implicit_tls = not server.extra.get("disable_ssl", False)
    kind = smtplib.SMTP_SSL if implicit_tls else smtplib.SMTP
    with kind(server.host, server.port or (465 if implicit_tls else 587), timeout=timeout) as client:
        if not implicit_tls and not server.extra.get("disable_tls", False):
            client.starttls()
        if server.login:
            client.login(server.login, server.password)
        client.send_message(message)
