"""Airflow's Connections as sources take them."""

from __future__ import annotations

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from sundial.sources.connection import Connection


def resolve(connection_id: str) -> Connection:
    """Returns the connection with this id from Airflow or its secrets backend. Raises LookupError."""
    try:
        found = BaseHook.get_connection(connection_id)
    except AirflowNotFoundException as error:
        raise LookupError(f"no Airflow connection {connection_id!r}") from error
    return Connection(
        conn_type=found.conn_type or "",
        host=found.host or "",
        port=found.port,
        login=found.login or "",
        password=found.password or "",
        schema=found.schema or "",
        extra=found.extra_dejson,
    )
