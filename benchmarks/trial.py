"""Seconds of `sundial try` and `sundial backtest` on a generated file of so many outputs a week.

Usage: python -m benchmarks.trial --weeks 6 --rows 100000 [--monitored] [--backtest] [-- --no-gate]

What follows `--` is passed on to the command. With `--monitored` all weeks but the last are measured and
recorded before, so that a trial goes on from there; `--profile` prints where the time goes. The register
entry has two groups with their intersection, ten districts as slices, one number, two expectations and a
report window of four weeks; nine in ten outputs have their outcome a week later. The baseline is the first
four weeks.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from sundial.cli.connections import resolve
from sundial.engine.run import Run
from sundial.engine.settings import settings
from sundial.engine.today import today
from sundial.register.load import load_policy, load_system
from sundial.register.principles import Principle
from sundial.sources.pull import Clock

FIRST = date(2024, 1, 1)
ID = "light-triage"
WEEK = timedelta(days=7)
BASELINE_WEEKS = 4
INCLUDE = Path(__file__).parents[1] / "include"


def write(folder: Path, weeks: int, a_week: int) -> dict[str, str]:
    """Writes data, register entry and all else into a folder; returns the environment that leads to them."""
    random, n = np.random.default_rng(7), weeks * a_week
    days = np.repeat(np.arange(weeks * 7), -(-a_week // 7))[:n]
    score = random.random(n)
    keys = pa.array([f"report-{number:09d}" for number in range(n)])
    made = pa.array(np.datetime64(FIRST) + days, pa.date32())
    choices = {"sex": 2, "age": 3, "district": 10}
    levels = {name: random.integers(0, size, n).astype(str) for name, size in choices.items()}
    outputs = pa.table(
        {"id": keys, "made_on": made, "score": score, "amount": random.gamma(2, 50, n), **levels}
    )
    known = random.random(n) < 0.9
    outcomes = pa.table(
        {
            "id": keys.filter(pa.array(known)),
            "known_on": pa.array(np.datetime64(FIRST) + days[known] + 7, pa.date32()),
            "broken": (random.random(n) < score)[known].astype(int),
        }
    )
    pq.write_table(outputs, folder / "outputs.parquet")
    pq.write_table(outcomes, folder / "outcomes.parquet")
    (folder / "systems").mkdir()
    (folder / "systems" / f"{ID}.yaml").write_text(yaml.safe_dump(_entry(folder), sort_keys=False))
    secret = json.dumps({"conn_type": "generic", "password": "of this benchmark only"})
    return {
        "SUNDIAL_STORE": f"sqlite:///{folder}/store.db",
        "SUNDIAL_LAKE": f"file://{folder}/lake",
        "SUNDIAL_REGISTER": str(folder / "systems"),
        "SUNDIAL_POLICY": str(INCLUDE / "policy.yaml"),
        "AIRFLOW_CONN_SUNDIAL_PSEUDONYM": secret,
    }


def _entry(folder: Path) -> dict[str, Any]:
    approved = {"approved_by": "CIO", "approved_on": "2024-01-01"}
    no = ("biometric_identification", "emotion_analysis", "automated_decisions", "employment_decisions")
    uses = dict.fromkeys([*no, "social_scoring", "behavioral_manipulation"], False)
    contract = [
        {"type": "expect_column_values_to_not_be_null", "with": {"column": "score"}},
        {
            "type": "expect_column_values_to_be_between",
            "with": {"column": "amount", "min_value": 0, "max_value": 5_000},
        },
    ]

    def source(name: str) -> dict[str, str]:
        return {"kind": "files", "url": str(folder / f"{name}.parquet"), "format": "parquet"}

    return {
        "id": ID,
        "name": "Generated system",
        "description": "Generated data of a benchmark.",
        "department": "Benchmark",
        "owner": {"name": "Sundial benchmark", "email": "benchmark@example.gov"},
        "intended_outcome": {
            "statement": "Most outputs are right.",
            "metric": "accuracy",
            "target": 0.6,
            "reviewed": "2024-01-01",
            **approved,
        },
        "risk": {"tier": "service", "decides": "Nothing; the rows are generated."},
        "prohibited_uses": uses | {"answered_by": "CIO", "answered_on": "2024-01-01"},
        "window_weeks": 4,
        "feeds": {
            "outputs": {
                "source": source("outputs"),
                "key": "id",
                "date": "made_on",
                "score": {"column": "score", "low": 0, "high": 1, "positive_at": 0.5, "probability": True},
                "numbers": [{"column": "amount", "low": 0, "high": 500}],
                "contract": contract,
            },
            "outcomes": {
                "source": source("outcomes"),
                "key": "id",
                "outcome": "broken",
                "known_on": "known_on",
                "maturity_days": 7,
            },
        },
        "groups": {"columns": ["sex", "age"], "intersections": [["sex", "age"]]},
        "slices": [["district"]],
        "harm": {"metric": "false_positive_rate", "reason": "A visit for nothing."},
        "baseline": {
            "start": FIRST.isoformat(),
            "end": (FIRST + BASELINE_WEEKS * WEEK - timedelta(days=1)).isoformat(),
            **approved,
        },
    }


def _monitor(until: date) -> None:
    """Measures and records all weeks up to a Sunday, as the DAG of the system does."""
    here = settings()
    store = here.open_store()
    store.migrate()
    system, policy = load_system(here.register / f"{ID}.yaml"), load_policy(here.policy)
    clock = Clock(until, today(policy.timezone))
    run = Run(system, policy, clock, here.open_lake(), store, resolve, "benchmark")
    run.pull()
    run.gate()
    run.profile()
    for principle in Principle:
        run.check(principle)
    run.record()


def main() -> None:
    """Writes the data, runs the command and prints its seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--weeks", type=int, default=6)
    parser.add_argument("--rows", type=int, default=100_000, help="outputs a week")
    parser.add_argument("--monitored", action="store_true")
    parser.add_argument("--backtest", action="store_true")
    parser.add_argument("--profile", action="store_true", help="print where the time goes, by cProfile")
    parser.add_argument("rest", nargs="*")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | write(Path(folder), asked.weeks, asked.rows)
        last = FIRST + (asked.weeks - 1) * WEEK
        if asked.monitored:
            os.environ.update(environment)
            _monitor(last - timedelta(days=1))
        command = ["backtest", ID, "--until"] if asked.backtest else ["try", ID, "--week"]
        sundial = ["-m", "sundial.cli.main", *command, last.isoformat(), *asked.rest, "--json"]
        python = [sys.executable, *(["-m", "cProfile", "-s", "tottime"] if asked.profile else [])]
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        ended = subprocess.run(
            [*python, *sundial], env=environment, stdout=subprocess.PIPE, text=True, check=False
        )
        after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - begun
        if asked.profile:
            print("\n".join(ended.stdout.splitlines()[-400:]))
        elif ended.stdout.startswith("{"):
            print(json.loads(ended.stdout).get("seconds"))
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    print(
        f"{asked.weeks} weeks of {asked.rows:,}: {cpu:.1f} CPU s, {wall:.1f} s, exit code {ended.returncode}"
    )


if __name__ == "__main__":
    main()
