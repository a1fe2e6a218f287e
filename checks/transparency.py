"""2 Transparency: is the register entry complete, is the FactSheet about what runs, are outputs explained?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from checks.attestations import attested, not_operated
from checks.cells import by_level
from checks.effectiveness.rates import against
from checks.flags import flagged
from checks.measures import Measure, measure_of
from checks.versions import VERSIONS, versions
from sundial.api import (
    MEASURES,
    UNKNOWN,
    Check,
    Finding,
    Kind,
    OutputsFeed,
    Principle,
    Side,
    Statistic,
    Status,
    System,
    Threshold,
    VendorClaim,
    View,
    Window,
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
        age = Sunday of the week − `fact_sheet.date`; the version is current where `fact_sheet.version` is
        that of all outputs of the last day with some. Where the outputs name no version it is compared with
        `vendor.version`.

    Read:
        Two findings: `fact_sheet_age` and `fact_sheet_version`. Each is `watch` at first and `breach` when
        its grace has passed. `details.outputs_by_version` has what runs.

    Source:
        GovAI Coalition, AI FactSheet.
    """

    name = "transparency.fact_sheet"
    principle = Principle.TRANSPARENCY
    kind = Kind.FACTUAL

    def statistics(self, system: System) -> Sequence[Statistic]:
        return versions(system)

    def measure(self, view: View) -> Iterator[Finding]:
        yield attested(view, "fact_sheet_age", "The FactSheet", view.system.fact_sheet)
        yield self._version(view)

    def _version(self, view: View) -> Finding:
        metric, sheet, vendor = "fact_sheet_version", view.system.fact_sheet, view.system.vendor
        if not view.system.operated:
            return not_operated(view, metric)
        if versions(view.system) and "outputs" in view.failed:
            return view.finding(metric, Status.ERROR, view.failed["outputs"])
        seen = _running(view)
        if not seen and vendor is not None and vendor.version is not None:
            seen, source = {vendor.version: 0.0}, "is registered to run"
        else:
            source = "runs, by the outputs"
        if sheet is None or sheet.version is None or not seen:
            reason = "Give fact_sheet.version, and vendor.version or feeds.outputs.model_version."
            return view.finding(metric, Status.NOT_MEASURED, reason)
        others = [version for version in seen if version != sheet.version]
        return view.fact(
            metric,
            since=view.held_since(metric) if others else None,
            term=metric,
            reason=f"The FactSheet is of version {sheet.version}, but {', '.join(others)} {source}.",
            ok=f"The FactSheet is of the version that {source}: {sheet.version}.",
            outputs_by_version={version: n for version, n in seen.items() if n},
        )


def _running(view: View) -> dict[str, float]:
    """Returns the outputs of the last day with some, by version; those that name none are left out."""
    last = max((day for day in view.profile.days if day <= view.end), default=None)
    if last is None or not versions(view.system):
        return {}
    seen = by_level(view.cells(VERSIONS, Window(last, last, 1)), "model_version")
    return {version: n for version, n in seen.items() if version != UNKNOWN}


