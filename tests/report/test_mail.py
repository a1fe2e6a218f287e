from __future__ import annotations

import smtplib
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from report_examples import AS_OF, HOSTILE, MONDAY, finding, group_rate, judged, policy, system

from sundial.report.delivery import deliver
from sundial.report.mail import (
    CASE_LINES,
    RESENT,
    RESENT_NOTE,
    MailError,
    compose,
    question_key,
    question_mail,
    report_key,
)
from sundial.report.weekly import WeeklyReport, build
from sundial.store.cases import Cases, Detection, Episode, Question
from sundial.store.outbox import Outbox
from sundial.store.results import Results

URL = "https://airflow.city.example/sundial"
SENDER = "sundial@city.example"
SENT_AT = datetime(2016, 12, 26, 15, 0, tzinfo=UTC)
KEY = "report/2016-W51"
PDF = b"%PDF-1.7 stands for the report"


class Inbox:
    """A mail server's handler: files what it is given, and answers as it is told."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.answer = "250 taken"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            parsed = message_from_bytes(envelope.content, policy=default)
            assert isinstance(parsed, EmailMessage)
            self.mails.append(parsed)
            self.recipients.append(envelope.rcpt_tos)
        return self.answer


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def send(inbox: Inbox) -> Iterator[Callable[[EmailMessage], None]]:
    """Sends over SMTP to a real server on a free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Controller(inbox, hostname="127.0.0.1", port=port)
    server.start()

    def over_smtp(message: EmailMessage) -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            client.send_message(message)

    yield over_smtp
    server.stop()


@pytest.fixture
def report(results: Results, cases: Cases) -> WeeklyReport:
    week = date(2016, 12, 19)
    results.record("street-lights", [judged(week, finding(week=week), group_rate(week=week))], "run")
    return build({"street-lights": system()}, policy(), results, cases, AS_OF)


@pytest.fixture
def message(report: WeeklyReport) -> EmailMessage:
    return compose(report, policy(), URL, KEY, document=PDF, sender=SENDER, date=SENT_AT)


def part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content())


class TestReportMail:
    def test_it_arrives_as_text_and_html(
        self, message: EmailMessage, outbox: Outbox, inbox: Inbox, send: Callable[[EmailMessage], None]
    ) -> None:
        deliver(message, KEY, outbox, send)
        (mail,) = inbox.mails
        assert inbox.recipients == [["cdpo@city.example"]]
        assert mail["Subject"] == "AI health 2016-W51: 1 with a confirmed breach, 0 open questions"
        assert mail["From"].addresses[0].addr_spec == SENDER
        assert mail["Date"] == "Mon, 26 Dec 2016 07:00:00 -0800"
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail.get_content_type() == "multipart/mixed"
        (attached,) = mail.iter_attachments()
        assert (attached.get_filename(), attached.get_content()) == ("ai-health-2016-W51.pdf", PDF)
        assert part(mail, "plain").startswith("AI HEALTH REPORT, WEEK 2016-W51")
        assert URL not in part(mail, "plain") + part(mail, "html")
        assert "361 (95 % 312–413, n 341)" in " ".join(part(mail, "plain").split())
        assert "361 (95\xa0%\xa0312–\u2060413, n\xa0341)" in part(mail, "html")
        assert mail.defects == []

    @pytest.mark.parametrize("url", [URL, f"{URL}/"])
    def test_each_waiting_question_leads_to_where_it_is_answered(
        self, results: Results, cases: Cases, report: WeeklyReport, url: str
    ) -> None:
        detection = Detection("street-lights", "unequal_harm", "unequal_harm", MONDAY, AS_OF, "ab", {}, {})
        episode, _ = cases.open_or_extend(detection)
        cases.ask(episode, role="cdpo", kind="determination", body="case", as_of=date(2016, 12, 20))
        asked = build({"street-lights": system()}, policy(), results, cases, AS_OF)
        mail = compose(asked, policy(), url, KEY, document=PDF, sender=SENDER, date=SENT_AT)
        html = part(mail, "html")
        assert (
            html.count(f'<a href="{URL}/required_actions" ') == html.count(f">Answer case {episode} in") == 1
        )
        assert part(mail, "plain").count(f"  Answer in Airflow: {URL}/required_actions\n") == 1

    def test_the_same_report_is_the_same_bytes(self, report: WeeklyReport, message: EmailMessage) -> None:
        assert report_key(report) == KEY
        again = compose(report, policy(), URL, KEY, document=PDF, sender=SENDER, date=SENT_AT)
        assert again.as_bytes() == message.as_bytes()
        assert all(len(line) <= 998 for line in message.as_bytes().splitlines())

    def test_the_message_id_comes_from_the_key_and_the_senders_domain(self, report: WeeklyReport) -> None:
        ids = {
            key: compose(report, policy(), URL, key, document=PDF, sender=SENDER, date=SENT_AT)["Message-ID"]
            for key in (KEY, "report/2016/W51", HOSTILE)
        }
        assert len(set(ids.values())) == 3
        assert all(found.endswith("@city.example>") for found in ids.values())
        assert all(found.isascii() and " " not in found and "\n" not in found for found in ids.values())

    @pytest.mark.parametrize(
        "url", ["javascript:alert(1)", "/reports", "https://x.example/\r\nBcc: a", "https://", "https://["]
    )
    def test_a_link_that_is_none_is_refused(self, report: WeeklyReport, url: str) -> None:
        with pytest.raises(MailError, match="link"):
            compose(report, policy(), url, KEY, document=PDF, sender=SENDER, date=SENT_AT)

    @pytest.mark.parametrize(
        "address",
        [
            "cdpo",
            "a@b.example\nBcc: all@evil.example",
            "A <a@b.example>",
            "a@b.example, c@d.example",
            "é@b.example",
        ],
    )
    def test_an_address_cannot_carry_a_header(self, report: WeeklyReport, address: str) -> None:
        roles = {"cio": {"users": ["cio"]}, "cdpo": {"users": ["cdpo"], "email": [address]}}
        with pytest.raises(MailError, match=r"policy.yaml: roles.cdpo.email"):
            compose(report, policy(roles=roles), URL, KEY, document=PDF, sender=SENDER, date=SENT_AT)
        with pytest.raises(MailError, match="sender"):
            compose(report, policy(), URL, KEY, document=PDF, sender=address, date=SENT_AT)

    def test_a_date_needs_its_zone(self, report: WeeklyReport) -> None:
        with pytest.raises(MailError, match="time zone"):
            compose(
                report, policy(), URL, KEY, document=PDF, sender=SENDER, date=SENT_AT.replace(tzinfo=None)
            )


