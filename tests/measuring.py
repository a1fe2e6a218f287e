"""Findings of one check from rows as they are accepted: profiled and measured, without pull and gate."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from towns import FIRST, POLICY, WEEK, entry

from sundial.engine.discover import discover
from sundial.engine.measure import Measuring, measure_week
from sundial.engine.plan import plan_of
from sundial.engine.standing import Incident
from sundial.engine.streams import Alarms, Streams
from sundial.gate.judged import Judged
from sundial.lake import Lake
from sundial.profile.analysed import Analysis
from sundial.profile.columns import Columns
from sundial.profile.counting import counted
from sundial.profile.engine import Engine
from sundial.profile.profile import Profile
from sundial.profile.statistics import Over, Statistic
from sundial.register.events import FeedName
from sundial.register.models import Policy, System
from sundial.sources.learnt import Learnt
from sundial.store.records import Finding

SOURCE = {"kind": "files", "url": "rows.parquet", "format": "parquet"}
Rows = Mapping[Over, pd.DataFrame]
"""Rows by feed with `day`, the columns' own names, and `counted` where it is not the week of the day."""


def registered(feeds: Mapping[str, Mapping[str, Any]] | None = None, **changes: Any) -> System:
    """The small town's system with further feeds, whose sources nobody asks."""
    written = entry(Path(), **changes)
    for name, feed in (feeds or {}).items():
        written["feeds"][name] = {"source": SOURCE, "date": "day", **feed}
    return System.model_validate(written)


def measured(
    system: System,
    check: str,
    rows: Rows,
    weeks: int,
    policy: Policy = POLICY,
    gates: Mapping[FeedName, Sequence[Judged]] | None = None,
    failed: Mapping[str, str] | None = None,
    learnt: Learnt | None = None,
    incidents: Sequence[Incident] = (),
) -> list[Finding]:
    """The check's findings of the last of so many weeks from `FIRST` on, each judged in its turn."""
    system = system.model_copy(update={"checks": (check,)})
    (found,) = (one for one in discover() if one.name == check)
    plan = plan_of(system)
    assert system.feeds.outputs is not None
    of_events = {
        name: Profile(cells(plan.events[name], rows, name, Columns.of_events(feed)))
        for name, feed in system.feeds.events.items()
        if name in plan.events
    }
    budget = policy.evidence
    measuring = Measuring(
        system=system,
        policy=policy,
        principle=found.principle,
        checks=[found],
        profile=Profile(cells(plan.statistics, rows, "outputs", Columns.of(system, system.feeds.outputs))),
        streams=Streams({}, Alarms(budget.weeks_between_false_breaches, budget.stream_weight, {}, 0.0)),
        gates=gates or {},
        failed={},
        left_out=plan.left_out,
        provenance={},
        events=of_events,
        learnt=learnt,
        incidents=incidents,
    )
    last: list[Finding] = []
    for number in range(weeks):
        if failed and number == weeks - 1:
            measuring = replace(measuring, failed=failed)
        last = measure_week(measuring, FIRST + number * WEEK, last)
    return last


def days(weeks: int, a_week: int) -> pd.Series[Any]:
    """The days of so many rows in each of the weeks, spread over its days."""
    place = np.arange(weeks * a_week)
    return pd.Series(pd.Timestamp(FIRST) + pd.to_timedelta(place // a_week * 7 + place % 7, "D")).dt.date


def shares(weeks: int, a_week: int, of_ten: int, column: str, **others: Any) -> pd.DataFrame:
    """Rows of which so many of each ten have a 1 in the column."""
    n = weeks * a_week
    return pd.DataFrame(
        {"day": days(weeks, a_week), column: (np.arange(n) // 7 % 10 < of_ten).astype(int), **others}
    )


def daily(weeks: int, **counters: float) -> pd.DataFrame:
    """One row of operations a day."""
    return pd.DataFrame(
        {"day": days(weeks, 7), **{name: [float(n)] * 7 * weeks for name, n in counters.items()}}
    )


def cells(plan: Sequence[Statistic], rows: Rows, over: Over, columns: Columns) -> dict[Statistic, Any]:
    """What is profiled of the rows of a feed."""
    frame = rows.get(over, pd.DataFrame({"day": pd.Series(dtype="object")}))
    if "counted" not in frame:
        frame = frame.assign(counted=[day - timedelta(days=day.weekday()) for day in frame["day"]])
    own = frame.drop(columns=["day", "counted"])
    table = pa.Table.from_pandas(own, preserve_index=False).append_column("key", _keys(len(frame)))
    for name in ("day", "counted"):
        table = table.append_column(name, pa.array(list(frame[name]), pa.date32()))
    order = np.argsort(np.array(list(frame["day"]), "datetime64[D]"), kind="stable")
    analysed = Analysis(Engine(Lake("/nowhere")), columns, plan, over).of(table.take(order))
    return {statistic: counted(analysed[statistic.over], statistic) for statistic in plan}


def _keys(n: int) -> pa.ExtensionArray:
    raw = pa.array([uuid.uuid5(uuid.NAMESPACE_OID, str(place)).bytes for place in range(n)], pa.binary(16))
    return pa.ExtensionArray.from_storage(pa.uuid(), raw)


def before(day: date) -> date:
    """The day before."""
    return day - timedelta(days=1)
