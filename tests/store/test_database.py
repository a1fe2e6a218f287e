from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from given_examples import waiver
from sqlalchemy import Executable, Table, delete, insert, inspect, select, text, update
from sqlalchemy.exc import DBAPIError
from store_examples import detection, finding, in_processes, judged, record_incident

from sundial.store.cases import Answer, Cases
from sundial.store.database import Database, StoreError, StoreNotMigrated, StoreUnreachable, _alembic
from sundial.store.grants import Grant, Grants
from sundial.store.outbox import Outbox
from sundial.store.register import RegisterRows
from sundial.store.results import Pull, Report, Results, _finding_row
from sundial.store.tables import evidence, findings, judged_weeks, metadata, reports

TABLES = list(metadata.tables.values())


def migrate(url: str) -> None:
    Database(url).migrate()


@pytest.fixture
def filled(database: Database) -> Database:
    """A store with at least one row in each table."""
    results, cases, outbox = Results(database), Cases(database), Outbox(database)
    day = detection().as_of
    results.record("compas", [judged()], "run-1", [finding(n=140)])
    results.record_pull(Pull("compas", "outputs", day, "ok", 10))
    results.record_report(Report("2015-W02", day, "ab12", "reports/2015-W02.html"))
    episode, _ = cases.open_or_extend(detection())
    number = cases.ask(episode, role="cdpo", kind="determination", body="?", as_of=day)
    cases.claim(episode, number, "run-2")
    answered_at = results.judged("compas")[0].recorded_at
    cases.answer(episode, number, Answer(True, "no", {}, "dana", answered_at))
    outbox.intend("report/2015-W02", "<1@city>", ["cio@city.example"], "Weekly report")
    outbox.result("report/2015-W02", "sent")
    RegisterRows(database).add("compas", waiver(), "ana")
    Grants(database).add([Grant("compas", "harm/race", day, 1.0, 0.004)], lambda *_: True)
    record_incident(database)
    return database


class TestMigrate:
    def test_makes_the_tables_that_the_code_names(self, database: Database) -> None:
        with database.read() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, metadata) == []

    def test_keeps_what_an_earlier_version_recorded(self, store_url: str) -> None:
        database, now = Database(store_url), datetime(2026, 11, 1, tzinfo=UTC)
        with database._writer.begin() as connection:
            config = _alembic()
            config.attributes["connection"] = connection
            command.upgrade(config, "0001")
            week = {"system": "compas", "week": finding().week, "as_of": now.date(), "run_id": "run-1"}
            hashes = {"config_hash": "", "code_version": "", "recorded_at": now}
            connection.execute(insert(judged_weeks).values(**week, **hashes))
            connection.execute(insert(findings).values(**_finding_row(finding(), "run-1"), recorded_at=now))
            fed = {"system": "compas", "week": finding().week, "counts": "[3, 10]", "log_alarm": 10.0}
            for stream in ("harm/race", "harm/race~2"):
                row = {**fed, "stream": stream, "log_e": 0.0, "log_detector": 0.0}
                connection.execute(insert(evidence).values(**row))
        database.migrate()
        assert Results(database).findings("compas", finding().week) == (finding(),)
        # What streams had was given under no approval that is known: each is given its part anew.
        assert Grants(database).of("compas") == (Grant("compas", "harm/race", date(1970, 1, 1), 1.0, 0.0),)

    def test_twice_is_once(self, filled: Database, store_url: str) -> None:
        before = Results(filled).content_hash()
        filled.migrate()
        Database(store_url).migrate()
        assert Results(filled).content_hash() == before

    def test_from_four_processes_at_once(self, store_url: str) -> None:
        in_processes(migrate, [(store_url,)] * 4)
        with Database(store_url).read() as connection:
            assert {table.name for table in TABLES} < set(inspect(connection).get_table_names())

    def test_keeps_sqlite_in_write_ahead_mode(self, tmp_path: Path) -> None:
        file = tmp_path / "new" / "folder" / "store.db"
        migrate(f"sqlite:///{file}")
        assert sqlite3.connect(file).execute("PRAGMA journal_mode").fetchone() == ("wal",)

    def test_leaves_a_newer_store_alone(self, database: Database, store_url: str) -> None:
        with database.write() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        newer = Database(store_url)
        with pytest.raises(
            StoreNotMigrated, match="9999, which this Sundial does not know; install the version"
        ):
            newer.migrate()
        with pytest.raises(StoreNotMigrated, match="install the version"), newer.read():
            pass


class TestRowsAreNeverChanged:
    def test_update_is_refused_on_every_table(self, filled: Database) -> None:
        for table in TABLES:
            column = table.c.keys()[-1]
            _refused(filled, table, update(table).values({column: table.c[column]}))

    def test_delete_is_refused_on_every_table(self, filled: Database) -> None:
        for table in TABLES:
            _refused(filled, table, delete(table))

    def test_truncate_or_replace_is_refused_on_every_table(self, filled: Database) -> None:
        for table in TABLES:
            replacing = insert(table).from_select(table.c.keys(), select(table)).prefix_with("OR REPLACE")
            _refused(filled, table, replacing if filled.is_sqlite else text(f"TRUNCATE {table.name} CASCADE"))


