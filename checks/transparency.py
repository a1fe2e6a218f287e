"""2 Transparency: is the register entry complete, and is the FactSheet there, current and about what runs?"""

from __future__ import annotations

from collections.abc import Iterator

from checks.attestations import attested, not_operated
from sundial.api import Check, Finding, Kind, Principle, Status, View, missing_fields


class RegisterEntry(Check):
    """The register entry says all that its risk tier asks for."""

    name = "transparency.register_entry"
    principle = Principle.TRANSPARENCY
    kind = Kind.FACTUAL

    def measure(self, view: View) -> Iterator[Finding]:
        missing = missing_fields(view.system)
        metric = "register_entry_incomplete"
        yield view.fact(
            metric,
            since=view.held_since(metric) if missing else None,
            term=metric,
            reason=f"The register entry lacks {', '.join(missing)}.",
            ok="The register entry has all that its risk tier asks for.",
            missing=missing,
        )


class FactSheet(Check):
    """The AI FactSheet is there, not too old, and of the version that runs."""

    name = "transparency.fact_sheet"
    principle = Principle.TRANSPARENCY
    kind = Kind.FACTUAL

    def measure(self, view: View) -> Iterator[Finding]:
        sheet = view.system.fact_sheet
        yield attested(view, "fact_sheet", "The FactSheet", sheet)
        yield self._version(view)

    def _version(self, view: View) -> Finding:
        metric = "fact_sheet_version"
        sheet, vendor = view.system.fact_sheet, view.system.vendor
        if not view.system.operated:
            return not_operated(view, metric)
        if sheet is None or sheet.version is None or vendor is None or vendor.version is None:
            return view.finding(
                metric,
                Status.NOT_MEASURED,
                "Give fact_sheet.version and vendor.version in the register entry.",
            )
        return view.fact(
            metric,
            since=view.held_since(metric) if sheet.version != vendor.version else None,
            term=metric,
            reason=f"The FactSheet is of version {sheet.version}, but {vendor.version} is registered to run.",
            ok=f"FactSheet and registered version agree: {sheet.version}.",
        )
