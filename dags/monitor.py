"""One DAG for each system in the register; a wrong register file stops only its own."""

from __future__ import annotations

from airflow.sdk import get_parsing_context

from sundial.airflow.monitor import monitor_dag
from sundial.airflow.names import monitor_id
from sundial.airflow.register_errors import register_errors_dag
from sundial.engine.settings import settings
from sundial.register.load import load_policy, load_register

where = settings()
wanted = get_parsing_context().dag_id
policy = load_policy(where.policy)
register = load_register(where.register)

for system in register.systems.values():
    if wanted in (None, monitor_id(system.id)):
        globals()[monitor_id(system.id)] = monitor_dag(system, policy)

if register.errors and wanted in (None, "register_errors"):
    register_errors = register_errors_dag(register.errors)
