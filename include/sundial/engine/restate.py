"""Outcomes that came after their week was judged: its estimates are restated, its evidence never is."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cache

from sundial.engine.attempt import findings_of
from sundial.engine.check import Check, waiting_since
from sundial.engine.clock import WEEK
from sundial.engine.correct import follows_truth
from sundial.engine.measure import Measuring
from sundial.engine.plan import failure
from sundial.engine.streams import Process, Streams, lineage
from sundial.engine.waive import own, waived_like
from sundial.store.records import Evidence, Finding, Status

log = logging.getLogger(__name__)

WEEKS_BACK = 52
"""How far back estimates are restated: an outcome later than that changes none that anybody acts on."""


UNRESTATED = "unrestated_since"
"""Detail of the findings of a check that failed at restating: the week from which on it is to be done."""


class _Told(Streams):
    """The streams of a judged week: they tell the evidence that its findings carry, and take nothing."""

    def __init__(self, streams: Streams, found: Iterable[Finding]) -> None:
        vars(self).update(vars(streams))
        self._told = {lineage(f.evidence.stream)[0]: f.evidence for f in found if f.evidence is not None}

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
        """Returns the evidence of the week; none for what its findings do not carry."""
        nothing = Evidence(stream, fresh.log_e, fresh.log_detector, math.inf, weeks=0, counts=())
        return self._told.get(stream, nothing)


def restated(
    measuring: Measuring, found: Mapping[date, Sequence[Finding]], before: Sequence[Finding]
) -> tuple[Sequence[Finding], Mapping[date, Sequence[Finding]]]:
    """Measures the judged weeks again that this run's outcomes change.

    Args:
        measuring: what stays the same, after all weeks of the run were measured.
        found: the principle's findings of the weeks that the run measured.
        before: those of the week before.

    Returns:
        The findings of judged weeks that have changed, as they are now; and `found`, whose last week says of
        a check that failed at it that it is to be tried again.
    """

    @cache  # the checks of a run wait for the same weeks, as a rule
    def to_restate(fresh_from: date, known_by: date) -> Sequence[date]:
        return _weeks(measuring, fresh_from, known_by)

    changed: list[Finding] = []
    failed: dict[str, tuple[date, str]] = {}
    for check in measuring.checks:
        left_out = check.name in measuring.left_out
        if not left_out and not follows_truth(check, measuring.system):
            continue
        own = {week: [f for f in all_ if f.check == check.name] for week, all_ in found.items()}
        measured = [week for week, mine in own.items() if waiting_since(mine) is None]
        mine_before = [f for f in before if f.check == check.name]
        untried = _since(mine_before)
        if left_out or not measured:  # what came waits with its evidence
            if untried is not None:
                failed[check.name] = untried, ""
            continue
        fresh_from = min(waiting_since(mine_before) or measuring.first_due, untried or date.max)
        try:
            weeks = to_restate(fresh_from, max(measured))
            changed += _of_check(measuring, check, own, weeks, max(measured))
        except Exception as error:
            log.exception("%s · %s: earlier weeks not restated", measuring.system.id, check.name)
            told = f" Earlier weeks, whose outcomes came late, are to be restated: {failure(check, error)}."
            failed[check.name] = fresh_from, told
    if not failed or not found:
        return changed, found
    last = max(found)
    return changed, {**found, last: [_to_be_tried(finding, failed) for finding in found[last]]}


def _to_be_tried(finding: Finding, failed: Mapping[str, tuple[date, str]]) -> Finding:
    if finding.check not in failed:
        return finding
    since, told = failed[finding.check]
    details = {**finding.details, UNRESTATED: since.isoformat()}
    return replace(finding, reason=f"{finding.reason}{told}", details=details)


def _since(found: Iterable[Finding]) -> date | None:
    """Returns from which week on outcomes are new to the estimates of earlier weeks, where it failed."""
    since = next((f.details[UNRESTATED] for f in found if UNRESTATED in f.details), None)
    return date.fromisoformat(since) if since else None


def _weeks(measuring: Measuring, fresh_from: date, known_by: date) -> Sequence[date]:
    """Returns the weeks whose window has outcomes that were not known when they were last measured."""
    corrected = {c.day for c in measuring.profile.corrected(fresh_from)}
    window = measuring.view(measuring.checks[0], known_by, ()).outcomes_window
    weeks = []
    for back in range(WEEKS_BACK, 0, -1):
        week, start, end = known_by - WEEK * back, window.start - WEEK * back, window.end - WEEK * back
        late = measuring.profile.late(start, end, max(week, fresh_from - WEEK), known_by)
        if late or (week < fresh_from and any(start <= day <= end for day in corrected)):
            weeks.append(week)
    return weeks


def _of_check(
    measuring: Measuring,
    check: Check,
    found: Mapping[date, Sequence[Finding]],
    weeks: Sequence[date],
    known_by: date,
) -> Iterator[Finding]:
    if not weeks:
        return
    by_week = {week: list(mine) for week, mine in found.items()}
    for finding in measuring.history(weeks[0] - WEEK, measuring.first_due - WEEK):
        if finding.check == check.name:
            by_week.setdefault(finding.week, []).append(finding)
    for week in weeks:
        recorded = by_week.get(week, [])
        if not recorded or waiting_since(recorded) is not None:
            continue
        told = replace(measuring, streams=_Told(measuring.streams, recorded), failed={})
        view = told.view(check, week, by_week.get(week - WEEK, []), known_by)
        now = {finding.key: finding for finding in findings_of(view)}
        by_week[week] = [_restated(one, now[one.key]) if one.key in now else one for one in recorded]
        yield from (new for new, old in zip(by_week[week], recorded, strict=True) if new is not old)


def _restated(recorded: Finding, now: Finding) -> Finding:
    """Returns the finding as it is now with the evidence of its week; the recorded one where both are one."""
    now, then = replace(now, evidence=recorded.evidence), own(recorded)
    if then.status is Status.BREACH:  # a matter of that evidence
        now = replace(now, status=then.status, reason=then.reason)
    now = waived_like(now, recorded)
    return recorded if replace(now, provenance=recorded.provenance) == recorded else now
