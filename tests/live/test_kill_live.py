"""Tasks of a real LocalExecutor are killed while they run; Airflow's retries bring the same store."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from small_system import DATES, ID, PSEUDONYM_KEY, entry, policy_entry, run_of, write_sources

from sundial.airflow.names import monitor_id
from sundial.cli.local_airflow import LocalAirflow
from sundial.register.load import load_policy, load_system
from sundial.register.principles import Principle
from sundial.sources.pull import Clock
from sundial.store.cases import Cases
from sundial.store.database import Database
from sundial.store.results import Results
from sundial.sunset.judge import judge

pytestmark = [pytest.mark.slow, pytest.mark.live, pytest.mark.timeout(3000)]

KILLS = {DATES[0]: 2, DATES[1]: 5}
"""How many there have been when the date's run is over."""
TITLE = "airflow worker -- "
A_TASK = 2
"""Kills of one task at most: it has two retries, and a task that is red for good is another test's."""


def register(folder: Path, *, stricter: bool) -> None:
    (folder / "register").mkdir(exist_ok=True)
    text = yaml.safe_dump(entry(stricter=stricter), sort_keys=False)
    (folder / "register" / f"{ID}.yaml").write_text(text)


@pytest.fixture
def airflow(tmp_path: Path) -> Iterator[LocalAirflow]:
    register(tmp_path, stricter=False)
    policy = {**policy_entry(), "report_schedule": "manual"}
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy, sort_keys=False))
    source = {"conn_type": "fs", "extra": {"path": str(tmp_path / "sources")}}
    environment = {
        "SUNDIAL_STORE": f"sqlite:///{tmp_path}/store.db",
        "SUNDIAL_LAKE": f"file://{tmp_path}/lake",
        "SUNDIAL_POLICY": str(tmp_path / "policy.yaml"),
        "SUNDIAL_REGISTER": str(tmp_path / "register"),
        "AIRFLOW_CONN_SOURCE": json.dumps(source),
        "AIRFLOW_CONN_SUNDIAL_PSEUDONYM": json.dumps({"conn_type": "generic", "password": PSEUDONYM_KEY}),
        # A task whose supervisor went with it is missed after this, not after five minutes.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    }
    local = LocalAirflow(tmp_path / "airflow", environment)
    try:
        local.start()
        yield local
    finally:
        local.stop()


def task_processes() -> dict[str, psutil.Process]:
    """Returns the processes below this one that run a task now, by the id of their task instance."""
    found = {}
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            title = " ".join(process.cmdline()).strip()
            if title.startswith(TITLE):
                found[title.removeprefix(TITLE)] = process
    return found


def task_names(airflow: LocalAirflow, as_of: date) -> dict[str, str]:
    """Returns the name of each task of the run by the id of its latest try."""
    path = f"/dags/{monitor_id(ID)}/dagRuns/~/taskInstances"  # of all runs: this one may not be there yet
    answer: dict[str, Any] = airflow.call("GET", path, params={"limit": 100})
    found = (one for one in answer["task_instances"] if one["dag_run_id"] == f"as-of-{as_of}")
    return {one["id"]: one["task_id"] for one in found}


def kill_some(airflow: LocalAirflow, as_of: date, count: int, run: Future[str]) -> list[str]:
    """Kills tasks of the run at random moments and returns their names."""
    dice = random.Random(as_of.toordinal())
    killed: list[str] = []
    while len(killed) < count and not run.done():
        running = task_processes()
        names = task_names(airflow, as_of) if running else {}
        allowed = [task for task in running if task in names and Counter(killed)[names[task]] < A_TASK]
        if not allowed:
            time.sleep(0.05)
            continue
        chosen = dice.choice(sorted(allowed))
        time.sleep(dice.uniform(0, 0.7))
        with suppress(psutil.NoSuchProcess):  # the task ended first: not a kill
            running[chosen].kill()
            killed.append(names[chosen])
    return killed


def undisturbed(folder: Path, like: Path) -> Results:
    """Runs the same without Airflow or kills, with the same register, policy and day of recording."""
    folder.mkdir()
    for as_of in DATES:
        register(like, stricter=as_of != DATES[0])
        run = replace(
            run_of(folder, as_of),
            system=load_system(like / "register" / f"{ID}.yaml"),
            policy=load_policy(like / "policy.yaml"),
            clock=Clock(as_of, date.today()),  # noqa: DTZ011 - as tasks take it, but for the hour of midnight
        )
        run.database.migrate()
        run.pull()
        run.gate()
        run.profile()
        for principle in Principle:
            run.check(principle)
        run.record()
        judge(run.system, run.policy, {ID: run.system}, run.database, as_of)
    return Results(run.database)


def test_five_kills_leave_the_store_of_an_undisturbed_run(airflow: LocalAirflow, tmp_path: Path) -> None:
    airflow.wait_for_dags([monitor_id(ID)])
    killed: list[str] = []
    for as_of in DATES:
        register(tmp_path, stricter=as_of != DATES[0])
        write_sources(tmp_path / "sources", as_of)
        with ThreadPoolExecutor(1) as pool:
            run = pool.submit(airflow.run, monitor_id(ID), as_of.isoformat(), 1200)
            killed += kill_some(airflow, as_of, KILLS[as_of] - len(killed), run)
            assert run.result() == "success", killed
    assert len(killed) == KILLS[DATES[-1]], killed

    database = Database(f"sqlite:///{tmp_path}/store.db")
    expected = undisturbed(tmp_path / "undisturbed", tmp_path)
    assert Results(database).content_hash() == expected.content_hash()
    assert Results(database).latest_pulls(ID) == expected.latest_pulls(ID)
    (episode,) = Cases(database).open_episodes(ID)
    assert len(Cases(database).open_questions(episode.id)) == 1
