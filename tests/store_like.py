"""A finding around a piece of evidence."""

from __future__ import annotations

from datetime import date

from sundial.store.records import Evidence, Finding, Kind, Status


def carrying(evidence: Evidence) -> Finding:
    return Finding(
        system="street-lights",
        week=date(2015, 1, 19),
        check="a.check",
        principle="equity",
        kind=Kind.STATISTICAL,
        metric="rate",
        status=Status.OK,
        reason="as it should be",
        evidence=evidence,
    )
