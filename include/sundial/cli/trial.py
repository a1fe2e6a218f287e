"""Trying a system: the whole flow on its real data, in a lake and a store that are thrown away."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from importlib import import_module
from threading import Thread
from typing import Any

from sundial.engine.clock import WEEK, last_complete_week, monday
from sundial.engine.measure import Measuring, measure_week
from sundial.engine.run import Run
from sundial.engine.today import today as day_in
from sundial.gate.errors import ContractError
from sundial.gate.gate import Gate
from sundial.lake import Lake
from sundial.register.models import Policy, System
from sundial.register.principles import Principle
from sundial.sources.connection import Connection, Resolve
from sundial.sources.errors import SourceError
from sundial.sources.pull import PSEUDONYM_CONNECTION, Clock
from sundial.store.database import Database, StoreNotMigrated
from sundial.store.records import Finding, Status
from sundial.store.results import Results

Step = Callable[[str], None]
"""Takes the name of the step that begins now."""


class WeekNotOver(ValueError):  # noqa: N818
    """The week asked for has not ended yet."""


@dataclass(frozen=True)
class FeedTried:
    """What one feed brought: rows taken and rows refused, or why it could not be measured."""

    rows: int
    refused: int
    error: str | None = None


@dataclass
class Tried:
    """What a trial found.

    Attributes:
        week: Monday of the judged week.
        measured: Mondays of the weeks that were measured for it, in order; the last one is `week`.
        carried_until: Monday of the last week whose evidence the store had; None after a cold start.
        contracts: whether rows had to satisfy the contracts.
        last_output: last day with accepted outputs up to the week's end.
        findings: of the week, by principle.
        seconds: of each step.
    """

    system: System
    week: date
    contracts: bool
    measured: Sequence[date] = ()
    carried_until: date | None = None
    last_output: date | None = None
    feeds: Mapping[str, FeedTried] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether something could not be measured for an error."""
        broken = any(feed.error for feed in self.feeds.values())
        return broken or any(finding.status is Status.ERROR for finding in self.findings)

    @property
    def evidence(self) -> str:
        """What the evidence of the findings is, in one sentence."""
        if self.carried_until is not None:
            return f"Evidence is carried on from what the store has up to the week of {self.carried_until}."
        return (
            f"Evidence is from a cold start over {len(self.measured)} weeks: a system that is monitored "
            "carries more."
        )

    def document(self) -> dict[str, Any]:
        """Returns all of it as JSON values."""
        return {
            "system": self.system.id,
            "week": self.week.isoformat(),
            "contracts_judged": self.contracts,
            "measured_weeks": [week.isoformat() for week in self.measured],
            "evidence_carried_until": self.carried_until.isoformat() if self.carried_until else None,
            "last_output": self.last_output.isoformat() if self.last_output else None,
            "feeds": {name: vars(feed) for name, feed in self.feeds.items()},
            "findings": [{"id": finding.id, **finding.payload()} for finding in self.findings],
            "seconds": {step: round(seconds, 2) for step, seconds in self.seconds.items()},
        }


def try_system(
    system: System,
    policy: Policy,
    day: date | None,
    *,
    resolve: Resolve,
    store: Database,
    contracts: bool = True,
    step: Step = lambda _: None,
) -> Tried:
    """Runs the flow for one week and records nothing.

    Sources are read whole, as a first pull does, up to the week's Sunday. Where the store has judged weeks
    before it, the weeks after the last of these are measured, and evidence is carried on from there; else
    the weeks of the report window are, from a cold start.

    Args:
        system: the register entry.
        policy: the City's policy.
        day: a day of the week to judge; the last complete week when None.
        resolve: gives connections.
        store: read only, for what is carried; it need not be there.
        contracts: whether rows must satisfy the contracts, see `Gate`.
        step: told what begins.

    Raises:
        WeekNotOver: the week has not ended yet.
    """
    today = day_in(policy.timezone)
    yesterday = today - timedelta(days=1)
    week = monday(day) if day else last_complete_week(yesterday)
    if week + timedelta(days=6) > yesterday:
        latest = last_complete_week(yesterday)
        raise WeekNotOver(f"the week of {week} is not over; the last complete one is that of {latest}")
    tried = Tried(system, week, contracts)
    gate = "sundial.gate.expectations" if contracts else "sundial.gate.plain"
    _load_meanwhile(gate, "ibis.backends.duckdb", "sklearn.metrics", "fairlearn.metrics")
    clock = Clock(week + timedelta(days=6), today)
    with throw_away(system, policy, clock, resolve, contracts=contracts) as run:
        _bring(run, tried, step)
        # The same rows, judged beside what the City's store has: `measuring` only reads it.
        _measure(replace(run, database=store if _is_there(store) else run.database), tried, step)
    return tried