class TestQuestionMail:
    episode = Episode(
        "street-lights-2016-001",
        "street-lights",
        "unequal_harm",
        "unequal_harm",
        MONDAY,
        AS_OF,
        "ab",
        {},
        open=True,
    )
    question = Question(
        "street-lights-2016-001",
        2,
        "cio",
        "decision",
        AS_OF,
        "> Notice.\n\n**The rule.**\n\n" + "\n".join(f"- point {n}" for n in range(20)) + "\n\n| a | b |",
        None,
        None,
        None,
        open=True,
    )

    def compose(self, **changes: Any) -> EmailMessage:
        values = {"question": self.question, "link": URL, "system": system(), "policy": policy()} | changes
        return question_mail(
            values["question"],
            self.episode,
            values["policy"],
            values["link"],
            system=values["system"],
            sender=SENDER,
            date=SENT_AT,
        )

    def test_it_goes_to_the_role_with_the_case_in_ten_lines(
        self, outbox: Outbox, inbox: Inbox, send: Callable[[EmailMessage], None]
    ) -> None:
        deliver(self.compose(), question_key(self.question), outbox, send)
        (mail,) = inbox.mails
        assert inbox.recipients == [["cio@city.example"]]
        assert mail["Subject"] == "Decision needed: Street Lights"
        lines = [line for line in part(mail, "plain").splitlines() if line.startswith("* ")]
        assert len(lines) == CASE_LINES
        assert lines[0] == "* Case street-lights-2016-001: Street Lights (Transportation)."
        assert lines[1] == "* Asked of the CIO on December 26, 2016: decision."
        assert lines[4] == "* The rule."
        assert lines[-1] == f"* Read the case and answer: {URL}"
        assert f'<a href="{URL}">' in part(mail, "html")

    def test_a_question_asked_again_says_why(self) -> None:
        again = replace(self.question, reason_reopened="The expiry lies in the past.")
        assert "* Asked again: The expiry lies in the past." in part(self.compose(question=again), "plain")

    def test_hostile_text_makes_no_header_and_no_markup(
        self, outbox: Outbox, inbox: Inbox, send: Callable[[EmailMessage], None]
    ) -> None:
        hostile = replace(self.question, body=HOSTILE, reason_reopened=HOSTILE, kind=HOSTILE)
        named = system().model_copy(update={"name": HOSTILE, "department": HOSTILE})
        message = self.compose(question=hostile, system=named, policy=policy(city=HOSTILE))
        deliver(message, "question/x", outbox, send)
        (mail,) = inbox.mails
        assert inbox.recipients == [["cio@city.example"]]
        assert sorted(mail.keys()) == sorted({*mail.keys()})
        assert "Bcc" not in mail
        assert "<script>" not in part(mail, "html")
        assert "<img" not in part(mail, "html")
        assert "\x1b" not in part(mail, "plain")

    def test_a_role_that_nobody_gets_mail_for_is_an_error(self) -> None:
        with pytest.raises(MailError, match=r"roles.ciso.email is empty; add"):
            self.compose(question=replace(self.question, role="ciso"))


