"""Facts that a dated document answers for: there, and not too old."""

from __future__ import annotations

from datetime import date, timedelta

from sundial.api import Finding, Status, View


def not_operated(view: View, metric: str) -> Finding:
    """Returns the finding for historical data: nobody here operates the system, so nobody attests to it."""
    return view.finding(
        metric, Status.NOT_APPLICABLE, "Historical data: the City does not operate this system."
    )


def aged(view: View, metric: str, what: str, dated: date | None) -> Finding:
    """Returns ok while the document is younger than the policy's term `<metric>`; a missing one is too old.

    Args:
        view: the judged week.
        metric: the finding's metric and the term's name.
        what: the document, to begin the sentence with.
        dated: its date; None when there is none.
    """
    if not view.system.operated:
        return not_operated(view, metric)
    limit = view.term(metric).limit_days
    if dated is None or dated > view.end:
        since = view.held_since(metric)
        return view.fact(metric, since=since, term=metric, reason=f"{what} is missing.", ok="")
    stale = dated + timedelta(days=limit + 1)
    return view.fact(
        metric,
        since=stale if stale <= view.end else None,
        term=metric,
        reason=f"{what} of {dated} is older than {limit} days.",
        ok=f"{what} is of {dated}; the policy allows {limit} days.",
        dated=dated.isoformat(),
    )
