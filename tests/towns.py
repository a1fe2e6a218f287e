"""A small registered system with its own lake, store and source files, for tests that run the pipeline."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from prohibited import PROHIBITED_USES

from sundial.engine.run import Run
from sundial.gate.errors import ContractError
from sundial.lake import Lake
from sundial.register.events import FeedName
from sundial.register.load import load_policy, load_system
from sundial.register.models import Policy, System
from sundial.register.principles import Principle
from sundial.sources.connection import Connection
from sundial.sources.errors import SourceError
from sundial.sources.landing import Batch
from sundial.sources.pull import PSEUDONYM_CONNECTION, Clock, pull
from sundial.store.database import Database
from sundial.store.records import Finding
from sundial.store.results import Results

INCLUDE = Path(__file__).parents[1] / "include"
POLICY: Policy = load_policy(INCLUDE / "policy.yaml")
TODAY = date(2026, 11, 1)
FIRST = date(2014, 1, 6)
"""A Monday: the first day of the small system's outputs."""
WEEK = timedelta(days=7)
OF_THE_SOURCE = frozenset({"privacy.fields", "privacy.retention", "transparency.notice_page"})
"""Checks of what a source was like when it was asked: a week that is caught up later has nothing of it."""


def registered(name: str) -> System:
    return load_system(INCLUDE / "systems" / f"{name}.yaml")


def with_grace(term: str, days: int) -> Policy:
    """The City's policy with so many days of grace in a term of it."""
    changed = POLICY.terms[term].model_copy(update={"grace_days": days})
    return POLICY.model_copy(update={"terms": {**POLICY.terms, term: changed}})


def entry(folder: Path, **changes: Any) -> dict[str, Any]:
    """A register entry as YAML would give it; `outputs` and `outcomes` change those feeds' fields."""
    outputs = {
        "source": {"kind": "files", "url": str(folder / "outputs.parquet"), "format": "parquet"},
        "key": "id",
        "date": "lit_on",
        "score": {"column": "score", "low": 0, "high": 1, "positive_at": 0.5},
        "categories": ["kind"],
        **changes.pop("outputs", {}),
    }
    outcomes = {
        "source": {"kind": "files", "url": str(folder / "outcomes.parquet"), "format": "parquet"},
        "key": "id",
        "outcome": "broken",
        "known_on": "known_on",
        "maturity_days": 7,
        **changes.pop("outcomes", {}),
    }
    return {
        "id": "street-lights",
        "name": "Street light triage",
        "description": "A model that ranks reports of broken street lights.",
        "department": "Transportation",
        "owner": {"name": "Ann Example", "email": "ann@example.gov"},
        "intended_outcome": {
            "statement": "Broken street lights are found.",
            "metric": "accuracy",
            "target": 0.6,
            "approved_by": "CIO",
            "approved_on": "2014-01-01",
            "reviewed": "2014-01-01",
        },
        "risk": {"tier": "service", "decides": "Which lamp is visited first."},
        "prohibited_uses": PROHIBITED_USES,
        "window_weeks": 4,
        "feeds": {"outputs": outputs, "outcomes": outcomes},
        "groups": {"columns": ["area"]},
        "baseline": {
            "start": "2014-01-06",
            "end": "2014-02-02",
            "approved_by": "CIO",
            "approved_on": "2014-02-03",
        },
        **changes,
    }


def rows_of(weeks: int, a_week: int = 40, first: date = FIRST) -> pd.DataFrame:
    """Outputs and outcomes in one frame, spread over the days of each week; deterministic and in balance."""
    found = []
    for number, (week, place) in enumerate(itertools.product(range(weeks), range(a_week))):
        day = first + WEEK * week + timedelta(days=place % 7)
        score = (place * 37 % 100) / 100
        right = place % 5 != 0
        found.append(
            {
                "id": f"lamp-{number:06d}",
                "lit_on": day,
                "score": score,
                "kind": "LED" if place % 3 else "sodium",
                "area": "north" if place % 2 else "south",
                "note": "no check needs this",
                "known_on": day + WEEK,
                "broken": int((score >= 0.5) == right),
            }
        )
    return pd.DataFrame(found)


OUTPUTS = ["id", "lit_on", "score", "kind", "area", "note"]
OUTCOMES = ["id", "known_on", "broken"]


def parquet(path: Path, frame: pd.DataFrame) -> None:
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path)


@cache
def _database(url: str) -> Database:
    database = Database(url)
    database.migrate()
    return database


@dataclass(frozen=True)
class Town:
    """One system with all that a run of it needs."""

    system: System
    folder: Path
    policy: Policy = POLICY
    today: date = TODAY
    connections: Mapping[str, Connection] = field(default_factory=dict)
    secret: str = "of-this-test-only"

    @property
    def lake(self) -> Lake:
        return Lake(str(self.folder / "lake"))

    @property
    def results(self) -> Results:
        return Results(self.database)

    @property
    def database(self) -> Database:
        return _database(f"sqlite:///{self.folder / 'store.db'}")

    def changed(self, **changes: Any) -> Town:
        """The same town with another register entry."""
        return replace(self, system=System.model_validate(entry(self.folder, **changes)))

    def give(self, rows: pd.DataFrame, outcomes: pd.DataFrame | None = None) -> None:
        parquet(self.folder / "outputs.parquet", rows[[c for c in OUTPUTS if c in rows]])
        truth = rows if outcomes is None else outcomes
        parquet(self.folder / "outcomes.parquet", truth[OUTCOMES].dropna(subset=["id"]))

    def resolve(self, name: str) -> Connection:
        return {PSEUDONYM_CONNECTION: Connection("generic", password=self.secret), **self.connections}[name]

    def run(self, as_of: date) -> Run:
        clock = Clock(as_of, self.today)
        return Run(self.system, self.policy, clock, self.lake, self.database, self.resolve, "test")

    def pull(self, as_of: date, feed: FeedName = "outputs") -> Batch | None:
        zone = ZoneInfo(self.system.timezone or self.policy.timezone)
        clock = Clock(as_of, self.today)
        return pull(self.system, feed, clock, zone=zone, lake=self.lake, resolve=self.resolve)

    def measure(self, as_of: date) -> tuple[Finding, ...]:
        """Runs every step as the DAG does, whatever fails before; returns the last judged week's findings."""
        run = self.run(as_of)
        with suppress(SourceError):
            run.pull()
        with suppress(ContractError):
            run.gate()
        run.profile()
        for principle in Principle:
            run.check(principle)
        run.record()
        return self.results.latest_findings(self.system.id)


def town_at(folder: Path, **changes: Any) -> Town:
    return Town(System.model_validate(entry(folder, **changes)), folder)


def only(findings: Sequence[Finding], metric: str, **where: str) -> Finding:
    """The one finding of a metric and slice."""
    wanted = tuple(sorted(where.items()))
    (found,) = [f for f in findings if f.metric == metric and (not where or f.slice == wanted)]
    return found
