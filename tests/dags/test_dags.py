"""What Airflow finds in `dags/`: a DAG for each system, and nothing that the flow does not know."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from sundial.engine.settings import INCLUDE
from sundial.register.principles import Principle

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG

Parse = Callable[[Path], "DagBag"]

ROOT = INCLUDE.parent
SYSTEMS = INCLUDE / "systems"
POOLS = json.loads((ROOT / "deploy" / "pools.json").read_text())
PRINCIPLES = {principle.value for principle in Principle}
FLOW = ["pull", "gate", "profile", "checks", "record", "judge", "ask"]
HEAVY = [
    "pandas",
    "duckdb",
    "ibis",
    "sklearn",
    "scipy",
    "fairlearn",
    "great_expectations",
    "pyarrow",
    "numpy",
]


def entry(**changes: Any) -> dict[str, Any]:
    return {**yaml.safe_load((SYSTEMS / "compas-broward.yaml").read_text()), **changes}


def put(folder: Path, **changes: Any) -> None:
    written = entry(**changes)
    (folder / f"{written['id']}.yaml").write_text(yaml.safe_dump(written))


@pytest.fixture
def city(bag: Parse) -> DagBag:
    return bag(SYSTEMS)


def registered() -> set[str]:
    return {path.stem for path in SYSTEMS.glob("*.yaml")}


def monitors(found: DagBag) -> Iterator[DAG]:
    return (dag for name, dag in found.dags.items() if name.startswith("monitor__"))


def test_the_dags_are_those_of_the_register_and_the_city_s_own(city: DagBag) -> None:
    assert city.import_errors == {}
    assert registered(), "an empty register would prove nothing"
    expected = {f"monitor__{system}" for system in registered()} | {
        "attest",
        "sunset_open",
        "incident_report",
        "incident_update",
        "public_register",
        "sunset_review",
        "sunset_step",
        "sunset_watch",
        "weekly_report",
    }
    assert set(city.dag_ids) == expected


def test_a_monitor_is_the_flow_with_one_task_a_principle(city: DagBag) -> None:
    for dag in monitors(city):
        assert {task.task_id for task in dag.tasks} == {*FLOW} - {"checks"} | PRINCIPLES
        of_group = {task.task_id for task in dag.tasks if task.task_group.group_id == "checks"}
        assert of_group == PRINCIPLES
        stages = [PRINCIPLES if stage == "checks" else {stage} for stage in FLOW]
        for stage, following in zip(stages, [*stages[1:], set()], strict=True):
            for task in stage:
                assert dag.get_task(task).downstream_task_ids == following, task


def test_a_failure_stops_no_later_task_of_a_monitor_and_shows_in_the_run(city: DagBag) -> None:
    for dag in monitors(city):
        rules = {task.task_id: task.trigger_rule.value for task in dag.tasks}
        ends = {"pull": "all_success", "ask": "all_done_setup_success"}
        assert rules == {task: ends.get(task, "all_done") for task in rules}
        assert dag.get_task("ask").is_teardown, "else its success would turn a failed run green"
        assert not dag.get_task("ask").on_failure_fail_dagrun


def test_one_run_of_a_system_at_a_time(city: DagBag) -> None:
    assert {dag.max_active_runs for dag in monitors(city)} == {1}
    assert city.dags["weekly_report"].max_active_runs == 1


def test_reviews_wait_beside_each_other_without_end(city: DagBag) -> None:
    review = city.dags["sunset_review"]
    assert review.max_active_runs >= 1000
    assert review.dagrun_timeout is None
    ask: Any = review.get_task("ask")
    assert (ask.execution_timeout, ask.response_timeout, ask.defaults) == (None, None, None)


def test_every_task_says_whose_it_is_what_it_does_and_how_long_it_may_take(city: DagBag) -> None:
    for dag in city.dags.values():
        assert dag.doc_md, dag.dag_id
        assert dag.tags, dag.dag_id
        for task in dag.tasks:
            named = f"{dag.dag_id}.{task.task_id}"
            assert task.doc_md, named
            assert task.task_display_name != task.task_id, f"{named} has no name that says what it does"
            assert task.owner != "airflow", named
            waits = task.task_id == "ask" and dag.dag_id == "sunset_review"
            assert waits or task.retries >= 2, named
            assert waits or timedelta() < task.execution_timeout <= timedelta(hours=1), named


def test_a_monitor_has_its_owner_its_risk_tier_and_its_notice(city: DagBag) -> None:
    dag = city.dags["monitor__compas-broward"]
    assert {task.owner for task in dag.tasks} == {"Sundial example data"}
    assert {"monitor", "tier:rights"} <= set(dag.tags)
    assert entry()["notice"] in str(dag.doc_md)


def test_every_pool_is_made_by_the_deployment(city: DagBag) -> None:
    used = {task.pool for dag in city.dags.values() for task in dag.tasks}
    assert used <= {*POOLS, "default_pool"}
    assert set(POOLS) <= used, "a pool that nobody uses"


def test_the_partition_key_is_the_day_before(bag: Parse, tmp_path: Path) -> None:
    put(tmp_path, id="daily-system", schedule="daily")
    put(tmp_path, id="weekly-system", schedule="weekly")
    put(tmp_path, id="manual-system", schedule="manual")
    dags = bag(tmp_path).dags
    daily, weekly = (dags[f"monitor__{name}-system"].schedule for name in ("daily", "weekly"))
    for schedule, days in ((daily, "*"), (weekly, "MON")):
        minute, *rest = schedule.expression.split()
        assert 0 <= int(minute) < 60
        assert rest == ["5", "*", "*", days]
        assert (schedule.run_offset, schedule.key_format) == (-1, "%Y-%m-%d")
        assert str(schedule.timezone) == "America/Los_Angeles"
    assert dags["monitor__manual-system"].schedule is None
    report = dags["weekly_report"].schedule
    assert (report.expression, report.run_offset) == ("0 7 * * MON", -1)


def test_the_minutes_of_many_systems_are_spread_and_stay(bag: Parse, tmp_path: Path) -> None:
    for number in range(40):
        put(tmp_path, id=f"system-{number}", schedule="daily")
    minutes = [{d.dag_id: d.schedule.expression for d in monitors(bag(tmp_path))} for _ in range(2)]
    assert minutes[0] == minutes[1]
    assert len(set(minutes[0].values())) > 20


def test_a_wrong_file_stops_only_its_own_system_and_says_what_to_mend(bag: Parse, tmp_path: Path) -> None:
    put(tmp_path, id="good-system")
    put(tmp_path, id="bad-system", window_weeks=7)
    (tmp_path / "worse-system.yaml").write_text("id: [`worse`\n")
    found = bag(tmp_path)
    assert found.import_errors == {}
    assert "monitor__good-system" in found.dags
    assert not {"monitor__bad-system", "monitor__worse-system"} & set(found.dags)
    page = str(found.dags["register_errors"].doc_md)
    line = 1 + next(
        n for n, text in enumerate((tmp_path / "bad-system.yaml").read_text().split("\n")) if "window" in text
    )
    assert f"bad-system.yaml:{line}: window_weeks: " in page
    assert "1, 4, 13, 26 or 52" in page or "52" in page, "the remedy"
    assert "worse-system.yaml" in page


def test_without_wrong_files_there_is_no_dag_of_errors(city: DagBag) -> None:
    assert "register_errors" not in city.dags


def test_the_task_of_register_errors_fails_with_the_same_lines(bag: Parse, tmp_path: Path) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    put(tmp_path, id="bad-system", window_weeks=7)
    task: Any = bag(tmp_path).dags["register_errors"].get_task("mend_these_files")
    with pytest.raises(AirflowFailException, match=r"bad-system\.yaml:\d+: window_weeks: .*; "):
        task.python_callable()


def fresh(code: str, home: Path) -> Any:
    """Runs code in a process of its own, and returns the JSON that it prints last."""
    inherited = {name: value for name, value in os.environ.items() if name != "GX_ANALYTICS_ENABLED"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=inherited | {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "false"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_parsing_imports_nothing_heavy(tmp_path: Path) -> None:
    code = f"""
