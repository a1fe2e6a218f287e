"""Mail through the SMTP server of Airflow's connection `smtp_default`."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage

from airflow.configuration import conf

from sundial.airflow.connections import resolve
from sundial.airflow.names import SMTP_CONNECTION


def base_url() -> str:
    """Returns the address of Airflow's pages."""
    return str(conf.get("api", "base_url", fallback="http://localhost:8080")).rstrip("/")


def sender() -> str:
    """Returns the address that mail comes from: `from_email` of the connection's extra.

    Raises:
        LookupError: there is no connection, or it names no sender.
    """
    address = resolve(SMTP_CONNECTION).extra.get("from_email")
    if not address:
        raise LookupError(
            f"Airflow connection {SMTP_CONNECTION}: its extra has no from_email; add the sender's address"
        )
    return str(address)


def smtp_send(message: EmailMessage) -> None:
    """Sends one message; TLS unless the connection's extra says `disable_tls`, as in Airflow's SMTP provider.

    Raises:
        smtplib.SMTPException: the server refused.
        OSError: the server cannot be reached.
    """
    server = resolve(SMTP_CONNECTION)
    timeout = float(server.extra.get("timeout", 30))
    implicit_tls = not server.extra.get("disable_ssl", False)
    kind = smtplib.SMTP_SSL if implicit_tls else smtplib.SMTP
    with kind(server.host, server.port or (465 if implicit_tls else 587), timeout=timeout) as client:
        if not implicit_tls and not server.extra.get("disable_tls", False):
            client.starttls()
        if server.login:
            client.login(server.login, server.password)
        client.send_message(message)
