"""What the columns of outputs seem to be, from a sample of them: proposals that a person confirms."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from sundial.register.columns import RESERVED

Role = Literal["key", "date", "prediction", "score", "model_version"]
"""What one column can be."""

WEEKS = 13
"""Length of a baseline."""

_MOST_LEVELS = 50
_LEVELS_OF_A_RULE = 12
_KEY = ("id", "key", "uuid", "guid", "number", "no")
_DATE = ("date", "day", "on", "at", "time", "timestamp")
_SCORE = ("score", "probability", "prob", "risk", "confidence", "urgency", "priority")
_DECISION = ("prediction", "predicted", "decision", "decided", "flag", "flagged", "output", "positive")
_VERSION = ("version", "model")
_OUTCOME = ("outcome", "truth", "actual", "was", "correct", "label", "result")
_PERSON = ("race", "ethnicity", "sex", "gender", "language", "disability", "age")
_AREA = ("district", "area", "neighborhood", "zip", "zipcode", "tract", "ward", "region")
_ISO = r"^\d{4}-\d{2}-\d{2}"


@dataclass(frozen=True)
class Range:
    """A column of numbers with the range over which it is counted."""

    column: str
    low: float
    high: float


@dataclass(frozen=True)
class Proposal:
    """What each column seems to be.

    Attributes:
        columns: all there are.
        key, date: None where none seems to be one.
        score: a number by which the system ranks.
        positive_at: the score from which on an output is positive.
        prediction: a column of 0 and 1.
        groups: columns that name whom to compare, and whether they are of persons or areas.
        levels: of the categories that have few.
        left_out: columns that nothing is proposed for.
    """

    columns: Sequence[str]
    key: str | None
    date: str | None
    score: Range | None
    positive_at: float | None
    prediction: str | None
    model_version: str | None
    categories: Sequence[str]
    numbers: Sequence[Range]
    groups: Sequence[str]
    level: Literal["person", "area"]
    levels: dict[str, Sequence[str]] = field(default_factory=dict)

    @property
    def left_out(self) -> list[str]:
        """Columns that nothing is proposed for."""
        used = {self.key, self.date, self.prediction, self.model_version, *self.categories, *self.groups}
        used |= {number.column for number in self.numbers} | {self.score.column if self.score else None}
        return [column for column in self.columns if column not in used]


NONE = "-"
"""Named in the place of a column: there is none."""


def propose(table: pa.Table, named: Mapping[Role, str] = MappingProxyType({})) -> Proposal:
    """Returns what the columns of a sample seem to be.

    Args:
        table: rows of outputs.
        named: columns whose part is known already, or NONE.

    Raises:
        ValueError: a named column is not there, or cannot be what it is said to be.
    """
    free = _Free(table, named)
    day = free.take("date", _DATE, _is_date)
    version = free.take("model_version", _VERSION, _is_version, by_name=True)
    key = free.take("key", _KEY, _is_key)
    decision = free.take("prediction", _DECISION, _is_flag, by_name=True)
    scored = free.take("score", _SCORE, lambda v: _range(v) is not None, by_name=True)
    if decision is None and scored is None:
        decision = free.take("prediction", _DECISION, _is_flag)
    low, high = _whole_range(table[scored]) if scored else (0.0, 1.0)
    columns = {name: table[name] for name in free.names if name.lower() not in RESERVED}
    labels = {name: found for name, values in columns.items() if (found := _levels(values)) is not None}
    persons, areas = ([name for name in labels if _rank(name, of) < len(of)] for of in (_PERSON, _AREA))
    ranges = {name: ends for name, values in columns.items() if (ends := _range(values)) is not None}
    return Proposal(
        columns=list(table.column_names),
        key=key,
        date=day,
        score=Range(scored, low, high) if scored else None,
        positive_at=round((low + high) / 2, 6) if scored else None,
        prediction=decision,
        model_version=version,
        categories=[name for name in labels if name not in persons and name not in areas],
        numbers=[Range(name, *ends) for name, ends in ranges.items()],
        groups=persons or areas,
        level="person" if persons else "area",
        levels={name: found for name, found in labels.items() if len(found) <= _LEVELS_OF_A_RULE},
    )


class _Free:
    """The columns that have no part yet."""

    def __init__(self, table: pa.Table, named: Mapping[Role, str]) -> None:
        self._table, self._named = table, named
        taken = {name for name in named.values() if name != NONE}
        if strangers := sorted(taken - {*table.column_names}):
            raise ValueError(f"the data has no column {strangers[0]}; it has {', '.join(table.column_names)}")
        self.names = sorted({*table.column_names} - taken)

    def take(
        self,
        role: Role,
        words: Sequence[str],
        fits: Callable[[pa.ChunkedArray], bool],
        *,
        by_name: bool = False,
    ) -> str | None:
        """Returns the named column of a part, else the one whose name and values fit best.

        Args:
            role: the part.
            words: parts of names that say it, the best first.
            fits: whether the values may be such.
            by_name: whether a column without such a name is none.
        """
        if role in self._named:
            name = self._named[role]
            if name != NONE and not fits(self._table[name]):
                raise ValueError(f"the column {name} cannot be the {role}; {_MUST[role]}")
            return None if name == NONE else name
        for name in sorted(self.names, key=lambda name: (_rank(name, words), name)):
            if (not by_name or _rank(name, words) < len(words)) and fits(self._table[name]):
                self.names.remove(name)
                return str(name)
        return None


_MUST: dict[Role, str] = {
    "key": "each row needs one of its own, of text or whole numbers",
    "date": "it needs dates, times or text like 2026-01-31",
    "prediction": "it needs 0 and 1",
    "score": "it needs numbers of three values or more",
    "model_version": "it needs text or numbers with few levels",
}


@dataclass(frozen=True)
class Outcomes:
    """What the columns of outcomes seem to be.

    Attributes:
        key: the column with the output's key, which has the same name there.
        outcome: a column of 0 and 1.
        known_on: the day on which it was known; None where no column has dates.
    """

    key: str
    outcome: str
    known_on: str | None


def propose_outcomes(table: pa.Table, key: str) -> Outcomes:
    """Returns what the columns of a sample of outcomes seem to be.

    Args:
        table: rows of outcomes.
        key: the column of the outputs with their key.

    Raises:
        ValueError: no column has that name, or none has 0 and 1.
    """
    if key not in table.column_names:
        raise ValueError(
            f"the outcomes have no column {key}, the key of the outputs; they have "
            f"{', '.join(table.column_names)}"
        )
    free = _Free(table, {"key": key})
    known_on = free.take("date", _DATE, _is_date)
    outcome = free.take("prediction", _OUTCOME, _is_flag)
    if outcome is None:
        raise ValueError(
            "no column of the outcomes has 0 and 1 only; leave out --outcomes-data, and describe the feed by "
            "hand: docs/register.md"
        )
    return Outcomes(key, outcome, known_on)


def maturity_of(lags: Sequence[int]) -> int:
    """Returns days within which 99 of 100 outcomes were known; 30 where that cannot be told."""
    lags = sorted(lag for lag in lags if lag >= 0)
    return lags[math.ceil(0.99 * len(lags)) - 1] if lags else 30


def baseline_of(first: date, last: date) -> tuple[date, date]:
    """Returns the first 13 weeks, or all there is."""
    return first, min(last, first + timedelta(weeks=WEEKS, days=-1))


def cadence_of(days: Sequence[date]) -> Literal["daily", "weekly", "monthly"]:
    """Returns how often there is something new, by the usual distance of days that follow each other."""
    gaps = sorted((b - a).days for a, b in pairwise(days))
    usual = gaps[len(gaps) // 2] if gaps else 1
    return "daily" if usual <= 3 else "weekly" if usual <= 10 else "monthly"


def _rank(name: str, words: Sequence[str]) -> int:
    """Returns the place of the first word that is a part of the name; how many words there are for none."""
    parts = re.split(r"[^a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    return min((words.index(part) for part in parts if part in words), default=len(words))


def _is_text(values: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_string(values.type) or pa.types.is_large_string(values.type))


def _is_number(values: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_integer(values.type) or pa.types.is_floating(values.type))


def _is_date(values: pa.ChunkedArray) -> bool:
    if pa.types.is_date(values.type) or pa.types.is_timestamp(values.type):
        return True
    known = values.drop_null()
    return bool(_is_text(values) and len(known) and pc.all(pc.match_substring_regex(known, _ISO)).as_py())


def _is_key(values: pa.ChunkedArray) -> bool:
    fitting = _is_text(values) or pa.types.is_integer(values.type)
    return bool(fitting and not values.null_count and pc.count_distinct(values).as_py() == len(values))


def _is_flag(values: pa.ChunkedArray) -> bool:
    if not _is_number(values):
        return False
    return set(pc.unique(values.drop_null()).to_pylist()) == {0, 1}


def _is_version(values: pa.ChunkedArray) -> bool:
    few = _is_number(values) and pc.count_distinct(values).as_py() <= _MOST_LEVELS
    return few or _levels(values) is not None


def _levels(values: pa.ChunkedArray) -> list[str] | None:
    """Returns the levels of a text with few of them, each met often; None for other columns."""
    known = values.drop_null()
    if not _is_text(values) or not len(known):
        return None
    levels: list[str] = sorted(pc.unique(known).to_pylist())
    return levels if len(levels) <= _MOST_LEVELS and len(known) >= 5 * len(levels) else None


def _range(values: pa.ChunkedArray) -> tuple[float, float] | None:
    """Returns the range in which nearly all values lie, of a column of many; None for other columns."""
    known = values.drop_null()
    if not _is_number(values) or not len(known) or pc.count_distinct(known).as_py() < 3:
        return None
    low, high = pc.quantile(known, [0.005, 0.995]).to_pylist()
    if pa.types.is_integer(values.type):
        low, high = math.floor(low), math.ceil(high)
    low, high = _rounded(low, math.floor), _rounded(high, math.ceil)
    return (low, high) if low < high else None


def _whole_range(values: pa.ChunkedArray) -> tuple[float, float]:
    """Returns the range of a score: 0 to 1, or 0 to 100, where that fits; else that of the values."""
    low, high = (float(pc.min_max(values)[end].as_py()) for end in ("min", "max"))
    for most in (1.0, 100.0):
        if low >= 0 and most / 2 < high <= most:
            return 0.0, most
    return _rounded(low, math.floor), _rounded(high, math.ceil)


def _rounded(value: float, towards: Callable[[float], int]) -> float:
    if value == 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    return float(f"{towards(value / unit) * unit:.6g}")