import json, sys
from airflow.dag_processing.dagbag import DagBag
before = set(sys.modules)
bag = DagBag(dag_folder={str(ROOT / "dags")!r})
assert bag.dags and not bag.import_errors, bag.import_errors
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules and name not in before]))
"""
    assert fresh(code, tmp_path) == []


def test_parsing_a_city_of_200_systems_stays_within_its_budget() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "dag_parse.py"), "--systems", "200", "--at-most", "1.5"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-2000:]}"


WATCHED = """
import atexit, json, socket, sys
reached = []
def watch(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        reached.append(str(arguments[1][0]))
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        reached.append(str(arguments[0]))
sys.addaudithook(watch)
try:
    socket.getaddrinfo("telemetry.invalid", 443)
except OSError:
    pass
assert reached == ["telemetry.invalid"], "the watch sees what it has to see"
reached.clear()
here = ("127.", "::1", "localhost", "None")
# Registered first, so that it runs last: a client of telemetry may send when the process ends.
atexit.register(lambda: print(json.dumps([host for host in reached if not host.startswith(here)])))
"""


def test_a_gate_and_the_checks_open_no_connection_beyond_this_machine(tmp_path: Path) -> None:
    code = """
import pandas as pd
from sundial.engine.discover import discover
from sundial.gate.contract import Rule
from sundial.gate.expectations import validate
assert discover()
rule = Rule("expect_column_values_to_not_be_null", {"column": "score"}, "critical", "it is missing")
verdict = validate(pd.DataFrame({"score": [1.0, None]}), [rule], "system · outputs")
assert verdict.failed[0].tolist() == [False, True]
"""
    assert fresh(WATCHED + code, tmp_path) == []


def test_nothing_that_runs_reports_its_use(tmp_path: Path) -> None:
    from sundial.cli.local_airflow import LocalAirflow

    environment = LocalAirflow(tmp_path, {}).process_environment()
    assert environment["GX_ANALYTICS_ENABLED"] == "false"
    assert environment["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] == "false"


def test_a_local_airflow_takes_no_settings_of_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sundial.cli.local_airflow import LocalAirflow

    monkeypatch.setenv("AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION", "false")
    assert (
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION" not in LocalAirflow(tmp_path, {}).process_environment()
    )
