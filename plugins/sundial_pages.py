"""Puts the AI Health pages into Airflow's UI."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from sundial.airflow.pages import PREFIX, VIEWS, Pages


class SundialPages(AirflowPlugin):
    """The app, and where Airflow shows it."""

    name = "sundial_pages"
    fastapi_apps = [{"app": Pages(), "url_prefix": PREFIX, "name": "AI Health"}]  # noqa: RUF012
    external_views = VIEWS
