from __future__ import annotations

from datetime import date, timedelta

import pytest
from given_examples import DAY, approval, attestation, proposal, revocation, status, version, waiver
from store_examples import in_processes

from sundial.register.given import Given
from sundial.store.database import ConflictingRecord, Database, UnknownRecord
from sundial.store.register import RegisterRows
from sundial.store.results import Results

LATER = DAY + timedelta(days=9)
EVERY_KIND = (attestation(), waiver(), proposal(), approval(3), status(), version(), revocation(1))


@pytest.fixture
def ledger(database: Database) -> RegisterRows:
    return RegisterRows(database)


def add(url: str, number: int) -> int:
    given = attestation(version=str(number))
    return RegisterRows(Database(url)).add("lights", given, "ana").number


def test_rows_come_back_as_they_were_given(ledger: RegisterRows) -> None:
    added = [ledger.add("lights", given, "ana") for given in EVERY_KIND]
    assert ledger.rows("lights") == tuple(added)
    assert [(row.number, row.given, row.recorded_by) for row in added] == [
        (number, given, "ana") for number, given in enumerate(EVERY_KIND, 1)
    ]


def test_each_system_counts_its_own_rows(ledger: RegisterRows) -> None:
    ledger.add("lights", attestation(), "ana")
    assert ledger.add("bridges", waiver(), "ana").number == 1
    assert [row.system for row in ledger.rows()] == ["bridges", "lights"]


@pytest.mark.parametrize("given", EVERY_KIND[:3] + EVERY_KIND[4:6])
def test_the_same_again_is_left_alone(ledger: RegisterRows, given: Given) -> None:
    first = ledger.add("lights", given, "ana")
    assert ledger.add("lights", given, "bert") == first
    assert ledger.rows("lights") == (first,)


def test_what_was_revoked_may_be_given_again(ledger: RegisterRows) -> None:
    for given in (waiver(), revocation(1)):
        ledger.add("lights", given, "ana")
    assert ledger.add("lights", waiver(), "ana").number == 3


def test_a_status_that_comes_back_is_a_change(ledger: RegisterRows) -> None:
    for word in ("suspended", "deployed", "suspended"):
        ledger.add("lights", status(word), "ana")
    assert len(ledger.rows("lights")) == 3


def test_an_entry_that_comes_back_is_a_version(ledger: RegisterRows) -> None:
    for content_hash in ("ab12", "cd34", "ab12", "ab12"):
        ledger.add("lights", version(content_hash, author="Another"), "ana")
    assert len(ledger.rows("lights")) == 3


@pytest.mark.parametrize(
    ("before", "given", "error", "says"),
    [
        ([status("retired")], status("deployed"), ConflictingRecord, "retired on 2014-03-03 by Dana, CDPO"),
        (
            [status(holds_from=LATER)],
            status("deployed"),
            ConflictingRecord,
            "changed on 2014-03-12 already",
        ),
        ([], approval(1), UnknownRecord, "row 1 is no proposal of a baseline"),
        ([attestation()], approval(1), UnknownRecord, "row 1 is no proposal of a baseline"),
        ([proposal(), approval(1)], approval(1, approved_by="Cleo"), ConflictingRecord, "was approved on"),
        ([proposal(), revocation(1)], approval(1), ConflictingRecord, "proposal 1 was revoked"),
        ([], revocation(1), UnknownRecord, "there is no row 1; see `sundial register list lights`"),
        ([status()], revocation(1), ConflictingRecord, "is never revoked"),
        ([waiver(), revocation(1)], revocation(1), ConflictingRecord, "revoked already"),
        ([waiver(holds_from=LATER)], revocation(1), ConflictingRecord, "holds from 2014-03-12 on"),
    ],
)
def test_a_row_that_contradicts_the_others_is_refused(
    ledger: RegisterRows, before: list[Given], given: Given, error: type[Exception], says: str
) -> None:
    for one in before:
        ledger.add("lights", one, "ana")
    with pytest.raises(error, match=says):
        ledger.add("lights", given, "ana")
    assert len(ledger.rows("lights")) == len(before)


def test_a_revoked_approval_frees_its_proposal(ledger: RegisterRows) -> None:
    for given in (proposal(), approval(1), revocation(2)):
        ledger.add("lights", given, "ana")
    assert ledger.add("lights", approval(1, holds_from=date(2014, 3, 4)), "ana").number == 4


def test_rows_of_four_processes_at_once_have_numbers_of_their_own(
    ledger: RegisterRows, store_url: str
) -> None:
    assert sorted(in_processes(add, [(store_url, number) for number in range(4)])) == [1, 2, 3, 4]


def test_rows_are_part_of_what_the_store_holds(ledger: RegisterRows, database: Database) -> None:
    before = Results(database).content_hash()
    ledger.add("lights", waiver(), "ana")
    assert Results(database).content_hash() != before
