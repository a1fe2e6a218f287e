"""What the ledger finds, on a store whose triggers somebody with all rights has taken away."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from given_examples import waiver
from sqlalchemy import (
    Connection,
    NullPool,
    Table,
    create_engine,
    delete,
    func,
    insert,
    make_url,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError
from store_examples import (
    MONDAY,
    detection,
    finding,
    in_processes,
    judged,
    record_incident,
    tamper,
    weeks,
)

from sundial.store import ledger, tables
from sundial.store.canonical import canonical
from sundial.store.cases import Answer, Cases
from sundial.store.checkpoints import verify
from sundial.store.database import Database, _alembic
from sundial.store.grants import Grant, Grants
from sundial.store.incidents import Incidents
from sundial.store.ledger import CITY, FIRST, Fault
from sundial.store.outbox import Outbox
from sundial.store.register import RegisterRows
from sundial.store.results import Pull, Report, Results, _finding_row

ROOT = Path(__file__).resolve().parents[2]
COVERED = [table for table in tables.metadata.sorted_tables if table.name not in ledger.UNCHAINED]
NOW = datetime(2015, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def filled(database: Database) -> Database:
    """A store in which each table that the ledger covers has a row."""
    results, cases, outbox = Results(database), Cases(database), Outbox(database)
    results.record("compas", [judged()], "run-1", [finding(n=140)])
    results.record("compas", [judged(MONDAY + timedelta(weeks=1))], "run-2")
    results.record_pull(Pull("compas", "outputs", detection().as_of, "ok", 10))
    results.record_report(Report("2015-W02", detection().as_of, "ab12", "reports/2015-W02.html"))
    episode, _ = cases.open_or_extend(detection())
    number = cases.ask(episode, role="cdpo", kind="determination", body="?", as_of=detection().as_of)
    cases.claim(episode, number, "run-3")
    cases.answer(episode, number, Answer(True, "No", {"reasons": "harm"}, "dana", NOW))
    outbox.intend("report/2015-W02", "<1@city>", ["cio@city.example"], "Weekly report")
    outbox.result("report/2015-W02", "sent")
    RegisterRows(database).add("compas", waiver(), "ana")
    Grants(database).add([Grant("compas", "harm/race", MONDAY, 1.0, 0.004)], lambda *_: True)
    record_incident(database)
    return database


def all_faults(database: Database) -> list[Fault]:
    with database.read() as connection:
        return [fault for chain in ledger.chains(connection) for fault in ledger.faults(connection, chain)]


def _texts(connection: Connection, table: Table) -> list[tuple[str, str]]:
    """Returns name and value, in the first row, of the columns of text that no other row points to."""
    row = connection.execute(select(table)).mappings().first()
    assert row is not None, table
    keys = {*table.primary_key.columns.keys(), "key", "system", "episode", "mail"}
    return [(name, value) for name, value in row.items() if isinstance(value, str) and name not in keys]


def _write(connection: Connection, rows: list[tuple[Table, str, str]], end: str) -> None:
    for table, column, value in rows:
        known = table.c[column].in_([value, f"{value}x"])
        connection.execute(update(table).where(known).values({column: value + end}))


class TestEveryRow:
    def test_is_in_a_link_of_its_system_or_of_the_city(self, filled: Database) -> None:
        with filled.read() as connection:
            assert ledger.chains(connection) == (CITY, "compas")
            lines = {
                line.table
                for chain in (CITY, "compas")
                for link in ledger.links(connection, chain)
                for line in link.lines
            }
            full = {t.name for t in tables.metadata.tables.values() if connection.execute(select(t)).first()}
        assert lines == full - set(ledger.UNCHAINED)
        assert full == set(tables.metadata.tables)
        assert all_faults(filled) == []

    def test_of_one_transaction_is_in_one_link(self, filled: Database) -> None:
        with filled.read() as connection:
            first = next(ledger.links(connection, "compas"))
        assert [line.table for line in first.lines] == [
            "judged_weeks",
            "findings",
            "evidence",
            "restatements",
        ]
        assert (first.number, first.previous) == (1, FIRST)

    def test_that_is_recorded_again_adds_no_link(self, filled: Database) -> None:
        with filled.read() as connection:
            before = ledger.heads(connection)
        Results(filled).record("compas", [judged()], "run-9")
        Outbox(filled).intend("report/2015-W02", "<1@city>", ["cio@city.example"], "Weekly report")
        with filled.read() as connection:
            assert ledger.heads(connection) == before

    def test_of_a_failed_transaction_leaves_no_link(self, filled: Database) -> None:
        def fail_after_it() -> None:
            with filled.write("compas") as connection:
                ledger.append(connection, tables.pulls, _pull(2))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail_after_it()
        assert all_faults(filled) == []

    def test_from_before_the_ledger_becomes_the_first_link(self, store_url: str) -> None:
        database = Database(store_url)
        with database._writer.begin() as connection:
            config = _alembic()
            config.attributes["connection"] = connection
            command.upgrade(config, "0004")
            week = {"system": "compas", "week": MONDAY, "as_of": date(2015, 3, 2), "run_id": "run-1"}
            hashes = {"config_hash": "", "code_version": "", "recorded_at": NOW}
            connection.execute(insert(tables.judged_weeks).values(**week, **hashes))
            connection.execute(
                insert(tables.findings).values(**_finding_row(finding(), "r"), recorded_at=NOW)
            )
        database.migrate()
        with database.read() as connection:
            (link,) = ledger.links(connection, "compas")
        assert {line.table for line in link.lines} == {"judged_weeks", "findings"}
        assert all_faults(database) == []


class TestTampering:
    def test_one_changed_byte_is_named_in_any_text_of_any_table(self, filled: Database) -> None:
        """In each round one more column of each table."""
        with filled.read() as connection:
            texts = [(t, _texts(connection, t)) for t in COVERED]
        for place in range(max(len(values) for _, values in texts)):
            changed = [(table, *values[place]) for table, values in texts if place < len(values)]
            for end in ("x", ""):
                tamper(filled, lambda connection, end=end, rows=changed: _write(connection, rows, end))
                found = [fault.what for fault in all_faults(filled)]
                assert {what.split()[0] for what in found if "changed" in what} == {
                    table.name for table, _, _ in changed if end
                }
                assert len([what for what in found if "changed" in what]) == len(found)

    def test_a_changed_number_is_named(self, filled: Database) -> None:
        more = update(tables.evidence).values(log_e=99.5)
        tamper(filled, lambda connection: connection.execute(more))
        assert {fault.what.split()[0] for fault in all_faults(filled)} == {"evidence"}

    def test_a_removed_row_is_named(self, filled: Database) -> None:
        tamper(filled, lambda connection: connection.execute(delete(tables.answers)))
        (fault,) = all_faults(filled)
        assert fault.what == "answers compas-2015-001/1: removed, it was recorded"
        assert fault.number is not None

    def test_an_inserted_row_is_named(self, filled: Database) -> None:
        tamper(filled, lambda connection: connection.execute(insert(tables.pulls).values(**_pull(2))))
        (fault,) = all_faults(filled)
        assert fault == Fault(
            "compas", None, "pulls compas/outputs/2015-01-13/2: inserted, it was never recorded"
        )

    def test_a_row_of_a_system_without_a_chain_is_named(self, filled: Database) -> None:
        row = _pull(1) | {"system": "ghost"}
        tamper(filled, lambda connection: connection.execute(insert(tables.pulls).values(**row)))
        assert [fault.chain for fault in all_faults(filled)] == ["ghost"]

    def test_a_changed_row_with_a_link_to_match_is_named(self, filled: Database) -> None:
        """Whoever changes the row's hash in its link, too, breaks the hash of that link."""

        def change(connection: Connection) -> None:
            connection.execute(update(tables.reports).values(path="elsewhere"))
            row = connection.execute(select(tables.reports)).mappings().one()
            new = ledger.line_of(tables.reports, dict(row))
            for link in list(ledger.links(connection, CITY)):
                lines = [
                    [*(new if line.table == "reports" else line).__dict__.values()] for line in link.lines
                ]
                of_link = update(tables.ledger).where(
                    tables.ledger.c.chain == CITY, tables.ledger.c.number == link.number
                )
                connection.execute(of_link.values(lines=canonical(lines)))

        tamper(filled, change)
        (fault,) = all_faults(filled)
        assert "not what its hash says" in fault.what

    def test_a_removed_link_is_named(self, filled: Database) -> None:
        second = delete(tables.ledger).where(tables.ledger.c.chain == "compas", tables.ledger.c.number == 2)
        tamper(filled, lambda connection: connection.execute(second))
        assert Fault("compas", 3, "link 2 is missing before it") in all_faults(filled)

    def test_a_swapped_order_is_named(self, filled: Database) -> None:
        def swap(connection: Connection) -> None:
            of_chain = tables.ledger.c.chain == "compas"
            for old, new in ((1, 99), (2, 1), (99, 2)):
                number = update(tables.ledger).where(of_chain, tables.ledger.c.number == old)
                connection.execute(number.values(number=new))

        tamper(filled, swap)
        (fault,) = all_faults(filled)
        assert (fault.number, "does not follow" in fault.what) == (1, True)


