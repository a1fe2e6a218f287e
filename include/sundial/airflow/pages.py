"""The AI Health pages in Airflow: who is signed in, what they may see, and where Airflow's own pages are.

Nothing heavy is imported here: Airflow imports its plugins in every process of a task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.sdk.configuration import conf

from sundial.airflow.names import monitor_id

if TYPE_CHECKING:
    from fastapi import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from sundial.pages.site import SignedIn

PREFIX = "/ai-health"
_ROOT = urlsplit(conf.get("api", "base_url", fallback="/")).path.rstrip("/")

_OF_DAG = f"{_ROOT}{PREFIX}/dags/{{DAG_ID}}"
_NAME = "AI Health"


def _view(destination: str, href: str, name: str = _NAME) -> Mapping[str, Any]:
    page = PREFIX.strip("/")
    route = page if destination == "nav" else f"{page}-{destination.replace('_', '-')}"
    return {
        "name": name,
        "href": href,
        "destination": destination,
        "url_route": route,
        "icon": f"{_ROOT}{PREFIX}/static/icon.svg",
    }


VIEWS = [
    {**_view("nav", f"{_ROOT}{PREFIX}/"), "nav_top_level": True},
    _view("dag", _OF_DAG),
    _view("dag_run", f"{_OF_DAG}/runs/{{RUN_ID}}"),
    _view("task", f"{_OF_DAG}/tasks/{{TASK_ID}}", "Findings"),
    _view("task_instance", f"{_OF_DAG}/runs/{{RUN_ID}}/tasks/{{TASK_ID}}", "Findings"),
]
"""Where Airflow shows the pages: its navigation, and a tab of each DAG, run and task."""


class Pages:
    """The app, made when the first request comes: in the API server, and nowhere else."""

    def __init__(self) -> None:
        self._made: ASGIApp | None = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers as the app does."""
        if self._made is None:
            async with self._making:
                if self._made is None:
                    self._made = await asyncio.to_thread(_make)
        await self._made(scope, receive, send)


def _make() -> ASGIApp:
    from sundial.airflow.connections import resolve
    from sundial.airflow.questions import required_action_link
    from sundial.engine.settings import settings
    from sundial.pages.app import create_app
    from sundial.pages.site import Site

    return create_app(
        Site(
            signed_in=_signed_in,
            settings=settings,
            airflow=lambda path: f"{_ROOT}{path}",
            dag_of=monitor_id,
            question=required_action_link,
            connection=resolve,
        )
    )


async def _signed_in(request: Request) -> SignedIn | None:
    """Returns who is signed in, whatever the auth manager.

    Raises:
        PageError: their Airflow role has no access to Airflow's website.
    """
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagDetails
    from airflow.api_fastapi.core_api.security import bearer_scheme, get_user
    from fastapi import HTTPException

    from sundial.pages.site import PageError, SignedIn

    try:
        user = await get_user(request, None, await bearer_scheme(request))
    except HTTPException:
        return None
    manager = get_auth_manager()
    if not manager.is_authorized_view(access_view=AccessView.WEBSITE, user=user):
        raise PageError(
            403,
            "Your account may not see these pages",
            "Ask an administrator of Airflow for a role that may see its website, such as Viewer.",
        )

    def may_see(system: str) -> bool:
        return manager.is_authorized_dag(method="GET", details=DagDetails(id=monitor_id(system)), user=user)

    return SignedIn(user.get_name(), may_see)
