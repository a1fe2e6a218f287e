"""Evidence carried from week to week: each stream is the list of what its weeks added."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Protocol, Self

from sundial.store.records import Evidence, Finding


class Recovery(Protocol):
    """What a repaired measure has to pass: the mirrored process."""

    @property
    def log_e(self) -> float:
        """Log of the e-process since the repair."""

    def replay(self, increments: Any) -> Self:
        """Advances by weeks, oldest first."""


class Process(Protocol):
    """An evidence process of `sundial.stats.evidence`."""

    @property
    def log_e(self) -> float:
        """Log of the e-process from the fixed start."""

    @property
    def log_detector(self) -> float:
        """Log of the e-detector."""

    def replay(self, increments: Any) -> Self:
        """Advances by weeks, oldest first."""

    def mirror(self) -> Recovery | None:
        """Returns the fresh process of a recovery: evidence that the measure is within its bound again."""


class Alarms:
    """What each stream's detector is held against: the portfolio's budget, shared out by weights.

    Weights of all streams sum to 1 at most, so that the mean time between false breaches is the policy's. A
    stream keeps its weight; a new one gets the policy's, out of the reserve too, and where that is used up
    half of what is left: a new check never makes the portfolio noisier nor moves old verdicts.
    """

    def __init__(
        self, weeks_between: float, weight: float, granted: Mapping[str, float], used: float
    ) -> None:
        """Takes the budget.

        Args:
            weeks_between: average weeks between two false breaches of the portfolio.
            weight: of a new stream.
            granted: weight by stream of this system.
            used: sum of the weights of all other systems' streams.
        """
        self._weeks, self._weight = weeks_between, weight
        self._granted = dict(granted)
        self._used = used + sum(granted.values())

    def of(self, stream: str) -> float:
        """Returns ln A of a stream, A = weeks between false breaches / weight of the stream."""
        if stream not in self._granted:
            left = max(1 - self._used, 0.0)
            weight = self._weight if self._weight <= left / 2 else max(left / 2, SMALLEST)
            self._granted[stream] = weight
            self._used += weight
        return log_alarm(self._weeks, self._granted[stream])


SMALLEST = 1e-12
"""Weight of a stream for which nothing is left: its alarm is beyond any evidence of a lifetime."""

RECOVERED = math.log(1_000)
"""Evidence at which a repaired measure is no longer in breach."""


class Streams:
    """The evidence streams of one system, advanced exactly once a week."""

    def __init__(
        self,
        past: Mapping[str, Sequence[tuple[date, tuple[float, ...]]]],
        alarms: Alarms,
        repairs: Callable[[str], Sequence[date]] = lambda _: (),
    ) -> None:
        """Takes what the store has.

        Args:
            past: for each stream its weeks in order with their counts.
            alarms: what the detectors are held against.
            repairs: Mondays from which on a stream's measure counts as repaired, in order.
        """
        self._past = {stream: list(weeks) for stream, weeks in past.items()}
        self._alarms = alarms
        self._repairs = repairs
        self._carriers: dict[str, _Carrier] = {}
        self._unsettled: dict[str, tuple[date, tuple[float, ...]]] = {}

    def names_after(self, start: str) -> Sequence[str]:
        """Returns what follows a shared start in the names of the streams that have weeks, sorted."""
        return sorted(
            name.removeprefix(start) for name, weeks in self._past.items() if weeks and name.startswith(start)
        )

    def advance(self, stream: str, fresh: Process, counts: Sequence[float], week: date) -> Evidence:
        """Adds this week's counts to a stream and returns where its evidence stands.

        Args:
            stream: name within the system; the same measure and slice, the same name, for ever.
            fresh: the process before any week; used when the stream is met for the first time in this run.
            counts: this week's increment, as the process takes it, flat.
            week: Monday of the week.

        Raises:
            ValueError: the stream has this week's counts already.
        """
        if stream in self._unsettled:
            raise ValueError(
                f"stream {stream} was advanced twice in one week; name each measure and slice apart"
            )
        past = self._past.setdefault(stream, [])
        if stream not in self._carriers:
            self._carriers[stream] = _Carrier(fresh, self._alarms.of(stream), self._repairs(stream), past)
        self._unsettled[stream] = (week, tuple(counts))
        carrier = self._carriers[stream]
        carrier.take([(week, tuple(counts))])
        return Evidence(
            stream=stream,
            log_e=carrier.process.log_e,
            log_detector=carrier.process.log_detector,
            log_alarm=carrier.log_alarm,
            weeks=sum(any(given) for _, given in past) + any(counts),
            counts=tuple(counts),
            recovering=carrier.recovery is not None,
            log_recovery=carrier.recovery.log_e if carrier.recovery is not None else None,
        )

    def settle(self, found: Iterable[Finding]) -> None:
        """Keeps the week's counts of the streams that findings carry, and takes the others back.

        What no finding carries is not stored: a check that fails half-way has counted nothing.
        """
        carried = {finding.evidence.stream for finding in found if finding.evidence is not None}
        for stream, given in self._unsettled.items():
            if stream in carried:
                self._past[stream].append(given)
            else:
                del self._carriers[stream]
        self._unsettled.clear()


class _Carrier:
    """A stream's process through its repairs.

    A repair of a confirmed breach starts the mirrored process, with the null that the measure is still beyond
    its threshold. Until that has passed RECOVERED the breach stands as recovering; then the detector begins
    anew. A repair of what was not confirmed changes nothing.
    """

    def __init__(
        self,
        fresh: Process,
        log_alarm: float,
        repairs: Sequence[date],
        past: Sequence[tuple[date, tuple[float, ...]]],
    ) -> None:
        self.process = copy.deepcopy(fresh)
        self.recovery: Recovery | None = None
        self.log_alarm = log_alarm
        self._fresh = fresh
        self._repairs = list(repairs)
        self.take(past)

    def take(self, weeks: Sequence[tuple[date, tuple[float, ...]]]) -> None:
        """Advances by weeks, the oldest first: at one go up to the next repair."""
        rest = list(weeks)
        while rest:
            repair = self._repairs[0] if self._repairs else date.max
            before = [counts for week, counts in rest if week < repair]
            self._advance(before)
            rest = rest[len(before) :]
            if rest:
                self._repairs.pop(0)
                if self.recovery is not None or self.process.log_detector >= self.log_alarm:
                    self.recovery = self.process.mirror()

    def _advance(self, counts: Sequence[tuple[float, ...]]) -> None:
        given = [list(week) for week in counts if any(week)]
        while given and self.recovery is not None:
            week = [given.pop(0)]
            self.process.replay(week)
            if self.recovery.replay(week).log_e >= RECOVERED:
                self.process, self.recovery = copy.deepcopy(self._fresh), None
        self.process.replay(given)


def log_alarm(weeks_between_false_breaches: float, weight: float) -> float:
    """Returns ln A of a stream: A = weeks between false breaches of the portfolio / weight of the stream."""
    return math.log(weeks_between_false_breaches / weight)
