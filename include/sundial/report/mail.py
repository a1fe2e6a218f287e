"""Mails: composed from plain data with a Message-ID made from their key; `delivery` sends them once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from copy import deepcopy
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sundial.register.models import Policy, System
from sundial.report.missed import MAIL
from sundial.report.page import environment
from sundial.report.plain import clean, day, text_lines
from sundial.report.rendered import render_mail
from sundial.report.waiting import role_name
from sundial.report.weekly import WeeklyReport
from sundial.store.cases import Episode, Question
from sundial.sunset.incidents import Due

RESENT = "X-Sundial-Resent"
"""Header of a mail that may be there already."""
RESENT_NOTE = (
    "Sent again: whether the first try arrived is not known. Keep one; both have the same Message-ID."
)
CASE_LINES = 10
"""Lines of a case in its mail, the link included."""

_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_SUBJECT = 150


class MailError(ValueError):
    """A mail that cannot be composed or must not be sent; the message says what to put right."""


def report_key(report: WeeklyReport) -> str:
    """Returns the key of the report's mail, such as "report/2016-W51"."""
    return f"{MAIL}{report.week}"


def question_key(question: Question) -> str:
    """Returns the key of the question's mail, such as "question/compas-broward-2015-001/2"."""
    return f"question/{question.episode}/{question.number}"


def compose(
    report: WeeklyReport,
    policy: Policy,
    base_url: str,
    key: str,
    *,
    document: bytes,
    sender: str,
    date: datetime,
) -> EmailMessage:
    """Returns the weekly report as a mail: plain text and HTML, the whole of it attached as a PDF.

    Args:
        report: what to send.
        policy: for the roles that it goes to, their addresses and the City's time zone.
        base_url: address of Airflow's pages, where questions are answered; http or https.
        key: what the mail is about; its Message-ID is made from it.
        document: the report as a PDF.
        sender: address of the From header; its domain is the Message-ID's.
        date: the Date header, aware; shown in the City's time zone.

    Raises:
        MailError: where an address or the URL is none.
    """
    answers = f"{_link(base_url).rstrip('/')}/required_actions"
    text, html = render_mail(report, answers)
    to = _addresses_of(policy, policy.report_to)
    message = _message(headline(report), to, policy, key, sender, date, text, html)
    name = f"ai-health-{report.week}.pdf"
    message.add_attachment(document, maintype="application", subtype="pdf", filename=name)
    message.set_boundary(f"{_boundary(key)}-files")
    return message


def headline(report: WeeklyReport) -> str:
    """Returns the report in one line: its week, breaches and open questions."""
    breach = next((fact for fact in report.headline if "breach" in fact), "")
    questions = next((fact for fact in report.headline if "question" in fact), "")
    late = " (ALARM: an earlier report did not go out)" if report.missed else ""
    return f"AI health {report.week}: {breach}, {questions}{late}"


def question_mail(
    question: Question,
    episode: Episode,
    policy: Policy,
    link: str,
    *,
    system: System,
    sender: str,
    date: datetime,
) -> EmailMessage:
    """Returns a question as a mail to those who fill its role: the case in ten lines, and a link.

    Args:
        question: what is asked.
        episode: the case it belongs to.
        policy: for the role's addresses and the City's time zone.
        link: where the question is answered; http or https.
        system: the system the case is about.
        sender: address of the From header.
        date: the Date header, aware.

    Raises:
        MailError: where the role has no address, or an address or the link is none.
    """
    lines = _case_lines(question, episode, system)
    page = environment()
    values = {
        "lines": lines,
        "link": _link(link),
        "role": role_name(question.role),
        "city": clean(policy.city),
    }
    text = page.get_template("question.txt.j2").render(values)
    html = page.get_template("question.html.j2").render(values)
    subject = f"{clean(question.kind.replace('_', ' ')).capitalize()} needed: {clean(system.name, 80)}"
    to = _addresses(policy, question.role)
    return _message(subject, to, policy, question_key(question), sender, date, text, html)


def notice_mail(
    key: str,
    subject: str,
    lines: Sequence[str],
    roles: Sequence[str],
    policy: Policy,
    link: str,
    *,
    sender: str,
    date: datetime,
) -> EmailMessage:
    """Returns a short notice as a mail to those who fill some roles.

    Args:
        key: what the mail is about; its Message-ID is made from it.
        subject: what has happened, in short.
        lines: the notice, a sentence or two each.
        roles: whom it goes to.
        policy: for their addresses and the City's time zone.
        link: where to act or to look; http or https.
        sender: address of the From header.
        date: the Date header, aware.

    Raises:
        MailError: where a role has no address, or an address or the link is none.
    """
    page = environment()
    values = {
        "subject": clean(subject, _SUBJECT),
        "lines": [clean(line) for line in lines],
        "link": _link(link),
        "city": clean(policy.city),
    }
    text = page.get_template("notice.txt.j2").render(values)
    html = page.get_template("notice.html.j2").render(values)
    return _message(subject, _addresses_of(policy, roles), policy, key, sender, date, text, html)


