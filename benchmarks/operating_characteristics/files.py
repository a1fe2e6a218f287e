"""The same systems from source files, by `Run`: its findings must be those of the profile entry."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.operating_characteristics.null import WEEKS, truths
from benchmarks.operating_characteristics.replay import measure, plan, policy, portfolio, record, store
from benchmarks.operating_characteristics.world import CATEGORIES, CHECKS, WEEK, Drawn, monday
from sundial.engine.run import Run
from sundial.lake import Lake
from sundial.profile.statistics import UNKNOWN
from sundial.register.models import System
from sundial.register.principles import Principle
from sundial.sources.connection import Connection
from sundial.sources.pull import PSEUDONYM_CONNECTION, Clock
from sundial.store.canonical import canonical
from sundial.store.database import Database
from sundial.store.results import Results
from sundial.sunset.judge import judge

AS_OF = monday(WEEKS) - timedelta(days=1)


def write_sources(drawn: Drawn, folder: Path, number: int) -> None:
    """Writes the rows of a system as the Parquet files that its register entry names."""
    rows = drawn.rows()
    delays = np.array([truth.delay_days for truth in drawn.truths])
    made = np.array([monday(week) + timedelta(days=2) for week in range(len(drawn.truths))], "datetime64[s]")
    week = rows["week"].to_numpy()
    ids = [f"{number:02d}-{place:08d}" for place in range(len(rows))]
    words = {name: rows[name].astype("object").replace(UNKNOWN, None) for name in (*CATEGORIES, "area")}
    outputs = pd.DataFrame(
        {
            "id": ids,
            "made_on": made[week],
            "decision": rows["predicted"],
            "score": rows["score"],
            "version": rows["version"],
            **words,
        }
    )
    known = made[week] + delays[week].astype("timedelta64[D]")
    outcomes = pd.DataFrame({"id": ids, "truth": rows["outcome"], "known_on": known})
    for name, frame in (("outputs", outputs), ("outcomes", outcomes)):
        for column in ("made_on", "known_on"):
            if column in frame:
                frame[column] = frame[column].dt.date
        frame.to_parquet(folder / f"{number:02d}-{name}.parquet", index=False)


def run(system: System, folder: Path, database: Database) -> None:
    """Runs the system once, from its source files in the folder to the sunset rules."""
    connections = {
        "source": Connection("fs", extra={"path": str(folder)}),
        PSEUDONYM_CONNECTION: Connection("generic", password="of-this-simulation-only"),  # noqa: S106
    }
    clock = Clock(AS_OF, AS_OF)
    lake = Lake(str(folder / "lake"))
    steps = Run(system, policy(), clock, lake, database, connections.__getitem__, "simulation")
    steps.pull()
    steps.gate()
    steps.profile()
    for principle in Principle:
        steps.check(principle)
    steps.record()
    judge(system, policy(), portfolio(), database, AS_OF)


def compare(given: tuple[int, int, int]) -> dict[str, Any]:
    """Runs one system both ways and counts the findings that are not the same, bit for bit.

    All of a finding's payload is compared but the fingerprint of the stored partitions, which the profile
    entry has none of.

    Args:
        given: number of the system, outputs a week, seed.
    """
    number, n, seed = given
    system = [*portfolio().values()][number]
    rng = np.random.default_rng([seed, n, number])
    drawn = Drawn(truths(number), n, plan(CHECKS).statistics, rng)
    with tempfile.TemporaryDirectory() as files, tempfile.TemporaryDirectory() as profiles:
        from_files, from_profile = store(Path(files)), store(Path(profiles))
        write_sources(drawn, Path(files), number)
        run(system, Path(files), from_files)
        found = measure(system, drawn.profile(), [monday(week) for week in range(WEEKS)])
        record(system, dict(found), from_profile)
        one, other = (_payloads(database, system.id) for database in (from_files, from_profile))
    keys = one.keys() | other.keys()
    return {
        "system": system.id,
        "n": n,
        "weeks": WEEKS,
        "findings": len(keys),
        "differ": sorted(key for key in keys if one.get(key) != other.get(key)),
    }


def summary(found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns one row for all systems."""
    systems = list(found)
    return [
        {
            "systems": len(systems),
            "n": systems[0]["n"],
            "weeks": systems[0]["weeks"],
            "findings": sum(one["findings"] for one in systems),
            "differ": [key for one in systems for key in one["differ"]],
        }
    ]


def _payloads(database: Database, system: str) -> dict[str, str]:
    payloads = {}
    for finding in Results(database).findings_between(monday(0), AS_OF + WEEK, system):
        payload = json.loads(canonical(finding.payload()))
        payload["provenance"].pop("partitions")
        payloads[finding.key] = canonical(payload)
    return payloads
