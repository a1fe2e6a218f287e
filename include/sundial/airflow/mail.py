"""Mail through the SMTP server of Airflow's connection `smtp_default`."""

from __future__ import annotations

from email.message import EmailMessage

from airflow.configuration import conf

from sundial.airflow.connections import resolve
from sundial.report.smtp import SMTP_CONNECTION, send_through, sender_of


def base_url() -> str:
    """Returns the address of Airflow's pages."""
    return str(conf.get("api", "base_url", fallback="http://localhost:8080")).rstrip("/")


def sender() -> str:
    """Returns the address that mail comes from: `from_email` of the connection's extra.

    Raises:
        LookupError: there is no connection, or it names no sender.
    """
    return sender_of(resolve(SMTP_CONNECTION))


def smtp_send(message: EmailMessage) -> None:
    """Sends one message.

    Raises:
        smtplib.SMTPException: the server refused.
        OSError: the server cannot be reached.
    """
    send_through(resolve(SMTP_CONNECTION), message)
