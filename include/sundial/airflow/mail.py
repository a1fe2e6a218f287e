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
    server = resolve(SMTP_CONNECTION)
    try:
        return sender_of(server)
    except LookupError as error:
        error.add_note(str(error))
        raise


def smtp_send(message: EmailMessage) -> None:
    """Sends one message.

    Raises:
        smtplib.SMTPException: the server refused.
        OSError: the server cannot be reached.
    """
    server = resolve(SMTP_CONNECTION)
    try:
        send_through(server, message)
    except OSError as error:  # SMTP's own errors, too
        error.add_note(
            f"The mail server of connection {SMTP_CONNECTION}, {server.host or 'without a host'}, did not "
            f"take the mail: {type(error).__name__}. See whether it runs and the connection is right, then "
            "clear this task: what was sent is not sent again."
        )
        raise
