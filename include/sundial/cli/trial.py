"""Trying a system: the whole flow on its real data, in a lake and a store that are thrown away."""

from __future__ import annotations

import os
import posixpath
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
from sundial.overlay import Overlay
from sundial.register.models import Policy, System
from sundial.register.principles import Principle
from sundial.sources.connection import Connection, Resolve
from sundial.sources.errors import SourceError
from sundial.sources.landing import Landing
from sundial.sources.learnt import published_path
from sundial.sources.pull import PSEUDONYM_CONNECTION, Clock
from sundial.store.database import Database, StoreNotMigrated
from sundial.store.records import Finding, Status
from sundial.store.results import JudgedWeek, Results

_DATED = frozenset({"landing", "gate", "quarantine", "data_docs", "learnt"})
# Folders whose files' names begin with the as-of date of what brought them.

Step = Callable[[str], None]
"""Takes the name of the step that begins now."""


class WeekNotOver(ValueError):  # noqa: N818
    """The week asked for has not ended yet."""


class LakeNotRead(RuntimeError):  # noqa: N818
    """The City's lake cannot be read, so that a trial cannot go on from it."""


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
        lake_until: as-of date of the last rows that the City's lake had; None where sources were read whole.
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
    lake_until: date | None = None
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
            "lake_until": self.lake_until.isoformat() if self.lake_until else None,
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
    lake: Lake | None = None,
    contracts: bool = True,
    step: Step = lambda _: None,
) -> Tried:
    """Runs the flow for one week and records nothing.

    Where the City's lake has rows of the system, the run goes on from what lay there on the week's Sunday, as
    the system's own run would have. Else, or where that is asked for, sources are read whole up to that day,
    as a first pull does. Where the store has judged weeks before it, the weeks after the last of these are
    measured, and evidence is carried on from there; else the weeks of the report window are, from a cold
    start.

    Args:
        system: the register entry.
        policy: the City's policy.
        day: a day of the week to judge; the last complete week when None.
        resolve: gives connections.
        store: read only, for what is carried; it need not be there.
        lake: the City's, read only; None to read the sources whole.
        contracts: whether rows must satisfy the contracts, see `Gate`.
        step: told what begins.

    Raises:
        WeekNotOver: the week has not ended yet.
        LakeNotRead: the City's lake cannot be read.
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
        if lake is not None and _has_secret(resolve):
            run = _laid_over(run, lake, tried)
        kept = store if _is_there(store) else run.database
        tried.carried_until = _last_before(kept, run, tried)
        _bring(run, tried, step)
        # The same rows, judged beside what the City's store has: `measuring` only reads it.
        _measure(replace(run, database=kept), tried, step)
    return tried


def _has_secret(resolve: Resolve) -> bool:
    """Tells whether keys are hashed as those of the City's lake are; else none would be found there."""
    with suppress(LookupError):
        return bool(resolve(PSEUDONYM_CONNECTION).password)
    return False


def _laid_over(run: Run, lake: Lake, tried: Tried) -> Run:
    """Returns the run on what the City's lake had of the system as of the run's date, if it had anything."""
    as_of, place = run.clock.as_of.isoformat(), f"systems/{run.system.id}"
    try:
        found = lake.found(place)
    except Exception as error:  # whatever the file system's library raises
        raise LakeNotRead(
            f"the City's lake cannot be read ({type(error).__name__}); correct SUNDIAL_LAKE or what gives "
            "access to it (`sundial doctor` tries it), or read the sources whole with --afresh"
        ) from error
    landed = [path for path in found if path.startswith(f"{place}/landing/") and path.endswith(".json")]
    until = max((day for path in landed if (day := posixpath.basename(path)[:10]) <= as_of), default=None)
    if until is None:
        return run
    tried.lake_until = date.fromisoformat(until)
    shown = {path: about for path, about in found.items() if _was_there(path[len(place) + 1 :], as_of)}
    judged = [path for path in shown if path.startswith(f"{place}/gate/")]
    later = {path for path in judged if lake.get_json(path)["inputs"]["as_of"] > as_of}
    published = published_path(run.system.id)
    return replace(
        run,
        lake=Overlay(
            run.lake.root,
            lake,
            {path: about for path, about in shown.items() if path not in later}
            | {path: about for path, about in lake.found("published").items() if path == published},
        ),
    )


def _was_there(path: str, as_of: str) -> bool:
    """Tells whether a run as of the day had a file of the system: those of batches begin with their date."""
    kind = path.partition("/")[0]
    return kind != "staging" and (kind not in _DATED or posixpath.basename(path)[:10] <= as_of)


def _last_before(kept: Database, run: Run, tried: Tried) -> date | None:
    """Returns the last week that is judged before this one.

    A run that goes on from the City's lake has it as judged, so that the gate counts new rows after it.
    """
    judged = [judged for judged in Results(kept).judged(run.system.id) if judged.week < tried.week]
    if not judged:
        return None
    last = judged[-1]
    if tried.lake_until is not None:
        week = JudgedWeek(last.week, last.as_of, last.config_hash, last.code_version, ())
        Results(run.database).record(run.system.id, [week], run.run_id)
    return last.week


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
            lake=Lake(f"{folder}/lake", lasting=False),
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
    tried.feeds = {
        name: FeedTried(
            sum(batch.rows for batch in Landing(run.lake, run.system.id, name).batches()),
            sum(manifest.refused for manifest in gate.manifests(name)),
        )
        for name in run.feeds
    }


def _measure(run: Run, tried: Tried, step: Step) -> None:
    results, week = Results(run.database), tried.week
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
