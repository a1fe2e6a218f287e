"""Patterns of personal data: what is found in a text, and what looks like it and is none."""

from __future__ import annotations

import csv
import logging
import socket
import time
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sundial.register.feeds import Text
from sundial.sources.pii import patterns

CORPUS = [*csv.DictReader((Path(__file__).parent / "pii_corpus.csv").open(encoding="utf-8", newline=""))]
MISSED = {"The applicant's number is 4085353500."}
"""What docs/privacy.md says is not told from the number of a request."""


def kinds(*texts: str | None, **allowed: object) -> list[str | None]:
    wanted = Text.model_validate({"column": "answer", **allowed})
    found: list[str | None] = patterns(pa.chunked_array([pa.array(texts, pa.string())]), wanted)[
        1
    ].to_pylist()
    return found


def test_the_corpus_has_every_kind_and_more_look_alikes_than_hits() -> None:
    said = [kind for row in CORPUS for kind in row["kinds"].split(",")]
    assert set(said) == {"card", "email", "iban", "ip", "itin", "phone", "ssn", "none"}
    assert said.count("none") > len(said) / 2


@pytest.mark.parametrize("row", CORPUS, ids=lambda row: row["text"][:40])
def test_the_corpus_is_told_as_a_person_tells_it(row: dict[str, str]) -> None:
    assert kinds(row["text"]) == ["none" if row["text"] in MISSED else row["kinds"]]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("SSN 536\u201122\u20118726", "ssn"),  # hyphens that do not break
        ("SSN 536\u00a022\u00a08726 is hers", "ssn"),  # spaces that do not break
        ("her SSN—536-22-8726—is on file", "ssn"),
        ("ＳＳＮ　５３６－２２－８７２６", "ssn"),  # as wide as a Chinese sign
        ("call \u202a(408) 535\u20113500\u202c", "phone"),
        ("call 408\u2013535\u20133500.", "phone"),
        ("ana\u200b.ruiz@exam\u00adple.com", "email"),  # what nobody sees
        ("card 4111\u200a1111\u200a1111\u200a1111", "card"),
        ("It is 73.223.14.9.", "ip"),
        ("PAY TO GB82 WEST 1234 5698 7654 32 BEFORE MAY", "iban"),
    ],
)
def test_the_way_of_writing_hides_nothing(text: str, kind: str) -> None:
    assert kinds(text) == [kind]


def test_a_missing_text_is_unknown_and_an_empty_one_has_nothing() -> None:
    texts = pa.chunked_array([[None, ""], ["a@example.com"]], pa.string())
    pii, found = patterns(texts, Text(column="answer"))
    assert (pii.to_pylist(), pii.type) == ([None, 0, 1], pa.int8())
    assert found.to_pylist() == [None, "none", "email"]
    assert [len(column) for column in patterns(texts.slice(0, 0), Text(column="answer"))] == [0, 0]


def test_places_hold_beyond_the_piece_that_is_read_at_once() -> None:
    texts = ["nothing"] * 20_000
    for place in (0, 8_191, 8_192, 19_999):
        texts[place] = "a@example.com"
    found = kinds(*texts)
    assert [place for place, kind in enumerate(found) if kind == "email"] == [0, 8_191, 8_192, 19_999]


def test_an_allowed_kind_is_not_looked_for() -> None:
    both = "SSN 536-22-8726, ana@example.com"
    assert kinds(both, "ana@example.com", allowed=["email"]) == ["ssn", "none"]


@pytest.mark.parametrize("published", ["408-535-3500", "(408) 535 3500", "1 408 535 3500", "+14085353500"])
def test_a_published_phone_number_does_not_count_however_it_is_written(published: str) -> None:
    texts = (
        "Call 408.535.3500",
        "call +1 (408) 535-3500 x2",
        "call 408-535-3501",
        "408-535-3500 or 408-535-3501",
    )
    assert kinds(*texts, phones=[published]) == ["none", "none", "phone", "phone"]


def test_a_published_number_abroad_is_not_taken_for_one_here() -> None:
    texts = "+45 32 12 34 56", "+1 453 212 3456", "+44 20 7946 0958"
    assert kinds(*texts, phones=["+45 32123456"])[0] == "none"
    assert kinds(*texts, phones=["+442079460958"])[2] == "none"
    assert kinds(*texts)[0] == "phone"


def test_mail_of_the_citys_domains_does_not_count() -> None:
    texts = (
        "ana@city.gov",
        "Bo@Parks.City.GOV",
        "ana@nocity.gov",
        "ana@city.gov.example.com",
        "a@city.gov b@x.org",
    )
    assert kinds(*texts, email_domains=["City.gov"]) == ["none", "none", "email", "email", "email"]


SIGNS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60)
PIECES = st.sampled_from(
    [
        "408",
        "-",
        "535",
        "3500",
        "+1",
        "(",
        ")",
        "@",
        "a@b.co",
        ".",
        "DE89 ",
        "4111 1111 ",
        "::",
        "\x00",
        "٣",
        "²",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.none() | SIGNS | st.lists(PIECES, max_size=12).map("".join), max_size=5))
def test_no_text_stops_it_and_each_gets_its_verdict(texts: list[str | None]) -> None:
    pii, found = patterns(pa.chunked_array([pa.array(texts, pa.string())]), Text(column="answer"))
    assert [text is None for text in texts] == [kind is None for kind in found.to_pylist()]
    assert pii.to_pylist() == [None if kind is None else int(kind != "none") for kind in found.to_pylist()]
    assert found.to_pylist() == [kind for text in texts for kind in kinds(text)], (
        "one text does not touch another"
    )


@pytest.mark.parametrize("piece", ["1", "1 ", "+1 ", "408-535-", "a@", "DE89 ", "a:", "(", "@a."])
def test_a_text_made_to_take_long_takes_time_in_proportion(piece: str) -> None:
    def took(length: int) -> float:
        text = piece * (length // len(piece))
        start = time.process_time()
        kinds(text)
        return time.process_time() - start

    took(1_000)
    assert took(200_000) < 5, "a backtracking pattern would take minutes"


def test_nothing_is_asked_of_the_network_and_nothing_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("the network was asked")

    for name in ("getaddrinfo", "create_connection", "socket"):
        monkeypatch.setattr(socket, name, refuse)
    caplog.set_level(logging.DEBUG)
    kinds(*(row["text"] for row in CORPUS))
    assert (caplog.text, *capfd.readouterr()) == ("", "", "")