def incident_mail(
    due: Due, policy: Policy, read: str | None, act: str, *, sender: str, date: datetime
) -> EmailMessage:
    """Returns a mail about an incident: facts and two links, nothing of what people wrote about people.

    Args:
        due: what is due.
        policy: for the addresses of its roles and the City's time zone.
        read: where the report is read, http or https; None where only the command shows it.
        act: where it is confirmed and closed; http or https.
        sender: address of the From header.
        date: the Date header, aware.

    Raises:
        MailError: where a role has no address, or an address or a link is none.
    """
    to = [*_addresses_of(policy, due.roles)]
    to += [_address(address, f"{due.incident}: supervisor") for address in due.addresses]
    page = environment()
    values = {
        "title": clean(due.subject),
        "lines": [clean(line) for line in due.lines],
        "read": read and _link(read),
        "incident": due.incident,
        "act": _link(act),
        "city": clean(policy.city),
    }
    text = page.get_template("incident.txt.j2").render(values)
    html = page.get_template("incident.html.j2").render(values)
    return _message(due.subject, list(dict.fromkeys(to)), policy, due.key, sender, date, text, html)


def _message(
    subject: str,
    to: Sequence[str],
    policy: Policy,
    key: str,
    sender: str,
    date: datetime,
    text: str,
    html: str,
) -> EmailMessage:
    if date.tzinfo is None:
        raise MailError("date: has no time zone; give an aware datetime")
    origin = _address(sender, "sender")
    stamp = hashlib.sha256(key.encode()).hexdigest()
    message = EmailMessage()
    message["Subject"] = clean(subject, _SUBJECT)
    message["From"] = Address(clean(f"{policy.city} AI monitoring", 80), addr_spec=origin)
    message["To"] = [Address(addr_spec=address) for address in to]
    message["Date"] = format_datetime(date.astimezone(ZoneInfo(policy.timezone)))
    message["Message-ID"] = f"<{_slug(key)}.{stamp[:16]}@{origin.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # keeps vacation notices from answering (RFC 3834)
    message.set_content(text, charset="utf-8", cte="quoted-printable")
    message.add_alternative(html, subtype="html", charset="utf-8", cte="quoted-printable")
    message.set_boundary(_boundary(key))
    return message


def _boundary(key: str) -> str:
    """Returns the same for each key; "=_" never occurs in quoted-printable."""
    return f"=_{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def resent(message: EmailMessage) -> EmailMessage:
    """Returns the mail with a header and a first line that say it may be there already."""
    copy = deepcopy(message)
    copy[RESENT] = "outcome of the first try unknown"
    for kind in ("plain", "html"):
        part = copy.get_body((kind,))
        if not isinstance(part, EmailMessage):
            continue
        content = part.get_content()
        if kind == "html":
            shown = environment().get_template("mail_note.html.j2").render(note=RESENT_NOTE)
            part.set_content(
                content.replace("<main>\n", f"<main>\n{shown}", 1),  # outside, no landmark would hold it
                subtype="html",
                charset="utf-8",
                cte="quoted-printable",
            )
        else:
            part.set_content(f"{RESENT_NOTE}\n\n{content}", charset="utf-8", cte="quoted-printable")
    return copy


def _case_lines(question: Question, episode: Episode, system: System) -> list[str]:
    """Returns the case in so many lines that the link makes them ten."""
    kind = question.kind.replace("_", " ")
    lines = [
        f"Case {episode.id}: {system.name} ({system.department}).",
        f"Asked of the {role_name(question.role)} on {day(question.asked_as_of)}: {kind}.",
        f"Opened on {day(episode.opened_as_of)}, on evidence of the week of {day(episode.opened_week)}.",
    ]
    if question.reason_reopened:
        lines.append(f"Asked again: {question.reason_reopened}")
    return [clean(line) for line in [*lines, *text_lines(question.body, CASE_LINES - 1 - len(lines))]]


def _addresses_of(policy: Policy, roles: Iterable[str]) -> Sequence[str]:
    """Returns the addresses of some roles, each once."""
    return list(dict.fromkeys(address for role in roles for address in _addresses(policy, role)))


def _addresses(policy: Policy, role: str) -> Sequence[str]:
    filled = {str(name): one for name, one in policy.roles.items()}
    found = filled[role].email if role in filled else ()
    if not found:
        raise MailError(
            f"policy.yaml: roles.{clean(role)}.email is empty; add the addresses that its mail goes to"
        )
    return [_address(address, f"policy.yaml: roles.{role}.email") for address in found]


def _address(address: str, where: str) -> str:
    if not _ADDRESS.fullmatch(address) or not address.isascii():
        raise MailError(f"{where}: one entry is not a plain e-mail address; write it as name@city.gov")
    return address


def _link(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise MailError("link: is not a URL; give one such as https://airflow.city.gov/sundial") from error
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or clean(url, len(url)) != url
        or " " in url
    ):
        raise MailError(
            "link: must be an http or https URL on one line, such as https://airflow.city.gov/sundial"
        )
    return url


def _slug(key: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", key).strip("-")[:60] or "mail"
