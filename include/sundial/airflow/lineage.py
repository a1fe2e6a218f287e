"""What each task reads and writes, as OpenLineage names it: sources, folders of the lake, the store.

These are files and tables, not Airflow's assets: an asset records an event for each run of a task and may
start other DAGs, and 200 systems would leave thousands of events a day that nobody waits for. Airflow's
OpenLineage provider, where it is installed, reports both kinds; nothing is opened or looked up to name them.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from airflow.providers.common.compat.lineage.entities import File, Table

from sundial.engine.settings import settings
from sundial.register.models import System
from sundial.register.source import FilesSource, Source, SqlSource

Dataset = File | Table

BY_CONNECTION = "airflow-connection"
"""Scheme of what lies behind an Airflow connection: its address is the connection's, and stays there."""

_GLOB = re.compile(r"[*?\[]")
_PORTS = {"postgresql": 5432}


def sources(system: System) -> list[Dataset]:
    """Returns where the system's feeds come from, each once, without credentials."""
    feeds = [getattr(system.feeds, name) for name in system.feeds.names]
    urls = dict.fromkeys(_address(feed.source) for feed in feeds)
    return [File(url) for url in urls]


def lake(*paths: str) -> list[Dataset]:
    """Returns folders of the lake."""
    root = settings().lake.rstrip("/")
    if "://" not in root:
        root = Path(root).absolute().as_uri()
    return [File(f"{_without_login(root)}/{path}") for path in paths]


def of_system(system_id: str, *folders: str) -> list[Dataset]:
    """Returns folders of one system in the lake."""
    return lake(*(f"systems/{system_id}/{folder}" for folder in folders))


def store(*tables: str) -> list[Dataset]:
    """Returns tables of the store; SQLite is one file, whatever table is meant."""
    url = urlsplit(settings().store)
    kind = url.scheme.partition("+")[0]
    if kind == "sqlite":
        return [File(Path(unquote(url.path)[1:]).absolute().as_uri())]
    cluster = f"{kind.replace('postgresql', 'postgres')}://{url.hostname}:{url.port or _PORTS.get(kind, 0)}"
    database = unquote(url.path[1:])
    return [Table(cluster=cluster, database=database, name=f"public.{table}") for table in tables]


def register() -> list[Dataset]:
    """Returns the register's folder and the policy's file."""
    where = settings()
    return [File(path.absolute().as_uri()) for path in (where.register, where.policy)]


def connection(connection_id: str) -> list[Dataset]:
    """Returns what lies behind an Airflow connection, such as a mail server."""
    return [File(f"{BY_CONNECTION}://{quote(connection_id)}/")]


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
