"""3 Equity: do groups fare alike? Rates by group and intersection, their gaps, and the evidence for them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import combinations
from typing import Any

from checks.cells import immature, of_flagged_only
from checks.group_errors import ERRORS, errors
from checks.groups import (
    Rate,
    Reference,
    Tally,
    attributes,
    labelled,
    levels,
    rates,
    reference_of,
    shown,
)
from checks.measures import figure, whole
from sundial.api import (
    STATISTICAL_FLOOR,
    UNKNOWN,
    Ceiling,
    Check,
    Evidence,
    Finding,
    Principle,
    Side,
    Statistic,
    Status,
    System,
    Threshold,
    TwoSample,
    View,
    Window,
    counts,
    intervals,
    judge_estimate,
    log_mean_exp,
    log_mean_joining,
)

PAIRS = 10
"""Pairs of groups that a gap lists: those with the largest differences."""


class Groups(Check):
    """The rates of every group against its reference, and the gaps between groups.

    Selection rate, true- and false-positive rate; of answers the rates of resolution and escalation; of
    numbers the errors. Rates, differences and ratios are Fairlearn's on cells weighted by their counts, equal
    to those on rows. A group under 30 in a rate's own denominator is listed and left out of the gaps. A gap
    is confirmed by the two-sample evidence against the policy's tolerance: each group against its reference,
    and their mean as the omnibus of the gap, which then lists its largest pairs, corrected for their number.
    Demographic parity and equalized odds are reported, `watch` at most.

    Formula:
        difference = rate of the group − rate of its reference; gap = highest − lowest rate of the groups;
        ratio = lowest / highest.

    Read:
        Look at the rate that the register names as harm first. A gap says that groups fare unlike, not why:
        look at who comes in, at thresholds and at the outcome's own record.

    Source:
        Fairlearn, MetricFrame; Newcombe 1998; Koopman 1984; Turner, Ly and Grünwald 2022 and Vovk and Wang
        2021 for the evidence.
    """

    name = "equity.groups"
    principle = Principle.EQUITY
    feeds = ("outputs",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [
            statistic
            for columns in attributes(system)
            for statistic in (
                counts("outputs", columns),
                *(rate.statistic(columns) for rate in rates(system)),
                *([ERRORS(columns)] if _has_errors(system) else []),
            )
        ]

    def measure(self, view: View) -> Iterator[Finding]:
        if view.system.groups is None:
            yield view.finding(
                "groups", Status.NOT_MEASURED, "No groups to compare; add groups to the register entry."
            )
            return
        for columns in attributes(view.system):
            for finding in self._attribute(view, columns):
                yield labelled(view.system, finding)

    def _attribute(self, view: View, columns: tuple[str, ...]) -> Iterator[Finding]:
        gaps: dict[str, Finding] = {}
        tolerance = view.threshold("equity_tolerance", Side.TOLERANCE)
        # Another tolerance begins other streams: chosen after the data, it has no evidence from before.
        held = {rate.metric: f"{rate.metric}@{tolerance.value:g}" for rate in rates(view.system)}
        reference = reference_of(view, columns, held.values())
        for rate in rates(view.system):
            of_truth = rate.over == "outcomes"
            if of_flagged_only(view.system) and rate.outcome is not None:
                reason = "The truth becomes known of positive outputs only; this rate needs that of all."
                yield view.finding(
                    f"{rate.metric}_difference", Status.NOT_MEASURED, reason, slice=_by(columns)
                )
                continue
            if of_truth and view.immature:
                yield immature(view, f"{rate.metric}_difference", **_by(columns))
                continue
            found = [*_rate(view, columns, rate, tolerance, reference, held[rate.metric])]
            if rate.over in view.failed:  # evidence counts what is there, but this week is not known
                error = view.failed[rate.over]
                found = [replace(finding, status=Status.ERROR, reason=error) for finding in found]
            gaps[rate.metric] = found[-1]
            yield from found
        yield from _parity(view, columns, gaps)
        if _has_errors(view.system):
            yield from errors(view, columns, tolerance, reference)


class UnknownGroup(Check):
    """Share of the outputs of which the group is not known, by column: what is unknown can hide a gap.

    Formula:
        unknown_group_share = outputs with the level Unknown / outputs, one finding a column.

    Read:
        Above the ceiling the gaps of equity.groups may be other than they look. The remedy is in the form
        or the feed, never a guess of who somebody is.

    Source:
        Wilson 1927; Robbins 1970 for the evidence.
    """

    name = "equity.unknown_group"
    principle = Principle.EQUITY
    feeds = ("outputs",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [counts("outputs", [column]) for column in system.groups.columns] if system.groups else []

    def measure(self, view: View) -> Iterator[Finding]:
        metric = "unknown_group_share"
        if view.system.groups is None:
            yield view.finding(metric, Status.NOT_APPLICABLE, "The register entry names no groups.")
            return
        threshold = view.threshold(metric, Side.CEILING)
        for column in view.system.groups.columns:
            statistic = counts("outputs", [column])
            evidence = view.advance(
                f"{metric}@{threshold.value:g}/{json.dumps(column, ensure_ascii=False)}",
                Ceiling(threshold.value),
                _unknown(view, statistic, column, fresh=True),
            )
            unknown, n = _unknown(view, statistic, column)
            share = unknown / n if n else None
            status, reason = judge_estimate(
                share, n, threshold, evidence, beyond=(share or 0) > threshold.value
            )
            yield labelled(
                view.system,
                view.finding(
                    metric,
                    status,
                    reason,
                    slice={"by": column},
                    window=view.window_of(statistic),
                    estimate=share,
                    interval=intervals.proportion(unknown, n) if n else None,
                    n=n,
                    threshold=threshold,
                    evidence=evidence,
                    details={"unknown": unknown},
                ),
            )


def _unknown(view: View, statistic: Statistic, column: str, *, fresh: bool = False) -> tuple[float, float]:
    cells = view.new_cells(statistic) if fresh else view.cells(statistic)
    unknown = float(cells.loc[cells[column] == UNKNOWN, "n"].sum())
    known = float(cells.loc[cells[column] != UNKNOWN, "n"].sum())
    return whole(unknown), whole(unknown + known)


def _has_errors(system: System) -> bool:
    outputs = system.feeds.outputs
    return outputs is not None and outputs.task == "regression" and system.feeds.outcomes is not None


def _by(columns: Sequence[str]) -> dict[str, str]:
    return {"by": " × ".join(columns)}


def _rate(
    view: View,
    columns: tuple[str, ...],
    rate: Rate,
    tolerance: Threshold,
    reference: Reference,
    held: str,
) -> Iterator[Finding]:
    """Yields one finding a group, and the gap between groups last."""
    over = rate.statistic(columns)
    streams = reference.streams(held, columns)
    window, fresh = (rate.tally(cells, columns) for cells in (view.cells(over), view.new_cells(over)))
    # A group keeps its evidence when it leaves the window; without it the omnibus would lose its part.
    there, begun = view.streams_after(streams), view.streams_begun(streams)
    groups = sorted({*window.groups, *fresh.groups, *there})
    # A level of a few rows takes no part of the budget: a feed may name as many of them as it likes.
    large = {group for group in groups if window.rows.get(group, 0) >= STATISTICAL_FLOOR}
    fed = {*large, *there} - {reference.group}
    # The first block of a group has all that counted until then.
    starts = not fed <= {*begun}
    ever = rate.tally(view.cells_of_weeks(over, date.min, view.week), columns) if starts else fresh
    evidences: list[tuple[date, Evidence]] = []
    for group in groups:
        evidence = None
        if group in fed:
            counted = fresh if group in begun else ever
            evidence = view.advance(
                streams + group,
                TwoSample(tolerance.value),
                counted.against(group, reference.group),
                over=over.over,
            )
            evidences.append((view.began(streams + group), evidence))
        yield _group(view, columns, rate, group, window, reference, tolerance, evidence)
    yield _gap(view, columns, rate, groups, window, reference, tolerance, evidences)


def _group(
    view: View,
    columns: tuple[str, ...],
    rate: Rate,
    group: str,
    tally: Tally,
    reference: Reference,
    tolerance: Threshold,
    evidence: Evidence | None,
) -> Finding:
    hits, n, other_hits, other_n = tally.against(group, reference.group)
    own = group == reference.group
    estimate = figure(hits, n) if n else None
    other = other_hits / other_n if other_n else None
    difference = None if estimate is None or other is None else estimate - other
    beyond = not own and abs(difference or 0) > tolerance.value
    status, reason = judge_estimate(estimate, n, None if own else tolerance, evidence, beyond=beyond)
    if own and status is Status.OK:
        reason = "The reference that the other groups are compared with."
    elif status in (Status.OK, Status.WATCH) and other_n < STATISTICAL_FLOOR:
        # A group left out for its size never sets the rate that others are held against.
        status = Status.INSUFFICIENT
        reason = f"Only {other_n:g} to compare it with; {STATISTICAL_FLOOR} are needed to say something."
    gap = ratio = None
    if n and other_n and not own:
        gap = intervals.difference(hits, n, other_hits, other_n)
        ratio = intervals.ratio(hits, n, other_hits, other_n)
    against = (
        {"rest": other, "rest_n": other_n}
        if reference.group is None
        else {"reference": reference.shown, "reference_rate": other, "reference_n": other_n}
    )
    return view.finding(
        rate.metric,
        status,
        reason,
        slice=dict(zip(columns, levels(group), strict=True)),
        window=view.window_of(rate.statistic(columns)),
        estimate=estimate,
        interval=intervals.proportion(hits, n) if n else None,
        n=n,
        threshold=None if own else tolerance,
        evidence=evidence,
        details={
            **against,
            "difference": None if own else difference,
            "difference_interval": [gap.low, gap.high] if gap else None,
            "ratio": estimate / other if not own and estimate is not None and other else None,
            "ratio_interval": [ratio.low, ratio.high] if ratio else None,
        },
    )


def _gap(
    view: View,
    columns: tuple[str, ...],
    rate: Rate,
    groups: Sequence[str],
    tally: Tally,
    reference: Reference,
    tolerance: Threshold,
    evidences: Sequence[tuple[date, Evidence]],
) -> Finding:
    metric = f"{rate.metric}_difference"
    enough = [group for group in groups if tally.n(group) >= STATISTICAL_FLOOR]
    found = {group: figure(*tally.of(group)) for group in enough}
    high, low = (max(found.values()), min(found.values())) if len(enough) > 1 else (0.0, 0.0)
    estimate = high - low if len(enough) > 1 else None
    stream = f"{view.check.name}:{rate.metric}@{tolerance.value:g}{reference.basis}/{'×'.join(columns)}"
    before = view.before.get((metric, tuple(_by(columns).items())))
    enough_streams = len(evidences) > (0 if reference.group else 1)  # of one group against no rest: nothing
    evidence = _omnibus(stream, evidences, before.evidence if before else None) if enough_streams else None
    smallest = min((tally.n(group) for group in enough), default=0)
    status, reason = judge_estimate(
        estimate, smallest, tolerance, evidence, beyond=(estimate or 0) > tolerance.value
    )
    if status is Status.INSUFFICIENT:
        reason = f"Fewer than two groups have {STATISTICAL_FLOOR} in the denominator."
    details: dict[str, Any] = {
        "rates": {shown(group): value for group, value in found.items()},
        "n": {shown(group): tally.n(group) for group in groups},
        "ratio": low / high if high > 0 else None,
        "left_out": sorted(shown(group) for group in set(groups) - set(enough)),
    }
    if reference.group is not None:
        details["reference"] = reference.shown
    if status in (Status.BREACH, Status.WATCH) and len(enough) > 1:
        details["pairs"] = _pairs(view, columns, rate, enough, tally, tolerance.value)
        details["pairs_of"] = math.comb(len(enough), 2)
    return view.finding(
        metric,
        status,
        reason,
        slice=_by(columns),
        window=view.window_of(rate.statistic(columns)),
        estimate=estimate,
        n=whole(sum(tally.n(group) for group in enough)),
        threshold=tolerance,
        evidence=evidence,
        details=details,
    )


def _pairs(
    view: View, columns: tuple[str, ...], rate: Rate, groups: Sequence[str], tally: Tally, tolerance: float
) -> list[dict[str, Any]]:
    """Returns the pairs with the largest differences, corrected for the number of all pairs.

    The intervals are simultaneous: Newcombe's at 1 − 0.05 / pairs (Bonferroni). The e-value is that of the
    window's later half, with the rates that its first half shows, divided by the number of pairs (Vovk and
    Wang 2021): it needs no stream of its own, of which there would be one a pair, and it holds for one week's
    look; what holds over all weeks is the evidence of the groups.
    """
    pairs = list(combinations(groups, 2))
    figures = {group: figure(*tally.of(group)) for group in groups}
    pairs = [(a, b) if figures[a] >= figures[b] else (b, a) for a, b in pairs]
    largest = sorted(pairs, key=lambda pair: (figures[pair[1]] - figures[pair[0]], pair))[:PAIRS]
    over = rate.statistic(columns)
    window = view.window_of(over)
    middle = window.start + (window.end - window.start) / 2
    first = rate.tally(view.cells(over, Window(window.start, middle, window.weeks)), columns)
    later = tally.less(first)
    listed = []
    for high, low in largest:
        counted = (*tally.of(high), *tally.of(low))
        interval = intervals.difference(*counted, level=1 - 0.05 / len(pairs))
        halves = [(*half.of(high), *half.of(low)) for half in (first, later)]
        log_e = TwoSample(tolerance).replay(halves).log_e - math.log(len(pairs))
        listed.append(
            {
                "groups": [shown(high), shown(low)],
                "n": [counted[1], counted[3]],
                "difference": figures[high] - figures[low],
                "interval": [interval.low, interval.high] if interval else None,
                "beyond_tolerance": interval is not None and interval.low > tolerance,
                "log_e": log_e,
            }
        )
    return listed


def _omnibus(stream: str, of_groups: Sequence[tuple[date, Evidence]], before: Evidence | None) -> Evidence:
    """Returns the mean of the groups' evidence: an e-process of the claim that no group differs.

    Each group is given with the week in which it began. The mean needs no weight of the budget: it reaches
    the groups' highest alarm only when one of them has. A gap that was confirmed recovers as long as one of
    its groups does and none is confirmed beside.
    """
    evidences = [evidence for _, evidence in of_groups]
    weeks = sorted({week for week, _ in of_groups})
    log_alarm = max(e.log_alarm for e in evidences)
    log_detector = log_mean_exp([e.log_detector for e in evidences])
    repaired = [e.log_recovery for e in evidences if e.recovering and e.log_recovery is not None]
    confirmed = log_detector >= log_alarm or (before is not None and before.confirmed)
    recovering = bool(repaired) and confirmed and not any(e.confirmed and not e.recovering for e in evidences)
    return Evidence(
        stream=stream,
        log_e=log_mean_joining([[e.log_e for begun, e in of_groups if begun == week] for week in weeks]),
        log_detector=log_detector,
        log_alarm=log_alarm,
        weeks=max(e.weeks for e in evidences),
        counts=(),
        recovering=recovering,
        log_recovery=min(repaired) if recovering else None,
    )


def _parity(view: View, columns: tuple[str, ...], gaps: dict[str, Finding]) -> Iterator[Finding]:
    """Yields demographic parity and equalized odds, Fairlearn's names for what the gaps say together."""
    odds = [gaps[m] for m in ("true_positive_rate", "false_positive_rate") if m in gaps]
    named = {
        "demographic_parity": [gaps["selection_rate"]] if "selection_rate" in gaps else [],
        "equalized_odds": odds if len(odds) == 2 else [],
    }
    for name, parts in named.items():
        if not parts:
            continue
        differences = [part.estimate for part in parts if part.estimate is not None]
        ratios = [part.details["ratio"] for part in parts if part.details["ratio"] is not None]
        is_whole = len(differences) == len(parts)
        tolerance = parts[0].threshold
        for metric, value, of in (
            (f"{name}_difference", max(differences) if is_whole else None, differences),
            (f"{name}_ratio", min(ratios) if len(ratios) == len(parts) else None, ratios),
        ):
            is_gap = metric.endswith("difference")
            beyond = is_gap and tolerance is not None and (value or 0) > tolerance.value
            status, reason = judge_estimate(
                value, STATISTICAL_FLOOR, tolerance if is_gap else None, None, beyond=beyond
            )
            if parts[0].status is Status.ERROR:
                status, reason = Status.ERROR, parts[0].reason
            yield view.finding(
                metric,
                status,
                reason,
                slice=_by(columns),
                window=parts[0].window,
                estimate=value,
                n=min((part.n or 0) for part in parts) if value is None else parts[of.index(value)].n,
                threshold=tolerance if is_gap else None,
            )
