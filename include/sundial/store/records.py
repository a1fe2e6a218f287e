"""The words of a result: finding, status, evidence; what checks return and the store keeps."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sundial.stats.intervals import Interval


class Status(StrEnum):
    """What a finding says, in order of precedence: the first that holds is the status."""

    ERROR = "error"
    NOT_APPLICABLE = "not_applicable"
    WAIVED = "waived"
    NOT_MEASURED = "not_measured"
    BREACH = "breach"
    INSUFFICIENT = "insufficient"
    WATCH = "watch"
    OK = "ok"


class Kind(StrEnum):
    """Statistical: `breach` needs carried evidence. Factual: `breach` when the fact outlasts its grace."""

    STATISTICAL = "statistical"
    FACTUAL = "factual"


class Side(StrEnum):
    """Which side of a threshold is good: at least a floor, at most a ceiling, within a tolerance of zero."""

    FLOOR = "floor"
    CEILING = "ceiling"
    TOLERANCE = "tolerance"


@dataclass(frozen=True)
class Threshold:
    """A threshold in force, with where it stands and who approved it."""

    name: str
    value: float
    side: Side
    approved_by: str
    approved_on: date
    set_for: str = "city"


@dataclass(frozen=True)
class Restated:
    """One week of a superseding stream: its counts as they are now, and where the stream stood after it."""

    week: date
    counts: tuple[float, ...]
    log_e: float
    log_detector: float


@dataclass(frozen=True)
class Supersedes:
    """Why a stream goes on under a new name: outcomes that had counted were corrected.

    Attributes:
        stream: the one that it supersedes; what that was fed stays in the store.
        weeks: the weeks restated, the oldest first; before these both streams are one.
        outcomes: how many outcomes that had counted in this system were corrected.
        reason: a sentence.
    """

    stream: str
    weeks: tuple[Restated, ...]
    outcomes: int
    reason: str

    @property
    def since(self) -> date:
        """Monday of the first restated week."""
        return self.weeks[0].week


@dataclass(frozen=True)
class Evidence:
    """Evidence carried over weeks; natural logarithms, since the values leave the range of floats.

    Attributes:
        stream: its name within the system.
        log_e: e-process from the stream's first week; exp(-log_e) bounds the chance of it under the null.
        log_detector: Shiryaev-Roberts detector; an alarm when it reaches `log_alarm`.
        log_alarm: ln A, with A = 100 / weight of the stream.
        weeks: how many weeks with data the stream has seen.
        counts: what this week added; the stream's state is the list of these.
        recovering: whether a repair of the confirmed breach is recorded and not yet shown to hold.
        log_recovery: log of the mirrored e-process since the repair, with the null that nothing is repaired.
        supersedes: in the week in which the stream begins to stand for another one.
    """

    stream: str
    log_e: float
    log_detector: float
    log_alarm: float
    weeks: int
    counts: tuple[float, ...]
    recovering: bool = False
    log_recovery: float | None = None
    supersedes: Supersedes | None = None

    @property
    def confirmed(self) -> bool:
        """Whether the detector has reached its alarm, or had and the repair is not yet shown to hold."""
        return self.recovering or self.log_detector >= self.log_alarm


@dataclass(frozen=True)
class Window:
    """The output days that an estimate covers, both included, and how many weeks that is."""

    start: date
    end: date
    weeks: int


Identity = tuple[str, str, tuple[tuple[str, str], ...]]
"""Check, metric and slice: what two weeks' findings about the same have in common."""

UNMEASURED_METRIC = "measured"
"""Metric of a finding that says of a whole check that it measured nothing, or could not."""


