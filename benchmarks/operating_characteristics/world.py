"""Simulated systems: what is true in each week, and the counts of a week, drawn without making a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sundial.profile.cells import Cells, Codes
from sundial.profile.profile import Profile
from sundial.profile.statistics import SUM_SCALE, UNKNOWN, Bin, Statistic, key_name
from sundial.register.models import System

WEEK = timedelta(days=7)
FIRST = date(2024, 1, 1)
"""Monday of the first week; all outputs of a week are made on its Wednesday."""
BASELINE_WEEKS = 13
YEAR = 52
MATURITY_DAYS = 7
TARGET = 0.85
"""Accuracy that the register entry promises."""
TOLERANCE = 0.05
"""Largest gap between groups that the policy tolerates."""

AREAS = ("east", "north", "south", "west")
AREA_SHARES = (0.25, 0.30, 0.25, 0.20)
SCORES = tuple((place + 0.5) / 16 for place in range(16))
"""The scores there are; their sums are exact in any order."""
CORE = ("area", "outcome", "predicted", "score")
"""Columns drawn together; every other column is independent of them and of each other."""

CHECKS = (
    "effectiveness.rates",
    "equity.groups",
    "drift.score",
    "drift.categories",
    "drift.missing",
)
"""The checks that are replayed: named, so that a new check does not change what the tables are about."""

CATEGORIES: Mapping[str, Mapping[str, float]] = {
    "channel": {"web": 0.5, "phone": 0.3, "desk": 0.2},
    "district": {"1": 0.3, "2": 0.25, "3": 0.2, "4": 0.15, "5": 0.1},
    "kind": {"new": 0.6, "renewal": 0.4},
    "language": {"en": 0.68, "es": 0.2, "vi": 0.1, UNKNOWN: 0.02},
    "hours": {"day": 0.7, "evening": 0.25, "night": 0.05},
    "hardship": {"no": 0.99, "yes": 0.01},
}


@dataclass(frozen=True)
class Truth:
    """What is true of the outputs of one week.

    Attributes:
        positives: share of outputs whose truth is 1.
        tpr: true-positive rate.
        fpr: false-positive rate of every area but the first.
        fpr_gap: by how much the first area's false-positive rate is higher.
        shares: share of each level by category column.
        version: model version.
        delay_days: days from an output to its outcome.
    """

    positives: float = 0.4
    tpr: float = 0.9
    fpr: float = 0.1
    fpr_gap: float = 0.0
    shares: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: CATEGORIES)
    version: str = "1.0"
    delay_days: int = MATURITY_DAYS

    @property
    def accuracy(self) -> float:
        """Share of right outputs."""
        fpr = self.fpr + self.fpr_gap * AREA_SHARES[0]
        return self.positives * self.tpr + (1 - self.positives) * (1 - fpr)

    def core(self) -> NDArray[np.float64]:
        """Returns the probability of each cell of CORE, shape (areas, 2, 2, scores)."""
        fpr = np.full(len(AREAS), self.fpr)
        fpr[0] += self.fpr_gap
        yes = np.stack([fpr, np.full(len(AREAS), self.tpr)], axis=1)  # by area and outcome
        outcome = np.array([1 - self.positives, self.positives])
        decided = np.stack([1 - yes, yes], axis=2) * outcome[None, :, None]
        rank = np.arange(len(SCORES)) + 1.0
        score = np.stack([rank[::-1], rank]) / rank.sum()  # a positive output tends to a high score
        p: NDArray[np.float64] = np.array(AREA_SHARES)[:, None, None, None] * decided[..., None] * score
        p /= p.sum()
        return p


def accurate(accuracy: float, **changes: Any) -> Truth:
    """Returns a truth with this accuracy, the same for positives and negatives of all areas together."""
    gap = changes.get("fpr_gap", 0.0)
    return Truth(tpr=accuracy, fpr=1 - accuracy - gap * AREA_SHARES[0], **changes)


def shifted(shares: Mapping[str, Mapping[str, float]], column: str, level: str, to: float) -> dict[str, Any]:
    """Returns the shares with one level's set, the column's others in proportion."""
    rest = 1 - shares[column].get(level, 0.0)
    others = {name: share * (1 - to) / rest for name, share in shares[column].items() if name != level}
    return {**shares, column: {**others, level: to}}


def monday(week: int) -> date:
    """Returns the Monday of the week with this number."""
    return FIRST + WEEK * week


def system_of(number: int, checks: Sequence[str] = CHECKS) -> System:
    """Returns the register entry of a simulated system.

    Args:
        number: tells the systems of a portfolio apart.
        checks: the checks that are enabled.
    """
    approved = {"approved_by": "Simulation", "approved_on": "2024-01-01"}
    files = {"kind": "files", "connection": "source", "format": "parquet"}
    return System.model_validate(
        {
            "id": f"simulated-{number:02d}",
            "name": f"Simulated system {number}",
            "description": "Decides about applications that nobody made.",
            "department": "Simulation",
            "owner": {"name": "Simulation", "email": "simulation@example.gov"},
            "schedule": "manual",
            "intended_outcome": {
                "statement": "Applications are decided rightly.",
                "metric": "accuracy",
                "target": TARGET,
                "reviewed": "2024-01-01",
                **approved,
            },
            "risk": {"tier": "rights", "decides": "Who has to come in person."},
            "prohibited_uses": {
                "biometric_identification": False,
                "emotion_analysis": False,
                "automated_decisions": False,
                "employment_decisions": False,
                "social_scoring": False,
                "behavioral_manipulation": False,
                "answered_by": "Simulation",
                "answered_on": "2024-01-01",
            },
            "window_weeks": 13,
            "feeds": {
                "outputs": {
                    "source": {**files, "url": f"{number:02d}-outputs.parquet"},
                    "key": "id",
                    "date": "made_on",
                    "prediction": "decision",
                    "score": {"column": "score", "low": 0, "high": 1},
                    "model_version": "version",
                    "categories": [*CATEGORIES],
                    "cadence": "weekly",
                },
                "outcomes": {
                    "source": {**files, "url": f"{number:02d}-outcomes.parquet"},
                    "key": "id",
                    "outcome": "truth",
                    "known_on": "known_on",
                    "maturity_days": MATURITY_DAYS,
                    "cadence": "weekly",
                },
            },
            "groups": {"columns": ["area"]},
            "harm": {"metric": "false_positive_rate", "reason": "Coming in person for nothing costs a day."},
            "baseline": {
                "start": FIRST.isoformat(),
                "end": (monday(BASELINE_WEEKS) - timedelta(days=1)).isoformat(),
                **approved,
            },
            "checks": list(checks),
        }
    )


class Drawn:
    """The counts of all weeks of one system: enough to answer its statistics, and to write rows that do.

    The core columns are drawn as one multinomial a week. A category column is drawn given the core counts
    that it is ever counted with; columns that a statistic counts together are drawn together. So every
    statistic is a roll-up of tables that agree with each other: they are the counts of some rows.
    """

    def __init__(
        self, truths: Sequence[Truth], n: int, statistics: Sequence[Statistic], rng: np.random.Generator
    ) -> None:
        """Draws the weeks.

        Args:
            truths: what is true, a week each.
            n: outputs a week.
            statistics: what will be asked.
            rng: where chance comes from.

        Raises:
            ValueError: where a statistic counts a column that is not simulated.
        """
        self.truths = truths
        self._statistics = statistics
        self.core = np.stack(
            [rng.multinomial(n, p.ravel()).reshape(p.shape) for p in (truth.core() for truth in truths)]
        )
        # In the order of the categories, whatever the plan's order: the same seed gives the same counts.
        self.sides = [
            self._draw_side(columns, core, rng) for columns, core in _together(statistics, list(CATEGORIES))
        ]

    @cached_property
    def levels(self) -> Mapping[str, Sequence[Any]]:
        """The levels of each column, in the order of the tables' axes."""
        names = {
            column: sorted({name for truth in self.truths for name in truth.shares[column]})
            for column in CATEGORIES
        }
        return {"area": AREAS, "outcome": (0, 1), "predicted": (0, 1), "score": SCORES, **names}

    def profile(self) -> Profile:
        """Returns the counts as the engine keeps them."""
        return Profile({statistic: self._cells(statistic) for statistic in self._statistics})

    def counted(self, over: str) -> list[date]:
        """Returns the Monday of the week in which each week's outputs, or their outcomes, are evidence."""
        if over == "outputs":
            return [monday(week) for week in range(len(self.truths))]
        made = [monday(week) + timedelta(days=2) for week in range(len(self.truths))]
        waits = [max(truth.delay_days, MATURITY_DAYS) for truth in self.truths]
        known = [day + timedelta(days=wait) for day, wait in zip(made, waits, strict=True)]
        return [day - timedelta(days=day.weekday()) for day in known]

    def rows(self) -> pd.DataFrame:
        """Returns rows with these counts: week, every column by its name, and nothing left to chance."""
        parts = []
        for week, truth in enumerate(self.truths):
            codes = np.repeat(np.arange(self.core[week].size), self.core[week].ravel())
            places = dict(zip(CORE, np.unravel_index(codes, self.core[week].shape), strict=True))
            for columns, core, table in self.sides:
                shape = table.shape[1 : 1 + len(core)]
                given = np.ravel_multi_index([places[name] for name in core], shape) if core else codes * 0
                flat = table[week].reshape(int(np.prod(shape)), -1)
                found = np.empty(len(codes), dtype=np.int64)
                found[np.argsort(given, kind="stable")] = np.repeat(
                    np.tile(np.arange(flat.shape[1]), len(flat)), flat.ravel()
                )
                split = np.unravel_index(found, table.shape[1 + len(core) :])
                places |= dict(zip(columns, split, strict=True))
            frame = {name: np.array(self.levels[name])[place] for name, place in places.items()}
            parts.append(pd.DataFrame({"week": week, "version": truth.version, **frame}))
        return pd.concat(parts, ignore_index=True)

    def _draw_side(
        self, columns: Sequence[str], core: Sequence[str], rng: np.random.Generator
    ) -> tuple[Sequence[str], Sequence[str], NDArray[np.int64]]:
        away = tuple(1 + CORE.index(name) for name in CORE if name not in core)
        given = self.core.sum(axis=away)
        weeks = []
        for truth, table in zip(self.truths, given, strict=True):
            p = np.ones(1)
            for column in columns:
                share = np.array([truth.shares[column].get(level, 0.0) for level in self.levels[column]])
                p = np.multiply.outer(p, share / share.sum()).ravel()
            shape = (*table.shape, *(len(self.levels[column]) for column in columns))
            weeks.append(rng.multinomial(table, p).reshape(shape))
        return columns, core, np.stack(weeks)

    def _cells(self, statistic: Statistic) -> Cells:
        columns = [key.column if isinstance(key, Bin) else key for key in statistic.by]
        wanted = [name for name in dict.fromkeys([*columns, *statistic.sums]) if name != "model_version"]
        table, axes = self._table(wanted)
        away = tuple(1 + axes.index(name) for name in axes if name not in wanted)
        table = table.sum(axis=away)
        kept = [name for name in axes if name in wanted]
        week, *places = np.nonzero(table)
        by_name = dict(zip(kept, places, strict=True))
        days = _numbers([monday(w) + timedelta(days=2) for w in range(len(table))])
        keys = {
            key_name(key): (
                _coded([truth.version for truth in self.truths], key, week)
                if column == "model_version"
                else _coded(self.levels[column], key, by_name[column])
            )
            for key, column in zip(statistic.by, columns, strict=True)
        }
        n = table[(week, *places)]
        values = {"n": n}
        for name in statistic.sums:
            parts = np.array(self.levels[name], dtype=float) / statistic.unit(name) * SUM_SCALE
            whole = np.rint(parts).astype(np.int64)
            values[f"sum_{name}"] = whole[by_name[name]] * n
        return Cells(days[week], _numbers(self.counted(statistic.over))[week], keys, values)

    def _table(self, wanted: Sequence[str]) -> tuple[NDArray[np.int64], list[str]]:
        if set(wanted) <= set(CORE):
            return self.core, list(CORE)
        for columns, core, table in self.sides:
            if set(wanted) <= {*columns, *core}:
                return table, [*core, *columns]
        raise ValueError(f"the simulation draws no table of {', '.join(wanted)}")