class TestManyAtOnce:
    def test_eight_processes_with_ten_thousand_findings_lose_nothing(
        self, database: Database, store_url: str
    ) -> None:
        in_processes(record_weeks, [(store_url, number) for number in range(8)])
        with database.read() as connection:
            heads = {head.chain: head.number for head in ledger.heads(connection)}
            found = connection.scalar(select(func.count()).select_from(tables.findings))
        assert heads == {CITY: 40, **{f"system-{number}": 5 for number in range(8)}}
        assert found == 10_000
        assert all_faults(database) == []


def record_weeks(url: str, number: int) -> None:
    """Records five weeks of a system, and with each a report on the chain that all share."""
    database, system = Database(url), f"system-{number}"
    for week in weeks(5):
        found = [finding(week, system, slice=(("area", str(area)),)) for area in range(250)]
        Results(database).record(system, [judged(week, found)], "run")
        Results(database).record_report(Report(f"{system}/{week}", week, "ab12", "reports/x.html"))


def _pull(attempt: int) -> dict[str, object]:
    return {
        "system": "compas",
        "feed": "outputs",
        "as_of": date(2015, 1, 13),
        "attempt": attempt,
        "status": "ok",
        "rows": 3,
        "batches": "[]",
        "payload_hash": "",
        "recorded_at": NOW,
    }


