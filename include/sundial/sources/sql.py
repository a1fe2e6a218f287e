"""Tables and views of a database, through SQLAlchemy; nothing is ever written there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, NoSuchTableError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.expression import TableClause

from sundial.register.source import SqlSource
from sundial.sources.chunks import CommonTypes, settle
from sundial.sources.connection import Connection
from sundial.sources.dates import day_before
from sundial.sources.errors import SourceBroken, SourceError, SourceRefused, SourceUnreachable
from sundial.sources.records import array_of
from sundial.sources.wanted import CHUNK_ROWS, Wanted

DEFAULT_TIMEOUT_SECONDS = 60
_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg", "sqlite": "sqlite"}
_NO_DATABASE = "3D000"
# SQLSTATE classes of what passes: connection, transaction, resources, locks, operator or timeout, system.
_PASSING = ("08", "40", "53", "55", "57", "58")
_NOT_ALLOWED = "42501"


def read_sql(source: SqlSource, connection: Connection, wanted: Wanted) -> Iterator[pa.Table]:
    """The wanted columns of a table, with the same types throughout.

    Args:
        source: which table.
        connection: how to reach the database.
        wanted: what to read; its bound on dates becomes a WHERE clause.

    Yields:
        tables of at most 100,000 rows.

    Raises:
        SourceUnreachable: the database does not answer, or not in time.
        SourceRefused: it does not accept the credentials, or they may not read the table.
        SourceBroken: no such database, table or column.
    """
    with _errors(connection, wanted):
        engine = _engine(connection, wanted)
        try:
            yield from settle(_rows(engine, source, connection, wanted), CommonTypes(wanted.columns))
        finally:
            engine.dispose()


def least_sql(source: SqlSource, connection: Connection, name: str, where: str) -> pa.ChunkedArray:
    """Returns the least value of a column, alone; none where the table has no rows.

    Raises:
        SourceError: as `read_sql` does.
    """
    wanted = Wanted((name,), None, None, where)
    with _errors(connection, wanted):
        engine = _engine(connection, wanted)
        try:
            with engine.connect() as session:
                _read_only(session, engine, connection, wanted)
                least = session.execute(sa.select(sa.func.min(_column(name))).select_from(_table(source)))
                return pa.chunked_array([array_of(least.scalars().all())])
        finally:
            engine.dispose()


def _read_only(session: sa.Connection, engine: sa.Engine, connection: Connection, wanted: Wanted) -> None:
    if engine.dialect.name == "postgresql":
        session.execute(sa.text("SET TRANSACTION READ ONLY"))
        session.execute(sa.text(f"SET LOCAL statement_timeout = {int(_timeout(connection, wanted) * 1000)}"))
        session.execute(sa.text("SET LOCAL TIME ZONE 'UTC'"))


def _rows(engine: sa.Engine, source: SqlSource, connection: Connection, wanted: Wanted) -> Iterator[pa.Table]:
    with engine.connect() as session:
        _read_only(session, engine, connection, wanted)
        types = _present(session, source, wanted)
        wanted.check_present(types, f"table {source.table}")
        query = sa.select(*[_column(name) for name in wanted.columns]).select_from(_table(source))
        if wanted.since is not None and wanted.date_column is not None:
            query = query.where(_bound(wanted, types[wanted.date_column], engine.dialect.name))
        result = session.execution_options(yield_per=CHUNK_ROWS).execute(query)
        yield pa.table({name: pa.nulls(0) for name in wanted.columns})
        for rows in result.partitions():
            by_column = zip(*rows, strict=True)
            yield pa.table(
                {name: array_of(values) for name, values in zip(wanted.columns, by_column, strict=True)}
            )


def _table(source: SqlSource) -> TableClause:
    *schema, name = (sa.quoted_name(part, quote=True) for part in source.table.split("."))
    return sa.table(name, schema=schema[0] if schema else None)


def _column(name: str) -> sa.ColumnClause[Any]:
    """A column without a type: its values come as the driver gives them, for Arrow to type."""
    return sa.column(sa.quoted_name(name, quote=True))


def _present(
    session: sa.Connection, source: SqlSource, wanted: Wanted
) -> Mapping[str, sa.types.TypeEngine[Any]]:
    table = _table(source)
    try:
        columns = sa.inspect(session).get_columns(table.name, schema=table.schema)
    except NoSuchTableError:
        raise SourceBroken(
            f"{wanted.where}: the database has no table or view {source.table}. "
            "Correct the feed's table (case and schema count), or have it created."
        ) from None
    return {column["name"]: column["type"] for column in columns}


def _bound(wanted: Wanted, kind: sa.types.TypeEngine[Any], dialect: str) -> ColumnElement[bool]:
    """The bound, as far as the column's type lets the database tell; `dates` says what passes."""
    if wanted.since is None or wanted.date_column is None:
        return sa.true()
    column = _column(wanted.date_column)
    if isinstance(kind, sa.String) or dialect == "sqlite":  # SQLite has no dates: they are text there
        text = sa.cast(column, sa.Text)
        late = sa.or_(text >= day_before(wanted.since).isoformat(), text.not_like("____-__-__%"))
    elif isinstance(kind, sa.DateTime) and kind.timezone:
        late = column >= day_before(wanted.since)
    elif isinstance(kind, sa.Date | sa.DateTime):
        late = column >= wanted.since
    else:
        return sa.true()
    return sa.or_(late, column.is_(None))


