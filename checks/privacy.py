"""6 Privacy: does the system tell what it must not, and is its use of data reported?"""

from __future__ import annotations

from collections.abc import Iterator

from checks.attestations import attested
from sundial.api import Check, Finding, Kind, Principle, View


class DataUsageReport(Check):
    """The report on how the system uses data was renewed within the policy's term."""

    name = "privacy.data_usage_report"
    principle = Principle.PRIVACY
    kind = Kind.FACTUAL

    def measure(self, view: View) -> Iterator[Finding]:
        yield attested(view, "data_usage_report", "The data usage report")
