"""A real SMTP server that files what it gets, for the demo and the tests."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from sundial.cli.connections import in_environment
from sundial.cli.local_airflow import free_port
from sundial.report.smtp import SMTP_CONNECTION


class Mailbox:
    """An SMTP server on 127.0.0.1: files each message as `<number>.eml`, its page as `<number>.html`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._server = Controller(self, hostname="127.0.0.1", port=free_port())

    @property
    def port(self) -> int:
        """The TCP port that it listens on."""
        return int(self._server.port)

    def start(self) -> None:
        """Begins to take mail."""
        self._server.start()

    def stop(self) -> None:
        """Ends; what was filed stays."""
        self._server.stop()

    def messages(self) -> list[EmailMessage]:
        """Returns all filed messages, oldest first."""
        files = sorted(self.folder.glob("*.eml"))
        return [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Files a message; the name is aiosmtpd's."""
        content = envelope.original_content or b""
        number = f"{len(list(self.folder.glob('*.eml'))) + 1:04d}"
        (self.folder / f"{number}.eml").write_bytes(content)
        page = email.message_from_bytes(content, policy=email.policy.default).get_body(("html",))
        if page is not None:
            (self.folder / f"{number}.html").write_text(page.get_content(), encoding="utf-8")
        return "250 filed"


def mail_in_environment(mailbox: Mailbox) -> dict[str, str]:
    """Returns the environment variable that leads Airflow's mail to the mailbox."""
    plain = {"disable_ssl": True, "disable_tls": True, "from_email": "sundial@example.gov"}
    return in_environment(SMTP_CONNECTION, "smtp", host="127.0.0.1", port=mailbox.port, extra=plain)
