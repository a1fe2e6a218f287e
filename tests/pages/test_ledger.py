from __future__ import annotations

from pathlib import Path

import pytest
from case_examples import gap
from pages_city import TODAY, Town, counted
from report_examples import HOSTILE
from test_portfolio import rows
from test_system import words

from sundial.pages import ledger as page
from sundial.sources.connection import Connection
from sundial.store.checkpoints import new_key, private_key, sign
from sundial.store.outbox import Outbox
from sundial.store.results import Report
from sundial.sunset.checkpoint import CONNECTION

OWN = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def signed(town: Town) -> Town:
    """A judged week under a checkpoint, and a report that came after it."""
    town.register()
    town.judge(gap())
    private, _ = new_key()
    place = f"{town.settings.home}/elsewhere"
    town.connections[CONNECTION] = Connection("generic", password=private, extra={"url": place})
    checkpoint(town)
    town.results.record_report(Report("2016-W51", TODAY, "cd" * 32, "reports/2016-12-26.html"))
    return town


def checkpoint(town: Town) -> None:
    from sundial.lake import Lake

    found = town.connections[CONNECTION]
    sign(town.database, Lake(str(found.extra["url"])), private_key(found.password))


def test_chains_have_their_links_and_what_is_not_protected_yet(signed: Town) -> None:
    text = signed.client("somebody").get("/ledger/").text
    city, lights = rows(text)[:2]
    assert city[:3] == ["The City", "1", "1"]
    assert lights[:3] == ["Street Lights", "1", "none"]
    assert "Last number 1," in words(text)
    assert "1 chain has links that came since" in words(text)


def test_after_the_next_checkpoint_all_is_protected(signed: Town) -> None:
    checkpoint(signed)
    assert "Every link is protected." in signed.client().get("/ledger/").text


def test_reports_have_their_hashes_and_mails_that_wait_their_subject(signed: Town) -> None:
    Outbox(signed.database).intend("report/1", "<1@city>", ["cdpo@city.example"], "Health of AI")
    text = words(signed.client("operator").get("/ledger/").text)
    assert f"reports/2016-12-26.html {'cd' * 32}" in text
    assert "1 mail." in text
    assert "Health of AI to cdpo@city.example" in text
    assert "Health of AI" not in signed.client("somebody").get("/ledger/").text


def test_a_mail_about_a_case_that_is_not_the_visitors_is_counted_and_not_read(signed: Town) -> None:
    outbox = Outbox(signed.database)
    outbox.intend("question/street-lights-2016-001/1", "<1@city>", ["cdpo@city.example"], "Street Lights?")
    outbox.intend("incident/HARM-1/notice/cdpo", "<2@city>", ["cdpo@city.example"], "Harm by Street Lights")
    theirs, hidden = (
        words(signed.client("cio", hidden=hidden).get("/ledger/").text) for hidden in ([], ["street-lights"])
    )
    assert "2 mails." in theirs
    assert "2 mails." in hidden
    assert "Street Lights?" in theirs
    assert "Street Lights" not in hidden
    assert "Harm by" not in theirs


def test_without_the_connection_it_says_how_to_sign(town: Town) -> None:
    text = town.client().get("/ledger/").text
    assert "None is signed." in text
    assert f"define the connection {CONNECTION}" in text


def test_the_private_key_is_on_no_page(signed: Town) -> None:
    key = signed.connections[CONNECTION].password
    assert key not in signed.client("cio").get("/ledger/").text
    assert key not in signed.client("cio").post("/ledger/verify", headers=OWN).text


def test_a_checkpoint_that_was_changed_is_not_believed(signed: Town) -> None:
    (file,) = Path(str(signed.connections[CONNECTION].extra["url"])).rglob("*.json")
    file.write_text(file.read_text().replace('"number":1', '"number":2'))
    text = words(signed.client().get("/ledger/").text)
    assert "The last one cannot be trusted" in text
    assert "2 chains have links that came since" in text
    file.write_text("nonsense")
    assert "is no checkpoint: it was changed" in words(signed.client().get("/ledger/").text)


