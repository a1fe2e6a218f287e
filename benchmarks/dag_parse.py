"""CPU seconds that Airflow's DAG processor needs for the DAGs of a whole city.

Usage: python benchmarks/dag_parse.py [--systems 200] [--at-most 1.5]

It registers that many systems in a temporary folder, has a DagBag import `dags/` in this process, and prints
what that took beyond Airflow's own import. It exits with 1 when that is more than allowed, which is told in
times of Airflow's own import: seconds differ from machine to machine.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "include" / "systems" / "compas-broward.yaml"
TRIES = 3
"""What else runs on the machine may slow one down."""
NOT_OF_SYSTEMS = {
    "attest",
    "incident_report",
    "incident_update",
    "public_register",
    "sunset_open",
    "sunset_review",
    "sunset_step",
    "sunset_watch",
    "weekly_report",
}


def register(folder: Path, systems: int) -> None:
    """Writes that many register files, each a full entry of its own."""
    entry = yaml.safe_load(EXAMPLE.read_text())
    for number in range(systems):
        name = f"system-{number:04d}"
        text = yaml.safe_dump(entry | {"id": name, "name": f"System {number}", "schedule": "daily"})
        (folder / f"{name}.yaml").write_text(text)


def parse(systems: int, home: Path) -> dict[str, float]:
    """Returns the CPU seconds of each step; the environment must be this function's own to change."""
    folder = home / "systems"
    folder.mkdir()
    register(folder, systems)
    os.environ |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "SUNDIAL_REGISTER": str(folder),
    }
    started = time.process_time()
    from airflow.dag_processing.dagbag import DagBag

    imported = time.process_time()
    bag = DagBag(dag_folder=str(ROOT / "dags"))
    parsed = time.process_time()
    from sundial.register.load import load_register

    load_register(folder)
    loaded = time.process_time()
    assert not bag.import_errors, bag.import_errors
    assert len(bag.dags) == systems + len(NOT_OF_SYSTEMS), sorted(bag.dag_ids)
    return {
        "Airflow's own import": imported - started,
        "dags/ parsed": parsed - imported,
        "  of which the register": loaded - parsed,
    }


def main() -> int:
    """Prints the table and returns the exit code."""
    options = argparse.ArgumentParser(description="CPU seconds to parse the DAGs of a whole city")
    options.add_argument("--systems", type=int, default=200)
    options.add_argument(
        "--at-most", type=float, default=1.5, help="for dags/, in times of Airflow's own import"
    )
    given = options.parse_args()
    for _ in range(TRIES):
        with (
            tempfile.TemporaryDirectory() as home,
            ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone,
        ):
            seconds = alone.submit(parse, given.systems, Path(home)).result()
        allowed = given.at_most * seconds["Airflow's own import"]
        if seconds["dags/ parsed"] <= allowed:
            break
    print(f"{'step':28}{f'CPU s, {given.systems} systems':>24}{'ms a system':>14}")
    for step, took in seconds.items():
        print(f"{step:28}{took:>24.2f}{1000 * took / given.systems:>14.1f}")
    print(f"allowed for dags/: {allowed:.2f} CPU s")
    return int(seconds["dags/ parsed"] > allowed)


if __name__ == "__main__":
    sys.exit(main())
