"""Outcomes that had counted and were corrected: the streams that they were fed to are fed once more.

What the store has stays. The weeks from the first corrected one on are measured again from the present rows;
a stream that was fed something else then goes on as one that supersedes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sundial.engine.attempt import findings_of, statistics_of
from sundial.engine.check import Check, View, waiting_since
from sundial.engine.clock import WEEK, week_name
from sundial.profile.partitions import needs_truth
from sundial.register.models import System
from sundial.store.records import Finding

if TYPE_CHECKING:
    from sundial.engine.measure import Measuring


def corrected(measuring: Measuring, view: View) -> tuple[View, str]:
    """Has the check's streams supersede those whose outcomes were corrected since they were last advanced.

    Returns:
        The view, whose week before is the restated one, and what to say of it; the view as it was and nothing
        where no stream was fed anything else.
    """
    corrections = measuring.profile.corrected(view.fresh_from)
    if not corrections or not follows_truth(view.check, view.system):
        return view, ""
    first, last = min(c.counted for c in corrections), max(c.counted for c in corrections)
    outcomes = sum(c.n for c in corrections)
    counted = f"in {week_name(first)}" + (f" to {week_name(last)}" if last > first else "")
    reason = (
        f"Their source corrected {outcomes:,} outcomes that had counted {counted}; the evidence from then on "
        "is restated."
    )
    streams = measuring.streams.as_of(first)
    again = replace(measuring, streams=streams, failed={})
    recorded = [
        finding
        for finding in measuring.history(first - WEEK, view.fresh_from - WEEK)
        if finding.check == view.check.name
    ]
    before: Sequence[Finding] = [finding for finding in recorded if finding.week < first]
    for week in sorted({finding.week for finding in recorded if finding.week >= first}):
        found: Sequence[Finding] = [finding for finding in recorded if finding.week == week]
        if waiting_since(found) is None:  # what was not measured was counted by the next week that was
            found = findings_of(again.view(view.check, week, before))
            streams.settle(found)
        before = found
    if not measuring.streams.supersede(streams, first, outcomes, reason):
        return view, ""
    return replace(view, before={(f.metric, f.slice): f for f in before}), reason


def follows_truth(check: Check, system: System) -> bool:
    """Whether a check looks at anything that another truth changes."""
    return any(needs_truth(statistic) for statistic in statistics_of(check, system))