class VendorClaims(Check):
    """Figures that the vendor claims, each beside the City's own of the same measure.

    Estimate, interval and n are the City's; the claim stands in the details. Evidence is carried against
    being worse than the claim by more than the policy's `claim_gap`. Claims by other names than those of
    Sundial's measures are listed and not measured.

    Formula:
        worse by = claim − the City's figure, of measures where less is better the reverse; bound = claim ∓
        `claim_gap`.

    Read:
        `watch`: the figure is beyond the bound; `breach`: the evidence of the weeks confirms it. A claim that
        does not hold here may hold where the vendor measured it: it is no verdict on the intended outcome.

    Source:
        GovAI Coalition, AI FactSheet, for the claims; effectiveness.rates for the figures and their evidence.
    """

    name = "transparency.vendor_claims"
    principle = Principle.TRANSPARENCY
    feeds = ("outputs",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        claims = (claim for claim in _claims(system) if _not_measurable(system, claim) is None)
        return [measure_of(system, claim.metric).statistic for claim in claims]

    def measure(self, view: View) -> Iterator[Finding]:
        claims = _claims(view.system)
        if not claims:
            yield view.finding("vendor_claim", Status.NOT_APPLICABLE, "The FactSheet claims no figures.")
        for claim in claims:
            reason, where = _not_measurable(view.system, claim), {"claim": f"{claim.value:g}"}
            if claim.metric not in MEASURES:
                where = {"claim": f"{claim.metric}: {claim.value:g}"}
            if reason is not None:
                metric = _claimed(claim) if claim.metric in MEASURES else "vendor_claim"
                yield view.finding(metric, Status.NOT_MEASURED, reason, slice=where, details=_told(claim))
            elif (
                "outcomes" in view.failed
                and measure_of(view.system, claim.metric).statistic.over == "outcomes"
            ):
                yield view.finding(_claimed(claim), Status.ERROR, view.failed["outcomes"], slice=where)
            else:
                yield _beside(view, claim, where)


def _claims(system: System) -> Sequence[VendorClaim]:
    """Returns the claims, of two alike the first."""
    sheet = system.fact_sheet
    claims = sheet.performance_metrics if sheet is not None else ()
    alike: dict[tuple[str, str], VendorClaim] = {}
    for claim in claims:
        alike.setdefault((claim.metric, f"{claim.value:g}"), claim)
    return list(alike.values())


def _not_measurable(system: System, claim: VendorClaim) -> str | None:
    """Returns why there is no figure of the City's beside a claim; None where there is one."""
    outputs, outcomes = system.feeds.outputs, system.feeds.outcomes
    known = MEASURES.get(claim.metric)
    if known is None:
        return f"A claim in the vendor's words; where it is one of Sundial's measures, name it: {_NAMES}."
    if outputs is None or outputs.task not in known.tasks:
        return f"{claim.metric} is no measure of the system's task."
    if outcomes is None:
        return "The system has no feed outcomes; add it to the register entry."
    if known.unit == "share" and not 0 <= claim.value <= 1:
        return f"{claim.metric} is a share from 0 to 1; write 0.95 for 95 %."
    lacking = {
        "auc": outputs.score is None and "feeds.outputs.score",
        "brier": (outputs.score is None or not outputs.score.probability)
        and "feeds.outputs.score.probability",
        "within_tolerance": (outcomes is None or outcomes.tolerance is None) and "feeds.outcomes.tolerance",
        "escalation_rate": (outcomes is None or outcomes.escalated is None) and "feeds.outcomes.escalated",
        "correction_rate": (outcomes is None or outcomes.corrected is None) and "feeds.outcomes.corrected",
        "mean_rating": (outcomes is None or outcomes.rating is None) and "feeds.outcomes.rating",
    }
    needed = lacking.get(claim.metric)
    return f"{claim.metric} needs {needed}; give it in the register entry." if needed else None


_NAMES = ", ".join(MEASURES)


def _beside(view: View, claim: VendorClaim, where: Mapping[str, str]) -> Finding:
    measure = measure_of(view.system, claim.metric)
    gap = view.threshold("claim_gap", measure.side)
    worse = 1 if measure.side is Side.FLOOR else -1
    # Rounded: the bound names the stream of the evidence.
    name, value = f"claim_gap of the claim {claim.value:g}", round(claim.value - worse * gap.value, 9)
    bound = replace(gap, name=name, value=value)
    finding = against(view, measure, bound if _can_be_missed(measure, bound) else None, _claimed(claim))
    by = worse * (claim.value - finding.estimate) if finding.estimate is not None else None
    details = {**finding.details, **_told(claim), "claim_gap": gap.value, "worse_by": by}
    return replace(finding, slice=tuple(where.items()), details=details)


def _can_be_missed(measure: Measure, bound: Threshold) -> bool:
    try:
        measure.process(bound.value, bound.side)
    except ValueError:  # no figure lies beyond it
        return False
    return True


def _claimed(claim: VendorClaim) -> str:
    return f"claimed_{claim.metric}"


def _told(claim: VendorClaim) -> dict[str, Any]:
    """Returns the claim as it is kept with a finding."""
    return {
        "claim": claim.value,
        "claim_n": claim.n,
        "claim_date": claim.date.isoformat() if claim.date else None,
        "claim_source": claim.source,
    }


class NoticePage(Check):
    """The page that tells the public of the system answers.

    The pull asks for it once a day, by https, from a host that the policy lists; of what comes only the
    status is kept.

    Formula:
        reachable = the week's last answer has the status 200.

    Read:
        `watch` while the page does not come, `breach` when the grace has passed. Residents have no notice of
        the system then. It was looked at from the pipeline's machine: see first whether others reach it.

    Source:
        The City's AI policy, transparency: use is proactively disclosed to the public.
    """

    name = "transparency.notice_page"
    principle = Principle.TRANSPARENCY
    kind = Kind.FACTUAL

    def measure(self, view: View) -> Iterator[Finding]:
        metric, seen = "notice_page", view.notice_page()
        if not view.system.operated:
            yield not_operated(view, metric)
        elif view.system.notice_page is None:
            reason = "Give notice_page in the register entry: the page that tells the public of the system."
            yield view.finding(metric, Status.NOT_MEASURED, reason)
        elif seen is None:
            reason = "No run as of a day of this week has looked at the page."
            yield view.finding(metric, Status.NOT_MEASURED, reason)
        elif not seen.asked:
            yield view.finding(metric, Status.NOT_MEASURED, f"The page was not asked for: {seen.problem}.")
        else:
            said = seen.problem or f"it answers with status {seen.status}"
            yield view.fact(
                metric,
                since=None if seen.reachable else view.held_since(metric),
                term=metric,
                reason=f"The public page does not come: {said}, as of {seen.day}.",
                ok=f"The public page answered, as of {seen.day}.",
                asked=seen.day,
                status=seen.status,
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
