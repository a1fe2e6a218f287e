"""A city for the tests of the pages: real files and a real store, filled by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from fastapi import FastAPI, Request
from report_examples import MONDAY, policy, system
from sqlalchemy import event
from starlette.testclient import TestClient

from sundial.engine.clock import WEEK
from sundial.engine.settings import Settings
from sundial.pages.app import create_app
from sundial.pages.site import SignedIn, Site
from sundial.register.models import Policy
from sundial.sources.connection import Connection
from sundial.store.cases import Cases
from sundial.store.database import Database
from sundial.store.records import Finding
from sundial.store.results import JudgedWeek, Results

BASE = "/ai-health"
THIS_WEEK = MONDAY + WEEK
TODAY = THIS_WEEK + WEEK + WEEK / 7 * 2
"""A Wednesday: THIS_WEEK is the last complete week."""
ROLES = {name: {"users": [name]} for name in ("cio", "cdpo", "ciso", "oer", "operator", "engineer", "staff")}


class Town:
    """Where things lie, and short ways to fill it."""

    def __init__(self, folder: Path, store: str | None = None) -> None:
        self.settings = Settings(
            store=store or f"sqlite:///{folder / 'store.db'}",
            lake=f"file://{folder / 'lake'}",
            register=folder / "systems",
            policy=folder / "policy.yaml",
            home=folder,
        )
        self.settings.register.mkdir()
        self.database = Database(self.settings.store)
        self.database.migrate()
        self.results = Results(self.database)
        self.cases = Cases(self.database)
        self.connections: dict[str, Connection] = {}
        self.write_policy(policy(roles=ROLES))

    def connection(self, name: str) -> Connection:
        """The connections that a test has put into `connections`."""
        return self.connections[name]

    def write_policy(self, written: Policy) -> None:
        plain = written.model_dump(mode="json", by_alias=True, exclude_unset=True)
        self.settings.policy.write_text(yaml.safe_dump(plain, allow_unicode=True))

    def register(self, system_id: str = "street-lights", **changes: Any) -> None:
        plain = system(system_id).model_dump(mode="json", by_alias=True, exclude_unset=True) | changes
        (self.settings.register / f"{system_id}.yaml").write_text(yaml.safe_dump(plain, allow_unicode=True))

    def judge(self, *found: Finding, week: date = THIS_WEEK, restated: Sequence[Finding] = ()) -> None:
        """Records a week of the findings' system."""
        judged = JudgedWeek(week, week + WEEK, "c0ffee", "0.1.0", found)
        self.results.record(found[0].system, [judged], "run-1", restated)

    def client(self, user: str | None = "engineer", hidden: Sequence[str] = ()) -> TestClient:
        """A browser in which somebody is signed in, or nobody; some systems may be hidden from them."""

        async def signed_in(request: Request) -> SignedIn | None:
            return SignedIn(user, lambda name: name not in hidden) if user else None

        root = FastAPI()
        site = Site(
            signed_in=signed_in,
            settings=lambda: self.settings,
            airflow=lambda path: f"/airflow{path}",
            dag_of="monitor__{}".format,
            question="/airflow/answer/{}".format,
            connection=self.connection,
        )
        pages = create_app(site)
        self.store: Database = pages.state.city.store
        root.mount(BASE, pages)
        return TestClient(root, base_url=f"http://city.example{BASE}", raise_server_exceptions=False)


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """Counts the queries of the store while the block runs."""
    said: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH")) and "sqlite_schema" not in statement:
            said.append(statement)

    event.listen(database._engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(database._engine, "before_cursor_execute", note)
