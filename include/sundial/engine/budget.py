"""The portfolio's budget of false alarms: what is given of it, what is left, and what would fit."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sundial.engine.streams import SMALLEST, Alarms, log_alarm
from sundial.register.policy import EvidenceBudget
from sundial.store.grants import Grant, Total

PRESUMED = 50
"""Streams of a system of which none has been measured yet: the examples have 50 and more."""

_ROUNDING = 1e-9


def alarms_of(system: str, budget: EvidenceBudget, grants: Iterable[Grant], given: Iterable[Total]) -> Alarms:
    """Returns what a system's streams are held against.

    Args:
        system: its id.
        budget: in force. What was given under an approval before it is void: each of those streams gets a
            new one's weight, or its share of the budget without the reserve where that is less.
        grants: of the system.
        given: to all systems.
    """
    shared = _Shared.of(budget, given)
    latest = {one.stream: one for one in sorted(grants, key=lambda one: one.approved_on)}
    renewed = {stream: one.part for stream, one in latest.items() if one.approved_on == shared.last}
    own = {stream: one.weight for stream, one in latest.items() if one.approved_on >= budget.approved_on}
    own |= {stream: shared.renewal * part for stream, part in renewed.items()}
    weeks = budget.weeks_between_false_breaches
    return Alarms(weeks, budget.stream_weight, own, shared.spent(but=system), renewed)


def spent(budget: EvidenceBudget, given: Iterable[Total]) -> float:
    """Returns the sum of the weights of all streams: 1 at most."""
    return _Shared.of(budget, given).spent()


def fits(budget: EvidenceBudget, before: Sequence[Total], after: Sequence[Total], new: int) -> bool:
    """Tells whether new grants leave the sum of all weights within the budget, or as it is beyond it.

    Args:
        budget: in force.
        before: what is given.
        after: that, and the new grants.
        new: how many these are.
    """
    return spent(budget, after) <= max(spent(budget, before), 1.0) + SMALLEST * new + _ROUNDING


@dataclass(frozen=True)
class _Shared:
    """Who has a part of the budget.

    Attributes:
        in_force: what was given since the approval of the budget.
        last: the approval before it; None where there is none.
        void: what was given then; its streams that were given nothing since get the renewal.
        renewal: the weight of a whole stream that is given anew.
    """

    in_force: Sequence[Total]
    last: date | None
    void: Sequence[Total]
    renewal: float

    @classmethod
    def of(cls, budget: EvidenceBudget, given: Iterable[Total]) -> _Shared:
        given = list(given)
        in_force = [one for one in given if one.approved_on >= budget.approved_on]
        last = max((one.approved_on for one in given if one.approved_on < budget.approved_on), default=None)
        void = [one for one in given if one.approved_on == last]
        # Of all that there were, those renewed already too: each gets the same, whenever it is judged.
        renewal = min(budget.stream_weight, fitting(budget, sum(one.parts for one in void)))
        return cls(in_force, last, void, renewal)

    def spent(self, but: str | None = None) -> float:
        """Returns the sum of the weights of all streams, without those of one system."""
        in_force = sum(one.weight for one in self.in_force if one.system != but)
        return in_force + self.renewal * sum(one.standing for one in self.void if one.system != but)


def fitting(budget: EvidenceBudget, streams: float) -> float:
    """Returns the weight of which as many streams have room beside the reserve; 1 where there are none."""
    return min((1 - budget.reserve) / streams, 1.0) if streams else 1.0


@dataclass(frozen=True)
class Exceeded:
    """That there are more streams than the budget has room for.

    Attributes:
        streams: as many whole ones as there are, those presumed included.
        presumed: how many of them no system has been measured for yet.
        room: how many have room.
        weight: that has room for all of them, of two digits.
        longer: by what share a breach takes longer to confirm with it: a detector's logarithm grows evenly.
        least: the same of the stream that has least of the budget as it is; 0 where none is short of it.
    """

    streams: int
    presumed: int
    room: int
    weight: float
    longer: float
    least: float

    @property
    def said(self) -> str:
        """What is so, in words."""
        presumed = f", {self.presumed} of them presumed of systems not measured yet" if self.presumed else ""
        told = (
            f"the systems have {self.streams} streams of evidence{presumed}, and the budget has room for "
            f"{self.room} beside its reserve: each one beyond it and the reserve gets half of what is left"
        )
        return f"{told}, so that one takes {self.least:.0%} longer to confirm" if self.least else told

    @property
    def remedy(self) -> str:
        """What to do about it, in words."""
        written = f"{self.weight:.12f}".rstrip("0")  # YAML reads 8e-05 as a text
        return (
            f"approve evidence.stream_weight {written} with a new approved_on: all streams then have "
            f"the same, and a breach takes about {self.longer:.0%} longer to confirm than now; or have fewer "
            "checks or slices"
        )


def exceeded(budget: EvidenceBudget, given: Iterable[Total], systems: Collection[str]) -> Exceeded | None:
    """Returns by how much the streams of a portfolio go beyond its budget; None where they do not.

    Args:
        budget: in force.
        given: to all systems; one that has nothing is presumed to have `PRESUMED` streams, or as many as the
            others have on average.
        systems: ids of those that are registered.
    """
    shared = _Shared.of(budget, given)
    known = [one for one in (*shared.in_force, *shared.void) if one.standing]
    measured = {one.system for one in known}
    parts = sum(one.standing for one in known)
    each = parts / len(measured) if measured else PRESUMED
    presumed = math.ceil(each * len({*systems} - measured))
    streams = math.ceil(parts - _ROUNDING) + presumed
    room = int((1 - budget.reserve) / budget.stream_weight + _ROUNDING)
    if streams <= room:
        return None
    weeks, weight = budget.weeks_between_false_breaches, _rounded_down(fitting(budget, streams))
    now = log_alarm(weeks, budget.stream_weight)
    # A part of a stream has less of the budget by intent.
    beyond = log_alarm(weeks, min((one.least for one in shared.in_force), default=1.0)) / now - 1
    return Exceeded(streams, presumed, room, weight, log_alarm(weeks, weight) / now - 1, max(beyond, 0.0))


def _rounded_down(weight: float) -> float:
    """Returns a weight of two digits that fits, too."""
    unit = 10.0 ** (math.floor(math.log10(weight)) - 1)
    return round(math.floor(weight / unit + _ROUNDING) * unit, 15)
