"""The deployment, brought up for real: image, databases, roles, a measured system, restarts."""

from __future__ import annotations

import io
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from sundial.cli.datasets import default_cache, prepare

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

ROOT = Path(__file__).resolve().parents[2]
BASE_IMAGES = ("python:3.11-slim-bookworm", "postgres:15")
SERVICES = ("postgres", "api-server", "scheduler", "dag-processor", "triggerer")
PEOPLE = ("admin", "cio", "cdpo", "operator", "engineer")

MONITOR = "monitor__compas-broward"
MONITOR_RUN = {"logical_date": None, "conf": {"as_of": "2013-03-31"}}
DAGS = {MONITOR, "weekly_report", "sunset_review"}
EXAMPLES = "/opt/sundial-data/examples"

_T = TypeVar("_T")


def _run(*command: str, timeout: float = 600, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, cwd=ROOT, **options)


def _until(probe: Callable[[], _T | None], seconds: float, what: str) -> _T:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (found := probe()) is not None:
            return found
        time.sleep(2)
    pytest.fail(f"{what}: not within {seconds:.0f} seconds")


@dataclass(frozen=True)
class Stack:
    """One deployment under a name of its own."""

    project: str
    env_file: Path
    port: int

    def compose(self, *arguments: str, timeout: float = 900, **options: Any) -> str:
        # What the environment sets would win over the file; the package client's settings are meant to.
        env = {
            name: value for name, value in os.environ.items() if name not in self.settings or "BUILD" in name
        }
        base = ("docker", "compose", "--env-file", str(self.env_file), "--project-name", self.project)
        done = _run(*base, *arguments, timeout=timeout, env=env, **options)
        assert done.returncode == 0, f"{arguments}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def as_written(self, commands: str, folder: Path) -> None:
        """Runs a block of commands of the documentation, for this deployment, in a folder."""
        env = {name: value for name, value in os.environ.items() if name not in self.settings}
        env |= {
            "COMPOSE_FILE": str(ROOT / "docker-compose.yaml"),
            "COMPOSE_ENV_FILES": str(self.env_file),
            "COMPOSE_PROJECT_NAME": self.project,
        }
        done = subprocess.run(
            ["bash", "-euc", commands], cwd=folder, env=env, capture_output=True, text=True, timeout=900
        )
        assert done.returncode == 0, f"{commands}: {done.stdout[-3000:]}{done.stderr[-3000:]}"

    @property
    def settings(self) -> dict[str, str]:
        pairs = re.findall(r"^(\w+)=(.*)$", self.env_file.read_text(), flags=re.MULTILINE)
        return dict(pairs)

    def client(self, person: str) -> httpx.Client:
        base = f"http://127.0.0.1:{self.port}"
        login = {"username": person, "password": self.settings[f"{person.upper()}_PASSWORD"]}
        answer = httpx.post(f"{base}/auth/token", json=login, timeout=30)
        answer.raise_for_status()
        token = answer.json()["access_token"]
        return httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=30)

    def sql(self, database: str, statement: str) -> str:
        query = ("psql", "-U", "postgres", "-d", database, "-tAc", statement)
        return self.compose("exec", "-T", "postgres", *query).strip()

    def health(self) -> dict[str, str]:
        rows = map(json.loads, self.compose("ps", "--format", "json").splitlines())
        return {row["Service"]: row["Health"] for row in rows}

    def put_examples(self) -> None:
        """Puts the published COMPAS data where the register's example looks for it."""
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as archive:
            archive.add(prepare(default_cache()).compas.outputs.parent, arcname="compas")
        unpack = f"mkdir -p {EXAMPLES} && tar -x -C {EXAMPLES}"
        command = ("docker", "exec", "-i", f"{self.project}-scheduler-1", "sh", "-c", unpack)
        subprocess.run(command, input=data.getvalue(), check=True, timeout=60)
        connection = {
            "connection_id": "sundial_examples",
            "conn_type": "fs",
            "extra": json.dumps({"path": EXAMPLES}),
        }
        with self.client("operator") as operator:
            operator.post("/api/v2/connections", json=connection).raise_for_status()


