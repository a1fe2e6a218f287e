"""7 Security & Safety: is what goes in and out whole and marked, and does the registered model answer?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import pandas as pd

from checks.attestations import attested, not_operated
from checks.cells import by_level
from checks.drift import number_bins
from checks.flags import flagged
from checks.measures import measure_of
from checks.places import part, places
from checks.shares import Counted, counter, counters, held_share, share, summed, total
from sundial.api import (
    Bin,
    Ceiling,
    Check,
    FeedName,
    Finding,
    Judged,
    Kind,
    OutputsFeed,
    Principle,
    Side,
    Statistic,
    Status,
    System,
    View,
    Window,
    counts,
    intervals,
    judge_estimate,
)

VERSIONS = counts("outputs", ["model_version"])
MINUTES, DOWN = counter("minutes"), counter("minutes_down")
CANARIES, WRONG = counter("canaries"), counter("canaries_wrong")


class OpenIncidents(Check):
    """Reported incidents of harm or security are closed within their term.

    Formula:
        since = day of the discovery of the earliest incident that is open on the week's Sunday, + the term's
        limit; open from its report on. Without one it is `ok`: nothing was reported, which does not say that
        nothing happened.

    Read:
        `details.incidents` names them, `details.grave` counts the grave ones. An incident is closed by
        whoever answers for it, with what was done: see incidents.md.

    Source:
        The City's AI policy, incidents; how long one may stay open is the City's choice.
    """

    name = "security_and_safety.incidents"
    principle = Principle.SECURITY_AND_SAFETY
    kind = Kind.FACTUAL

    def measure(self, view: View) -> Iterator[Finding]:
        known = [one for one in view.incidents if one.open_on(view.end)]
        if not view.system.operated and not known:
            yield not_operated(view, "open_incidents")
            return
        limit = timedelta(days=view.term("incident_open").limit_days)
        number = f"{len(known)} incidents are open" if len(known) > 1 else "An incident is open"
        yield view.fact(
            "open_incidents",
            since=known[0].discovered + limit if known else None,
            term="incident_open",
            reason=f"{number}, the earliest discovered on {known[0].discovered}." if known else "",
            ok="No reported incident is open." if not known else "Each open incident is within its term.",
            incidents=[one.id for one in known],
            grave=sum(one.grave for one in known),
        )


class RefusedRows(Check):
    """Share of a feed's rows that its data contract refused, against the policy's ceiling.

    Each row counts once, in the week in which it was first judged; a row that a later pull or a changed
    contract lets through stays counted as first refused. Refused rows lie in quarantine with the reason.

    Formula:
        refused_share = rows refused / rows judged, of those first judged in the window; Wilson's interval.

    Read:
        Above the ceiling much of the feed is not measured at all: look at `details.reasons`, then at the
        source or the contract. `details.in_quarantine` is what lies there now.

    Source:
        Wilson 1927; Robbins 1970 for the evidence, see evidence.md.
    """

    name = "security_and_safety.refused_rows"
    principle = Principle.SECURITY_AND_SAFETY
    # It asks for no feed: where all rows are refused there are no outputs, and that is to be told.

    def measure(self, view: View) -> Iterator[Finding]:
        of_rows: tuple[FeedName, ...] = ("outputs", "outcomes")
        feeds = [feed for feed in of_rows if getattr(view.system.feeds, feed) is not None]
        if not feeds:
            reason = "The system has no feed outputs; add it to the register entry."
            yield view.finding("refused_share", Status.NOT_MEASURED, reason)
        for feed in feeds:
            yield self._finding(view, feed, view.gates.get(feed, ()))

    def _finding(self, view: View, feed: str, manifests: Sequence[Judged]) -> Finding:
        threshold = view.threshold("refused_share", Side.CEILING)
        seen = [item for m in manifests for item in m.first_seen.items()]
        start, end = view.outputs_window.start.isoformat(), view.week.isoformat()
        window = [counts for week, counts in seen if start <= week <= end]
        fresh = [counts for week, counts in seen if view.fresh_from.isoformat() <= week <= end]
        refused, n = sum(r for r, _ in window), sum(j for _, j in window)
        evidence = view.advance(
            f"{feed}@{threshold.value:g}",
            Ceiling(threshold.value),
            (sum(r for r, _ in fresh), sum(j for _, j in fresh)),
        )
        share = refused / n if n else None
        status, reason = judge_estimate(share, n, threshold, evidence, beyond=(share or 0) > threshold.value)
        if status is Status.INSUFFICIENT and not n:
            status, reason = Status.NOT_MEASURED, f"No rows of {feed} were judged in the window."
        if feed in view.failed:
            status, reason = Status.ERROR, view.failed[feed]
        reasons: Counter[str] = Counter()
        for rule in (rule for manifest in manifests for rule in manifest.rules):
            if rule.failed and rule.severity == "critical":
                reasons[rule.reason] += rule.failed
        return view.finding(
            "refused_share",
            status,
            reason,
            slice={"feed": feed},
            window=view.outputs_window,
            estimate=share,
            interval=intervals.proportion(refused, n) if n else None,
            n=n,
            threshold=threshold,
            evidence=evidence,
            details={"in_quarantine": sum(m.refused for m in manifests), "reasons": dict(reasons)},
        )


class DuplicateOutputs(Check):
    """Share of outputs that came again under a key that was accepted before, against `duplicate_share`.

    A replayed or doubled output is refused by the data contract, and counted here in the week of its day, or
    in the first one that was not judged yet.

    Formula:
        duplicate_share = rows refused because their key was there before / rows judged, as first judged.

    Read:
        A source that sends twice, or somebody who replays: ask the source what it sends.

    Source:
        NIST AI RMF, MEASURE 2.7; Wilson 1927, Robbins 1970.
    """

    name = "security_and_safety.duplicates"
    principle = Principle.SECURITY_AND_SAFETY
    feeds = ("outputs",)

    def measure(self, view: View) -> Iterator[Finding]:
        manifests = view.gates.get("outputs", ())
        window = view.outputs_window
        yield share(
            view,
            "duplicate_share",
            view.threshold("duplicate_share", Side.CEILING),
            _duplicates(manifests, window.start, window.end),
            _duplicates(manifests, view.fresh_from, view.end),
            window=window,
        )


def _duplicates(manifests: Sequence[Judged], start: date, end: date) -> Counted:
    """Returns doubled rows and all rows that count in the weeks from start to end."""
    first, last = start.isoformat(), end.isoformat()
    counted = [pair for m in manifests for week, pair in m.doubled.items() if first <= week <= last]
    return sum(doubled for doubled, _ in counted), sum(n for _, n in counted)


class Outliers(Check):
    """Share of a number's values outside the range that the register calls usual, against `outlier_share`.

    The registered numbers share the weight of one stream.

    Formula:
        outlier_share = values below `low` or above `high` / known values.

    Read:
        Inputs that the system was not made for, or another unit: ask the source, then whether the model may
        be used on them.

    Source:
        NIST AI RMF, MEASURE 2.5; Wilson 1927, Robbins 1970.
    """

    name = "security_and_safety.outliers"
    principle = Principle.SECURITY_AND_SAFETY
    feeds = ("outputs",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [counts("outputs", [bins]) for bins in number_bins(system)]

    def measure(self, view: View) -> Iterator[Finding]:
        bins_of = number_bins(view.system)
        if not bins_of:
            reason = "The register names no numbers of the outputs."
            yield view.finding("outlier_share", Status.NOT_APPLICABLE, reason)
            return
        threshold = view.threshold("outlier_share", Side.CEILING)
        start = f"outlier_share@{threshold.value:g}/"
        order = places(view.streams_after(start), {bins.column: 0.0 for bins in bins_of})
        for bins in bins_of:
            statistic, place = counts("outputs", [bins]), order[bins.column]
            yield share(
                view,
                "outlier_share",
                threshold,
                _outside(view.cells(statistic), bins),
                _outside(view.new_cells(statistic), bins),
                window=view.outputs_window,
                where={"column": bins.column},
                stream=f"{start}{place}/{bins.column}",
                part=part(place),
            )


def _outside(cells: pd.DataFrame, bins: Bin) -> Counted:
    known = cells.dropna(subset=[bins.name])
    return total(known[known[bins.name].isin([0, bins.bins - 1])]), total(known)


class Integrity(Check):
    """What runs is what is registered: the version in the outputs, and the hash of the model's artefact.

    Each output of the last week whose version is another than the registered one counts; the fact is a breach
    once it has held for the policy's grace.

    Formula:
        the versions in the last week's outputs, compared with `vendor.version`.

    Read:
        A version that nobody registered: ask the vendor, and have it registered and reviewed, or withdrawn.

    Source:
        NIST AI RMF, MEASURE 2.7; practice: updates by vendors are the first cause of drift.
    """

    name = "security_and_safety.integrity"
    principle = Principle.SECURITY_AND_SAFETY
    kind = Kind.FACTUAL
    feeds = ("outputs",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [VERSIONS] if _registered(system) is not None else []

    def measure(self, view: View) -> Iterator[Finding]:
        metric, registered = "version_integrity", _registered(view.system)
        if registered is None:
            reason = "Give vendor.version, and feeds.outputs.model_version where the source has it."
            yield view.finding(metric, Status.NOT_MEASURED, reason)
            return
        seen = by_level(view.new_cells(VERSIONS), "model_version")
        if not seen:
            yield view.finding(metric, Status.NOT_MEASURED, "The week has no outputs.")
            return
        others = {version: n for version, n in seen.items() if version != registered}
        yield view.fact(
            metric,
            since=view.held_since(metric) if others else None,
            term=metric,
            reason=f"{', '.join(others)} runs, but {registered} is registered.",
            ok=f"All outputs of the week are of the registered version, {registered}.",
            outputs_by_version=seen,
        )


def _registered(system: System) -> str | None:
    """Returns the registered version, where the outputs say theirs."""
    outputs, vendor = system.feeds.outputs, system.vendor
    if outputs is None or outputs.model_version is None or vendor is None:
        return None
    return vendor.version


class Availability(Check):
    """Share of the last week's minutes in which the system answered, against `availability`.

    Minutes of one outage are no independent evidence: it is a
    fact, and a breach once it has held for the policy's grace.

    Formula:
        availability = 1 − minutes down / minutes, of the last week.

    Read:
        `watch` while it is below the floor, `breach` once the grace has passed: put the contract beside it.

    Source:
        NIST AI RMF, MEASURE 2.7; the floor is the City's choice.
    """

    name = "security_and_safety.availability"
    principle = Principle.SECURITY_AND_SAFETY
    kind = Kind.FACTUAL
    feeds = ("operations",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [MINUTES, DOWN] if {"minutes", "minutes_down"} <= counters(system) else []

    def measure(self, view: View) -> Iterator[Finding]:
        if not self.statistics(view.system):
            reason = "Give the counters minutes and minutes_down in feeds.operations."
            yield view.finding("availability", Status.NOT_MEASURED, reason)
            return
        window = Window(view.week, view.end, 1)
        minutes = summed(view.cells(MINUTES, window), "minutes")
        down = min(summed(view.cells(DOWN, window), "minutes_down"), minutes)
        yield held_share(view, "availability", (minutes - down, minutes), "minutes were answered in")


class Canaries(Check):
    """Share of canary prompts that were answered wrongly, against `canary_share`.

    Canaries are prompts with a known right answer, such as an injected instruction that must be ignored; the
    operation sends and counts them.

    Formula:
        canary_share = canaries answered wrongly / canaries sent.

    Read:
        The system follows instructions that it must not, or forgets what it must know: stop what it can do
        harm with, then ask the vendor.

    Source:
        NIST AI RMF, MEASURE 2.6 and 2.7; Wilson 1927, Robbins 1970.
    """

    name = "security_and_safety.canaries"
    principle = Principle.SECURITY_AND_SAFETY
    feeds = ("operations",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [CANARIES, WRONG] if {"canaries", "canaries_wrong"} <= counters(system) else []

    def measure(self, view: View) -> Iterator[Finding]:
        if not self.statistics(view.system):
            reason = "Give the counters canaries and canaries_wrong in feeds.operations."
            yield view.finding("canary_share", Status.NOT_MEASURED, reason)
            return
        counted, fresh = (
            (summed(cells(WRONG), "canaries_wrong"), summed(cells(CANARIES), "canaries"))
            for cells in (view.cells, view.new_cells)
        )
        yield share(
            view,
            "canary_share",
            view.threshold("canary_share", Side.CEILING),
            (min(counted), counted[1]),
            fresh,
            window=view.outputs_window,
        )


class SecurityReview(Check):
    """The system's security was reviewed, or it was tested for penetration, within the policy's term.

    Formula:
        age = Sunday of the week − date of the review; days beyond the term's limit = age − limit.

    Read:
        `watch` from the day after the limit, `breach` when the grace has passed, too. Record it as
        `attestations.security_review`.

    Source:
        The City's AI policy, Security & Safety: the CISO oversees the security of AI systems; the term is the
        City's choice.
    """

    name = "security_and_safety.security_review"
    principle = Principle.SECURITY_AND_SAFETY
    kind = Kind.FACTUAL

    def measure(self, view: View) -> Iterator[Finding]:
        yield attested(view, "security_review_age", "The security review")


class MarkedAsAi(Check):
    """Share of outputs that were marked as made by AI, against the policy's floor.

    Only where the entry names the column of the marks.

    Formula:
        marked_share = outputs marked as made by AI / outputs whose mark is known.

    Read:
        People are not told that AI made it: have the source mark what it sends out.

    Source:
        The City's AI policy, Transparency; Wilson 1927, Robbins 1970.
    """

    name = "security_and_safety.marked_as_ai"
    principle = Principle.SECURITY_AND_SAFETY
    feeds = ("outputs",)
    metric = "marked_share"

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [measure_of(system, self.metric).statistic] if _marked(system.feeds.outputs) else []

    def measure(self, view: View) -> Iterator[Finding]:
        if _marked(view.system.feeds.outputs):
            nothing = "No output in the window says whether it was marked."
            yield flagged(view, self.metric, Side.FLOOR, nothing=nothing)
        else:
            reason = "The entry names no column of marks; where outputs have one, add feeds.outputs.marked."
            yield view.finding(self.metric, Status.NOT_APPLICABLE, reason)


def _marked(outputs: OutputsFeed | None) -> bool:
    return outputs is not None and outputs.marked is not None
