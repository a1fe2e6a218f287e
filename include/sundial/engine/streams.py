"""Evidence carried from week to week: each stream is the list of what its weeks added."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any, Protocol, Self

from sundial.store.records import Evidence, Finding, Restated, Supersedes

Counted = tuple[date, tuple[float, ...]]
"""A week and what it added to a stream."""

_GENERATION = re.compile(r"(.*)~(\d+)", re.DOTALL)


def lineage(stream: str) -> tuple[str, int]:
    """Returns the name by which a check knows a stream, and its generation: `rate~2` supersedes `rate`."""
    marked = _GENERATION.fullmatch(stream)
    return (marked[1], int(marked[2])) if marked else (stream, 1)


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
        self,
        weeks_between: float,
        weight: float,
        granted: Mapping[str, float],
        used: float,
        renewed: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        """Takes the budget.

        Args:
            weeks_between: average weeks between two false breaches of the portfolio.
            weight: of a new stream.
            granted: weight by stream of this system; a superseding stream has the weight of its elder.
            used: sum of the weights of all other systems' streams.
            renewed: streams that get theirs anew, for a new approval of the budget: the part of one
                stream's weight that they have in `granted`.
        """
        self._weeks, self._weight = weeks_between, weight
        self._granted = {lineage(stream)[0]: weight for stream, weight in granted.items()}
        self._renewed = {lineage(stream)[0]: part for stream, part in renewed.items()}
        self._used = used + sum(self._granted.values())
        self._new: list[str] = []
        self.given: dict[str, tuple[float, float]] = {}
        """Part and weight of the streams that began or were renewed here, by name."""

    def of(self, stream: str, part: float = 1.0) -> float:
        """Returns ln A of a stream, A = weeks between false breaches / weight of the stream.

        Args:
            stream: its name.
            part: of one stream's weight, where a family shares it; it concerns a new stream only.
        """
        if stream in self._renewed:
            less = min(part / self._renewed.pop(stream), 1.0)
            self._used -= self._granted[stream] * (1 - less)
            self._granted[stream] *= less
            self.given[stream] = (part, self._granted[stream])
        if stream not in self._granted:
            left = max(1 - self._used, 0.0)
            wanted = self._weight * part
            weight = wanted if wanted <= left / 2 else max(left / 2, SMALLEST)
            self._granted[stream] = weight
            self._used += weight
            self._new.append(stream)
            self.given[stream] = (part, weight)
        return log_alarm(self._weeks, self._granted[stream])

    def keep(self, streams: Collection[str]) -> None:
        """Takes back what other streams than these were granted since the last time: they never began."""
        for stream in self._new:
            if stream not in streams:
                self._used -= self._granted.pop(stream)
                del self.given[stream]
        self._new.clear()


SMALLEST = 1e-12
"""Weight of a stream for which nothing is left: its alarm is beyond any evidence of a lifetime."""

RECOVERED = math.log(1_000)
"""Evidence at which a repaired measure is no longer in breach."""


class Streams:
    """The evidence streams of one system, advanced exactly once a week.

    Checks know a stream by one name for ever. Where outcomes that it had counted were corrected it goes on as
    its next generation, which has the same weeks up to the first one restated.
    """

    def __init__(
        self,
        past: Mapping[str, Sequence[Counted]],
        alarms: Alarms,
        repairs: Callable[[str], Sequence[date]] = lambda _: (),
    ) -> None:
        """Takes what the store has.

        Args:
            past: for each stream its weeks in order with their counts.
            alarms: what the detectors are held against.
            repairs: Mondays from which on a stream's measure counts as repaired, in order.
        """
        self._past: dict[str, list[Counted]] = {}
        self._generation: dict[str, int] = {}
        for stream in sorted(past, key=lineage):
            name, self._generation[name] = lineage(stream)
            own = list(past[stream])
            self._past[name] = [*_before(self._past.get(name, ()), own[0][0]), *own] if own else []
        self._begun = {name: weeks[0][0] for name, weeks in self._past.items() if weeks}
        self._alarms = alarms
        self.repairs = repairs
        self._carriers: dict[str, _Carrier] = {}
        self._unsettled: dict[str, Counted] = {}
        self._restated: dict[str, Supersedes] = {}

    @property
    def given(self) -> Mapping[str, tuple[float, float]]:
        """What streams were given of the budget since this was made: their part and their weight, by name."""
        return self._alarms.given

    def names_after(self, start: str, week: date) -> Sequence[str]:
        """Returns what follows a shared start in the names of the streams that began by the week, sorted."""
        return sorted(
            name.removeprefix(start)
            for name, begun in self._begun.items()
            if begun <= week and name.startswith(start)
        )

    def begun(self, stream: str, week: date) -> date:
        """Returns the Monday of the week in which a stream began; the week itself where it does so in it."""
        return min(self._begun.get(stream, week), week)

    def as_of(self, week: date) -> Streams:
        """Returns the streams as they were before the week; they still know when each one began later."""
        streams = copy.copy(self)
        streams._past = {name: _before(weeks, week) for name, weeks in self._past.items()}
        streams._begun, streams._alarms = dict(self._begun), copy.deepcopy(self._alarms)
        streams._carriers, streams._unsettled, streams._restated = {}, {}, {}
        return streams

    def supersede(self, restated: Streams, since: date, outcomes: int, reason: str) -> bool:
        """Has streams go on as their next generation where a week of theirs has other counts than restated.

        It holds until the week is settled; a stream that no finding of the week carries stays what it was.

        Args:
            restated: `as_of` the week `since`, and advanced through the weeks from there on once more.
            since: Monday of the first week that may differ.
            outcomes: how many outcomes were corrected.
            reason: why, a sentence.

        Returns:
            Whether there is such a stream.
        """
        for name, begun in self._begun.items():
            now = {week: counts for week, counts in restated._past.get(name, ()) if week >= since}
            if not now:
                continue
            before = {week: counts for week, counts in self._past[name] if week >= since}
            nothing = (0.0,) * max(map(len, before.values()), default=0)
            # A week before it began is none of its own: its threshold was chosen after that week, perhaps.
            # One that no finding carries any more has nothing: all that it had counted was corrected away.
            weeks = [(week, now.get(week, nothing)) for week in sorted({*now, *before}) if week >= begun]
            differ = [week for week, counts in weeks if not _same(counts, before.get(week, nothing))]
            if differ:
                fed = tuple(Restated(week, counts, 0.0, 0.0) for week, counts in weeks if week >= differ[0])
                self._restated[name] = Supersedes(self._name(name), fed, outcomes, reason)
        return bool(self._restated)

    def _name(self, stream: str) -> str:
        generation = self._generation.get(stream, 1) + (stream in self._restated)
        return stream if generation == 1 else f"{stream}~{generation}"

    def advance(
        self,
        stream: str,
        fresh: Process,
        counts: Sequence[float],
        week: date,
        *,
        part: float = 1.0,
        since: date = date.min,
        lag: timedelta = timedelta(),
    ) -> Evidence:
        """Adds this week's counts to a stream and returns where its evidence stands.

        Args:
            stream: name within the system; the same measure and slice, the same name, for ever.
            fresh: the process before any week; used when the stream is met for the first time in this run.
            counts: this week's increment, as the process takes it, flat.
            week: Monday of the week.
            part: of one stream's weight, where a family of streams shares it.
            since: Monday from which on the detector begins anew; weeks before it count no more.
            lag: whole weeks after a repair until what counts is of repaired outputs.

        Raises:
            ValueError: the stream has this week's counts already.
        """
        if stream in self._unsettled:
            raise ValueError(
                f"stream {stream} was advanced twice in one week; name each measure and slice apart"
            )
        if _GENERATION.fullmatch(stream):
            raise ValueError(f"stream {stream}: names that end like this mark streams that supersede others")
        past = self._past.setdefault(stream, [])
        # What is interrupted from here on is taken back by `settle`.
        self._unsettled[stream] = (week, tuple(counts))
        supersedes = self._restated.get(stream)
        if supersedes is not None:
            past = _before(past, supersedes.since)
        if supersedes is not None or stream not in self._carriers or self._carriers[stream].since != since:
            alarm = self._alarms.of(stream, part)
            repairs = [repair + lag for repair in self.repairs(stream)]
            self._carriers[stream] = _Carrier(fresh, alarm, repairs, past, since)
        carrier = self._carriers[stream]
        if supersedes is not None:
            supersedes = carrier.restate(supersedes)
            past += [(one.week, one.counts) for one in supersedes.weeks]
            self._restated[stream] = supersedes
        carrier.take([(week, tuple(counts))])
        return Evidence(
            stream=self._name(stream),
            log_e=carrier.process.log_e,
            log_detector=carrier.process.log_detector,
            log_alarm=carrier.log_alarm,
            weeks=sum(any(given) for monday, given in [*past, (week, counts)] if monday >= since),
            counts=tuple(counts),
            recovering=carrier.recovery is not None,
            log_recovery=carrier.recovery.log_e if carrier.recovery is not None else None,
            supersedes=supersedes,
        )

    def settle(self, found: Iterable[Finding]) -> None:
        """Keeps the week's counts of the streams that findings carry, and takes the others back.

        What no finding carries is not stored: a check that fails half-way has counted nothing.
        """
        carried = {finding.evidence.stream for finding in found if finding.evidence is not None}
        self._alarms.keep([stream for stream in self._unsettled if self._name(stream) in carried])
        for stream, given in self._unsettled.items():
            if self._name(stream) not in carried:
                self._carriers.pop(stream, None)
                continue
            if (supersedes := self._restated.get(stream)) is not None:
                fed = [(one.week, one.counts) for one in supersedes.weeks]
                self._past[stream] = [*_before(self._past[stream], supersedes.since), *fed]
                self._generation[stream] = self._generation.get(stream, 1) + 1
            self._past[stream].append(given)
            self._begun.setdefault(stream, given[0])
        self._unsettled.clear()
        self._restated.clear()


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
        past: Sequence[Counted],
        since: date,
    ) -> None:
        self.since = since
        self.process = copy.deepcopy(fresh)
        self.recovery: Recovery | None = None
        self.log_alarm = log_alarm
        self._fresh = fresh
        self._repairs = list(repairs)
        self.take(past)

    def restate(self, supersedes: Supersedes) -> Supersedes:
        """Advances by the weeks restated; returns them with where the process stood after each."""
        weeks = []
        for one in supersedes.weeks:
            self.take([(one.week, one.counts)])
            weeks.append(replace(one, log_e=self.process.log_e, log_detector=self.process.log_detector))
        return replace(supersedes, weeks=tuple(weeks))

    def take(self, weeks: Sequence[Counted]) -> None:
        """Advances by weeks, the oldest first: at one go up to the next repair."""
        rest = [given for given in weeks if given[0] >= self.since]
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


def _before(weeks: Iterable[Counted], week: date) -> list[Counted]:
    return [one for one in weeks if one[0] < week]


def _same(counts: Sequence[float], others: Sequence[float]) -> bool:
    """Tells whether two weeks' counts are one but for the order in which weights were summed."""
    if not any(counts) or not any(others):
        return any(counts) == any(others)
    return len(counts) == len(others) and all(
        math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9) for a, b in zip(counts, others, strict=True)
    )


def log_alarm(weeks_between_false_breaches: float, weight: float) -> float:
    """Returns ln A of a stream: A = weeks between false breaches of the portfolio / weight of the stream."""
    return math.log(weeks_between_false_breaches / weight)
