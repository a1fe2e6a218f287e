"""Groups of people: their names, their counts by rate, and whom a group is compared with."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd

from checks.cells import numbers
from checks.measures import whole
from sundial.api import UNKNOWN, Finding, Over, Statistic, System, View, counts


@dataclass(frozen=True)
class Rate:
    """A rate by group: rows with 1 in a column, out of those with 0 or 1 there.

    What is neither, an abstention, a missing flag or a truth that cannot be known, is in no denominator.

    Attributes:
        outcome: the truth that the denominator is cut to; None for all.
    """

    metric: str
    over: Over
    column: str
    outcome: int | None

    def statistic(self, columns: Sequence[str]) -> Statistic:
        """Returns the counts that it is made of."""
        truth = [] if self.outcome is None else ["outcome"]
        return counts(self.over, [*columns, self.column, *truth])

    def tally(self, cells: pd.DataFrame, columns: Sequence[str]) -> Tally:
        """Returns hits and misses by group of cells of its statistic."""
        values, n = numbers(cells, self.column), numbers(cells, "n")
        used = ((values == 0) | (values == 1)) & (n > 0)
        counted = n if self.outcome is None else np.where(numbers(cells, "outcome") == self.outcome, n, 0.0)
        # A group that has rows, and none in the denominator, is listed: its rate is undefined.
        hits: defaultdict[str, float] = defaultdict(float)
        misses: defaultdict[str, float] = defaultdict(float)
        rows: defaultdict[str, float] = defaultdict(float)
        arrays = (values, n, counted, used)
        for group, value, in_all, in_denominator, count in zip(
            groups_of(cells, columns), *(array.tolist() for array in arrays), strict=True
        ):
            if count:
                rows[group] += in_all
                (hits if value == 1 else misses)[group] += in_denominator
        return Tally(hits, misses, rows)


RATES: dict[str, Rate] = {
    rate.metric: rate
    for rate in (
        Rate("selection_rate", "outputs", "predicted", None),
        Rate("true_positive_rate", "outcomes", "predicted", 1),
        Rate("false_positive_rate", "outcomes", "predicted", 0),
        Rate("resolution_rate", "outcomes", "outcome", None),
        Rate("escalation_rate", "outcomes", "escalated", None),
    )
}


def rates(system: System) -> list[Rate]:
    """Returns the rates that the groups of a system are compared by, by its task."""
    outputs, outcomes = system.feeds.outputs, system.feeds.outcomes
    if outputs is None:
        return []
    if outputs.task == "text":
        names = ["resolution_rate"] if outcomes else []
        names += ["escalation_rate"] if outcomes and outcomes.escalated else []
    elif outputs.task == "regression" and (outputs.score is None or outputs.score.positive_at is None):
        names = []  # a number decides nothing by itself; its errors are compared
    else:
        names = ["selection_rate", *(["true_positive_rate", "false_positive_rate"] if outcomes else [])]
    return [RATES[name] for name in names]


@dataclass(frozen=True)
class Tally:
    """Hits and misses of one rate by group; a group is the JSON list of its levels.

    Attributes:
        rows: those of each group in the denominator or not: no corrected truth changes them.
    """

    hits: Mapping[str, float]
    misses: Mapping[str, float]
    rows: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def groups(self) -> list[str]:
        """The groups that have rows, sorted."""
        return sorted({*self.hits, *self.misses})

    @cached_property
    def _all(self) -> tuple[float, float]:
        return sum(self.hits.values()), sum(self.misses.values())

    def n(self, group: str) -> float:
        """Returns the denominator of a group."""
        return self.of(group)[1]

    def of(self, group: str) -> tuple[float, float]:
        """Returns hits and denominator of a group."""
        hits, misses = self.hits.get(group, 0), self.misses.get(group, 0)
        return whole(hits), whole(hits + misses)

    def against(self, group: str, reference: str | None) -> tuple[float, float, float, float]:
        """Returns hits and denominator of a group, and of its reference: another group, or the rest."""
        if reference is not None:
            return *self.of(group), *self.of(reference)
        hits = max(self._all[0] - self.hits.get(group, 0), 0)
        misses = max(self._all[1] - self.misses.get(group, 0), 0)
        return *self.of(group), whole(hits), whole(hits + misses)

    def less(self, other: Tally) -> Tally:
        """Returns what is left without the rows of another tally, which are among these."""
        return Tally(
            *(
                {group: max(n - taken.get(group, 0), 0) for group, n in mine.items()}
                for mine, taken in ((self.hits, other.hits), (self.misses, other.misses))
            )
        )


@dataclass(frozen=True)
class Reference:
    """Whom the groups of an attribute are compared with.

    Attributes:
        group: the group; None for all others.
        basis: how it was chosen; part of the streams' names, since another reference is another question.
    """

    group: str | None = None
    basis: str = ""

    def streams(self, rate: str, columns: Sequence[str]) -> str:
        """Returns how the names of a rate's streams begin; the group follows."""
        return _streams(rate, self.basis, columns) + (f"{self.group}/" if self.group else "")

    @property
    def shown(self) -> str:
        """Its name for people."""
        return "rest" if self.group is None else shown(self.group)


