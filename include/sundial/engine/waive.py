"""Waivers: a finding that is waived keeps all that was measured, and says what it would be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sundial.register.given import Waiver
from sundial.store.records import Finding, Status

WAIVED = "waived"
"""Detail of a waived finding: the waiver, and the finding's own status and reason."""

_SEEN_THROUGH = (Status.ERROR, Status.NOT_APPLICABLE, Status.WAIVED)
"""What no waiver hides: that something could not be measured for an error, or is not asked."""


def waived(finding: Finding, waivers: Sequence[tuple[int, Waiver]]) -> Finding:
    """Returns the finding as waived where one of the waivers in force is of it; the last to expire counts."""
    of_it = [(waiver.expires, number, waiver) for number, waiver in waivers if covers(waiver, finding)]
    if not of_it or finding.status in _SEEN_THROUGH:
        return finding
    expires, number, waiver = max(of_it, key=lambda one: one[:2])
    return _as(
        finding,
        {
            "waiver": number,
            "approver": waiver.approver,
            "expires": expires.isoformat(),
            "why": waiver.reason,
        },
    )


def covers(waiver: Waiver, finding: Finding) -> bool:
    """Whether a finding is among those that a waiver is of."""
    return (
        finding.check == waiver.check
        and waiver.metric in (None, finding.metric)
        and waiver.slice in (None, finding.slice)
    )


def own(finding: Finding) -> Finding:
    """Returns a waived finding as it was found; any other as it is."""
    if finding.status is not Status.WAIVED:
        return finding
    details = {name: value for name, value in finding.details.items() if name != WAIVED}
    was = finding.details[WAIVED]
    return replace(finding, status=Status(was["status"]), reason=was["reason"], details=details)


def waived_like(finding: Finding, recorded: Finding) -> Finding:
    """Returns a finding that was measured again under the waiver of the recorded one, if that had one."""
    if recorded.status is not Status.WAIVED or finding.status in _SEEN_THROUGH:
        return finding
    return _as(finding, {**recorded.details[WAIVED]})


def _as(finding: Finding, waiver: dict[str, object]) -> Finding:
    status = finding.status.value.replace("_", " ")
    reason = (
        f"Waived by {waiver['approver']} until {waiver['expires']}: {str(waiver['why']).rstrip('.')}. "
        f"It would be {status}: {finding.reason}"
    )
    kept = waiver | {"status": finding.status.value, "reason": finding.reason}
    return replace(finding, status=Status.WAIVED, reason=reason, details={**finding.details, WAIVED: kept})
