"""The AI Health pages in a real API server of Airflow's, with both kinds of accounts that it may have."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from pages_city import THIS_WEEK, TODAY, Town
from report_examples import finding

from sundial.cli.local_airflow import LocalAirflow
from sundial.engine.settings import INCLUDE
from sundial.engine.today import PLAYED

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

_PASSWORD = "of this test only"
_FAB = {
    "AIRFLOW__CORE__AUTH_MANAGER": "sundial.airflow.auth.SundialAuthManager",
    **{f"{name}_PASSWORD": _PASSWORD for name in ("ADMIN", "CIO", "CDPO", "OPERATOR", "ENGINEER")},
}
_NOBODY = ["users", "create", "--username", "nobody", "--password", _PASSWORD, "--role", "Public"]
_NOBODY += ["--firstname", "N", "--lastname", "N", "--email", "nobody@city.example"]


class Server:
    """An API server alone, with the pages of a small city."""

    def __init__(self, folder: Path, accounts: str) -> None:
        (folder / "today").write_text(TODAY.isoformat())
        town = Town(folder)
        town.register()
        town.judge(finding(week=THIS_WEEK))
        environment = {
            "SUNDIAL_STORE": town.settings.store,
            "SUNDIAL_LAKE": town.settings.lake,
            "SUNDIAL_REGISTER": str(town.settings.register),
            "SUNDIAL_POLICY": str(town.settings.policy),
            PLAYED: str(folder / "today"),
            **(_FAB if accounts == "fab" else {}),
        }
        self._airflow = LocalAirflow(folder / "airflow", environment)
        self.url = self._airflow.url
        self.passwords: Mapping[str, str] = self._airflow.passwords()
        self._run("-m", "airflow", "db", "migrate")
        if accounts == "fab":
            self._run("deploy/accounts.py")
            self._run("-m", "airflow", *_NOBODY)
            self.passwords = dict.fromkeys(("admin", "cdpo", "engineer", "nobody"), _PASSWORD)
        with (folder / "api-server.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "airflow", "api-server"],
                env=self._airflow.process_environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait(folder / "api-server.log")

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=INCLUDE.parent,
            env=self._airflow.process_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]

    def _wait(self, log: Path) -> None:
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if httpx.get(f"{self.url}/api/v2/version", timeout=10).is_success:
                    return
            except httpx.HTTPError:
                time.sleep(0.5)
        pytest.fail(f"the API server does not answer: {log.read_text()[-2000:]}")

    def stop(self) -> None:
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(30)

    def session(self, user: str) -> httpx.Client:
        """A browser's session: the cookie that Airflow's sign-in leaves."""
        login = {"username": user, "password": self.passwords[user]}
        answer = httpx.post(f"{self.url}/auth/token", json=login, timeout=60)
        token = answer.raise_for_status().json()["access_token"]
        return httpx.Client(base_url=self.url, cookies={"_token": token}, timeout=60)


@pytest.fixture(scope="module", params=["simple", pytest.param("fab", marks=pytest.mark.slow)])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SUNDIAL_STORE", "sqlite:////nowhere/store.db")
        started = Server(tmp_path_factory.mktemp(f"pages-{request.param}"), request.param)
        try:
            yield started
        finally:
            started.stop()


def test_a_stranger_gets_a_page_that_asks_to_sign_in_and_nothing_else(server: Server) -> None:
    for path in (
        "/",
        "/systems/street-lights",
        "/systems/street-lights/equity",
        "/dags/monitor__street-lights",
    ):
        answer = httpx.get(f"{server.url}/ai-health{path}", timeout=60)
        assert answer.status_code == httpx.codes.UNAUTHORIZED
        assert answer.headers["content-type"].startswith("text/html")
        assert "Please sign in to Airflow" in answer.text
        assert "Street Lights" not in answer.text
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    with httpx.Client(base_url=server.url, cookies={"_token": "not.a.token"}) as forger:
        assert forger.get("/ai-health/", timeout=60).status_code in (
            httpx.codes.UNAUTHORIZED,
            httpx.codes.FORBIDDEN,
        )


@pytest.mark.parametrize(("user", "role"), [("engineer", "Engineer"), ("cdpo", "CDPO")])
def test_who_is_signed_in_sees_the_city_in_their_role(server: Server, user: str, role: str) -> None:
    with server.session(user) as session:
        page = session.get("/ai-health/")
        assert page.status_code == httpx.codes.OK
        assert f"{user} · {role}" in page.text
        assert "Street Lights" in page.text
        assert page.headers["content-encoding"] == "gzip"
        of_dag = session.get(
            "/ai-health/dags/monitor__street-lights/tasks/effectiveness", follow_redirects=True
        )
        assert of_dag.url.path == "/ai-health/systems/street-lights/effectiveness"
        assert "64.7" in of_dag.text


@pytest.mark.parametrize("page", ["sunset/", "incidents/", "register/", "ledger/"])
def test_the_other_pages_show_too(server: Server, page: str) -> None:
    with server.session("cdpo") as session:
        answer = session.get(f"/ai-health/{page}")
        assert answer.status_code == httpx.codes.OK
        assert "cdpo · CDPO" in answer.text
        if page == "ledger/":  # it asks Airflow for the connection, which nobody has defined
            assert "define the connection sundial_checkpoints" in answer.text


def test_the_ledger_is_verified_from_its_own_page_only(server: Server) -> None:
    with server.session("cdpo") as session:
        assert session.post("/ai-health/ledger/verify").status_code == httpx.codes.FORBIDDEN
        own = session.post("/ai-health/ledger/verify", headers={"sec-fetch-site": "same-origin"})
        assert "nothing is wrong" in own.text


def test_an_account_without_rights_is_told_whom_to_ask(server: Server) -> None:
    if "nobody" not in server.passwords:
        pytest.skip("every user of the simple auth manager may see the website")
    with server.session("nobody") as session:
        answer = session.get("/ai-health/")
    assert answer.status_code == httpx.codes.FORBIDDEN
    assert "Ask an administrator of Airflow for a role" in answer.text


def test_airflow_shows_the_pages_in_its_navigation_and_as_tabs(server: Server) -> None:
    with server.session("admin") as session:
        plugins = session.get("/api/v2/plugins", params={"limit": 100}).raise_for_status().json()["plugins"]
        assert session.get("/api/v2/plugins/importErrors").json()["total_entries"] == 0
    (pages,) = [plugin for plugin in plugins if plugin["name"] == "sundial_pages"]
    views = {view["destination"]: view["href"] for view in pages["external_views"]}
    assert views.keys() == {"nav", "dag", "dag_run", "task", "task_instance"}
    assert views["nav"] == "/ai-health/"
