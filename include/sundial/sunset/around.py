"""What lies around a case: what was last measured of its system, its incidents, and the mails about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sundial.store.database import Database
from sundial.store.incidents import Incident, Incidents
from sundial.store.outbox import Outbox, Tried
from sundial.store.records import Finding
from sundial.store.results import Results


@dataclass(frozen=True)
class Around:
    """What the record of a case takes from elsewhere in the store.

    Attributes:
        findings: of the last judged week of the case's system.
        incidents: of the system, the first reported first.
        mails: about the case, the first intended first.
    """

    findings: Sequence[Finding]
    incidents: Sequence[Incident]
    mails: Sequence[Tried]


def around(database: Database, case: str, system: str) -> Around:
    """Returns what lies around a case of a system."""
    return Around(
        findings=Results(database).latest_findings(system),
        incidents=Incidents(database).incidents(system),
        mails=Outbox(database).about(f"question/{case}/", f"sunset/{case}/"),
    )
