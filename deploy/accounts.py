"""Roles and first users in Airflow's FAB auth manager. Repeatable: what exists is left alone.

The environment holds the first passwords: ADMIN_PASSWORD, CIO_PASSWORD and so on. This is one process instead
of a dozen `airflow` commands, which take seconds each and show passwords in the list of processes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
from airflow.providers.fab.www.security import permissions
from airflow.utils.providers_configuration_loader import providers_configuration_loaded

if TYPE_CHECKING:
    from airflow.providers.fab.auth_manager.security_manager.override import FabAirflowSecurityManagerOverride

_Permission = tuple[str, str]

_USERS = {
    "admin": ["Admin"],
    "cio": ["Viewer", "Decider", "Forms"],
    "cdpo": ["Viewer", "Decider", "Forms"],
    "operator": ["Op"],
    "engineer": ["Engineer"],
}
_ANSWER: _Permission = (permissions.ACTION_CAN_EDIT, permissions.RESOURCE_HITL_DETAIL)
_SUNSET_REVIEW = f"{permissions.RESOURCE_DAG_PREFIX}sunset_review"
_DECIDER: set[_Permission] = {
    _ANSWER,
    (permissions.ACTION_CAN_ACCESS_MENU, permissions.RESOURCE_HITL_DETAIL),
    (permissions.ACTION_CAN_READ, _SUNSET_REVIEW),
    (permissions.ACTION_CAN_EDIT, _SUNSET_REVIEW),
}


_SEES: set[_Permission] = {
    (permissions.ACTION_CAN_READ, permissions.RESOURCE_WEBSITE),
    (permissions.ACTION_CAN_READ, permissions.RESOURCE_PLUGIN),  # else the AI Health pages are in no menu
}
_FORMS = ("attest", "incident_report", "incident_update", "sunset_open", "sunset_step")
"""DAGs that people fill in; what they may say there is for policy.yaml to say."""


def _fill_in(dag: str) -> set[_Permission]:
    of_dag = f"{permissions.RESOURCE_DAG_PREFIX}{dag}"
    return {
        (permissions.ACTION_CAN_READ, of_dag),
        (permissions.ACTION_CAN_EDIT, of_dag),
        (permissions.ACTION_CAN_CREATE, permissions.resource_name(dag, permissions.RESOURCE_DAG_RUN)),
    }


def _set_role(manager: FabAirflowSecurityManagerOverride, name: str, wanted: set[_Permission]) -> None:
    """Makes a role have exactly these permissions. A DAG's are created although it may not be there yet."""
    role = manager.add_role(name)
    for permission in list(role.permissions):
        if (permission.action.name, permission.resource.name) not in wanted:
            manager.remove_permission_from_role(role, permission)
    for action, resource in sorted(wanted):
        manager.add_permission_to_role(role, manager.create_permission(action, resource))


def _add_user(manager: FabAirflowSecurityManagerOverride, name: str, roles: list[str]) -> None:
    user = manager.find_user(name) or manager.add_user(
        name,
        name,
        "Sundial",
        f"{name}@localhost",
        [manager.find_role(role) for role in roles],
        os.environ[f"{name.upper()}_PASSWORD"],
    )
    print(f"user {user.username} has id {user.id}")  # noqa: T201


@providers_configuration_loaded
def main() -> None:
    """Creates what is missing, and brings the roles of Sundial up to date."""
    with get_application_builder() as builder:
        manager = builder.sm
        builder.add_permissions(update_perms=True)
        manager.sync_roles()
        engineer = {*manager.VIEWER_PERMISSIONS, *manager.USER_PERMISSIONS} - {_ANSWER}
        _set_role(manager, "Decider", _DECIDER | _SEES)
        _set_role(manager, "Engineer", engineer | _SEES)
        _set_role(manager, "Forms", _SEES.union(*map(_fill_in, _FORMS)))
        for name, roles in _USERS.items():
            _add_user(manager, name, roles)


if __name__ == "__main__":
    main()