def _load_meanwhile(*modules: str) -> None:
    """Loads what a later step needs, for seconds, while the rows are read: most of that is not Python."""
    Thread(target=lambda: [import_module(name) for name in modules], daemon=True).start()


@contextmanager
def throw_away(
    system: System, policy: Policy, clock: Clock, resolve: Resolve, *, contracts: bool
) -> Iterator[Run]:
    """Gives a run with a lake and a store of its own, which are removed at the end.

    Where there is no pseudonym secret, keys are hashed with one of the trial: they are gone with the lake.
    """

    def resolved(connection_id: str) -> Connection:
        try:
            return resolve(connection_id)
        except LookupError:
            if connection_id != PSEUDONYM_CONNECTION:
                raise
            return Connection("generic", password="of a trial")  # noqa: S106

    with tempfile.TemporaryDirectory(prefix="sundial-try-") as folder:
        own = Database(f"sqlite:///{folder}/store.db")
        own.create_to_throw_away()
        yield Run(
            system=system,
            policy=policy,
            clock=clock,
            lake=Lake(f"{folder}/lake"),
            database=own,
            resolve=resolved,
            run_id="try",
            contracts=contracts,
            pulled_at_once=os.cpu_count() or 1,
        )


@contextmanager
def _timed(tried: Tried, name: str, step: Step) -> Iterator[None]:
    step(name)
    begun = time.monotonic()
    yield
    tried.seconds[name] = time.monotonic() - begun


def _is_there(store: Database) -> bool:
    with suppress(StoreNotMigrated), store.read():
        return True
    return False


def _bring(run: Run, tried: Tried, step: Step) -> None:
    with _timed(tried, "pull", step), suppress(SourceError):  # what failed becomes findings
        run.pull()
    with _timed(tried, "gate", step), suppress(ContractError):
        run.gate()
    with _timed(tried, "profile", step):
        run.profile()
    gate = Gate(run.system, run.lake)
    pulls = Results(run.database).latest_pulls(run.system.id)
    tried.feeds = {
        name: FeedTried(pulls[name].rows, sum(manifest.refused for manifest in gate.manifests(name)))
        for name in run.feeds
    }


def _measure(run: Run, tried: Tried, step: Step) -> None:
    results, week = Results(run.database), tried.week
    earlier = [judged.week for judged in results.judged(run.system.id) if judged.week < week]
    tried.carried_until = max(earlier, default=None)
    findings: list[Finding] = []
    for principle in Principle:
        with _timed(tried, principle.label, step):
            measuring = run.measuring(principle)
            days = measuring.profile.days
            tried.measured = _weeks(run.system, week, tried.carried_until, measuring.begins)
            findings += _of_principle(measuring, results, tried.measured)
    tried.findings = findings
    tried.last_output = max((day for day in days if day <= week + timedelta(days=6)), default=None)
    tried.feeds = {
        name: replace(feed, error=measuring.failed.get(name)) for name, feed in tried.feeds.items()
    }


def _weeks(system: System, week: date, carried: date | None, begins: date | None) -> Sequence[date]:
    """Returns the weeks to measure: after those whose evidence is carried, or those of the report window."""
    if carried is not None:
        first = carried + WEEK
    else:
        begun = monday(begins) if begins else week
        first = min(max(week - WEEK * (system.window_weeks - 1), begun), week)
    return [first + WEEK * number for number in range((week - first) // WEEK + 1)]


def _of_principle(measuring: Measuring, results: Results, weeks: Sequence[date]) -> Sequence[Finding]:
    first = weeks[0]
    measuring = replace(measuring, first_due=first, streams=measuring.streams.as_of(first))
    recorded = results.findings(measuring.system.id, first - WEEK)
    found: Sequence[Finding] = [f for f in recorded if f.principle == measuring.principle.value]
    for week in weeks:
        found = measure_week(measuring, week, found)
    return found
