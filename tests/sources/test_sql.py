from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from source_helpers import ask

from sundial.register.source import SqlSource
from sundial.sources.connection import Connection
from sundial.sources.errors import SourceBroken, SourceRefused, SourceUnreachable

DAYS = [date(2013, 1, 1), date(2013, 1, 2), date(2013, 1, 3)]


def table(name: str) -> SqlSource:
    return SqlSource(kind="sql", connection="it", table=name)


def postgres(url: str, **changes: Any) -> Connection:
    parts = sa.make_url(url)
    settings = {
        "host": parts.host,
        "port": parts.port,
        "login": parts.username,
        "password": parts.password,
        "schema": parts.database,
    }
    return Connection("postgres", **{**settings, **changes})


def run(url: str, *statements: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as session:
        for statement in statements:
            session.execute(sa.text(statement))


@pytest.fixture
def sqlite(tmp_path: Path) -> Connection:
    path = tmp_path / "city data#1.db"
    with sqlite3.connect(path) as session:
        session.execute('CREATE TABLE "Outputs" (id INTEGER, "the day" DATE, score REAL, "select" TEXT)')
        rows = [(number, f"{day}T10:00:00", number / 2, "x") for number, day in enumerate(DAYS, 1)]
        session.executemany('INSERT INTO "Outputs" VALUES (?, ?, ?, ?)', [*rows, (4, None, None, "y")])
    session.close()
    return Connection("sqlite", host=str(path))


@pytest.fixture
def outputs(postgres_database: str) -> str:
    run(
        postgres_database,
        "CREATE SCHEMA ai",
        'CREATE TABLE ai."Outputs" (id bigint, day date, at timestamp, moment timestamptz, written text,'
        " score numeric(6,3), key numeric(20,0), ok boolean, detail jsonb, code uuid)",
        """
        INSERT INTO ai."Outputs"
        SELECT n, d, d + time '10:00', (d + time '23:30') AT TIME ZONE 'UTC', d::text, n + 0.125,
               12345678901234567 + n, n = 1, '{"b": 1}', '00000000-0000-0000-0000-000000000001'
        FROM (VALUES (1, date '2013-01-01'), (2, date '2013-01-02'), (3, date '2013-01-03')) AS v (n, d)
        """,
    )
    return postgres_database


class TestSqlite:
    def test_gives_the_asked_columns_in_their_order_whatever_their_names(self, sqlite: Connection) -> None:
        rows = ask(table("Outputs"), ["select", "id"], connection=sqlite)
        assert rows.to_pydict() == {"select": ["x", "x", "x", "y"], "id": [1, 2, 3, 4]}

    def test_bounds_dates_that_are_text_and_keeps_rows_without_one(self, sqlite: Connection) -> None:
        rows = ask(table("Outputs"), ["id"], since=DAYS[1], by="the day", connection=sqlite)
        assert rows["id"].to_pylist() == [2, 3, 4]

    def test_does_not_create_a_file_that_is_missing(self, tmp_path: Path) -> None:
        path = tmp_path / "none.db"
        with pytest.raises(SourceBroken, match="no SQLite file"):
            ask(table("x"), ["id"], connection=Connection("sqlite", host=str(path)))
        assert not path.exists()

    def test_refuses_a_file_of_another_kind(self, tmp_path: Path) -> None:
        path = tmp_path / "rows.db"
        path.write_text("id,day\n" * 1000)
        with pytest.raises(SourceBroken, match="no SQLite file"):
            ask(table("x"), ["id"], connection=Connection("sqlite", host=str(path)))

    def test_says_that_a_locked_file_is_worth_a_retry(self, sqlite: Connection) -> None:
        locked = Connection("sqlite", host=sqlite.host, extra={"timeout_seconds": 0.1})
        holder = sqlite3.connect(sqlite.host)
        holder.execute("BEGIN EXCLUSIVE")
        try:
            with pytest.raises(SourceUnreachable, match="not in time"):
                ask(table("Outputs"), ["id"], connection=locked)
        finally:
            holder.close()


class TestPostgres:
    def test_gives_values_that_keep_their_meaning(self, outputs: str) -> None:
        columns = ["score", "key", "ok", "detail", "code", "moment"]
        rows = ask(table("ai.Outputs"), columns, connection=postgres(outputs))
        assert rows.slice(0, 1).to_pylist() == [
            {
                "score": 1.125,
                "key": 12345678901234568,
                "ok": True,
                "detail": '{"b": 1}',
                "code": "00000000-0000-0000-0000-000000000001",
                "moment": datetime(2013, 1, 1, 23, 30, tzinfo=UTC),
            }
        ]
        assert not isinstance(rows["score"][0].as_py(), Decimal)

    @pytest.mark.parametrize(
        ("column", "ids"), [("day", [3]), ("at", [3]), ("written", [3]), ("moment", [2, 3])]
    )
    def test_bounds_every_kind_of_date(self, outputs: str, column: str, ids: list[int]) -> None:
        rows = ask(table("ai.Outputs"), ["id"], since=DAYS[2], by=column, connection=postgres(outputs))
        assert rows["id"].to_pylist() == ids

    def test_leaves_the_bound_to_the_database(self, outputs: str) -> None:
        run(outputs, 'CREATE VIEW bad AS SELECT day, 1 / (id - 1) AS id FROM ai."Outputs"')
        rows = ask(table("bad"), ["id"], since=DAYS[1], by="day", connection=postgres(outputs))
        assert rows.num_rows == 2, "the row of the first day, on which the view fails, was not asked for"
        with pytest.raises(SourceBroken, match="SQLSTATE 22012"):
            ask(table("bad"), ["id"], connection=postgres(outputs))

    def test_gives_long_tables_in_one_type_throughout(self, postgres_database: str) -> None:
        run(
            postgres_database,
            "CREATE TABLE long AS SELECT n AS id, CASE WHEN n > 100500 THEN n + 0.5 END AS x"
            " FROM generate_series(1, 101000) n",
        )
        rows = ask(table("long"), ["id", "x"], connection=postgres(postgres_database))
        assert (rows.num_rows, rows["x"].null_count) == (101_000, 100_500)

    def test_an_empty_table_is_a_feed_without_rows(self, postgres_database: str) -> None:
        run(postgres_database, "CREATE TABLE nothing (id int, day date)")
        source = table("nothing")
        assert (
            ask(source, ["id"], since=DAYS[0], by="day", connection=postgres(postgres_database)).num_rows == 0
        )

    def test_names_an_unknown_column_and_an_unknown_table(self, outputs: str) -> None:
        with pytest.raises(SourceBroken, match="no column decile; it has id, day"):
            ask(table("ai.Outputs"), ["decile"], connection=postgres(outputs))
        with pytest.raises(SourceBroken, match=r"no table or view ai\.outputs"):
            ask(table("ai.outputs"), ["id"], connection=postgres(outputs))

    def test_cannot_write_even_through_a_view_that_does(self, outputs: str) -> None:
        run(
            outputs,
            "CREATE FUNCTION wipe() RETURNS int LANGUAGE plpgsql AS"
            ' $$ BEGIN DELETE FROM ai."Outputs"; RETURN 1; END $$',
            "CREATE VIEW trap AS SELECT wipe() AS id",
        )
        with pytest.raises(SourceBroken, match="SQLSTATE 25006"):
            ask(table("trap"), ["id"], connection=postgres(outputs))
        assert ask(table("ai.Outputs"), ["id"], connection=postgres(outputs)).num_rows == 3

    def test_a_wrong_password_is_refused_and_not_shown(self, outputs: str) -> None:
        with pytest.raises(SourceRefused, match="does not accept the login or password") as raised:
            ask(table("ai.Outputs"), ["id"], connection=postgres(outputs, password="wr0ng-password"))
        assert "wr0ng" not in str(raised.value)
        assert raised.value.__suppress_context__

    def test_a_login_without_the_right_to_read_is_refused(self, outputs: str) -> None:
        run(
            outputs,
            "DROP ROLE IF EXISTS reader",
            "CREATE ROLE reader LOGIN PASSWORD 'r'",
            "GRANT USAGE ON SCHEMA ai TO reader",
        )
        connection = postgres(outputs, login="reader", password="r")
        try:
            with pytest.raises(SourceRefused, match="does not let reader read"):
                ask(table("ai.Outputs"), ["id"], connection=connection)
        finally:
            run(outputs, "DROP OWNED BY reader", "DROP ROLE reader")

    def test_an_unknown_database_is_named(self, outputs: str) -> None:
        with pytest.raises(SourceBroken, match="'elsewhere' does not exist"):
            ask(table("x"), ["id"], connection=postgres(outputs, schema="elsewhere"))

    def test_nobody_listening_is_unreachable(self, outputs: str) -> None:
        with pytest.raises(ConnectionError, match="does not answer"):
            ask(table("x"), ["id"], connection=postgres(outputs, port=9))

    def test_a_query_that_takes_too_long_is_unreachable(self, outputs: str) -> None:
        run(outputs, "CREATE VIEW slow AS SELECT 1 AS id FROM pg_sleep(20)")
        with pytest.raises(SourceUnreachable, match="SQLSTATE 57014"):
            ask(table("slow"), ["id"], connection=postgres(outputs, extra={"timeout_seconds": 0.3}))

    def test_a_value_that_python_cannot_hold_is_not_shown(self, postgres_database: str) -> None:
        run(postgres_database, "CREATE TABLE odd AS SELECT 'infinity'::date AS day")
        with pytest.raises(SourceBroken, match="infinite date"):
            ask(table("odd"), ["day"], connection=postgres(postgres_database))


@pytest.mark.parametrize(
    ("connection", "message"),
    [
        (Connection("oracle", host="x"), "'oracle' are not known as databases"),
        (Connection("x", extra={"drivername": "nosuch+driver"}), "is not installed"),
        (
            Connection("postgres", host="x", extra={"timeout_seconds": "soon"}),
            "timeout_seconds must be a number",
        ),
    ],
)
def test_a_connection_that_cannot_work_is_refused(connection: Connection, message: str) -> None:
    with pytest.raises(SourceBroken, match=message):
        ask(table("x"), ["id"], connection=connection)
