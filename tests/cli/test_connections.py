"""Connections from the environment are what Airflow makes of them."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sundial.airflow.connections import resolve as resolve_in_airflow
from sundial.cli.connections import resolve

WRITTEN: list[dict[str, Any]] = [
    {"conn_type": "fs", "extra": {"path": "/data"}},
    {
        "conn_type": "postgresql",
        "host": "db",
        "port": "5432",
        "login": "me",
        "password": "p@ss",
        "schema": "x",
    },
    {
        "conn_type": "my-own",
        "host": "https://example.gov/api",
        "password": "token",
        "extra": '{"headers": {}}',
    },
    {"conn_type": "generic", "password": "of this test only", "description": "a note"},
    {},
]


@pytest.mark.parametrize("fields", WRITTEN)
def test_json_is_read_as_airflow_reads_it(fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OF_TEST", json.dumps(fields))
    assert resolve("of_test") == resolve_in_airflow("of_test")


def test_an_address_is_left_to_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OF_TEST", "postgres://me:p%40ss@db:5432/x?drivername=other")
    found = resolve("of_test")
    assert (found.login, found.password, found.host, found.port) == ("me", "p@ss", "db", 5432)
    assert found.extra == {"drivername": "other"}


def test_feeds_that_are_pulled_side_by_side_leave_stdout_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OF_TEST", "postgres://me:p%40ss@db:5432/x")
    before, interval = sys.stdout, sys.getswitchinterval()
    try:
        sys.setswitchinterval(1e-5)
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(resolve, ["of_test"] * 200))
        assert sys.stdout is before
        assert {one.login for one in found} == {"me"}
    finally:
        sys.setswitchinterval(interval)
        sys.stdout = before


def test_airflow_is_not_loaded_for_json() -> None:
    program = (
        "import sys, sundial.cli.connections as c; c.resolve('of_test'); print('airflow' in sys.modules)"
    )
    environment = {"AIRFLOW_CONN_OF_TEST": '{"conn_type": "fs"}', "PYTHONPATH": ":".join(sys.path)}
    loaded = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert loaded.stdout == "False\n"


@pytest.mark.parametrize("text", ['{"password": "secret"', '{"port": "secret"}', '{"extra": "secret"}'])
def test_what_cannot_be_read_is_told_without_its_text(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OF_TEST", text)
    with pytest.raises(LookupError, match="AIRFLOW_CONN_OF_TEST is no connection") as told:
        resolve("of_test")
    assert "secret" not in str(told.value)
    assert told.value.__cause__ is None


def test_loading_airflow_leaves_stdout_to_the_commands(tmp_path: Path) -> None:
    program = (
        "import logging, sundial.cli.connections as c\n"
        "try:\n    c.resolve('of_test')\n"
        "except LookupError:\n    logging.getLogger('sundial').info('a message')"
    )
    environment = {
        "AIRFLOW_HOME": str(tmp_path),
        "PYTHONPATH": ":".join(sys.path),
        "SUNDIAL_HOME": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