@dataclass(frozen=True)
class Finding:
    """One result of one check for one judged week.

    Attributes:
        week: Monday of the judged ISO week.
        slice: the group or slice, as sorted (column, level) pairs; () is everybody.
        estimate: the metric's value in `window`, in its own unit; None where undefined or not measured.
        n: the denominator that the estimate rests on; a fraction where rows weigh.
        reason: one plain sentence: why this status, and the remedy where there is one.
        details: figures that belong to the finding and have no place of their own; JSON values.
    """

    system: str
    week: date
    check: str
    principle: str
    kind: Kind
    metric: str
    status: Status
    reason: str
    slice: tuple[tuple[str, str], ...] = ()
    window: Window | None = None
    estimate: float | None = None
    interval: Interval | None = None
    n: float | None = None
    threshold: Threshold | None = None
    evidence: Evidence | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Identifies the finding for ever: the same week measured again has the same key."""
        where = (
            json.dumps(dict(self.slice), ensure_ascii=False) if self.slice else ""
        )  # levels may hold any sign
        return "|".join((self.system, self.week.isoformat(), self.check, self.metric, where))

    @property
    def identity(self) -> Identity:
        """What it is about, whatever the week."""
        return self.check, self.metric, self.slice

    @property
    def id(self) -> str:
        """A short name for the key, which people can type: the first 12 digits of its SHA-256."""
        return finding_id(self.key)

    def payload(self) -> dict[str, Any]:
        """Returns everything measured as JSON values; recording time and run lie outside."""
        return _fields(self)

    def payload_hash(self) -> str:
        """Returns the SHA-256 of the canonical JSON payload."""
        text = json.dumps(self.payload(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def finding_id(key: str) -> str:
    """Returns the id of the finding with this key."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def finding_from_payload(payload: Mapping[str, Any]) -> Finding:
    """Returns the finding that `Finding.payload` came from."""
    window, interval = payload["window"], payload["interval"]
    threshold, evidence = payload["threshold"], payload["evidence"]
    return Finding(
        **{
            **payload,
            "week": date.fromisoformat(payload["week"]),
            "kind": Kind(payload["kind"]),
            "status": Status(payload["status"]),
            "slice": tuple((column, level) for column, level in payload["slice"]),
            "window": window
            and Window(
                date.fromisoformat(window["start"]), date.fromisoformat(window["end"]), window["weeks"]
            ),
            "estimate": _unjson(payload["estimate"]),
            "interval": interval and Interval(**{k: _unjson(v) for k, v in interval.items()}),
            "threshold": threshold
            and Threshold(
                **{
                    **threshold,
                    "value": _unjson(threshold["value"]),
                    "side": Side(threshold["side"]),
                    "approved_on": date.fromisoformat(threshold["approved_on"]),
                }
            ),
            "evidence": evidence
            and Evidence(
                **{
                    name: _unjson(value)
                    for name, value in evidence.items()
                    if name not in ("counts", "supersedes")
                },
                counts=tuple(evidence["counts"]),
                supersedes=_supersedes(evidence.get("supersedes")),
            ),
        }
    )


def _supersedes(payload: Mapping[str, Any] | None) -> Supersedes | None:
    if payload is None:
        return None
    weeks = tuple(
        Restated(
            date.fromisoformat(week["week"]),
            tuple(week["counts"]),
            _unjson(week["log_e"]),
            _unjson(week["log_detector"]),
        )
        for week in payload["weeks"]
    )
    return Supersedes(payload["stream"], weeks, payload["outcomes"], payload["reason"])


def _fields(record: Any) -> dict[str, Any]:
    return {name: _jsonable(getattr(record, name)) for name in record.__dataclass_fields__}


def _jsonable(value: Any) -> Any:
    if type(value) in _AS_IT_IS:
        return value
    match value:
        case float():
            return _INFINITE.get(value, value)
        case dict():
            return {str(key): _jsonable(item) for key, item in value.items()}
        case list() | tuple():
            return [_jsonable(item) for item in value]
        case date():
            return value.isoformat()
        case StrEnum():
            return value.value
        case _:
            return _fields(value) if is_dataclass(value) else value


_AS_IT_IS = frozenset({str, int, bool, type(None)})
_INFINITE = {math.inf: "inf", -math.inf: "-inf"}  # JSON has no infinity


def _unjson(value: Any) -> Any:
    return float(value) if value in ("inf", "-inf") else value
