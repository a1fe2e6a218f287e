"""What lineage says of each task: where its data comes from and goes to, without a secret in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.lineage.entities import File, Table
from small_city import MONITOR, build_city
from small_system import DATES, ID, entry

from sundial.airflow import lineage
from sundial.airflow.lineage import Places, sources
from sundial.airflow.questions import QUESTIONS
from sundial.engine.settings import INCLUDE, settings
from sundial.register.models import System

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

READ_ONLY = {"mend_these_files"}


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Store and lake as a city has them in production."""
    monkeypatch.setenv("SUNDIAL_STORE", "postgresql://sundial:s3cret@db.example.gov/results")
    monkeypatch.setenv("SUNDIAL_LAKE", "s3://city-lake/sundial/")


def every_task(found: DagBag) -> Iterator[Any]:
    return (task for dag in found.dags.values() for task in dag.tasks)


def named(datasets: list[Any]) -> list[str]:
    """Returns datasets as OpenLineage's namespace and name."""
    return [
        f"{one.cluster} {one.database}.{one.name}" if isinstance(one, Table) else one.url for one in datasets
    ]


def test_every_task_names_what_it_reads_and_what_it_writes(
    bag: Callable[[Path], DagBag], elsewhere: None
) -> None:
    tasks = list(every_task(bag(INCLUDE / "systems")))
    assert tasks
    for task in tasks:
        named_here = f"{task.dag_id}.{task.task_id}"
        assert task.inlets, named_here
        assert task.outlets or task.task_id in READ_ONLY, named_here
        assert "s3cret" not in repr([task.inlets, task.outlets])


def test_the_only_asset_is_the_one_that_starts_a_review(
    bag: Callable[[Path], DagBag], elsewhere: None
) -> None:
    """Each other asset would leave an event a run, and might start a DAG that nobody meant."""
    for task in every_task(bag(INCLUDE / "systems")):
        others = [one for one in [*task.inlets, *task.outlets] if not isinstance(one, File | Table)]
        assert all(one == QUESTIONS for one in others), task


def test_the_flow_of_a_monitor_can_be_followed_from_the_source_to_the_case(
    bag: Callable[[Path], DagBag], elsewhere: None, tmp_path: Path
) -> None:
    register = tmp_path / "systems"
    build_city(tmp_path)
    dag: Any = bag(register).dags[MONITOR]
    of = f"s3://city-lake/sundial/systems/{ID}"
    table = "postgres://db.example.gov:5432 results.public"
    assert named(dag.get_task("pull").inlets) == [
        "airflow-connection://source/outputs.csv",
        "airflow-connection://source/outcomes.csv",
    ]
    flow = ["pull", "gate", "profile", "equity", "record", "judge"]
    through = [f"{of}/landing", f"{of}/accepted", f"{of}/profiles", f"{of}/staging", f"{table}.findings"]
    for before, after, dataset in zip(flow, flow[1:], through, strict=False):
        assert dataset in named(dag.get_task(before).outlets), before
        assert dataset in named(dag.get_task(after).inlets), after
    assert f"{table}.episodes" in named(dag.get_task("judge").outlets)


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ({"kind": "files", "url": "s3://feed/a/*/b.csv", "format": "csv"}, "s3://feed/a"),
        ({"kind": "files", "url": "s3://feed/a/b.csv", "format": "csv"}, "s3://feed/a/b.csv"),
        ({"kind": "files", "url": "file:///feeds/b.csv", "format": "csv"}, "file:///feeds/b.csv"),
        ({"kind": "files", "url": "/feeds/of day/b.csv", "format": "csv"}, "file:///feeds/of%20day/b.csv"),
        (
            {"kind": "files", "url": "a/*.csv", "format": "csv", "connection": "feed"},
            "airflow-connection://feed/a",
        ),
        ({"kind": "sql", "connection": "db", "table": "city.flags"}, "airflow-connection://db/city.flags"),
        ({"kind": "http", "connection": "api", "path": "/v1/flags"}, "airflow-connection://api/v1/flags"),
    ],
)
def test_a_source_is_named_by_its_address_or_its_connection(source: dict[str, str], address: str) -> None:
    written = entry()
    written["feeds"] = {"outputs": {**written["feeds"]["outputs"], "source": source}}
    written.pop("harm")
    written.pop("baseline")
    assert named(sources(System.model_validate(written))) == [address]


def test_a_sqlite_store_and_a_local_lake_are_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUNDIAL_STORE", "sqlite:////var/sundial/store.db")
    monkeypatch.setenv("SUNDIAL_LAKE", "/var/sundial/lake")
    assert named(Places.of(settings()).store("findings", "pulls")) == ["file:///var/sundial/store.db"]
    assert named(Places.of(settings()).lake("reports")) == ["file:///var/sundial/lake/reports"]
    monkeypatch.setenv("SUNDIAL_LAKE", "abfs://key:s3cret@account/lake?sig=s3cret")
    assert named(Places.of(settings()).lake("reports")) == ["abfs://account/lake/reports"]


def test_the_connections_are_those_of_the_tasks() -> None:
    from sundial.report.channels import CHANNELS_CONNECTION
    from sundial.report.smtp import SMTP_CONNECTION
    from sundial.sunset.checkpoint import CONNECTION

    meant = {
        SMTP_CONNECTION: lineage.MAIL,
        CHANNELS_CONNECTION: lineage.CHANNELS,
        CONNECTION: lineage.CHECKPOINTS,
    }
    for name, datasets in meant.items():
        assert named(datasets) == [f"airflow-connection://{name}/"]


RUN = """
import os, sys
from airflow.utils.db import initdb
initdb()
from sundial.store.database import Database
Database(os.environ["SUNDIAL_STORE"]).migrate()
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(dag_folder=os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
bag.dags[sys.argv[1]].test(run_conf={"as_of": sys.argv[2]})
"""


@pytest.mark.slow
@pytest.mark.skipif(
    find_spec("airflow.providers.openlineage") is None,
    reason="Airflow's OpenLineage provider is not installed",
)
def test_airflows_openlineage_provider_reports_each_task_of_a_run(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    city = build_city(tmp_path)
    outcomes = tmp_path / "sources" / "outcomes.csv"
    outcomes.write_text(outcomes.read_text().replace("truth", "verity", 1))  # the pull fails
    subprocess.run(
        [sys.executable, "-c", RUN, MONITOR, str(DATES[-1])],
        check=True,
        capture_output=True,
        env=os.environ
        | city
        | {
            "AIRFLOW_HOME": str(tmp_path / "airflow"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db",
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
                {"type": "file", "log_file_path": str(events), "append": True}
            ),
        },
    )
    told = [json.loads(line) for line in events.read_text().splitlines()]
    ended = {
        event["job"]["name"].removeprefix(f"{MONITOR}."): event
        for event in told
        if event["eventType"] in ("COMPLETE", "FAIL") and event["job"]["name"] != MONITOR
    }
    assert ended["pull"]["eventType"] == "FAIL"
    assert ended["gate"]["eventType"] == "COMPLETE"
    of = f"{tmp_path}/lake/systems/{ID}".lstrip("/")
    for event in (ended["pull"], ended["gate"]):
        assert {"namespace": "file://", "name": f"{of}/landing"}.items() <= (
            next(
                one for one in [*event["inputs"], *event["outputs"]] if one["name"].endswith("/landing")
            ).items()
        )
    assert {one["name"] for one in ended["pull"]["inputs"]} == {"source/outputs.csv", "source/outcomes.csv"}
    assert {one["namespace"] for one in ended["pull"]["inputs"]} == {"airflow-connection"}