def _require_engine() -> None:
    if shutil.which("docker") is None or _run("docker", "info", timeout=30).returncode:
        pytest.skip("no container engine answers `docker info`")
    if _run("docker", "compose", "version").returncode:
        pytest.skip("`docker compose` (version 2) is not installed")
    for image in BASE_IMAGES:
        present = _run("docker", "image", "inspect", image).returncode == 0
        if not present and _run("docker", "pull", "--quiet", image).returncode:
            pytest.skip(f"base image {image} is neither here nor can be pulled")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    _require_engine()
    port = _free_port()
    env_file = tmp_path_factory.mktemp("deploy") / "env"
    env_file.write_text(f"SUNDIAL_PORT={port}\n")
    subprocess.run([ROOT / "deploy/make-env", env_file], check=True)
    stack = Stack(f"sundial-test-{secrets.token_hex(4)}", env_file, port)
    try:
        stack.compose("build", "--quiet")
        try:
            stack.compose("up", "--detach", "--wait", "--wait-timeout", "300")
        except AssertionError as failed:
            pytest.fail(f"{failed}\n{stack.compose('logs', '--tail', '40')}")
        yield stack
    finally:
        stack.compose("down", "--volumes", "--timeout", "10")
        _run("docker", "image", "rm", stack.project)


@pytest.fixture(scope="module")
def measured(stack: Stack) -> str:
    """State of one run that measured a system."""
    stack.put_examples()
    with stack.client("operator") as operator:
        started = operator.post(f"/api/v2/dags/{MONITOR}/dagRuns", json=MONITOR_RUN)
        started.raise_for_status()
        url = f"/api/v2/dags/{MONITOR}/dagRuns/{started.json()['dag_run_id']}"

        def ended() -> str | None:
            state = operator.get(url).json()["state"]
            return state if state in {"success", "failed"} else None

        return _until(ended, 600, f"the run of {MONITOR} ends")


def test_secrets_are_random_private_and_never_overwritten(tmp_path: Path) -> None:
    files = first, _ = tmp_path / "first", tmp_path / "second"
    for file in files:
        subprocess.run([ROOT / "deploy/make-env", file], check=True)
    kept = [
        set(re.findall(r"^\w+(?:KEY|SECRET|PASSWORD)=(.+)$", file.read_text(), re.MULTILINE))
        for file in files
    ]
    assert len(kept[0]) == 14
    assert not kept[0] & kept[1]
    assert first.stat().st_mode & 0o777 == 0o600

    before = first.read_text()
    subprocess.run([ROOT / "deploy/make-env", first], check=True)
    assert first.read_text() == before

    lacking = re.sub(r"^CIO_PASSWORD=.*\n", "", before, flags=re.MULTILINE)
    first.write_text(lacking)
    subprocess.run([ROOT / "deploy/make-env", first], check=True)
    assert first.read_text().startswith(lacking)
    assert "\nCIO_PASSWORD=" in first.read_text()


def test_every_variable_of_the_deployment_is_guarded() -> None:
    used = re.findall(r"\$\{(\w+)([^}]*)\}", (ROOT / "docker-compose.yaml").read_text())
    assert used
    assert [name for name, guard in used if not guard.startswith(":?")] == []


def test_all_services_are_healthy(stack: Stack) -> None:
    assert stack.health() == dict.fromkeys(SERVICES, "healthy")


def test_processes_run_without_privileges(stack: Stack) -> None:
    for service in SERVICES[1:]:
        assert stack.compose("exec", "-T", service, "id", "-u").strip() == "50000"


