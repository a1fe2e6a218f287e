"""Connections as the workbench takes them: Airflow's, without loading Airflow where that can be helped."""

from __future__ import annotations

import json
import logging
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from threading import Lock
from typing import Any

from sundial.engine.settings import settings
from sundial.sources.connection import Connection
from sundial.sources.pull import PSEUDONYM_CONNECTION

_ENVIRONMENT = "AIRFLOW_CONN_"
_BACKENDS = ("AIRFLOW__SECRETS__BACKEND", "AIRFLOW__WORKERS__SECRETS_BACKEND")
_CONTEXT = "_AIRFLOW_PROCESS_CONTEXT"
_ONE_AT_A_TIME = Lock()
# What Airflow is asked with is the whole process's: its stdout, logging and environment.


def resolve(connection_id: str) -> Connection:
    """Returns the connection with this id.

    `AIRFLOW_CONN_<ID>` in Airflow's JSON format is read as it stands. For an address, a secrets backend or a
    connection in Airflow's database Airflow itself is asked; it takes seconds to load. The pseudonym secret
    that `sundial airflow` made is taken where there is no other.

    Raises:
        LookupError: there is no such connection.
    """
    written = os.environ.get(f"{_ENVIRONMENT}{connection_id.upper()}", "").strip()
    if written.startswith("{") and not any(os.environ.get(name) for name in _BACKENDS):
        return _from_json(connection_id, written)
    try:
        return _from_airflow(connection_id)
    except LookupError:
        own = secret_file(settings().home)
        if connection_id != PSEUDONYM_CONNECTION or not own.exists():
            raise
        return Connection("generic", password=own.read_text())


def in_environment(connection_id: str, conn_type: str, **fields: object) -> dict[str, str]:
    """Returns the environment variable that gives Airflow's processes a connection."""
    name = f"{_ENVIRONMENT}{connection_id.upper()}"
    return {name: json.dumps({"conn_type": conn_type, **fields})}


def is_in_environment(connection_id: str) -> bool:
    """Returns whether this process's environment gives the connection."""
    return f"{_ENVIRONMENT}{connection_id.upper()}" in os.environ


def secret_file(home: Path) -> Path:
    """Returns where a local Airflow with this home keeps its pseudonym secret."""
    return home / "pseudonym_key"


def pseudonym_in_environment(home: Path) -> dict[str, str]:
    """Returns the variable with the pseudonym secret of a local Airflow; it is made once for a home."""
    return in_environment(PSEUDONYM_CONNECTION, "generic", password=_made_once(secret_file(home)))


def checkpoints_in_environment(home: Path) -> dict[str, str]:
    """Returns the variable by which a local Airflow signs checkpoints of its ledger, in its home."""
    from sundial.sunset.checkpoint import CONNECTION

    extra = {"url": str(home / "checkpoints")}
    return in_environment(CONNECTION, "generic", password=_made_once(home / "checkpoint_key"), extra=extra)


def _made_once(path: Path) -> str:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    return path.read_text()


def _from_json(connection_id: str, text: str) -> Connection:
    try:
        fields: dict[str, Any] = json.loads(text)
        extra = fields.get("extra") or {}
        kind = str(fields.get("conn_type") or "")
        return Connection(
            conn_type="postgres" if kind == "postgresql" else kind.replace("-", "_"),
            host=fields.get("host") or "",
            port=int(fields["port"]) if fields.get("port") else None,
            login=fields.get("login") or "",
            password=fields.get("password") or "",
            schema=fields.get("schema") or "",
            extra=json.loads(extra) if isinstance(extra, str) else extra,
        )
    except (ValueError, TypeError, AttributeError):
        # Without the cause: its message may hold a part of the password.
        name = f"{_ENVIRONMENT}{connection_id.upper()}"
        raise LookupError(f"{name} is no connection in Airflow's JSON format; correct the variable") from None


def _from_airflow(connection_id: str) -> Connection:
    with _ONE_AT_A_TIME, _own_logging(), _as_its_command_line():
        from sundial.airflow.connections import resolve as resolve_in_airflow

        return resolve_in_airflow(connection_id)


@contextmanager
def _as_its_command_line() -> Iterator[None]:
    """Lets Airflow ask its database, as its own command line does; else it would not."""
    before = os.environ.get(_CONTEXT)
    os.environ[_CONTEXT] = "server"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_CONTEXT]
        else:
            os.environ[_CONTEXT] = before


@contextmanager
def _own_logging() -> Iterator[None]:
    """Keeps logging as it is, and stdout for results: Airflow, when it loads, sends all messages there."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
