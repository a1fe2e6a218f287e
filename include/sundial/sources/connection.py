"""Address and credentials of a source, whoever keeps them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Connection:
    """One connection, in the terms of Airflow's.

    Attributes:
        conn_type: kind of system, such as ``postgres``, ``sqlite``, ``aws`` or ``http``.
        host: name or address; for SQLite the file; for HTTP it may hold the scheme and a base path.
        port: TCP port, None for the system's usual one.
        login: user, or S3 key.
        password: password, S3 secret, or a bearer token when there is no login.
        schema: database; for HTTP the scheme.
        extra: further settings: ``path`` (local files), ``endpoint_url`` and ``region_name`` (S3),
            ``headers`` (HTTP), ``timeout_seconds`` and ``drivername`` (SQL).
    """

    conn_type: str
    host: str = ""
    port: int | None = None
    login: str = ""
    password: str = field(default="", repr=False)
    schema: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


Resolve = Callable[[str], Connection]
"""Gives the connection of a name; raises LookupError when there is none."""