class Killed(BaseException):
    """The process dies here: nothing after it runs."""


class TestDelivery:
    """`deliver` after every way in which a try can end."""

    def test_what_was_sent_is_not_sent_again(
        self, message: EmailMessage, outbox: Outbox, inbox: Inbox, send: Callable[[EmailMessage], None]
    ) -> None:
        deliver(message, KEY, outbox, send)
        deliver(message, KEY, outbox, send)
        assert len(inbox.mails) == 1
        assert outbox.pending() == ()

    def test_killed_before_sending_it_arrives_once_and_says_that_it_may_be_there(
        self, message: EmailMessage, outbox: Outbox, inbox: Inbox, send: Callable[[EmailMessage], None]
    ) -> None:
        with pytest.raises(Killed):
            deliver(message, KEY, outbox, raising(Killed()))
        deliver(message, KEY, outbox, send)
        assert [mail[RESENT] is not None for mail in inbox.mails] == [True]

    @pytest.mark.parametrize(
        "ending", [Killed(), TimeoutError("no answer"), smtplib.SMTPServerDisconnected("gone")]
    )
    def test_after_an_unknown_outcome_it_is_sent_once_more_with_the_same_id(
        self,
        message: EmailMessage,
        outbox: Outbox,
        inbox: Inbox,
        send: Callable[[EmailMessage], None],
        ending: BaseException,
    ) -> None:
        with pytest.raises(type(ending)):
            deliver(message, KEY, outbox, then(send, ending))
        deliver(message, KEY, outbox, send)
        deliver(message, KEY, outbox, send)
        first, second = inbox.mails
        assert first["Message-ID"] == second["Message-ID"]
        assert (first[RESENT], second[RESENT]) == (None, "outcome of the first try unknown")
        assert part(second, "plain").splitlines()[0] == RESENT_NOTE
        assert part(second, "html").partition("<main>")[2].split()[0] == "<p"  # in a landmark
        assert RESENT_NOTE in part(second, "html")
        assert RESENT_NOTE not in part(first, "html") + part(first, "plain")

    def test_after_two_unknown_outcomes_a_person_looks(
        self, message: EmailMessage, outbox: Outbox, inbox: Inbox, send: Callable[[EmailMessage], None]
    ) -> None:
        for ending in (Killed(), TimeoutError()):
            with pytest.raises(type(ending)):
                deliver(message, KEY, outbox, then(send, ending))
        for _ in range(2):
            with pytest.raises(MailError, match="two tries ended without an answer"):
                deliver(message, KEY, outbox, send)
        assert len(inbox.mails) == 2

    def test_a_refused_mail_is_tried_again_as_if_for_the_first_time(
        self, message: EmailMessage, outbox: Outbox, inbox: Inbox, send: Callable[[EmailMessage], None]
    ) -> None:
        inbox.answer = "451 try later"
        for _ in range(3):
            with pytest.raises(smtplib.SMTPDataError):
                deliver(message, KEY, outbox, send)
        with pytest.raises(ConnectionRefusedError):
            deliver(message, KEY, outbox, raising(ConnectionRefusedError()))
        inbox.answer = "250 taken"
        deliver(message, KEY, outbox, send)
        assert [mail[RESENT] for mail in inbox.mails] == [None]

    def test_a_try_that_dies_after_a_refused_one_is_known(
        self, message: EmailMessage, outbox: Outbox, inbox: Inbox, send: Callable[[EmailMessage], None]
    ) -> None:
        inbox.answer = "451 try later"
        with pytest.raises(smtplib.SMTPDataError):
            deliver(message, KEY, outbox, send)
        inbox.answer = "250 taken"
        with pytest.raises(Killed):
            deliver(message, KEY, outbox, then(send, Killed()))
        deliver(message, KEY, outbox, send)
        assert [mail[RESENT] is not None for mail in inbox.mails] == [False, True]


def raising(error: BaseException) -> Callable[[EmailMessage], None]:
    def fail(message: EmailMessage) -> None:
        raise error

    return fail


def then(send: Callable[[EmailMessage], None], error: BaseException) -> Callable[[EmailMessage], None]:
    """The mail goes out, and then it ends so that nobody knows."""

    def sent(message: EmailMessage) -> None:
        send(message)
        raise error

    return sent
