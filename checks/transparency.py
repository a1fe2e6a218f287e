"""2 Transparency: is the register entry complete, is the FactSheet about what runs, are outputs explained?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from checks.attestations import attested, not_operated
from checks.flags import flagged
from checks.measures import measure_of
from sundial.api import (
    Check,
    Finding,
    Kind,
    OutputsFeed,
    Principle,
    Side,
    Statistic,
    Status,
    System,
    View,
    missing_fields,
)


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
        yield attested(view, "fact_sheet_age", "The FactSheet", sheet)
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


class Explanations(Check):
    """Share of outputs that came with an explanation, against the policy's floor.

    Only where the entry promises explanations by naming their column; whether they are good is not measured.

    Formula:
        explained_share = outputs with a non-blank explanation / outputs that came since the entry names its
        column.

    Read:
        A promise to explain that is not kept: have the source send the explanation. Whether it is a good one
        is not measured.

    Source:
        NIST AI RMF, MEASURE 2.9; Wilson 1927, Robbins 1970.
    """

    name = "transparency.explanations"
    principle = Principle.TRANSPARENCY
    feeds = ("outputs",)
    metric = "explained_share"

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [measure_of(system, self.metric).statistic] if _explained(system.feeds.outputs) else []

    def measure(self, view: View) -> Iterator[Finding]:
        if _explained(view.system.feeds.outputs):
            nothing = "No output in the window came since the entry names an explanation."
            yield flagged(view, self.metric, Side.FLOOR, nothing=nothing)
        else:
            reason = "The entry promises no explanation; where there is one, add feeds.outputs.explanation."
            yield view.finding(self.metric, Status.NOT_APPLICABLE, reason)


def _explained(outputs: OutputsFeed | None) -> bool:
    return outputs is not None and outputs.explanation is not None
