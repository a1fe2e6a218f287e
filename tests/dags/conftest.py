"""Parses `dags/` in the tests' own Airflow."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from small_city import City, build_city

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag


@pytest.fixture(scope="session")
def airflow_home() -> Path:
    """The folder of the Airflow that `tests/conftest.py` gave this process."""
    from airflow.configuration import AIRFLOW_HOME

    home = Path(os.environ["AIRFLOW_HOME"])
    assert Path(AIRFLOW_HOME) == home, "something imported Airflow before tests/conftest.py"
    return home


@pytest.fixture
def bag(airflow_home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], DagBag]:
    """Parses `dags/` with the register in a folder."""

    def parse(register: Path) -> DagBag:
        from airflow.dag_processing.dagbag import DagBag

        monkeypatch.setenv("SUNDIAL_REGISTER", str(register))
        return DagBag(dag_folder=os.environ["AIRFLOW__CORE__DAGS_FOLDER"])

    return parse


@pytest.fixture(scope="session")
def initialised(airflow_home: Path) -> None:
    """Airflow's own database, as `airflow db migrate` leaves it."""
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture
def city(
    tmp_path: Path, bag: Callable[[Path], DagBag], initialised: None, monkeypatch: pytest.MonkeyPatch
) -> City:
    for name, value in build_city(tmp_path).items():
        monkeypatch.setenv(name, value)
    return City(tmp_path, bag)
