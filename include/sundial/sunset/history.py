"""What was recorded of one system, week by week, as a run knew it; read only as far back as is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from sundial.register.sunset_rules import (
    IncidentsCondition,
    ProhibitedUseCondition,
    SunsetRule,
)
from sundial.store.records import Finding
from sundial.store.results import Judgement, Results

PROHIBITED_USE = "prohibited_use"
"""The detail of a finding by which a check says which prohibited use it looks for."""

_AT_ONCE = timedelta(weeks=12)
"""How far before the week that is asked for is read with it."""


class History:
    """The judged weeks of a system with those findings that sunset rules look at."""

    def __init__(
        self,
        results: Results,
        system: str,
        judged: Sequence[Judgement],
        rules: Sequence[SunsetRule],
        as_of: date,
    ) -> None:
        """Takes the system's judged weeks, the rules, and the as-of date of the run that looks."""
        self.weeks: Sequence[date] = [one.week for one in judged if one.as_of <= as_of]
        self._results, self._system, self._as_of = results, system, as_of
        self._checks = {
            rule.when.check
            for rule in rules
            if not isinstance(rule.when, ProhibitedUseCondition | IncidentsCondition)
        }
        tripwires = any(isinstance(rule.when, ProhibitedUseCondition) for rule in rules)
        self._detail = PROHIBITED_USE if tripwires else None
        self._read: dict[date, list[Finding]] = {}

    def findings(self, week: date) -> Sequence[Finding]:
        """Returns the week's findings that rules look at; none where it was not judged."""
        if week not in self._read:
            self.read(week - _AT_ONCE, week)
        return self._read.get(week, ())

    def read(self, first: date, last: date) -> None:
        """Reads the weeks from Monday to Monday that were not read yet."""
        missing = {week for week in self.weeks if first <= week <= last and week not in self._read}
        if not missing:
            return
        self._read |= {week: [] for week in missing}
        for finding in self._results.findings_between(
            min(missing), max(missing), self._system, self._as_of, self._checks, self._detail
        ):
            if finding.week in missing:
                self._read[finding.week].append(finding)

    def back_from(self, week: date) -> Iterator[date]:
        """Yields the judged weeks up to a week, the latest first."""
        return (earlier for earlier in reversed(self.weeks) if earlier <= week)
