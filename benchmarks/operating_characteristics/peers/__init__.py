"""The same streams through Sundial and through the defaults of Evidently and NannyML, side by side."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.operating_characteristics import faults
from benchmarks.operating_characteristics.replay import measure, plan
from benchmarks.operating_characteristics.world import (
    BASELINE_WEEKS,
    CATEGORIES,
    CHECKS,
    YEAR,
    Drawn,
    monday,
    system_of,
)
from benchmarks.performance.environments import python_of
from sundial.profile.statistics import UNKNOWN
from sundial.store.records import Finding, Status

HERE = Path(__file__).parent
ENVIRONMENTS = Path(os.environ.get("SUNDIAL_BENCH", Path.home() / ".cache" / "sundial" / "bench"))
PEERS = ("evidently", "nannyml")
NS = (50, 500)
FAULTS = {
    "share_60": "channel",
    "rare_5": "hardship",
    "half_missing": "district",
    "accuracy_70": "accuracy",
}
"""Faults that all three watch for by default, with the column in which an alarm tells."""
GOOD_WEEKS = 4
FAULTY_WEEKS = 13
WATCHED = ("score", "predicted", "area", *CATEGORIES, "accuracy")
"""What counts as a stream here: a column's drift (with its missing values), and the accuracy."""

Alarms = Mapping[str, Iterable[tuple[str, int]]]
"""(column, week) in alarm, by stream."""


def compare(years: int) -> list[dict[str, Any]]:
    """Returns a row for each tool and n: alarms with nothing wrong, and weeks from each fault to its alarm.

    Args:
        years: system-years with nothing wrong, and runs of each fault, for each n.
    """
    pythons = {peer: python_of(HERE / f"{peer}.txt", ENVIRONMENTS) for peer in PEERS}
    drawn = dict(_streams(years))
    tools: dict[str, Alarms] = {"sundial": {name: _ours(stream) for name, stream in drawn.items()}}
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.parquet"
        pd.concat([_rows(name, stream) for name, stream in drawn.items()]).to_parquet(rows, index=False)
        for peer, python in pythons.items():
            tools[peer] = _alarms_of(peer, python, rows)
    return [_row(tool, n, years, alarms) for tool, alarms in tools.items() for n in NS]


def _streams(years: int) -> Iterable[tuple[str, Drawn]]:
    for n in NS:
        for seed in range(years):
            null = [faults.GOOD] * (BASELINE_WEEKS + YEAR)
            broken = {
                name: [faults.GOOD] * (BASELINE_WEEKS + GOOD_WEEKS)
                + [faults.FAULTS[name].truth(week) for week in range(FAULTY_WEEKS)]
                for name in FAULTS
            }
            for place, (name, truths) in enumerate({"null": null, **broken}.items()):
                rng = np.random.default_rng([seed, n, place, 1])
                yield f"{name}/{n}/{seed}", Drawn(truths, n, plan(CHECKS).statistics, rng)


def _rows(name: str, drawn: Drawn) -> pd.DataFrame:
    rows = drawn.rows().drop(columns="version")
    for column in CATEGORIES:
        rows[column] = rows[column].astype("object").replace(UNKNOWN, None)
    return rows.assign(stream=name, baseline=rows["week"] < BASELINE_WEEKS)


def _ours(drawn: Drawn) -> list[tuple[str, int]]:
    weeks = [monday(week) for week in range(len(drawn.truths))]
    found = measure(system_of(0), drawn.profile(), weeks)
    return [
        (_column(finding), number)
        for number, (_, findings) in enumerate(found)
        for finding in findings
        if finding.status is Status.BREACH and number >= BASELINE_WEEKS
    ]


def _column(finding: Finding) -> str:
    if finding.check == "effectiveness.rates":
        return finding.metric
    if finding.check == "drift.score":
        return "score"
    return dict(finding.slice).get("column", f"{finding.check}:{finding.metric}")


def _alarms_of(peer: str, python: Path, rows: Path) -> Alarms:
    out = rows.with_name(f"{peer}.json")
    single = {"OMP_NUM_THREADS": "1", "NML_DISABLE_USAGE_LOGGING": "1", "DO_NOT_TRACK": "1"}
    subprocess.run([python, HERE / f"{peer}_alarms.py", rows, out], check=True, env={**os.environ, **single})
    alarms: Alarms = json.loads(out.read_text())
    return alarms


def _row(tool: str, n: int, years: int, alarms: Alarms) -> dict[str, Any]:
    by = {name: {(column, week) for column, week in found} for name, found in alarms.items()}
    null = [by[f"null/{n}/{seed}"] for seed in range(years)]
    watched = [[(column, week) for column, week in found if column in WATCHED] for found in null]
    starts = sum((column, week - 1) not in set(found) for found in watched for column, week in found)
    touched = sum(len({column for column, _ in found}) for found in watched)
    streams = years * len(WATCHED)
    return {
        "tool": tool,
        "n": n,
        "stream_years": streams,
        "alarms_per_stream_year": starts / streams,
        "weeks_in_alarm": sum(map(len, watched)) / streams / YEAR,
        "stream_years_with_alarm": touched / streams,
        "runs": years,
        "delays": {
            name: _median(_delay(by[f"{name}/{n}/{seed}"], column) for seed in range(years))
            for name, column in FAULTS.items()
        },
    }


def _delay(found: set[tuple[str, int]], column: str) -> float:
    start = BASELINE_WEEKS + GOOD_WEEKS
    return min((week - start + 1 for name, week in found if name == column and week >= start), default=np.inf)


def _median(delays: Iterable[float]) -> int | None:
    middle = statistics.median_low(list(delays))
    return None if middle == np.inf else int(middle)
