"""CPU seconds and peak memory of the gate on one landed batch.

Usage: python benchmarks/gate.py [--rows 100000 1000000 4000000] [--days 28]

It lands a batch of outputs with 20 columns as a pull does (zstd Parquet, sorted by key), one row in a
thousand faulty, and has `Gate.judge` run a contract of 12 expectations over it, the implied ones included:
each size in a process of its own. CPU seconds of the imports are stated apart from those of the work. It
exits with 1 when a million rows or more cost more than allowed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from sundial.register.models import System

FIRST = date(2026, 1, 5)
CPU_SECONDS, MEGABYTES = 12.0, 800.0
"""Allowed for a million rows: work with imports, and peak memory whatever the rows."""
NUMBERS = [f"n{number}" for number in range(10)]
CATEGORIES = {"race": 5, "sex": 2, "age_band": 4, "district": 10, "channel": 12, "request": 50}


@dataclass(frozen=True)
class Cost:
    """What one process took.

    Attributes:
        imports: CPU seconds before the gate began.
        work: CPU seconds of the gate.
        peak: most memory held at once, in MB of 1,000,000 bytes.
        before: the same when the gate began.
    """

    rows: int
    accepted: int
    refused: int
    imports: float
    work: float
    before: float
    peak: float

    @property
    def within(self) -> bool:
        """Whether it keeps to what is allowed: more rows may take more time, not more memory."""
        millions = max(self.rows / 1e6, 1)
        return self.imports + self.work <= CPU_SECONDS * millions and self.peak <= MEGABYTES


def system() -> System:
    """Returns the registered system: 5 of its 12 expectations are implied, 7 declared."""
    from sundial.register.models import System

    def rule(kind: str, column: str, **args: Any) -> dict[str, Any]:
        return {"type": f"expect_column_values_to_{kind}", "with": {"column": column, **args}}

    contract = [
        rule("not_be_null", "race"),
        rule("be_in_set", "sex", value_set=_levels("sex")),
        rule("be_in_set", "district", value_set=_levels("district")),
        rule("be_between", "n0", min_value=-10, max_value=10),
        rule("be_between", "n9", min_value=-10, max_value=10),
        rule("match_regex", "version", regex=r"^v\d+$"),
        rule("not_be_null", "n1") | {"severity": "warning"},
    ]
    outputs = {
        "source": {"kind": "files", "url": "outputs.parquet", "format": "parquet"},
        "key": "id",
        "date": "made_on",
        "score": {"column": "score", "low": 0, "high": 1, "positive_at": 0.5},
        "model_version": "version",
        "categories": list(CATEGORIES),
        "numbers": [{"column": column, "low": -4, "high": 4} for column in NUMBERS],
        "contract": contract,
    }
    entry = {
        "id": "benchmark",
        "name": "Benchmark",
        "description": "A system with many outputs.",
        "department": "Transportation",
        "owner": {"name": "Ann Example", "email": "ann@example.gov"},
        "intended_outcome": {
            "statement": "Broken street lights are found.",
            "metric": "accuracy",
            "target": 0.6,
            "approved_by": "CIO",
            "approved_on": "2026-01-01",
            "reviewed": "2026-01-01",
        },
        "risk": {"tier": "service", "decides": "Which lamp is visited first."},
        "prohibited_uses": {
            "biometric_identification": False,
            "emotion_analysis": False,
            "automated_decisions": False,
            "employment_decisions": False,
            "social_scoring": False,
            "behavioral_manipulation": False,
            "answered_by": "Ann Example",
            "answered_on": "2024-01-01",
        },
        "feeds": {"outputs": outputs},
    }
    return System.model_validate(entry)


def _levels(column: str) -> list[str]:
    return [f"{column}-{level}" for level in range(CATEGORIES[column])]


def batch_of(rows: int, days: int) -> pa.Table:
    """Returns key, day, score, version, 6 categories, 5 float64 and 5 float32 columns, sorted by key."""
    import numpy as np
    import pyarrow as pa

    random = np.random.default_rng(7)
    columns: dict[str, Any] = {"score": random.random(rows), "version": _words(random, ["v1", "v2"], rows)}
    for name in CATEGORIES:
        columns[name] = _words(random, _levels(name), rows)
    for place, name in enumerate(NUMBERS):
        values = random.normal(size=rows)
        columns[name] = values if place < 5 else values.astype(np.float32)
    faulty = random.choice(rows, rows // 1000, replace=False)
    columns["score"][faulty[::2]] = 1.5
    columns["n9"][faulty[1::2]] = 99
    columns["n1"] = pa.array(columns["n1"], mask=random.random(rows) < 0.01)
    keys = sorted(hashlib.sha256(b"%d" % number).hexdigest()[:32] for number in range(rows))
    keys[1] = keys[0]
    dates = np.datetime64(FIRST) + random.integers(0, days, rows)
    return pa.table({"key": keys, "day": pa.array(dates, pa.date32()), **columns})


def _words(random: Any, levels: list[str], rows: int) -> pa.Array:
    import pyarrow as pa

    return pa.array(levels).take(pa.array(random.integers(0, len(levels), rows)))


def land(folder: Path, rows: int, days: int) -> None:
    """Writes the batch as a pull does; the folder becomes a lake."""
    from sundial.lake import Lake, parquet_bytes
    from sundial.sources.landing import Batch, Landing

    content = parquet_bytes(batch_of(rows, days))
    sha256, last = hashlib.sha256(content).hexdigest(), FIRST + timedelta(days=days - 1)
    batch = Batch(
        id=f"{last}-0001-{sha256[:12]}",
        system="benchmark",
        feed="outputs",
        as_of=last.isoformat(),
        rows=rows,
        sha256=sha256,
        first=FIRST.isoformat(),
        last=last.isoformat(),
        open=False,
        columns={},
        model_versions={},
    )
    Landing(Lake(str(folder)), "benchmark", "outputs").add(batch, content)


def judge(folder: Path, days: int) -> Cost:
    """Runs the gate in this process, which should have done nothing else yet."""
    import sundial.gate.expectations  # noqa: F401  # the fork server of the tasks has it loaded
    from sundial.gate.gate import Gate
    from sundial.lake import Lake

    gate = Gate(system(), Lake(str(folder)))
    before, started = _peak(), time.process_time()
    (judged,) = gate.judge("outputs", FIRST + timedelta(days=days), None)
    work = time.process_time() - started
    return Cost(judged.rows, judged.accepted, judged.refused, started, work, before, _peak())


def _peak() -> float:
    # Not ru_maxrss: a child begins with that of its parent.
    status = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


def measure(rows: int, days: int) -> Cost:
    """Lands a batch and judges it, each in a new process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--folder", folder, "--days", str(days)]
        subprocess.run([*command, "--rows", str(rows), "--land"], check=True)
        told = subprocess.run([*command, "--judge"], check=True, stdout=subprocess.PIPE)
        return Cost(**json.loads(told.stdout.splitlines()[-1]))


