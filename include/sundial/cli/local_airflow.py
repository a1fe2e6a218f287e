"""A real Airflow on this machine: SQLite, LocalExecutor, free ports; started and ended as one."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

from sundial.engine.settings import INCLUDE, OF_TASKS

if TYPE_CHECKING:
    from sundial.cli.mailbox import Mailbox

ROLES = {
    "admin": "admin",
    "operator": "op",
    **dict.fromkeys(("engineer", "cdpo", "cio", "ciso", "oer", "staff"), "user"),
}
"""Users of the local Airflow by name, with their role in its simple auth manager."""

PROCESSES = (["scheduler"], ["dag-processor"], ["api-server"], ["triggerer"])

# Every task is a fork of a process that has these imported already: science libraries cost seconds to import.
PRELOAD = (
    "airflow,airflow.settings,airflow.executors.local_executor,airflow.sdk.execution_time.supervisor,"
    "airflow.sdk.execution_time.task_runner,airflow.dag_processing.dagbag,airflow.plugins_manager,"
    "airflow.providers_manager,airflow.sdk.definitions.dag,airflow.sdk.definitions.decorators,"
    "airflow.sdk.definitions.asset.decorators,airflow.providers.standard.decorators.python,"
    "airflow.providers.standard.operators.python,airflow.providers.standard.operators.hitl,"
    "pandas,duckdb,ibis,sklearn.metrics,fairlearn.metrics,great_expectations,sundial.api,sundial.engine.run"
)


class AirflowNotReady(RuntimeError):  # noqa: N818
    """Airflow did not come up, or a run did not end, in time."""


@dataclass
class LocalAirflow:
    """A local Airflow under one folder.

    Attributes:
        home: where its database, logs, passwords and process logs lie; kept between starts.
        environment: what its processes get beside this one's environment: store, lake, connections.
    """

    home: Path
    environment: Mapping[str, str]
    port: int = field(default=0, init=False)
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list, init=False)
    _token: str = field(default="", init=False)
    _lock: IO[str] | None = field(default=None, init=False)
    _starting: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        """Takes the port of the last start, if it is free: links in mails go on working."""
        path = self.home / "port"
        last = int(path.read_text()) if path.exists() else 0
        self.port = free_port(last)
        self.home.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        """Where its pages and its REST API are."""
        return f"http://localhost:{self.port}"

    def passwords(self) -> Mapping[str, str]:
        """Returns the password of each user; made once for this home."""
        path = self.home / "passwords.json"
        if not path.exists():
            self.home.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(json.dumps({user: secrets.token_urlsafe(9) for user in ROLES}))
        passwords: dict[str, str] = json.loads(path.read_text())
        return passwords

    def start(self, timeout: float = 240) -> None:
        """Migrates both databases, starts all processes and waits until they are healthy.

        Raises:
            AirflowNotReady: one runs in this home already, a process ended, or they are not healthy in time;
                says which log to read.
        """
        self._hold()
        self.passwords()
        self._airflow("db", "migrate")
        self._airflow("pools", "import", str(INCLUDE.parent / "deploy" / "pools.json"))
        self._finish([sys.executable, "-m", "sundial.cli.main", "db", "migrate"])
        for command in PROCESSES:
            log = (self.home / f"{command[0]}.log").open("ab")
            self._running.append(
                subprocess.Popen(
                    [*_AIRFLOW, *command],
                    env=self.process_environment(),
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )
        self._wait(self._healthy, timeout, "be healthy")
        self._token = self._sign_in("admin")

    def _sign_in(self, user: str) -> str:
        login = {"username": user, "password": self.passwords()[user]}
        answer = httpx.post(f"{self.url}/auth/token", json=login, timeout=60)
        return str(answer.raise_for_status().json()["access_token"])

    def stop(self) -> None:
        """Ends all processes with their children."""
        for process in self._running:
            _end(process, signal.SIGTERM)
        for process in self._running:
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                _end(process, signal.SIGKILL)
                process.wait()
            _end(process, signal.SIGKILL)  # children that outlived it
        self._running.clear()
        if self._lock is not None:
            self._lock.close()

    def call(self, method: str, path: str, user: str = "admin", **kwargs: Any) -> Any:
        """Calls the REST API as a user and returns the answer's JSON. Raises httpx.HTTPStatusError."""
        token = self._token if user == "admin" else self._sign_in(user)
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.request(method, f"{self.url}/api/v2{path}", headers=headers, timeout=60, **kwargs)
        return answer.raise_for_status().json()

    def wait_for_dags(self, dag_ids: Sequence[str], timeout: float = 120) -> None:
        """Waits until the DAGs are known and unpauses them."""
        for dag_id in dag_ids:
            self._wait(lambda dag_id=dag_id: self._known(dag_id), timeout, f"know the DAG {dag_id}")  # type: ignore[misc]
            self.call("PATCH", f"/dags/{dag_id}", json={"is_paused": False})

    def run(self, dag_id: str, as_of: str, timeout: float = 900) -> str:
        """Runs a DAG as of a date unless that run succeeded before, and returns its final state."""
        run_id = f"as-of-{as_of}"
        known = httpx.get(
            f"{self.url}/api/v2/dags/{dag_id}/dagRuns/{run_id}",
            headers={"Authorization": f"Bearer {self._token}"},
            timeout=60,
        )
        if known.status_code == httpx.codes.NOT_FOUND:
            self._wait(lambda: self._started(dag_id, run_id, as_of), 240, f"start {dag_id} as of {as_of}")
        elif known.json()["state"] == "failed":
            self.call(
                "POST", f"/dags/{dag_id}/dagRuns/{run_id}/clear", json={"dry_run": False, "only_failed": True}
            )
        state = ""

        def ended() -> bool:
            nonlocal state
            state = self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}")["state"]
            return state in ("success", "failed")

        self._wait(ended, timeout, f"end {dag_id} as of {as_of}")
        return state

    def _started(self, dag_id: str, run_id: str, as_of: str) -> bool:
        """Starts a run; False where Airflow's SQLite was locked, as it is when the machine is very busy.

        One at a time: two that write at once in one server wait for each other's lock until both give up.
        """
        body = {"dag_run_id": run_id, "logical_date": None, "conf": {"as_of": as_of}}
        try:
            with self._starting:
                self.call("POST", f"/dags/{dag_id}/dagRuns", json=body)
        except httpx.TimeoutException:
            return False
        except httpx.HTTPStatusError as error:
            if error.response.status_code == httpx.codes.CONFLICT:  # the try before had started it
                return True
            if not error.response.is_server_error:
                raise
            return False
        return True

    def _hold(self) -> None:
        """Holds the home as long as this process lives: two schedulers on one SQLite would fight."""
        port = self.home / "port"
        lock = (self.home / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            where = f"http://localhost:{port.read_text()}"
            raise AirflowNotReady(
                f"one is running in {self.home} already, at {where}; end it first"
            ) from None
        self._lock = lock
        port.write_text(str(self.port))

    def task_state(self, dag_id: str, run_id: str, task_id: str) -> str | None:
        """Returns the state of a task of a run; None before it has one."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/taskInstances/{task_id}"
        state: str | None = self.call("GET", path)["state"]
        return state

    def wait_for_question(self, dag_id: str, run_id: str, task_id: str, timeout: float = 180) -> None:
        """Waits until a task waits for a person's answer, and its scheduler knows.

        Airflow 3.3.2 loses an answer that comes before its scheduler has read that the task's process ended:
        it then calls the answered task failed. A person is never that quick; a script is. After a restart
        nobody reads it any more, hence at most half a minute for that.
        """
        what = f"ask by {dag_id}.{task_id}"
        self._wait(lambda: self.task_state(dag_id, run_id, task_id) == "awaiting_input", timeout, what)
        ended = f"dag_id='{dag_id}', task_id='{task_id}', run_id='{run_id}'"
        log, deadline = self.home / "scheduler.log", time.monotonic() + 30
        while time.monotonic() < deadline:
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            if any(ended in line and "Received executor event" in line for line in lines):
                return
            time.sleep(0.5)

    def _known(self, dag_id: str) -> bool:
        found = self.call("GET", "/dags", params={"dag_id_pattern": dag_id, "limit": 100})
        return any(dag["dag_id"] == dag_id for dag in found["dags"])

    def _healthy(self) -> bool:
        try:
            health = httpx.get(f"{self.url}/api/v2/monitor/health", timeout=10).json()
        except (httpx.HTTPError, ValueError):
            return False
        return all(
            health[name]["status"] == "healthy" for name in ("metadatabase", "scheduler", "dag_processor")
        )

    def _wait(self, ready: Callable[[], bool], timeout: float, what: str) -> None:
        deadline = time.monotonic() + timeout
        while not ready():
            for process, command in zip(self._running, PROCESSES, strict=False):
                if process.poll() is not None:
                    raise AirflowNotReady(f"airflow {command[0]} ended; read {self.home / command[0]}.log")
            if time.monotonic() > deadline:
                raise AirflowNotReady(
                    f"Airflow did not {what} within {timeout:.0f} s; read the logs in {self.home}"
                )
            time.sleep(0.5)

    def _airflow(self, *arguments: str) -> None:
        self._finish([*_AIRFLOW, *arguments])

    def _finish(self, command: Sequence[str]) -> None:
        done = subprocess.run(
            command, env=self.process_environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise AirflowNotReady(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")

    def process_environment(self) -> dict[str, str]:
        """Returns what its processes get: this process's environment, Airflow's settings, `environment`."""
        users = ",".join(f"{user}:{role}" for user, role in ROLES.items())
        root = INCLUDE.parent
        return {
            # Settings of another Airflow around us are not ours.
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW__")},
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": self._secret("api_secret"),
            "AIRFLOW__API_AUTH__JWT_SECRET": self._secret("jwt_secret"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(root / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(root / "plugins"),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__FERNET_KEY": "",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
            "AIRFLOW__CORE__MP_FORKSERVER_PRELOAD": PRELOAD,
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": users,
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.home / "passwords.json"),
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
            # A minute instead of SQLite's five seconds to wait while another process writes.
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home}/airflow.db?timeout=60",
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.home / "logs"),
            "AIRFLOW__SCHEDULER__MP_START_METHOD": "forkserver",
            "AIRFLOW__TRIGGERER__DEFAULT_CAPACITY": "10",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "false",
            "GX_ANALYTICS_ENABLED": "false",
            **OF_TASKS,
            **self.environment,
        }

    def _secret(self, name: str) -> str:
        path = self.home / name
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(64))
        return path.read_text()


_AIRFLOW = [sys.executable, "-m", "airflow"]


@contextmanager
def running(airflow: LocalAirflow, mailbox: Mailbox) -> Iterator[None]:
    """Runs a mailbox and an Airflow, and ends both however the block ends; SIGTERM ends it as Ctrl-C does.

    Raises:
        AirflowNotReady: it did not come up.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    mailbox.start()
    try:
        airflow.start()
        yield
    except KeyboardInterrupt:
        print("\nEnding.", flush=True)
        raise
    finally:
        airflow.stop()
        mailbox.stop()


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def free_port(wanted: int = 0) -> int:
    """Returns a TCP port that nothing listens on now: the wanted one if it can be."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port()
        port: int = probe.getsockname()[1]
    return port


def _end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    try:
        os.killpg(process.pid, how)
    except ProcessLookupError:
        return