def test_only_the_api_server_is_published_and_only_on_loopback(stack: Stack) -> None:
    rows = [json.loads(line) for line in stack.compose("ps", "--format", "json").splitlines()]
    published = {
        (row["Service"], port["URL"], port["PublishedPort"])
        for row in rows
        for port in row["Publishers"] or []
        if port["PublishedPort"]
    }
    assert published == {("api-server", "127.0.0.1", stack.port)}

    tables = "".join(Path("/proc/net", table).read_text() for table in ("tcp", "tcp6"))
    listening = re.findall(rf"^ *\d+: (\w+):{stack.port:04X} \w+:0000 0A ", tables, flags=re.MULTILINE)
    assert listening == ["0100007F"]


@pytest.mark.parametrize("person", PEOPLE)
def test_every_person_signs_in_and_sees_the_dags(stack: Stack, person: str) -> None:
    with stack.client(person) as client:
        assert client.get("/api/v2/dags").status_code == 200


def test_a_wrong_password_and_no_password_are_refused(stack: Stack) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{stack.port}", timeout=30) as anybody:
        wrong = anybody.post("/auth/token", json={"username": "cio", "password": "cio"})
        assert wrong.status_code == 401
        assert anybody.get("/api/v2/dags").status_code == 401


def test_all_dags_are_there_without_import_errors(stack: Stack) -> None:
    with stack.client("admin") as admin:

        def parsed() -> set[str] | None:
            ids = {dag["dag_id"] for dag in admin.get("/api/v2/dags").json()["dags"]}
            return ids if ids >= DAGS else None

        assert admin.get("/api/v2/importErrors").json()["import_errors"] == []
        _until(parsed, 120, f"{sorted(DAGS)} are parsed")
        assert admin.get("/api/v2/importErrors").json()["import_errors"] == []


@pytest.mark.parametrize(
    ("person", "dag", "status"),
    [
        ("cio", "sunset_review", 404),  # may answer; there is no such question
        ("cdpo", "sunset_review", 404),
        ("cio", "weekly_report", 403),
        ("engineer", "sunset_review", 403),
    ],
)
def test_only_deciders_answer_and_only_sunset_reviews(
    stack: Stack, person: str, dag: str, status: int
) -> None:
    with stack.client(person) as client:
        question = f"/api/v2/dags/{dag}/dagRuns/none/taskInstances/none/-1/hitlDetails"
        assert client.patch(question, json={"chosen_options": ["Keep"]}).status_code == status


@pytest.mark.parametrize("person", ["cio", "cdpo"])
def test_deciders_start_nothing_and_mark_nothing(stack: Stack, person: str) -> None:
    with stack.client(person) as client:
        assert client.post(f"/api/v2/dags/{MONITOR}/dagRuns", json=MONITOR_RUN).status_code == 403
        task = "/api/v2/dags/sunset_review/dagRuns/none/taskInstances/none"
        assert client.patch(task, json={"new_state": "success"}).status_code == 403


@pytest.mark.parametrize(("role", "other"), [("airflow", "sundial"), ("sundial", "airflow")])
def test_neither_database_role_enters_the_others_database(stack: Stack, role: str, other: str) -> None:
    password = stack.settings[f"{role.upper()}_DB_PASSWORD"]
    login = ("exec", "-T", "-e", f"PGPASSWORD={password}", "postgres", "psql", "-h", "127.0.0.1", "-U", role)
    assert stack.compose(*login, "-d", role, "-tAc", "select 1").strip() == "1"
    with pytest.raises(AssertionError, match="permission denied for database"):
        stack.compose(*login, "-d", other, "-tAc", "select 1")


def test_a_system_is_measured_and_its_findings_are_in_the_store(stack: Stack, measured: str) -> None:
    assert measured == "success"
    assert int(stack.sql("sundial", "select count(*) from findings")) > 0


