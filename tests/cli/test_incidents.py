"""The commands for incidents, with a real mail server beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from small_city import build_city, connection
from small_system import ID
from typer.testing import CliRunner

from sundial.cli.local_airflow import free_port
from sundial.cli.mailbox import Mailbox
from sundial.cli.main import app
from sundial.engine.settings import settings

SECRET = "J. Doe of 5 Elm Street"
AN_HOUR_AGO = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
REPORT = (
    *("incident", "report", "--happened", f"{SECRET} was refused", "--discovered", AN_HOUR_AGO),
    *("--supervisor", "boss@example.gov", "--system", ID),
)
NAME = f"incident-{datetime.now().astimezone().year}-001"


def mail_server(port: int) -> str:
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "sundial@example.gov"}
    return connection("smtp", host="127.0.0.1", port=port, extra=extra)


@pytest.fixture
def mailbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """The mail of a city with a store and nothing in it."""
    box = Mailbox(tmp_path / "mail")
    box.start()
    for name, value in build_city(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", mail_server(box.port))
    settings().open_store().migrate()
    yield box
    box.stop()


def sundial(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def document(*arguments: str) -> Any:
    result = sundial(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_report_is_told_at_once_and_said_where_it_is_read(mailbox: Mailbox) -> None:
    told = document(*REPORT)
    assert (told["id"], told["state"], told["clock"]) == (NAME, "open", "met")
    assert SECRET not in str(told)
    assert {str(mail["To"]) for mail in mailbox.messages()} == {
        "boss@example.gov",
        "cdpo@example.gov",
        "oer@example.gov",
    }
    body = mailbox.messages()[0].get_body(("plain",))
    assert body is not None
    assert f"sundial incident show {NAME}" in body.get_content()
    assert SECRET not in body.get_content()
    assert document("incident", "show", NAME)["happened"] == f"{SECRET} was refused"


def test_one_goes_from_report_to_closure(mailbox: Mailbox) -> None:
    document(*REPORT)
    early = sundial("incident", "close", NAME, "--text", "Done.", "--by", "cdpo")
    assert early.exit_code == 2
    assert "not confirmed by" in early.output
    for which in ("supervisor", "cdpo", "oer"):
        document("incident", "confirm", NAME, which, "--by", "cdpo")
    document("incident", "note", NAME, "--text", "The vendor looks.", "--by", "staff")
    assert (
        document("incident", "contain", NAME, "--text", "By hand.", "--by", "staff")["state"] == "contained"
    )
    closed = document("incident", "close", NAME, "--text", "It asks twice.", "--by", "cdpo")
    assert closed["state"] == "closed"
    shown = sundial("incident", "show", NAME)
    assert "closed by cdpo: It asks twice." in shown.output
    listed = sundial("incident", "list").output
    assert f"{NAME}" in listed
    assert "closed" in listed
    assert [one["id"] for one in document("incident", "list", "--system", ID)] == [NAME]
    assert document("incident", "list", "--system", "another") == []


def test_without_a_mail_server_it_is_recorded_and_sent_later(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        away.setenv("AIRFLOW_CONN_SMTP_DEFAULT", mail_server(free_port()))
        result = sundial(*REPORT)
    assert result.exit_code == 1
    assert "tried again at the next look" in result.stderr
    assert NAME in result.stdout
    sent = sundial("incident", "send")
    assert sent.exit_code == 0
    assert len(mailbox.messages()) == 3
    assert sundial("incident", "send").output == ""


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (("--discovered", "2999-01-01 10:00"), "lies in the future"),
        (("--system", "small-sistem"), "did you mean small-system"),
        (("--kind", "sad"), "give one of harm, security, both"),
    ],
)
def test_what_cannot_stand_is_wrong_usage(mailbox: Mailbox, changes: tuple[str, ...], says: str) -> None:
    result = sundial(*REPORT, *changes)
    assert result.exit_code == 2
    assert says in " ".join(result.output.replace("│", " ").split())
    assert document("incident", "list") == []


def test_what_is_not_there_is_told(mailbox: Mailbox) -> None:
    result = sundial("incident", "show", "incident-1999-001")
    assert result.exit_code == 1
    assert "there is no incident incident-1999-001; see `sundial incident list`" in result.stderr
