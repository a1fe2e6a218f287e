"""Systems whose rows have passed the gate: days of the generated log with the manifests that the gate leaves.

A whole run can start from them, without pull and gate.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import yaml

from benchmarks.performance.data import SEED, day_as_accepted
from benchmarks.performance.entry import ENTRY
from sundial.engine.run import Run
from sundial.engine.settings import INCLUDE
from sundial.gate.judged import Judged
from sundial.lake import Lake
from sundial.register.load import load_policy
from sundial.register.models import System
from sundial.sources.connection import Connection
from sundial.sources.pull import Clock
from sundial.store.database import Database

FIRST = date(2026, 1, 2)
"""A Friday: the tenth day is a Sunday."""
BASELINE = (date(2026, 1, 2), date(2026, 1, 4))
POLICY = load_policy(INCLUDE / "policy.yaml")
FEEDS = ("outputs", "outcomes")


def days_until(last: date, first: date = FIRST) -> Sequence[date]:
    """Returns the days from first to last, both included."""
    return [first + timedelta(days=place) for place in range((last - first).days + 1)]


def system_of(name: str, weeks: int = 4) -> System:
    """Returns the benchmark's register entry under another id, with a window of so many weeks."""
    entry = yaml.safe_load(ENTRY.read_text())
    start, end = BASELINE
    baseline = {**entry["baseline"], "start": start, "end": end}
    return System.model_validate({**entry, "id": name, "window_weeks": weeks, "baseline": baseline})


class Place:
    """A folder with the lake and the store of some systems."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lake = Lake(str(folder / "lake"))
        self.database = Database(f"sqlite:///{folder / 'store.db'}")

    def run(self, system: System, as_of: date) -> Run:
        """Returns the run of a system as of a date, as if pull and gate had ended."""
        self.lake.put_json(f"systems/{system.id}/staging/{as_of}/feeds.json", {})
        return Run(system, POLICY, Clock(as_of, as_of), self.lake, self.database, _no_connection, "benchmark")

    def accept(self, system: str, days: Iterable[date], rows: Path) -> None:
        """Has the gate leave these days, one batch a day and feed, with the rows that `write` made."""
        for feed in FEEDS:
            for day in days:
                path = f"systems/{system}/accepted/{feed}/{day}/{day}.parquet"
                (self.folder / "lake" / path).parent.mkdir(parents=True, exist_ok=True)
                os.link(rows / feed / f"{day}.parquet", self.folder / "lake" / path)
                judged = Judged(str(day), 1, 1, 0, 0, (), {str(day): path}, None, "", {}, {})
                self.lake.put_json(f"systems/{system}/gate/{feed}/{day}.json", asdict(judged))

    def copy(self, folder: Path) -> Place:
        """Returns the same in another folder: files as links, since none is ever written in place."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder / "lake", folder / "lake", copy_function=os.link)
        shutil.copy(self.folder / "store.db", folder)
        return Place(folder)


def write(rows: Path, days: Iterable[date], a_day: int) -> None:
    """Writes accepted rows of each day and feed; what is there is kept."""
    for day in days:
        if all((rows / feed / f"{day}.parquet").exists() for feed in FEEDS):
            continue
        rng = np.random.default_rng([SEED, a_day, day.toordinal()])
        for feed, table in day_as_accepted(rng, a_day, day).items():
            Lake(str(rows)).put_table(f"{feed}/{day}.parquet", table)


def _no_connection(name: str) -> Connection:
    raise LookupError(f"{name}: a benchmark pulls nothing")