def test_every_service_restarts_with_the_same_data(stack: Stack, measured: str) -> None:
    def data() -> set[str]:
        files = "find /opt/sundial-data -type f -exec cksum {} +"
        return {
            *stack.sql("sundial", "select key, payload_hash from findings").splitlines(),
            *stack.sql("airflow", "select id, username, password from ab_user").splitlines(),
            *stack.compose("exec", "-T", "scheduler", "sh", "-c", files).splitlines(),
        }

    before = data()
    for service in SERVICES:
        stack.compose("restart", service)
        _until(
            lambda: stack.health() == dict.fromkeys(SERVICES, "healthy") or None,
            180,
            f"all are healthy after a restart of {service}",
        )
    assert before <= data()


@pytest.mark.parametrize(
    "statement", ["update findings set metric = 'x'", "delete from findings", "drop table findings"]
)
def test_the_pipelines_role_changes_nothing_in_the_store(stack: Stack, measured: str, statement: str) -> None:
    password = stack.settings["SUNDIAL_DB_PASSWORD"]
    login = (
        "exec",
        "-T",
        "-e",
        f"PGPASSWORD={password}",
        "postgres",
        "psql",
        "-h",
        "127.0.0.1",
        "-U",
        "sundial",
    )
    with pytest.raises(AssertionError, match=r"permission denied|must be owner"):
        stack.compose(*login, "-d", "sundial", "-tAc", statement)


def _verify(stack: Stack) -> tuple[int, str]:
    done = stack.compose("exec", "-T", "scheduler", "sh", "-c", 'sundial verify; echo "exit $?"')
    said, _, code = done.strip().rpartition("exit ")
    return int(code), said


def test_a_backup_brings_everything_back_and_the_ledger_says_what_came_after_it(
    stack: Stack, measured: str, tmp_path: Path
) -> None:
    """The commands are those of docs/deploy.md; the checkpoints lie apart and are not in the backup."""
    section = (ROOT / "docs/deploy.md").read_text().partition("## Backup and restore")[2]
    backup, restore = re.findall(r"```sh\n(.*?)```", section, flags=re.DOTALL)[:2]

    def state() -> set[str]:
        files = "cd /opt/sundial-data && find . -type f -exec cksum {} +"
        return {
            *stack.sql("sundial", "select key, payload_hash from findings").splitlines(),
            *stack.sql("sundial", "select chain, number, hash from ledger").splitlines(),
            *stack.sql("airflow", "select id, username, password from ab_user").splitlines(),
            *stack.compose("exec", "-T", "scheduler", "sh", "-c", files).splitlines(),
        }

    stack.compose("exec", "-T", "scheduler", "sundial", "checkpoint")
    before = state()
    assert _verify(stack)[0] == 0
    stack.as_written(backup, tmp_path)
    stack.as_written(restore, tmp_path)
    _until(lambda: stack.health() == dict.fromkeys(SERVICES, "healthy") or None, 180, "all are healthy again")
    assert state() == before
    assert _verify(stack)[0] == 0

    # What is recorded and signed after the backup is lost by restoring it, and the checkpoint shows that.
    opened = (
        "sundial",
        "sunset",
        "open",
        "compas-broward",
        "--by",
        "cdpo",
        "--reasons",
        "To be lost by a restore.",
    )
    stack.compose("exec", "-T", "scheduler", *opened)
    stack.compose("exec", "-T", "scheduler", "sundial", "checkpoint")
    stack.as_written(restore, tmp_path)
    code, said = _verify(stack)
    assert code == 1, said
    assert "compas-broward" in said
    assert state() == before


def test_starting_again_changes_nothing(stack: Stack) -> None:
    """The preparation is repeatable: a new start keeps people, passwords and roles."""
    people = "select id, username, password from ab_user order by id"
    roles = "select role_id, permission_view_id from ab_permission_view_role order by 1, 2"
    before = [stack.sql("airflow", query) for query in (people, roles)]
    stack.compose("run", "--rm", "-T", "init")
    assert [stack.sql("airflow", query) for query in (people, roles)] == before
