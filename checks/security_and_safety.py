"""7 Security & Safety: is what goes in and out of the City whole, and is it marked as made by AI?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from checks.flags import flagged
from checks.measures import measure_of
from sundial.api import (
    Ceiling,
    Check,
    Finding,
    Judged,
    OutputsFeed,
    Principle,
    Side,
    Statistic,
    Status,
    System,
    View,
    intervals,
    judge_estimate,
)


class RefusedRows(Check):
    """Share of a feed's rows that its data contract refused, against the policy's ceiling.

    Each row counts once, in the week in which it was first judged; a row that a later pull or a changed
    contract lets through stays counted as first refused. Refused rows lie in quarantine with the reason.
    """

    name = "security_and_safety.refused_rows"
    principle = Principle.SECURITY_AND_SAFETY
    feeds = ("outputs",)

    def measure(self, view: View) -> Iterator[Finding]:
        for feed in ("outputs", "outcomes"):
            if getattr(view.system.feeds, feed) is not None:
                yield self._finding(view, feed, view.gates.get(feed, ()))

    def _finding(self, view: View, feed: str, manifests: Sequence[Judged]) -> Finding:
        threshold = view.threshold("refused_share", Side.CEILING)
        seen = [item for m in manifests for item in m.first_seen.items()]
        start, end = view.outputs_window.start.isoformat(), view.week.isoformat()
        window = [counts for week, counts in seen if start <= week <= end]
        fresh = [counts for week, counts in seen if view.fresh_from.isoformat() <= week <= end]
        refused, n = sum(r for r, _ in window), sum(j for _, j in window)
        evidence = view.advance(
            f"{feed}@{threshold.value:g}",
            Ceiling(threshold.value),
            (sum(r for r, _ in fresh), sum(j for _, j in fresh)),
        )
        share = refused / n if n else None
        status, reason = judge_estimate(share, n, threshold, evidence, beyond=(share or 0) > threshold.value)
        if status is Status.INSUFFICIENT and not n:
            status, reason = Status.NOT_MEASURED, f"No rows of {feed} were judged in the window."
        if feed in view.failed:
            status, reason = Status.ERROR, view.failed[feed]
        reasons: Counter[str] = Counter()
        for rule in (rule for manifest in manifests for rule in manifest.rules):
            if rule.failed and rule.severity == "critical":
                reasons[rule.reason] += rule.failed
        return view.finding(
            "refused_share",
            status,
            reason,
            slice={"feed": feed},
            window=view.outputs_window,
            estimate=share,
            interval=intervals.proportion(refused, n) if n else None,
            n=n,
            threshold=threshold,
            evidence=evidence,
            details={"in_quarantine": sum(m.refused for m in manifests), "reasons": dict(reasons)},
        )


class MarkedAsAi(Check):
    """Share of outputs that were marked as made by AI, against the policy's floor.

    Only where the entry names the column of the marks.
    """

    name = "security_and_safety.marked_as_ai"
    principle = Principle.SECURITY_AND_SAFETY
    feeds = ("outputs",)
    metric = "marked_share"

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [measure_of(system, self.metric).statistic] if _marked(system.feeds.outputs) else []

    def measure(self, view: View) -> Iterator[Finding]:
        if _marked(view.system.feeds.outputs):
            nothing = "No output in the window says whether it was marked."
            yield flagged(view, self.metric, Side.FLOOR, nothing=nothing)
        else:
            reason = "The entry names no column of marks; where outputs have one, add feeds.outputs.marked."
            yield view.finding(self.metric, Status.NOT_APPLICABLE, reason)


def _marked(outputs: OutputsFeed | None) -> bool:
    return outputs is not None and outputs.marked is not None
