from __future__ import annotations

import pytest
from store_examples import in_processes

from sundial.store.database import ConflictingRecord, Database, UnknownRecord
from sundial.store.outbox import Mail, Outbox

MAIL = Mail("report/2015-W05", "<report-2015-W05@city.example>", ("cdpo@city.example",), "Weekly report")


@pytest.fixture
def outbox(database: Database) -> Outbox:
    return Outbox(database)


def intend(outbox: Outbox, mail: Mail = MAIL) -> bool:
    return outbox.intend(mail.key, mail.message_id, mail.to, mail.subject)


def intend_in(url: str) -> bool:
    return intend(Outbox(Database(url)))


def test_a_mail_is_pending_from_its_intent(outbox: Outbox) -> None:
    assert intend(outbox)
    assert outbox.pending() == (MAIL,)


def test_a_second_intent_is_the_same_mail(outbox: Outbox) -> None:
    intend(outbox)
    assert intend(outbox)
    assert outbox.pending() == (MAIL,)


def test_an_intent_from_four_processes_is_one_mail(outbox: Outbox, store_url: str) -> None:
    assert in_processes(intend_in, [(store_url,)] * 4) == [True] * 4
    assert outbox.pending() == (MAIL,)


@pytest.mark.parametrize("outcomes", [["sent"], ["failed", "unknown", "sent"], ["sent", "unknown"]])
def test_a_sent_mail_is_never_pending(outbox: Outbox, outcomes: list[str]) -> None:
    intend(outbox)
    for outcome in outcomes:
        outbox.result(MAIL.key, outcome, "250 taken")  # type: ignore[arg-type]
    assert outbox.pending() == ()
    assert not intend(outbox)


@pytest.mark.parametrize("outcome", ["failed", "unknown"])
def test_a_mail_that_may_not_have_gone_stays_pending(outbox: Outbox, outcome: str) -> None:
    intend(outbox)
    outbox.result(MAIL.key, outcome)  # type: ignore[arg-type]
    assert outbox.pending() == (MAIL,)
    assert intend(outbox)


def test_a_key_keeps_its_message_id(outbox: Outbox) -> None:
    intend(outbox)
    with pytest.raises(ConflictingRecord, match="mail report/2015-W05 has another Message-ID"):
        outbox.intend(MAIL.key, "<another@city.example>", MAIL.to, MAIL.subject)


def test_a_result_needs_an_intent(outbox: Outbox) -> None:
    with pytest.raises(UnknownRecord, match="record the intent before sending"):
        outbox.result(MAIL.key, "sent")
