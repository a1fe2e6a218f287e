"""Who may answer where accounts are Flask AppBuilder's."""

from __future__ import annotations

import pytest
from airflow.providers.fab.auth_manager.models import User

from sundial.airflow.auth import SundialAuthManager


@pytest.mark.parametrize(("user", "may"), [("cdpo", True), ("cio", False), ("3", False)])
def test_a_question_is_its_assignees_by_user_name_not_by_row_number(user: str, may: bool) -> None:
    manager = SundialAuthManager.__new__(SundialAuthManager)  # asks nothing of a database
    account = User(id=3, username=user)
    assert manager.is_authorized_hitl_task(assigned_users={"cdpo"}, user=account) is may
    assert not manager.is_authorized_hitl_task(assigned_users={"3"}, user=User(id=3, username="cdpo"))