def _together(
    statistics: Sequence[Statistic], columns: Sequence[str]
) -> list[tuple[Sequence[str], Sequence[str]]]:
    """Returns which category columns are counted together, with the core columns they are counted with."""
    asked = []
    for statistic in statistics:
        names = {key.column if isinstance(key, Bin) else key for key in statistic.by} | set(statistic.sums)
        unknown = names - {*columns, *CORE, "model_version"}
        if unknown:
            raise ValueError(
                f"a check counts {', '.join(sorted(unknown))}, which is not simulated; add it to "
                "the world, or leave the check out of CHECKS"
            )
        asked.append(names - {"model_version"})
    parts = [{column} for column in columns]
    for names in asked:
        for one, other in combinations(sorted(names & set(columns)), 2):
            first = next(part for part in parts if one in part)
            second = next(part for part in parts if other in part)
            if first is not second:
                first |= second
                parts.remove(second)
    found: list[tuple[Sequence[str], Sequence[str]]] = []
    for part in parts:
        core = {name for names in asked if names & part for name in names} & set(CORE)
        found.append(([name for name in columns if name in part], [name for name in CORE if name in core]))
    return found


def _numbers(days: Sequence[date]) -> NDArray[np.int64]:
    """Returns the days as days since 1970."""
    return np.array(days, dtype="datetime64[D]").astype(np.int64)


def _coded(levels: Sequence[Any], key: str | Bin, places: NDArray[np.intp]) -> Codes:
    """Returns a key of the cells, given which of the levels each has."""
    values = np.array(levels)
    if isinstance(key, Bin):
        bins = np.floor((values - key.low) * key.per_unit)
        return np.clip(bins, 0, key.bins - 1).astype(np.int64)[places], None
    if key in ("predicted", "outcome"):
        return values.astype(np.int64)[places], None
    names, codes = np.unique(values, return_inverse=True)
    return codes[places], names.tolist()