@pytest.mark.parametrize("user", ["operator", "cdpo", "cio"])
def test_those_who_may_verify_see_what_was_found(signed: Town, user: str) -> None:
    text = words(signed.client(user).post("/ledger/verify", headers=OWN).text)
    assert "✓ nothing is wrong in 2 links and 1 checkpoint" in text
    assert f"by {user}." in text


@pytest.mark.parametrize("user", ["engineer", "staff", "somebody"])
def test_others_have_no_button_and_are_refused(signed: Town, user: str) -> None:
    assert "Verify now" not in signed.client(user).get("/ledger/").text
    assert "sundial verify" in signed.client(user).get("/ledger/").text
    assert signed.client(user).post("/ledger/verify", headers=OWN).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "http://city.example"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://city.example"}, 200),
        (OWN, 200),
    ],
)
def test_only_a_form_of_these_pages_can_start_it(signed: Town, headers: dict[str, str], status: int) -> None:
    assert signed.client("cio").post("/ledger/verify", headers=headers).status_code == status


def test_it_is_not_started_by_a_link(signed: Town) -> None:
    assert signed.client("cio").get("/ledger/verify").status_code in (404, 405)


def test_a_changed_row_is_found_and_named(signed: Town) -> None:
    with signed.database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER judged_weeks_no_update")
        connection.exec_driver_sql("UPDATE judged_weeks SET config_hash = 'other'")
    text = words(signed.client("cio").post("/ledger/verify", headers=OWN).text)
    assert "■ 1 fault in 2 links" in text
    assert "street-lights, link 1 : judged_weeks street-lights/2016-12-19: changed" in text
    hidden = words(signed.client("cio", hidden=["street-lights"]).post("/ledger/verify", headers=OWN).text)
    assert "1 fault is of systems that are not yours to see" in hidden
    assert "street-lights" not in hidden


def test_without_checkpoints_the_verdict_is_not_green(town: Town) -> None:
    town.register()
    town.judge(gap())
    answered = town.client("cio").post("/ledger/verify", headers=OWN)
    assert "◐ nothing is wrong within 1 link" in words(answered.text)
    assert "s-ok" not in answered.text


def test_a_walk_that_takes_too_long_ends_and_says_nothing_of_the_rest(
    signed: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "LONGEST", -1.0)
    text = words(signed.client("cio").post("/ledger/verify", headers=OWN).text)
    assert "ended before the chain CITY. Nothing is said of the rest" in text
    assert "nothing is wrong" not in text
    monkeypatch.undo()
    assert "nothing is wrong" in signed.client("cio").post("/ledger/verify", headers=OWN).text


def test_two_do_not_walk_at_once(signed: Town) -> None:
    with page._WALKING:
        answered = signed.client("cio").post("/ledger/verify", headers=OWN)
    assert answered.status_code == 409
    assert "Somebody verifies already" in answered.text


def test_the_chain_of_a_system_that_is_not_the_visitors_is_not_there(signed: Town) -> None:
    text = signed.client(hidden=["street-lights"]).get("/ledger/").text
    assert "street-lights" not in text
    assert "Street Lights" not in text


def test_it_asks_the_store_few_times(signed: Town) -> None:
    client = signed.client("cio")
    client.get("/ledger/")
    with counted(signed.store) as queries:
        client.get("/ledger/")
    assert len(queries) <= 3


def test_hostile_words_show_and_do_nothing(signed: Town) -> None:
    signed.register(name=HOSTILE)
    Outbox(signed.database).intend("report/1", "<1@city>", [HOSTILE], HOSTILE + "y" * 10_000)
    text = signed.client("cio").get("/ledger/").text
    assert "<script>alert" not in text
    assert "<img src=http" not in text
    assert "\u202e" not in text
    assert "y" * 2_001 not in text