def reference_of(view: View, columns: tuple[str, ...], held: Iterable[str]) -> Reference:
    """Returns the reference of an attribute, the same in every week.

    The largest group is that of the baseline, else that of the first judged week's window; it is kept in the
    names of the streams. A group with a level `Unknown` is never the reference.

    Args:
        view: the judged week.
        columns: of the attribute.
        held: rates with their tolerance, as the streams' names begin.
    """
    named = view.system.groups.reference if view.system.groups else "rest"
    if named == "rest":
        return Reference()
    if not isinstance(named, str):
        return Reference(name(named[column] for column in columns), " against named")
    baseline = view.system.baseline
    basis = " against largest" + (f" of {baseline.start}..{baseline.end}" if baseline else "")
    for rate in held:
        for kept in view.streams_after(_streams(rate, basis, columns)):
            _, end = json.JSONDecoder().raw_decode(kept)
            return Reference(kept[:end], basis)
    everybody = counts("outputs", columns)
    cells = view.baseline_cells(everybody) if baseline else view.cells(everybody)
    if not cells["n"].sum():
        cells = view.cells(everybody)
    sizes = {
        group: n
        for group, n in zip(groups_of(cells, columns), cells["n"], strict=True)
        if UNKNOWN not in levels(group)
    }
    return Reference(min(sizes, key=lambda group: (-sizes[group], group)) if sizes else None, basis)


def _streams(rate: str, basis: str, columns: Sequence[str]) -> str:
    return f"{rate}{basis}/{json.dumps(columns, ensure_ascii=False)}/"


def attributes(system: System) -> list[tuple[str, ...]]:
    """Returns the columns and intersections of columns to compare groups by."""
    if system.groups is None:
        return []
    return [*((column,) for column in system.groups.columns), *system.groups.intersections]


def groups_of(cells: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """Returns the group of each cell."""
    return [_name(level) for level in zip(*(cells[column].tolist() for column in columns), strict=True)]


def name(level: Iterable[str]) -> str:
    """Returns a group's name within Sundial: levels may hold any sign."""
    return json.dumps(list(level), ensure_ascii=False)


@lru_cache(100_000)  # the same groups every week
def _name(level: tuple[object, ...]) -> str:
    return name(map(str, level))


def levels(group: str) -> tuple[str, ...]:
    """Returns the levels of a group."""
    return tuple(json.loads(group))


def shown(group: str) -> str:
    """Returns a group's name for people."""
    return " × ".join(levels(group))


def labelled(system: System, finding: Finding) -> Finding:
    """Returns the finding, with the note that its groups are areas where they are."""
    if system.groups is None or system.groups.level == "person":
        return finding
    return replace(
        finding,
        reason=f"{finding.reason} By area, not by person.",
        details={**finding.details, "level": "area"},
    )
