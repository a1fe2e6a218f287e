"""What the test of a check needs: rows for some weeks in, findings out, by the real pipeline.

The rows are pulled from files, judged by the gate, counted, and measured week after week with carried
evidence, in a folder that is gone afterwards; nothing of it is a stand-in.

    def test_most_online_requests_are_flagged() -> None:
        system = example_system(outputs={"categories": ["channel"]})
        week = [{"channel": "online", "decision": int(place % 4 > 0)} for place in range(40)]
        *_, last = measured(FlaggedOnline(), [week] * 3, system, thresholds={"flagged_online": 0.5})
        assert last[0].estimate == 0.75
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sundial.engine.check import Check
from sundial.engine.clock import WEEK
from sundial.engine.measure import Measuring, measure_week
from sundial.engine.plan import plan_for
from sundial.engine.settings import settings
from sundial.engine.streams import Alarms, Streams
from sundial.gate.gate import Gate
from sundial.lake import Lake
from sundial.profile.columns import Columns
from sundial.profile.partitions import Partitions
from sundial.register.events import FeedName
from sundial.register.load import load_policy
from sundial.register.models import Policy, System
from sundial.register.prohibited_uses import ProhibitedUses
from sundial.sources.connection import Connection
from sundial.sources.learnt import Learnt
from sundial.sources.pull import Clock, pull
from sundial.store.records import Finding

FIRST = date(2024, 1, 1)
"""A Monday: the first day of the first week."""

_APPROVED = {"approved_by": "The test", "approved_on": "2024-01-01"}

Rows = Sequence[Mapping[str, Any]] | pd.DataFrame
"""Rows of one week: outputs, each beside its truth where it is known."""


def example_system(
    *, outputs: Mapping[str, Any] | None = None, outcomes: Mapping[str, Any] | None = None, **changes: Any
) -> System:
    """Returns a small system that decides yes or no, with what the test changes of it.

    Its outputs have `id`, `made_on` and `decision` (1 or 0), its outcomes `truth` (1 or 0), known at once.
    The baseline is the first week, the report window four weeks.

    Args:
        outputs: fields of `feeds.outputs`, such as categories.
        outcomes: fields of `feeds.outcomes`.
        changes: fields of the entry.

    Raises:
        ValidationError: the entry is none that the register takes.
    """
    entry = {
        "id": "example",
        "name": "Example",
        "description": "A system of a test.",
        "department": "Tests",
        "owner": {"name": "Ann Example", "email": "ann@example.gov"},
        "intended_outcome": {
            "statement": "Most decisions are right.",
            "metric": "accuracy",
            "target": 0.5,
            "reviewed": "2024-01-01",
            **_APPROVED,
        },
        "risk": {"tier": "service", "decides": "What the test makes of it."},
        "prohibited_uses": {
            **{name: False for name, field in ProhibitedUses.model_fields.items() if field.title},
            "answered_by": "Ann Example, for a test",
            "answered_on": "2024-01-01",
        },
        "window_weeks": 4,
        "baseline": {"start": "2024-01-01", "end": "2024-01-07", **_APPROVED},
        "feeds": {
            "outputs": {
                "source": {"kind": "files", "url": "outputs.parquet", "format": "parquet"},
                "key": "id",
                "date": "made_on",
                **({} if "score" in (outputs or {}) else {"prediction": "decision"}),
                **(outputs or {}),
            },
            "outcomes": {
                "source": {"kind": "files", "url": "outcomes.parquet", "format": "parquet"},
                "key": "id",
                "outcome": "truth",
                "known_on": "known_on",
                "maturity_days": 0,
                **(outcomes or {}),
            },
        },
        **changes,
    }
    return System.model_validate(entry)


def measured(
    check: Check,
    weeks: Sequence[Rows],
    system: System | None = None,
    *,
    thresholds: Mapping[str, float] | None = None,
    policy: Policy | None = None,
) -> Sequence[Sequence[Finding]]:
    """Returns the findings of a check for each of some weeks, the oldest first.

    Args:
        check: what is tested; it need not be deployed.
        weeks: rows of each week by the feed's own column names, from `FIRST` on; an empty one is a week
            without outputs. A row without a key gets one, one without a date a day of its week. A row with a
            truth was known on its day, unless it says when.
        system: whose rows they are; `example_system()` by default.
        thresholds: of the policy, in place of the City's or beside them.
        policy: in force; the City's by default.

    Raises:
        SourceError: the rows are not what the register entry says.
        ContractError: the entry's data contract cannot run.
    """
    system = system or example_system()
    policy = _with(policy or load_policy(settings().policy), thresholds or {})
    with tempfile.TemporaryDirectory(prefix="sundial-testing-") as folder:
        city = _City(Path(folder), system, policy, FIRST + len(weeks) * WEEK - timedelta(days=1))
        feeds = city.write(weeks)
        return city.measure(check, feeds, [FIRST + place * WEEK for place in range(len(weeks))])


def _with(policy: Policy, thresholds: Mapping[str, float]) -> Policy:
    own = {
        name: {"value": value, "meaning": "Of the test.", **_APPROVED} for name, value in thresholds.items()
    }
    entry = policy.model_dump(mode="json")
    return Policy.model_validate({**entry, "thresholds": {**entry["thresholds"], **own}})


@dataclass(frozen=True)
class _City:
    """A folder with the system's sources and its lake."""

    folder: Path
    system: System
    policy: Policy
    as_of: date

    def write(self, weeks: Sequence[Rows]) -> Sequence[FeedName]:
        """Writes what there is and returns the feeds that have any."""
        outputs, outcomes = self.system.feeds.outputs, self.system.feeds.outcomes
        if outputs is None or not any(map(len, weeks)):
            return ()
        frames = [_dated(pd.DataFrame(rows), outputs.date, place) for place, rows in enumerate(weeks)]
        rows = pd.concat([frame for frame in frames if len(frame)], ignore_index=True)
        if outputs.key not in rows:
            rows[outputs.key] = [f"row-{place}" for place in range(len(rows))]
        _put(self.folder / "outputs.parquet", rows)
        if outcomes is None:
            return ("outputs",)
        truth = rows[outcomes.outcome] if outcomes.outcome in rows else pd.Series(dtype="Int64")
        truths = rows.assign(**{outcomes.outcome: truth}).dropna(subset=[outcomes.outcome])
        if outcomes.known_on is not None and outcomes.known_on not in truths:
            truths = truths.assign(**{outcomes.known_on: truths[outputs.date]})
        _put(self.folder / "outcomes.parquet", truths)
        return ("outputs", "outcomes")

    def measure(
        self, check: Check, feeds: Sequence[FeedName], weeks: Sequence[date]
    ) -> Sequence[Sequence[Finding]]:
        lake, gates = Lake(str(self.folder / "lake")), {}
        zone = ZoneInfo(self.system.timezone or self.policy.timezone)
        clock, placed, gate = Clock(self.as_of, self.as_of), self._placed(), Gate(self.system, lake)
        for name in feeds:
            pull(placed, name, clock, zone=zone, lake=lake, resolve=_resolve)
            gate.judge(name, self.as_of, None)
            gates[name] = gate.manifests(name)
        plan = plan_for(self.system, [check])
        partitions = Partitions(lake, self.system.id, plan.statistics)
        if self.system.feeds.outputs is not None:
            columns = Columns.of(self.system, self.system.feeds.outputs)
            partitions.update(gate.partitions("outputs"), gate.partitions("outcomes"), columns)
        budget = self.policy.evidence
        measuring = Measuring(
            system=self.system,
            policy=self.policy,
            principle=check.principle,
            checks=[check],
            profile=partitions.load(),
            streams=Streams({}, Alarms(budget.weeks_between_false_breaches, budget.stream_weight, {}, 0.0)),
            gates=gates,
            failed={},
            left_out=plan.left_out,
            provenance={},
            first_due=weeks[0] if weeks else date.min,
            learnt=Learnt(lake, self.system.id),
        )
        found: list[Sequence[Finding]] = []
        for week in weeks:
            found.append(measure_week(measuring, week, found[-1] if found else ()))
        return found

    def _placed(self) -> System:
        """Returns the system with its sources in the folder."""
        entry = self.system.model_dump(mode="json", by_alias=True)
        for name, feed in entry["feeds"].items():
            if feed is not None and name in ("outputs", "outcomes"):
                url = str(self.folder / f"{name}.parquet")
                feed["source"] = {"kind": "files", "url": url, "format": "parquet"}
        return System.model_validate(entry)


def _dated(rows: pd.DataFrame, column: str, place: int) -> pd.DataFrame:
    if column in rows or not len(rows):
        return rows
    days = [FIRST + place * WEEK + timedelta(days=number % 7) for number in range(len(rows))]
    return rows.assign(**{column: days})


def _put(path: Path, rows: pd.DataFrame) -> None:
    pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), path)


def _resolve(_name: str) -> Connection:
    """Returns the connection that keys are hashed with; the files need none."""
    return Connection("generic", password="of the test")  # noqa: S106
