"""2 Transparency: is the register entry complete, and is the FactSheet there, current and about what runs?"""

from __future__ import annotations

from collections.abc import Iterator

from checks.attestations import aged, not_operated
from sundial.api import Check, Finding, Kind, Principle, Status, System, View


class RegisterEntry(Check):
    """The register entry says all that its risk tier asks for.

    Formula:
        the fields that the tier asks for and the entry leaves out: vendor and outputs; of the tiers rights
        and safety outcomes, groups, harm and baseline, too.

    Read:
        `watch` while one is missing, `breach` when the grace has passed. `details.missing` names them.

    Source:
        GovAI Coalition, AI FactSheet; which tier asks for what is the City's choice.
    """

    name = "transparency.register_entry"
    principle = Principle.TRANSPARENCY
    kind = Kind.FACTUAL

    def measure(self, view: View) -> Iterator[Finding]:
        missing = _missing(view.system)
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
    """The AI FactSheet is there, not too old, and of the version that runs.

    Formula:
        age = Sunday of the week − `fact_sheet.date`; the version is current where `fact_sheet.version` =
        `vendor.version`.

    Read:
        Two findings: `fact_sheet_age` and `fact_sheet_version`. Each is `watch` at first and `breach` when
        its grace has passed.

    Source:
        GovAI Coalition, AI FactSheet.
    """

    name = "transparency.fact_sheet"
    principle = Principle.TRANSPARENCY
    kind = Kind.FACTUAL

    def measure(self, view: View) -> Iterator[Finding]:
        sheet = view.system.fact_sheet
        yield aged(view, "fact_sheet_age", "The FactSheet", sheet.date if sheet else None)
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


def _missing(system: System) -> list[str]:
    """Returns the fields that the entry leaves out; the tiers `rights` and `safety` ask for more."""
    asked: dict[str, object] = {"vendor": system.vendor, "feeds.outputs": system.feeds.outputs}
    if system.risk.tier in ("rights", "safety"):
        asked |= {
            "feeds.outcomes": system.feeds.outcomes,
            "groups": system.groups,
            "harm": system.harm,
            "baseline": system.baseline,
        }
    return [name for name, value in asked.items() if value is None]
