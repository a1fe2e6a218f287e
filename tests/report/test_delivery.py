"""No mail is sent twice knowingly: with a real server that dies at each point of the conversation."""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from dying_smtp import BEFORE, DyingServer, Point
from report_examples import policy

from sundial.report.delivery import deliver
from sundial.report.mail import RESENT, RESENT_NOTE, MailError, notice_mail
from sundial.report.smtp import NotHandedOver, send_through
from sundial.sources.connection import Connection
from sundial.store.outbox import Outbox

KEY = "report/2016-W51"
Send = Callable[[], None]


@pytest.fixture
def server() -> Iterator[DyingServer]:
    server = DyingServer()
    yield server
    server.close()


@pytest.fixture
def message() -> EmailMessage:
    return notice_mail(
        KEY,
        "The report",
        ["A line."],
        ["cdpo"],
        policy(),
        "https://airflow.city.example",
        sender="sundial@city.example",
        date=datetime(2016, 12, 26, 15, tzinfo=UTC),
    )


@pytest.fixture
def send(server: DyingServer, message: EmailMessage, outbox: Outbox) -> Send:
    """Tries to deliver the message once."""
    plain = {"disable_ssl": True, "disable_tls": True, "timeout": 5}
    connection = Connection("smtp", "127.0.0.1", server.port, extra=plain)
    return lambda: deliver(message, KEY, outbox, lambda mail: send_through(connection, mail))


def mails(server: DyingServer) -> list[EmailMessage]:
    parsed = [message_from_bytes(content, policy=default) for content in server.taken]
    assert all(isinstance(mail, EmailMessage) for mail in parsed)
    return parsed  # type: ignore[return-value]


@pytest.mark.parametrize("point", BEFORE)
def test_a_server_that_dies_before_it_has_the_message_is_tried_as_if_for_the_first_time(
    server: DyingServer, send: Send, outbox: Outbox, point: Point
) -> None:
    for _ in range(3):
        server.dies_at = point
        with pytest.raises(NotHandedOver):
            send()
    send()
    assert [mail[RESENT] for mail in mails(server)] == [None]
    assert outbox.pending() == ()


@pytest.mark.parametrize(("point", "arrived"), [("message", 1), ("answer", 2)])
def test_one_that_dies_with_the_message_gets_it_once_more_and_is_told_so_in_the_first_line(
    server: DyingServer, send: Send, outbox: Outbox, point: Point, arrived: int
) -> None:
    server.dies_at = point
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send()
    send()
    send()
    found = mails(server)
    assert len(found) == arrived
    assert len({mail["Message-ID"] for mail in found}) == 1
    body = found[-1].get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines()[0] == RESENT_NOTE
    assert outbox.pending() == ()


def test_after_two_unknown_outcomes_nothing_is_sent_until_a_person_has_looked(
    server: DyingServer, send: Send
) -> None:
    for _ in range(2):
        server.dies_at = "answer"
        with pytest.raises(smtplib.SMTPServerDisconnected):
            send()
    with pytest.raises(MailError, match="record the outcome in the outbox"):
        send()
    assert len(server.taken) == 2


def test_one_that_dies_after_it_has_said_yes_has_it(server: DyingServer, send: Send, outbox: Outbox) -> None:
    server.dies_at = "QUIT"
    send()
    send()
    assert len(server.taken) == 1
    assert [outcome for outcome, _ in outbox.tries(KEY)] == ["sent"]