def main() -> int:
    """Prints the table and returns the exit code."""
    options = argparse.ArgumentParser(description="What the gate costs")
    options.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000, 4_000_000])
    options.add_argument("--days", type=int, default=28, help="days over which the rows are spread")
    options.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options.add_argument("--land", action="store_true", help=argparse.SUPPRESS)
    options.add_argument("--judge", action="store_true", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.land:
        land(given.folder, given.rows[0], given.days)
        return 0
    if given.judge:
        print(json.dumps(asdict(judge(given.folder, given.days))))
        return 0
    print(f"{'rows':>10}{'refused':>10}{'imports s':>11}{'work s':>9}{'whole s':>9}{'MB':>8}{'+MB':>7}")
    costs = []
    for rows in given.rows:
        costs.append(cost := measure(rows, given.days))
        seconds = f"{cost.imports:>11.1f}{cost.work:>9.1f}{cost.imports + cost.work:>9.1f}"
        memory = f"{cost.peak:>8.0f}{cost.peak - cost.before:>7.0f}"
        print(f"{cost.rows:>10,}{cost.refused:>10,}{seconds}{memory}", flush=True)
    print(f"allowed for each million rows: {CPU_SECONDS:.0f} CPU s; for any: {MEGABYTES:.0f} MB")
    return int(not all(cost.within for cost in costs))


if __name__ == "__main__":
    sys.exit(main())
