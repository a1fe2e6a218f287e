"""Connections as the workbench takes them: Airflow's, without loading Airflow where that can be helped."""

from __future__ import annotations

import json
import os
from typing import Any

from sundial.sources.connection import Connection

_ENVIRONMENT = "AIRFLOW_CONN_"
_BACKENDS = ("AIRFLOW__SECRETS__BACKEND", "AIRFLOW__WORKERS__SECRETS_BACKEND")
_CONTEXT = "_AIRFLOW_PROCESS_CONTEXT"


def resolve(connection_id: str) -> Connection:
    """Returns the connection with this id.

    `AIRFLOW_CONN_<ID>` in Airflow's JSON format is read as it stands. For an address, a secrets backend or a
    connection in Airflow's database Airflow itself is asked; it takes seconds to load.

    Raises:
        LookupError: there is no such connection.
    """
    written = os.environ.get(f"{_ENVIRONMENT}{connection_id.upper()}", "").strip()
    if written.startswith("{") and not any(os.environ.get(name) for name in _BACKENDS):
        return _from_json(connection_id, written)
    return _from_airflow(connection_id)


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
    from sundial.airflow.connections import resolve as resolve_in_airflow

    before = os.environ.get(_CONTEXT)
    # As Airflow's own command line does: without it its database is not asked.
    os.environ[_CONTEXT] = "server"
    try:
        return resolve_in_airflow(connection_id)
    finally:
        if before is None:
            del os.environ[_CONTEXT]
        else:
            os.environ[_CONTEXT] = before
