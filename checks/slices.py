"""Slices: does the system meet its objective everywhere, or only on average?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from checks.cells import immature, numbers, of_flagged_only
from checks.effectiveness.rates import NEEDS_ALL
from checks.groups import groups_of, labelled, levels
from checks.measures import Share, measure_of, whole
from checks.places import part, places
from sundial.api import (
    Check,
    Evidence,
    Finding,
    Principle,
    Side,
    Statistic,
    Status,
    System,
    Threshold,
    View,
    intervals,
    judge_estimate,
)


@dataclass(frozen=True)
class _Counted:
    """Of one level: hits, hits at most where truths cannot be known, and the denominator."""

    hits: float = 0
    most: float = 0
    n: float = 0


class Slices(Check):
    """The intended outcome's measure in every level of the columns that the register names as slices.

    Each level has its own floor or ceiling evidence against the target. The levels of one combination share
    the weight of one stream: the j-th level, in the order in which they first appear, has 1 / (j (j + 1)) of
    it, which sums to 1 over any number of levels. So its alarm is that many times higher.

    Formula:
        as effectiveness.rates, of the rows of one level of the columns.

    Read:
        A slice in `breach` beside a good whole is a place where the system does not do what it is for:
        restrict its use there, or repair it.

    Source:
        Wilson 1927; Robbins 1970 for the evidence.
    """

    name = "slices.intended_outcome"
    principle = Principle.EFFECTIVENESS
    feeds = ("outputs",)  # without slices it is not the lack of outcomes that matters

    def statistics(self, system: System) -> Sequence[Statistic]:
        measure = _measure(system)
        return [_statistic(measure, columns) for columns in system.slices] if measure else []

    def measure(self, view: View) -> Iterator[Finding]:
        metric, measure = view.system.intended_outcome.metric, _measure(view.system)
        if not view.system.slices:
            reason = "The register entry names no slices."
            yield view.finding("slices", Status.NOT_APPLICABLE, reason)
        elif measure is None:
            reason = f"Slices are judged by shares, and {metric} is none."
            yield view.finding("slices", Status.NOT_APPLICABLE, reason)
        elif view.system.feeds.outcomes is None:
            reason = "The system has no feed outcomes; add it to the register entry."
            yield view.finding("slices", Status.NOT_MEASURED, reason)
        elif of_flagged_only(view.system) and metric in NEEDS_ALL:
            reason = "The truth becomes known of positive outputs only; this measure needs that of all."
            yield view.finding("slices", Status.NOT_MEASURED, reason)
        else:
            for columns in view.system.slices:
                for finding in _combination(view, measure, columns):
                    shown = _by_area(view.system, columns, finding)
                    if "outcomes" in view.failed:  # evidence counts what is there; this week is not known
                        shown = replace(shown, status=Status.ERROR, reason=view.failed["outcomes"])
                    yield shown


def _measure(system: System) -> Share | None:
    if system.feeds.outputs is None:
        return None
    measure = measure_of(system, system.intended_outcome.metric)
    return measure if isinstance(measure, Share) else None


def _statistic(measure: Share, columns: Sequence[str]) -> Statistic:
    return replace(measure.statistic, by=(*columns, *measure.statistic.by))


def _combination(view: View, measure: Share, columns: tuple[str, ...]) -> Iterator[Finding]:
    intended = view.system.intended_outcome
    threshold = Threshold(
        "intended_outcome.target", intended.target, measure.side, intended.approved_by, intended.approved_on
    )
    if view.immature:
        yield immature(view, measure.metric, by=" × ".join(columns))
        return
    statistic = _statistic(measure, columns)
    fresh = _by_level(measure, view.new_cells(statistic), columns)
    window = _by_level(measure, view.cells(statistic), columns)
    # Another target begins other streams: chosen after the data, it has no evidence from before.
    start = f"{measure.metric}@{threshold.value:g}/{json.dumps(columns, ensure_ascii=False)}/"
    size = {level: fresh.get(level, _Counted()).n for level in {*fresh, *window}}
    for level, place in places(view.streams_after(start), size).items():
        new = fresh.get(level, _Counted())
        evidence = view.advance(
            f"{start}{place}/{level}",
            measure.process(threshold.value, threshold.side),
            (new.most, new.n),
            part=part(place),
            over=measure.statistic.over,
        )
        yield _level(view, measure, columns, level, window.get(level, _Counted()), threshold, place, evidence)


def _level(
    view: View,
    measure: Share,
    columns: tuple[str, ...],
    level: str,
    counted: _Counted,
    threshold: Threshold,
    place: int,
    evidence: Evidence,
) -> Finding:
    where = tuple(sorted(zip(columns, levels(level), strict=True)))
    estimate = counted.hits / counted.n if counted.n else None
    # What cannot be known counts in the system's favour, as in its evidence.
    best = counted.most / counted.n if counted.n else None
    beyond = best is not None and (
        best > threshold.value if threshold.side is Side.CEILING else best < threshold.value
    )
    status, reason = judge_estimate(estimate, counted.n, threshold, evidence, beyond=beyond)
    bounds = {"lower_bound": estimate, "upper_bound": best} if measure.optimistic else {}
    return view.finding(
        measure.metric,
        status,
        reason,
        slice=dict(where),
        window=view.window_of(measure.statistic),
        estimate=estimate,
        interval=intervals.proportion(counted.hits, counted.n) if counted.n else None,
        n=counted.n,
        threshold=threshold,
        evidence=evidence,
        details={"place": place, **bounds},
    )


def _by_level(measure: Share, cells: pd.DataFrame, columns: Sequence[str]) -> dict[str, _Counted]:
    used = cells[measure.out_of(cells) & (numbers(cells, "n") > 0)]
    hit = measure.hit(used)
    maybe = np.zeros(len(used), dtype=bool) if measure.optimistic is None else measure.optimistic(used)
    found: dict[str, list[float]] = {}
    n = used["n"].to_numpy(dtype=float)
    for level, kind, rows in zip(
        groups_of(used, columns), np.where(hit, 0, np.where(maybe, 1, 2)), n, strict=True
    ):
        found.setdefault(level, [0.0, 0.0, 0.0])[kind] += float(rows)
    return {
        level: _Counted(whole(hits), whole(hits + unknown), whole(hits + unknown + misses))
        for level, (hits, unknown, misses) in found.items()
    }


def _by_area(system: System, columns: Sequence[str], finding: Finding) -> Finding:
    """Returns the finding, labelled where one of its columns is a group of the areas."""
    groups = system.groups.columns if system.groups else ()
    return labelled(system, finding) if set(columns) & set(groups) else finding
