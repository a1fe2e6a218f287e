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
        missing = LookupError(f"no Airflow connection {connection_id!r}")
        missing.add_note(
            f"There is no Airflow connection {connection_id!r}; add it under Admin, Connections, or as "
            f"AIRFLOW_CONN_{connection_id.upper()}, then clear this task."
        )
        raise missing from error
    return Connection(
        conn_type=found.conn_type or "",
        host=found.host or "",
        port=found.port,
        login=found.login or "",
        password=found.password or "",
        schema=found.schema or "",
        extra=found.extra_dejson,
    )
