"""Examples measured from rows as they are accepted: check by check, week by week, without pull and gate."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
from measuring import cells
from towns import POLICY, WEEK, registered

from sundial.engine.discover import enabled
from sundial.engine.measure import Measuring, measure_week
from sundial.engine.plan import plan_of
from sundial.engine.streams import Alarms, Streams
from sundial.examples.catalogue import EXAMPLES
from sundial.examples.draw import FIRST, Feeds
from sundial.examples.faults import Fault
from sundial.profile.columns import Columns
from sundial.profile.profile import Profile
from sundial.register.feeds import OutcomesFeed, OutputsFeed
from sundial.register.models import System
from sundial.register.principles import Principle
from sundial.sources.texts import without_texts
from sundial.store.records import Finding

BREACH_NEVER = frozenset(
    {
        "drift.multivariate",
        "drift.volume",
        "effectiveness.costs",
        "effectiveness.coverage",
        "effectiveness.estimated",
        "effectiveness.operation",
        "effectiveness.quality",
        "effectiveness.ranking",
        "employment.impact_ratio",
    }
)
"""Checks that carry no evidence: `watch` at most, see docs/evidence.md."""


OF_TEXTS = frozenset({"privacy.pii", "transparency.explanations"})


def replayed(
    name: str,
    seed: int,
    weeks: int,
    faults: Collection[Fault] = (),
    checks: Sequence[str] | None = None,
) -> Iterator[tuple[int, Sequence[Finding]]]:
    """The findings of an example, week by week, counted from 0.

    Args:
        name: id of the example.
        seed: of its generator.
        weeks: how many there are.
        faults: seeded ones.
        checks: those that are asked; all that can reach a breach by default.
    """
    feeds = EXAMPLES[name].generator.feeds(seed, weeks, faults)
    system = registered(name)
    asked = checks or [check.name for check in enabled(system) if check.name not in BREACH_NEVER]
    system = system.model_copy(update={"checks": tuple(asked)})
    yield from _measured(system, feeds, weeks)


def _measured(system: System, feeds: Feeds, weeks: int) -> Iterator[tuple[int, Sequence[Finding]]]:
    plan = plan_of(system)
    outputs = system.feeds.outputs
    assert outputs is not None
    rows = {"outputs": _outputs(system, outputs, feeds)}
    rows |= {event: _events(system, event, feeds) for event in system.feeds.events}
    profile = Profile(cells(plan.statistics, rows, "outputs", Columns.of(system, outputs)))
    events = {
        event: Profile(cells(plan.events[event], rows, event, Columns.of_events(feed)))
        for event, feed in system.feeds.events.items()
        if event in plan.events
    }
    budget = POLICY.evidence
    measurings = [
        Measuring(
            system=system,
            policy=POLICY,
            principle=principle,
            checks=checks,
            profile=profile,
            streams=Streams({}, Alarms(budget.weeks_between_false_breaches, budget.stream_weight, {}, 0.0)),
            gates={},
            failed={},
            left_out=plan.left_out,
            provenance={},
            events=events,
        )
        for principle in Principle
        if (checks := [check for check in enabled(system) if check.principle is principle])
    ]
    before: list[Sequence[Finding]] = [() for _ in measurings]
    for number in range(weeks):
        week = FIRST + number * WEEK
        before = [measure_week(one, week, last) for one, last in zip(measurings, before, strict=True)]
        yield number, [finding for found in before for finding in found]


def _outputs(system: System, feed: OutputsFeed, feeds: Feeds) -> pd.DataFrame:
    """Outputs as they are accepted, each with its truth and the week in which that counts."""
    rows = feeds["outputs"]
    if feed.texts and OF_TEXTS & {*system.checks}:  # to read them takes longer than all else
        rows = without_texts(pa.Table.from_pandas(rows), feed, system.id).to_pandas()
    rows = rows.drop(columns=[*feed.texts.values()], errors="ignore")
    rows = rows.assign(day=rows[feed.date], counted=_monday(rows[feed.date]))
    outcomes = system.feeds.outcomes
    if outcomes is None:
        return rows.drop(columns=[feed.key, feed.date])
    assert outcomes.known_on is not None
    truths = feeds["outcomes"].rename(columns={**outcomes.kept, outcomes.key: feed.key})
    joined = rows.merge(truths, on=feed.key, how="left")
    joined["truth_"] = _truth(joined.pop("outcome"), outcomes)
    for flag in {"escalated", "corrected"} & {*joined}:
        joined[flag] = joined[flag].astype("Int64")
    joined["outcome_counted"] = _counts(joined["day"], joined.pop(outcomes.known_on), outcomes.maturity_days)
    return joined.drop(columns=[feed.key, feed.date])


def _truth(words: pd.Series[Any], outcomes: OutcomesFeed) -> pd.Series[Any]:
    if outcomes.truth is None:
        return words.astype("Int64")
    told = (outcomes.truth.unfounded, outcomes.truth.confirmed, outcomes.truth.indeterminate)
    return words.map({word: place for place, of_one in enumerate(told) for word in of_one}).astype("Int64")


def _events(system: System, event: Any, feeds: Feeds) -> pd.DataFrame:
    feed, outputs = system.feeds.events[event], system.feeds.outputs
    assert outputs is not None
    rows = feeds[event].rename(columns=feed.kept)
    if not feed.of_outputs:
        rows = rows.assign(day=rows[feed.date], counted=_monday(rows[feed.date]))
    else:
        made = feeds["outputs"].set_index(outputs.key)[outputs.date]
        rows = rows.assign(day=rows[feed.keyed_by].map(made))
        rows["counted"] = _counts(rows["day"], rows[feed.dated_by], feed.matures_after or 0)
    for flag in feed.flags:
        rows[flag] = rows[flag].astype("str")
    return rows[["day", "counted", *feed.kept.values()]]


def _monday(days: pd.Series[Any]) -> pd.Series[Any]:
    found = pd.to_datetime(days)
    return _dates(found - pd.to_timedelta(found.dt.day_of_week, "D"))


def _counts(made: pd.Series[Any], known: pd.Series[Any], maturity: int) -> pd.Series[Any]:
    """The Monday of the week in which what became known of an output is evidence."""
    matured, at = pd.to_datetime(made) + pd.Timedelta(days=maturity), pd.to_datetime(known)
    return _monday(at.where((at > matured) | at.isna(), matured))


def _dates(days: pd.Series[Any]) -> pd.Series[Any]:
    return days.dt.date.where(days.notna(), None)


def end_of(week: int) -> date:
    """The Sunday of a generated week."""
    return FIRST + (week + 1) * WEEK - timedelta(days=1)
