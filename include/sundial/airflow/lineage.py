"""What each task reads and writes, as OpenLineage names it: sources, folders of the lake, the store.

These are files and tables, not Airflow's assets: an asset records an event for each run of a task and may
start other DAGs, and 200 systems would leave thousands of events a day that nobody waits for. Airflow's
OpenLineage provider, where it is installed, reports both kinds; nothing is opened or looked up to name them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote

from airflow.providers.common.compat.lineage.entities import File, Table
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from sundial.engine.settings import Settings
from sundial.register.models import System
from sundial.register.source import FilesSource, Source, SqlSource

Dataset = File | Table

BY_CONNECTION = "airflow-connection"
"""Scheme of what lies behind an Airflow connection: its address is the connection's, and stays there."""

_GLOB = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Places:
    """The folders, tables and files of one deployment; made once, since a city parses thousands of tasks.

    Attributes:
        root: URL of the lake.
        database: OpenLineage's namespace of the store, and its database; None for SQLite.
        file: URL of the SQLite file; empty for PostgreSQL.
        entries: URLs of register and policy.
    """

    root: str
    database: tuple[str, str] | None
    file: str
    entries: tuple[str, ...]

    @classmethod
    @cache
    def of(cls, where: Settings) -> Places:
        """Returns the places of the settings, without credentials."""
        root = where.lake.rstrip("/")
        database, file = _store(where.store)
        return cls(
            root=_without_login(root) if "://" in root else Path(root).absolute().as_uri(),
            database=database,
            file=file,
            entries=tuple(one.absolute().as_uri() for one in (where.register, where.policy)),
        )

    def lake(self, *paths: str) -> list[Dataset]:
        """Returns folders of the lake."""
        return [File(f"{self.root}/{path}") for path in paths]

    def of_system(self, system_id: str, *folders: str) -> list[Dataset]:
        """Returns folders of one system in the lake."""
        return self.lake(*(f"systems/{system_id}/{folder}" for folder in folders))

    def store(self, *tables: str) -> list[Dataset]:
        """Returns tables of the store; SQLite is one file, whatever table is meant."""
        if self.database is None:
            return [File(self.file)]
        cluster, name = self.database
        return [Table(cluster=cluster, database=name, name=f"public.{table}") for table in tables]

    def register(self) -> list[Dataset]:
        """Returns the register's folder and the policy's file."""
        return [File(url) for url in self.entries]


def sources(system: System) -> list[Dataset]:
    """Returns where the system's feeds come from, each once, without credentials."""
    feeds = [getattr(system.feeds, name) for name in system.feeds.names]
    urls = dict.fromkeys(_address(feed.source) for feed in feeds)
    return [File(url) for url in urls]


def connection(connection_id: str) -> list[Dataset]:
    """Returns what lies behind an Airflow connection, such as a mail server."""
    return [File(f"{BY_CONNECTION}://{quote(connection_id)}/")]


def _store(written: str) -> tuple[tuple[str, str] | None, str]:
    """Returns namespace and database of a server, and the URL of a file: one of them, or none of a wrong URL.

    Tasks that open the store say what is wrong with it: a DAG that cannot be parsed would not run to say so.
    """
    try:
        url = make_url(written)
    except (ArgumentError, ValueError):
        return None, ""
    if url.get_backend_name() == "sqlite":
        return None, Path(url.database or "").absolute().as_uri()
    return (f"postgres://{url.host or 'localhost'}:{url.port or 5432}", url.database or ""), ""


def _address(source: Source) -> str:
    if isinstance(source, FilesSource):
        folder = _before_glob(source.url)
        if "://" in source.url:
            return _without_login(folder)
        if source.url.startswith("/"):
            return Path(folder).as_uri()
        if source.connection is None:
            return Path(folder).absolute().as_uri()
        return f"{BY_CONNECTION}://{quote(source.connection)}/{folder}"
    place = source.table if isinstance(source, SqlSource) else source.path.lstrip("/")
    return f"{BY_CONNECTION}://{quote(source.connection)}/{place}"


def _before_glob(url: str) -> str:
    """Returns the folder in which a glob begins; a URL without one is itself."""
    found = _GLOB.search(url)
    return url[: found.start()].rpartition("/")[0] if found else url


def _without_login(url: str) -> str:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path.partition('?')[0]}"


MAIL = connection("smtp_default")
CHANNELS = connection("sundial_channels")
CHECKPOINTS = connection("sundial_checkpoints")
