"""The DAG that publishes the register, run by Airflow's own runner."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from small_city import build_city
from small_system import ID

from sundial.engine.settings import settings
from sundial.store.results import Results

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag


def test_a_run_publishes_the_site_into_the_lake_once(
    tmp_path: Path, bag: Callable[[Path], DagBag], initialised: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in build_city(tmp_path).items():
        monkeypatch.setenv(name, value)
    settings().open_store().migrate()
    dag: Any = bag(tmp_path / "systems").dags["public_register"]
    for _ in range(2):
        assert str(dag.test(run_conf={"as_of": "2026-01-12"}).state) == "success"
    (row,) = Results(settings().open_store()).reports()
    assert row.as_of.isoformat() == "2026-01-12"
    lake = settings().open_lake()
    assert f"systems/{ID}.html" in json.loads(lake.get(row.path))
    assert ID in lake.get("public/index.html").decode()
