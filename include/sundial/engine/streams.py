"""Evidence carried from week to week: each stream is the list of what its weeks added."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Protocol, Self

from sundial.store.records import Evidence, Finding


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


class Streams:
    """The evidence streams of one system, advanced exactly once a week."""

    def __init__(
        self, past: Mapping[str, Sequence[tuple[date, tuple[float, ...]]]], log_alarm: float
    ) -> None:
        """Takes what the store has: for each stream its weeks in order with their counts."""
        self._past = {stream: [counts for _, counts in weeks] for stream, weeks in past.items()}
        self._log_alarm = log_alarm
        self._processes: dict[str, Process] = {}
        self._unsettled: dict[str, tuple[float, ...]] = {}

    def names_after(self, start: str) -> Sequence[str]:
        """Returns what follows a shared start in the names of the streams that have weeks, sorted."""
        return sorted(
            name.removeprefix(start) for name, weeks in self._past.items() if weeks and name.startswith(start)
        )

    def advance(self, stream: str, fresh: Process, counts: Sequence[float]) -> Evidence:
        """Adds this week's counts to a stream and returns where its evidence stands.

        Args:
            stream: name within the system; the same measure and slice, the same name, for ever.
            fresh: the process before any week; used when the stream is met for the first time in this run.
            counts: this week's increment, as the process takes it, flat.

        Raises:
            ValueError: the stream has this week's counts already.
        """
        if stream in self._unsettled:
            raise ValueError(
                f"stream {stream} was advanced twice in one week; name each measure and slice apart"
            )
        past = self._past.setdefault(stream, [])
        if stream not in self._processes:
            self._processes[stream] = fresh.replay([list(increment) for increment in past])
        self._unsettled[stream] = tuple(counts)
        process = self._processes[stream].replay([list(counts)] if any(counts) else [])
        return Evidence(
            stream=stream,
            log_e=process.log_e,
            log_detector=process.log_detector,
            log_alarm=self._log_alarm,
            weeks=sum(map(any, past)) + any(counts),
            counts=tuple(counts),
        )

    def settle(self, found: Iterable[Finding]) -> None:
        """Keeps the week's counts of the streams that findings carry, and takes the others back.

        What no finding carries is not stored: a check that fails half-way has counted nothing.
        """
        carried = {finding.evidence.stream for finding in found if finding.evidence is not None}
        for stream, counts in self._unsettled.items():
            if stream in carried:
                self._past[stream].append(counts)
            else:
                del self._processes[stream]
        self._unsettled.clear()


def log_alarm(weeks_between_false_breaches: float, weight: float) -> float:
    """Returns ln A of a stream: A = weeks between false breaches of the portfolio / weight of the stream."""
    return math.log(weeks_between_false_breaches / weight)
