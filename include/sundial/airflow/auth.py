"""Who may answer a sunset question where accounts are Flask AppBuilder's: people by user name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.fab.auth_manager.fab_auth_manager import FabAuthManager

if TYPE_CHECKING:
    from airflow.providers.fab.auth_manager.models import User


class SundialAuthManager(FabAuthManager):
    """Flask AppBuilder's accounts, with questions assigned to the user names that `policy.yaml` has.

    FAB identifies a user by the number of a database row, which no policy could name before the account
    exists; user names are unique there, too.
    """

    def is_authorized_hitl_task(self, *, assigned_users: set[str], user: User) -> bool:
        """Returns whether the user is among the assignees."""
        return user.get_name() in assigned_users
