"""The store's database: SQLite in a file, or PostgreSQL; transactions, locks and migrations."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError

from sundial.store import tables
from sundial.store.ledger import seal

if TYPE_CHECKING:
    from alembic.config import Config

LOCK_SECONDS = 60
CONNECT_SECONDS = 10
_MIGRATE = "run `sundial db migrate`"
_WRITES = "sundial_writes"


class StoreError(Exception):
    """Something about the store that the message says how to put right."""


class StoreUnreachable(StoreError):  # noqa: N818 - the name says what is wrong
    """The database cannot be opened, or stayed locked."""


class StoreNotMigrated(StoreError):  # noqa: N818
    """The database's tables are not those of this version of Sundial."""


class ConflictingRecord(StoreError):  # noqa: N818
    """The store already holds something else under the same key."""


class UnknownRecord(StoreError):  # noqa: N818
    """The store holds nothing under the key."""


class Database:
    """One database, opened for each transaction and closed after it.

    No connection is kept between transactions: none is inherited by a fork, none idles through a long task.
    """

    def __init__(self, url: str) -> None:
        """Takes the database's address; nothing is opened yet.

        Args:
            url: `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`.

        Raises:
            StoreError: where the address is none of the two.
        """
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError):
            # Without the cause: its message may hold a part of the password.
            raise StoreError(
                "the store's URL is not valid; write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME, "
                "special characters of the password percent-encoded"
            ) from None
        if parsed.drivername in ("postgres", "postgresql"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.drivername == "sqlite" and parsed.database not in (None, "", ":memory:"):
            self._file: Path | None = Path(str(parsed.database))
        elif parsed.drivername == "postgresql+psycopg":
            self._file = None
        else:
            raise StoreError(
                f"the store cannot live in {parsed.drivername!r}; use a SQLite file (sqlite:///FILE) or "
                "PostgreSQL (postgresql://USER:PASSWORD@HOST/NAME)"
            )
        place = self._file or f"{parsed.host or 'localhost'}:{parsed.port or 5432}/{parsed.database}"
        self.name = f"{parsed.get_backend_name()} store {place}"
        self._password = parsed.password
        self._engine = create_engine(
            parsed, poolclass=NullPool, hide_parameters=True, connect_args=self._connect_args()
        )
        if self.is_sqlite:
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
            self._reader = self._engine
        else:
            self._reader = self._engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        self._writer = self._engine.execution_options(**{_WRITES: True})
        self._shared = threading.local()
        self._at_head = False

    @property
    def is_sqlite(self) -> bool:
        """Whether the store is a SQLite file."""
        return self._file is not None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Opens a read-only transaction that sees one state of the store throughout.

        Raises:
            StoreUnreachable: where the database cannot be opened.
            StoreNotMigrated: where its tables are not this version's.
        """
        if (shared := getattr(self._shared, "connection", None)) is not None:
            yield shared
            return
        with self._transaction(self._reader) as connection:
            self._require_head(connection)
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Lets whatever this thread reads inside see one state of the store, over one connection.

        What is written meanwhile, also by this thread, is not part of that state. Keep it short.

        Raises:
            StoreUnreachable: where the database cannot be opened.
            StoreNotMigrated: where its tables are not this version's.
        """
        with self.read() as connection:
            before = getattr(self._shared, "connection", None)
            self._shared.connection = connection
            try:
                yield
            finally:
                self._shared.connection = before

    @contextmanager
    def write(self, scope: str = "store") -> Iterator[Connection]:
        """Opens a transaction that waits for any other of the same scope; all of it is kept, or nothing.

        What it appends is linked to the ledger at its end.

        What is read inside stays true until the commit, so "look, then insert" is safe within a scope.
        SQLite has one writer at a time whatever the scope.

        Args:
            scope: what the transaction is about, such as a system's id.

        Raises:
            StoreUnreachable: where the database cannot be opened, or was locked for a minute.
            StoreNotMigrated: where its tables are not this version's.
        """
        with self._transaction(self._writer, scope) as connection:
            self._require_head(connection)
            yield connection
            seal(connection)

    def migrate(self) -> None:
        """Brings the tables to this version's; safe to call at any time, from many processes at once.

        Raises:
            StoreUnreachable: where the database cannot be opened, or was locked for a minute.
            StoreNotMigrated: where a newer version of Sundial migrated it already.
        """
        from alembic import command

        config = _alembic()
        if self._file is not None:
            self._make_file(self._file)
        with self._transaction(self._writer, "migrate") as connection:
            self._refuse_newer(connection, config)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        self._at_head = True

    def create_to_throw_away(self) -> None:
        """Makes the tables in a new SQLite file that only this object uses, without loading the migrations.

        What is thrown away needs no triggers that guard it, and no mark of its version.
        """
        with self._writer.begin() as connection:
            tables.metadata.create_all(connection)
        self._at_head = True

    def _connect_args(self) -> dict[str, Any]:
        if self.is_sqlite:
            return {"timeout": LOCK_SECONDS}  # SQLite's busy_timeout
        return {"connect_timeout": CONNECT_SECONDS, "application_name": "sundial"}

    @contextmanager
    def _transaction(self, engine: Engine, scope: str | None = None) -> Iterator[Connection]:
        if self._file is not None and not self._file.exists():  # SQLite would create an empty one
            raise StoreNotMigrated(f"{self.name} does not exist; {_MIGRATE}")
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(engine.connect())
                stack.enter_context(connection.begin())
                self._lock(connection, scope)
            except DBAPIError as error:
                raise self._unreachable(error) from None
            yield connection

    def _lock(self, connection: Connection, scope: str | None) -> None:
        if self.is_sqlite:  # BEGIN IMMEDIATE locked already
            connection.exec_driver_sql("SELECT 1 FROM sqlite_schema")  # finds what is no database
        elif scope is not None:
            connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _lock_key(scope)})

    def _unreachable(self, error: DBAPIError) -> StoreUnreachable:
        said = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "no reason given"
        if self._password:
            said = said.replace(str(self._password), "***")
        what = "the file can be written" if self.is_sqlite else "the server runs, the URL is right"
        return StoreUnreachable(
            f"{self.name} cannot be opened: {said}; check that {what} and nothing holds it locked"
        )

    def _make_file(self, file: Path) -> None:
        """Creates the file in write-ahead mode, which stays with it."""
        deadline = time.monotonic() + LOCK_SECONDS
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            # SQLite does not wait its busy_timeout here when several processes change the mode at once.
            while not self._switched_to_wal():
                if time.monotonic() > deadline:
                    raise StoreUnreachable(f"{self.name} stayed locked; close the programs that hold it open")
                time.sleep(0.05)
        except OSError as error:
            raise StoreUnreachable(f"{self.name}: its folder cannot be created: {error.strerror}") from None
        except DBAPIError as error:
            raise self._unreachable(error) from None

    def _switched_to_wal(self) -> bool:
        with self._engine.connect() as connection:
            try:
                # Through the driver: the mode cannot be changed inside a transaction.
                connection.connection.cursor().execute("PRAGMA journal_mode = WAL")
            except sqlite3.DatabaseError as error:
                if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                    return False
                raise StoreUnreachable(f"{self.name} cannot be opened: {error}; check the file") from None
        return True

    def _require_head(self, connection: Connection) -> None:
        if self._at_head:
            return
        from alembic.migration import MigrationContext  # where no store is asked, nobody waits for it
        from alembic.script import ScriptDirectory

        config = _alembic()
        self._refuse_newer(connection, config)
        heads = MigrationContext.configure(connection).get_current_heads()
        if heads != tuple(ScriptDirectory.from_config(config).get_heads()):
            state = f"is at revision {heads[0]}" if heads else "has no tables yet"
            raise StoreNotMigrated(f"{self.name} {state}; {_MIGRATE}")
        self._at_head = True

    def _refuse_newer(self, connection: Connection, config: Config) -> None:
        from alembic.migration import MigrationContext
        from alembic.script import ScriptDirectory

        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        unknown = set(MigrationContext.configure(connection).get_current_heads()) - known
        if unknown:
            raise StoreNotMigrated(
                f"{self.name} is at revision {', '.join(sorted(unknown))}, which this Sundial does not know; "
                "install the version that migrated it"
            )


def _alembic() -> Config:
    from alembic.config import Config

    config = Config()
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))  # % interpolates in a Config
    config.set_main_option("path_separator", "os")
    return config


def _lock_key(scope: str) -> int:
    return int.from_bytes(hashlib.sha256(f"sundial/{scope}".encode()).digest()[:8], signed=True)


def _prepare_sqlite(connection: DBAPIConnection, _record: object) -> None:
    connection.isolation_level = None  # the driver would begin on its own; `_begin_sqlite` does
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA recursive_triggers = ON")  # else INSERT OR REPLACE deletes past the triggers
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
