"""7 Security & Safety: is what goes in and out of the City whole? The data contract's refusals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from sundial.api import (
    Ceiling,
    Check,
    Finding,
    Judged,
    Principle,
    Side,
    Status,
    View,
    intervals,
    judge_estimate,
)


class RefusedRows(Check):
    """Share of a feed's rows that its data contract refused, against the policy's ceiling.

    Each row counts once, in the week in which it was first judged; a row that a later pull or a changed
    contract lets through stays counted as first refused. Refused rows lie in quarantine with the reason.

    Formula:
        refused_share = rows refused / rows judged, of those first judged in the window; Wilson's interval.

    Read:
        Above the ceiling much of the feed is not measured at all: look at `details.reasons`, then at the
        source or the contract. `details.in_quarantine` is what lies there now.

    Source:
        Wilson 1927; Robbins 1970 for the evidence, see evidence.md.
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
