"""Facts that a dated document answers for: there, and not too old."""

from __future__ import annotations

from datetime import date, timedelta

from sundial.api import Attestation, Finding, Status, View


def not_operated(view: View, metric: str) -> Finding:
    """Returns the finding for historical data: nobody here operates the system, so nobody attests to it."""
    return view.finding(
        metric, Status.NOT_APPLICABLE, "Historical data: the City does not operate this system."
    )


def attested(view: View, metric: str, what: str, dated: Attestation | None = None) -> Finding:
    """Returns the finding of an attestation, by the policy's term of its age.

    Args:
        view: the judged week.
        metric: the finding's metric and the term's name, `<kind>_age`.
        what: it, to begin a sentence with.
        dated: the entry's own field for it; `attestations` of the entry unless given.
    """
    tiers = view.term(metric).tiers
    by_age = {f"{kind}_age": attestation for kind, attestation in view.system.attestations.items()}
    found = dated or by_age.get(metric)
    if found is None and view.system.operated and view.system.risk.tier not in tiers:
        reason = f"The policy asks for it in the tiers {', '.join(tiers)} only."
        return view.finding(metric, Status.NOT_APPLICABLE, reason)
    return aged(view, metric, what, found.date if found else None, found.expires if found else None)


def aged(view: View, metric: str, what: str, dated: date | None, expires: date | None = None) -> Finding:
    """Returns ok while the document is younger than the policy's term `<metric>`; a missing one is too old.

    Args:
        view: the judged week.
        metric: the finding's metric and the term's name.
        what: the document, to begin the sentence with.
        dated: its date; None when there is none.
        expires: the last day on which it holds by its own words, where it has some.
    """
    if not view.system.operated:
        return not_operated(view, metric)
    limit = view.term(metric).limit_days
    if dated is None or dated > view.end:
        since = view.held_since(metric)
        lacks = "is missing" if dated is None else f"of {dated} is later than the week, which had none"
        return view.fact(metric, since=since, term=metric, reason=f"{what} {lacks}.", ok="")
    too_old = dated + timedelta(days=limit + 1)
    stale = min(too_old, expires + timedelta(days=1)) if expires else too_old
    ended = f"was valid until {expires}" if expires and stale < too_old else f"is older than {limit} days"
    return view.fact(
        metric,
        since=stale if stale <= view.end else None,
        term=metric,
        reason=f"{what} of {dated} {ended}.",
        ok=f"{what} is of {dated}; it holds until {stale - timedelta(days=1)}.",
        dated=dated.isoformat(),
    )