class TestTransactions:
    def test_what_fails_leaves_nothing(self, database: Database) -> None:
        def fail_half_way() -> None:
            with database.write() as connection:
                connection.execute(insert(reports).values(**_report("a")))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail_half_way()
        with database.read() as connection:
            assert connection.execute(select(reports)).all() == []

    def test_a_reader_sees_one_state_throughout(self, database: Database) -> None:
        with database.read() as reader:
            reader.execute(select(reports)).all()
            with database.write() as writer:
                writer.execute(insert(reports).values(**_report("a")))
            assert reader.execute(select(reports)).all() == []

    def test_all_readers_in_a_snapshot_see_one_state(self, database: Database) -> None:
        def known() -> int:
            with database.read() as reader:
                return len(reader.execute(select(reports)).all())

        with database.snapshot():
            assert known() == 0
            with database.snapshot():
                assert known() == 0
            with database.write() as writer:
                writer.execute(insert(reports).values(**_report("a")))
            assert known() == 0
            with ThreadPoolExecutor(1) as other_thread:
                assert other_thread.submit(known).result() == 1
        assert known() == 1

    def test_what_is_read_after_a_snapshot_that_failed_is_of_now(self, database: Database) -> None:
        def fail() -> None:
            with database.snapshot():
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        with database.read() as reader:
            assert reader.execute(select(reports)).all() == []

    def test_a_reader_cannot_write(self, database: Database) -> None:
        with pytest.raises(DBAPIError, match=r"read-?only"), database.read() as connection:
            connection.execute(insert(reports).values(**_report("a")))

    def test_a_reference_to_nothing_is_refused(self, database: Database) -> None:
        statement = text(
            "INSERT INTO mail_results VALUES ('no such mail', 1, 'sent', '', '2015-01-05 00:00:00')"
        )
        with pytest.raises(DBAPIError, match=r"(?i)foreign key"), database.write() as connection:
            connection.execute(statement)


class TestErrorsSayWhatToDo:
    def test_a_store_without_tables(self, store_url: str) -> None:
        with pytest.raises(StoreNotMigrated, match="run `sundial db migrate`"), Database(store_url).read():
            pass

    def test_a_missing_file_is_not_created(self, tmp_path: Path) -> None:
        file = tmp_path / "absent.db"
        with pytest.raises(StoreNotMigrated, match="does not exist"), Database(f"sqlite:///{file}").write():
            pass
        assert not file.exists()

    def test_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        file = tmp_path / "store.db"
        file.write_text("no database " * 100)
        store = Database(f"sqlite:///{file}")
        with pytest.raises(StoreUnreachable, match="file is not a database"), store.read():
            pass
        with pytest.raises(StoreUnreachable, match="file is not a database"):
            store.migrate()

    def test_a_store_that_stays_locked(
        self, database: Database, store_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sundial.store.database.LOCK_SECONDS", 1)
        waiting = Database(store_url)
        refused = pytest.raises(StoreUnreachable, match=r"(locked|lock timeout); .* nothing holds it locked")
        with database.write("compas"), refused, waiting.write("compas"):
            pass
        with waiting.write("compas"):
            pass

    def test_a_server_that_is_not_there_without_the_password(self) -> None:
        store = Database("postgresql://sundial:s3cret@127.0.0.1:1/sundial?application_name=s3cret")
        with (
            pytest.raises(StoreUnreachable, match=r"127\.0\.0\.1:1/sundial cannot be opened") as caught,
            store.read(),
        ):
            pass
        assert "s3cret" not in str(caught.value)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        "url",
        [
            "sqlite://",
            "sqlite:///:memory:",
            "mysql://u:s3cret@h/d",
            "postgresql://u:s3cret@h:x/d",
            "s3cret",
            "",
        ],
    )
    def test_an_address_that_cannot_hold_a_store(self, url: str) -> None:
        with pytest.raises(StoreError, match=r"sqlite:///FILE") as caught:
            Database(url)
        assert "s3cret" not in str(caught.value)


def _refused(database: Database, table: Table, statement: Executable) -> None:
    # TRUNCATE meets first whichever table it cascades to.
    name = r"\w+" if str(statement).startswith("TRUNCATE") else table.name
    with pytest.raises(DBAPIError, match=f"{name} is append-only"), database.write() as connection:
        connection.execute(statement)


def _report(key: str) -> dict[str, object]:
    return {
        "key": key,
        "as_of": date(2015, 1, 13),
        "html_hash": "",
        "path": "",
        "recorded_at": datetime.now(UTC),
    }