def _timeout(connection: Connection, wanted: Wanted) -> float:
    try:
        seconds = float(connection.extra.get("timeout_seconds", DEFAULT_TIMEOUT_SECONDS))
    except (TypeError, ValueError):
        seconds = 0.0
    if not 0.001 <= seconds <= 86_400:
        raise SourceBroken(
            f"{wanted.where}: the connection's timeout_seconds must be a number of seconds up to a day."
        )
    return seconds


def _engine(connection: Connection, wanted: Wanted) -> sa.Engine:
    seconds = _timeout(connection, wanted)
    driver = connection.extra.get("drivername") or _DRIVERS.get(connection.conn_type)
    if driver is None:
        raise SourceBroken(
            f"{wanted.where}: connections of type {connection.conn_type!r} are not known as databases. "
            "Use postgres or sqlite, or name SQLAlchemy's driver as `drivername` in the connection's extra."
        )
    arguments: dict[str, Any] = {}
    if driver.startswith("sqlite"):
        url = _sqlite_url(connection, wanted)
        arguments["timeout"] = seconds
    else:
        url = sa.URL.create(
            driver,
            username=connection.login or None,
            password=connection.password or None,
            host=connection.host or None,
            port=connection.port,
            database=connection.schema or None,
        )
    if driver.startswith("postgresql"):
        # libpq takes a connect timeout of 1 second for 2, and 0 for none at all.
        arguments |= {"connect_timeout": max(2, int(seconds)), "tcp_user_timeout": int(seconds * 1000)}
    try:
        return sa.create_engine(url, poolclass=NullPool, hide_parameters=True, connect_args=arguments)
    except (ArgumentError, NoSuchModuleError, ImportError):
        raise SourceBroken(
            f"{wanted.where}: the database driver {driver!r} is not installed. "
            "Install it, or correct the connection."
        ) from None


def _sqlite_url(connection: Connection, wanted: Wanted) -> sa.URL:
    path = Path(connection.host or connection.schema)
    if not path.is_file():
        raise SourceBroken(f"{wanted.where}: there is no SQLite file {path}. Correct the connection's host.")
    # Read-only: opening would otherwise create a missing file, and could leave a journal beside it.
    return sa.URL.create("sqlite", database=path.absolute().as_uri(), query={"mode": "ro", "uri": "true"})


@contextmanager
def _errors(connection: Connection, wanted: Wanted) -> Iterator[None]:
    """Say what is wrong with a database; causes are cut off, as theirs may hold rows."""
    try:
        yield
    except SourceError:
        raise
    except DBAPIError as error:
        raise _diagnosis(error, connection, wanted) from None
    except SQLAlchemyError as error:
        raise SourceBroken(
            f"{wanted.where}: the database cannot be read ({type(error).__name__}). "
            "Check the connection and the table."
        ) from None


def _diagnosis(error: DBAPIError, connection: Connection, wanted: Wanted) -> SourceError:
    where = f"{wanted.where}: the database"
    state = getattr(error.orig, "sqlstate", None) or ""
    said = str(error.orig).lower()
    if state == _NOT_ALLOWED or "permission denied" in said:
        return SourceRefused(f"{where} does not let {connection.login} read the table. Have reading granted.")
    if state.startswith("28") or "authentication failed" in said or "pg_hba.conf" in said:
        return SourceRefused(f"{where} does not accept the login or password. Correct the connection.")
    if state == _NO_DATABASE or ("database" in said and "does not exist" in said):
        return SourceBroken(f"{where} {connection.schema!r} does not exist. Correct the connection's schema.")
    if state and not state.startswith(_PASSING):
        return SourceBroken(f"{where} cannot give these columns (SQLSTATE {state}). Check the table or view.")
    if "not a database" in said or "malformed" in said:
        return SourceBroken(f"{where} file is damaged, or no SQLite file. Have it restored.")
    if isinstance(error.orig, ValueError) or type(error.orig).__name__ == "DataError":
        return SourceBroken(
            f"{where} holds values that Python cannot, such as an infinite date. Correct the view."
        )
    code = f"SQLSTATE {state}" if state else type(error.orig).__name__
    return SourceUnreachable(
        f"{where} does not answer, or not in time ({code}). "
        "Try later; check the connection's host and port, or raise its timeout_seconds."
    )
