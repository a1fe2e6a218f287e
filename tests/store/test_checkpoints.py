"""What a signed checkpoint in a second place shows that the store alone cannot."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select
from store_examples import MONDAY, judged, tamper

from sundial.lake import Lake
from sundial.store import tables
from sundial.store.checkpoints import (
    CHECKPOINTS,
    StoreRewritten,
    Unprotected,
    latest,
    new_key,
    private_key,
    sign,
    verify,
)
from sundial.store.database import Database
from sundial.store.results import Results

PRIVATE, PUBLIC = new_key()
KEY = private_key(PRIVATE)


@pytest.fixture
def place(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "elsewhere"))


@pytest.fixture
def signed(database: Database, place: Lake) -> Database:
    """Two judged weeks with a checkpoint after each."""
    for number in range(2):
        record(database, number)
        sign(database, place, KEY)
    return database


def record(database: Database, number: int) -> None:
    Results(database).record("compas", [judged(MONDAY + timedelta(weeks=number))], f"run-{number}")


class TestSign:
    def test_a_checkpoint_has_the_head_of_each_chain(self, signed: Database, place: Lake) -> None:
        with signed.read() as connection:
            (row,) = connection.execute(select(tables.ledger).where(tables.ledger.c.number == 2))
        filed = json.loads(place.get("checkpoints/00000002.json"))
        assert filed["heads"] == [["compas", 2, row.hash]]

    def test_where_nothing_came_since_nothing_is_filed(self, signed: Database, place: Lake) -> None:
        assert sign(signed, place, KEY).number == 2
        assert len(place.list("checkpoints")) == 2

    def test_a_rewritten_store_gets_no_new_checkpoint(self, signed: Database, place: Lake) -> None:
        tamper(signed, lambda connection: connection.execute(delete(tables.ledger)))
        with pytest.raises(StoreRewritten, match="run `sundial verify`"):
            sign(signed, place, KEY)
        assert len(place.list("checkpoints")) == 2

    @pytest.mark.parametrize("text", ["", "short", "ä" * 64, "g" * 64, "ab" * 33])
    def test_what_is_no_key_is_refused_with_the_remedy(self, text: str) -> None:
        with pytest.raises(ValueError, match="checkpoint-key"):
            private_key(text)


class TestVerify:
    def test_says_how_far_the_checkpoints_reach(self, signed: Database, place: Lake) -> None:
        record(signed, 2)
        record(signed, 3)
        found = verify(signed, place, [PUBLIC])
        assert (found.links, found.checkpoints, found.faults) == (4, 2, ())
        assert found.unprotected == (Unprotected("compas", 3, 4),)

    def test_without_a_second_place_all_is_unprotected(self, signed: Database) -> None:
        found = verify(signed, None, [])
        assert (found.faults, found.unprotected) == ((), (Unprotected("compas", 1, 2),))

    def test_a_truncated_tail_is_named(self, signed: Database, place: Lake) -> None:
        """The rows of the last week go with their link, so that the chain itself has no gap."""
        week = MONDAY + timedelta(weeks=1)

        def cut(connection: object) -> None:
            for table in (tables.evidence, tables.findings, tables.judged_weeks):
                connection.execute(delete(table).where(table.c.week == week))  # type: ignore[attr-defined]
            connection.execute(delete(tables.ledger).where(tables.ledger.c.number == 2))  # type: ignore[attr-defined]

        tamper(signed, cut)
        assert verify(signed, None, []).faults == ()
        (fault,) = verify(signed, place, [PUBLIC]).faults
        assert (fault.chain, fault.number) == ("compas", 2)
        assert "ends at link 1, but checkpoint 2" in fault.what

    def test_a_restored_old_database_is_named_also_when_it_went_on(self, tmp_path: Path, place: Lake) -> None:
        file, old = tmp_path / "store.db", tmp_path / "old.db"
        database = Database(f"sqlite:///{file}")
        database.migrate()
        record(database, 0)
        shutil.copy(file, old)
        record(database, 1)
        sign(database, place, KEY)
        shutil.copy(old, file)
        for rest in ("-wal", "-shm"):
            Path(f"{file}{rest}").unlink(missing_ok=True)
        (fault,) = verify(database, place, [PUBLIC]).faults
        assert "older database was restored" in fault.what
        record(database, 2)
        (fault,) = verify(database, place, [PUBLIC]).faults
        assert "the store was rewritten" in fault.what

    def test_a_store_made_anew_with_chains_that_fit_is_named(
        self, signed: Database, place: Lake, tmp_path: Path
    ) -> None:
        forged = Database(f"sqlite:///{tmp_path / 'forged.db'}")
        forged.migrate()
        for number in range(2):
            record(forged, number)
        assert verify(forged, None, []).faults == ()
        (fault,) = verify(forged, place, [PUBLIC]).faults
        assert "checkpoint 1" in fault.what

    def test_a_changed_checkpoint_is_named(self, signed: Database, place: Lake) -> None:
        filed = json.loads(place.get("checkpoints/00000001.json"))
        filed["heads"][0][1] = 7
        place.put("checkpoints/00000001.json", json.dumps(filed).encode())
        faults = verify(signed, place, [PUBLIC]).faults
        assert faults[0].chain == CHECKPOINTS
        assert "its signature does not fit" in faults[0].what

    def test_a_removed_checkpoint_is_named(self, signed: Database, place: Lake) -> None:
        place.delete("checkpoints/00000001.json")
        (fault,) = verify(signed, place, [PUBLIC]).faults
        assert fault.what == "checkpoints/00000002.json: checkpoint 1 is missing before it"

    def test_a_file_that_is_no_checkpoint_is_named(self, signed: Database, place: Lake) -> None:
        place.put("checkpoints/00000002.json", b"{}")
        assert [f.what for f in verify(signed, place, [PUBLIC]).faults] == [
            "checkpoints/00000002.json is no checkpoint: it was changed"
        ]

    def test_another_ones_signature_does_not_count(self, signed: Database, place: Lake) -> None:
        _, other = new_key()
        found = verify(signed, place, [other])
        assert all("none of the trusted ones" in fault.what for fault in found.faults)
        assert (len(found.faults), found.checkpoints) == (2, 0)

    def test_a_row_added_past_the_ledger_is_named(self, signed: Database, place: Lake) -> None:
        week = {"system": "compas", "week": MONDAY + timedelta(weeks=5), "as_of": MONDAY, "run_id": "x"}
        with signed.read() as connection:
            row = dict(connection.execute(select(tables.judged_weeks)).mappings().first() or {})
        with signed.write() as connection:
            connection.execute(insert(tables.judged_weeks).values(**row | week))
        (fault,) = verify(signed, place, [PUBLIC]).faults
        assert fault.what.startswith("judged_weeks compas/2015-02-09: inserted")


class TestLatest:
    def test_is_the_last_one_and_nothing_is_wrong_with_it(self, signed: Database, place: Lake) -> None:
        found, wrong = latest(place, [PUBLIC])
        assert found is not None
        assert (found.number, wrong) == (2, None)

    def test_is_none_where_nothing_was_signed(self, place: Lake) -> None:
        assert latest(place, [PUBLIC]) == (None, None)

    def test_of_another_key_or_changed_is_not_trusted(self, signed: Database, place: Lake) -> None:
        _, wrong = latest(place, [new_key()[1]])
        assert wrong is not None
        assert "none of the trusted ones" in wrong.what
        place.put("checkpoints/00000002.json", b"nonsense")
        found, wrong = latest(place, [PUBLIC])
        assert found is None
        assert wrong is not None
        assert "it was changed" in wrong.what


def test_a_walk_tells_each_chain_and_ends_where_that_raises(signed: Database, place: Lake) -> None:
    told: list[str] = []
    verify(signed, place, [PUBLIC], told.append)
    assert told == ["compas"]

    def enough(chain: str) -> None:
        raise TimeoutError(chain)

    with pytest.raises(TimeoutError, match="compas"):
        verify(signed, place, [PUBLIC], enough)