class TestThePipelinesRole:
    """On PostgreSQL the pipeline's role has no right to change or remove anything, triggers or not."""

    def test_reads_and_adds_and_can_do_no_more(self, postgres_database: str) -> None:
        server = make_url(postgres_database)
        admin = create_engine(
            server.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT", poolclass=NullPool
        )
        suffix = str(server.database)
        owner, pipeline = f"owner_{suffix}", f"pipeline_{suffix}"
        rights = (ROOT / "deploy" / "rights.sql").read_text().replace(" TO sundial;", f" TO {pipeline};")
        with admin.connect() as connection:
            for role in (owner, pipeline):
                connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN PASSWORD 'secret'")
            connection.exec_driver_sql(f"ALTER SCHEMA public OWNER TO {owner}")
            connection.exec_driver_sql(f"SET ROLE {owner}")
            connection.exec_driver_sql(rights)

        def store(role: str) -> Database:
            url = server.set(username=role, password="secret")
            return Database(url.render_as_string(hide_password=False))

        store(owner).migrate()
        database = store(pipeline)
        Results(database).record("compas", [judged()], "run-1")
        assert all_faults(database) == []
        for table in tables.metadata.tables:
            for statement in (
                f"UPDATE {table} SET {_column(table)} = NULL",  # noqa: S608
                f"DELETE FROM {table}",  # noqa: S608
                f"TRUNCATE {table}",
                f"ALTER TABLE {table} DISABLE TRIGGER ALL",
            ):
                with pytest.raises(DBAPIError) as caught, database.write() as connection:
                    connection.exec_driver_sql(statement)
                assert "permission denied" in str(caught.value) or "must be owner" in str(caught.value)


def _column(table: str) -> str:
    return f'"{tables.metadata.tables[table].c.keys()[-1]}"'


class TestPersonalTexts:
    """They are in no link; their rows have a hash of them."""

    @pytest.fixture
    def incident(self, filled: Database) -> str:
        return Incidents(filled).incidents()[0].id

    def faults(self, database: Database) -> list[str]:
        return [fault.what for fault in verify(database, None, ()).faults]

    def test_one_that_was_destroyed_with_a_record_is_no_fault(self, filled: Database, incident: str) -> None:
        assert Incidents(filled).text(incident, "1") is None
        assert self.faults(filled) == []

    def test_one_that_was_changed_or_removed_shows(self, filled: Database, incident: str) -> None:
        texts = tables.personal_texts

        def change(connection: Connection) -> None:
            connection.execute(update(texts).where(texts.c.id == f"{incident}/whom").values(body="nobody"))
            connection.execute(delete(texts).where(texts.c.id == f"{incident}/happened"))

        tamper(filled, change)
        assert self.faults(filled) == [
            f"personal_texts {incident}/happened: removed, nobody recorded it",
            f"personal_texts {incident}/whom: changed, it is not as recorded",
        ]
