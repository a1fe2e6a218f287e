"""The screen of employment decisions: four fifths, and the tables of New York City's Local Law 144."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from checks.groups import RATES, Tally, attributes, groups_of, labelled, levels, shown
from checks.measures import whole
from sundial.api import (
    STATISTICAL_FLOOR,
    UNKNOWN,
    Bin,
    Check,
    Finding,
    Principle,
    Side,
    Statistic,
    Status,
    System,
    Threshold,
    View,
    counts,
    intervals,
    judge_estimate,
)

FOUR_FIFTHS = Threshold("29 CFR 1607.4 D", 0.8, Side.FLOOR, "29 CFR 1607.4 D", date(1978, 8, 25))
"""A selection rate below four fifths of the highest group's is generally regarded as adverse impact."""

LEAST_SHARE = 0.02
"""A category below this share of the applicants may be left out of the ratios (6 RCNY 5-301 (d))."""

SCORE_BINS = 4_096
"""Bins of the score, among which the median is found; what shares its bin does not count as above it."""


class ImpactRatio(Check):
    """Selection and scoring rates with impact ratios, by sex, race and both: a screen, no verdict.

    The impact ratio is a group's rate over that of the group with the highest (29 CFR 1607.4 D; 6 RCNY
    5-300). The scoring rate is the share that scores above the median of all applicants. Applicants whose
    group is not known are counted beside; groups under 2 % of the applicants, or under 30, are listed and set
    no reference. The highest of several equal groups is high by chance, so a ratio has `watch` at most; the
    tables give simultaneous intervals.

    Formula:
        impact ratio = rate of a group / rate of the group with the highest; rate = selected / applicants,
        or above the median of all scores / applicants.

    Read:
        Below 0.8 is a reason to look with more data, by an expert in employment law. `details.table` has
        every group with its interval.

    Source:
        29 CFR 1607.4 D; New York City Local Law 144 of 2021, 6 RCNY 5-300; Koopman 1984.
    """

    name = "employment.impact_ratio"
    principle = Principle.EQUITY
    feeds = ("outputs",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        if not _screened(system):
            return []
        bins = _bins(system)
        return [
            statistic
            for columns in attributes(system)
            for statistic in (
                RATES["selection_rate"].statistic(columns),
                *([counts("outputs", [*columns, bins])] if bins else []),
            )
        ]

    def measure(self, view: View) -> Iterator[Finding]:
        if not _screened(view.system):
            reason = "The four-fifths screen shows on systems that decide on hiring or promotion only."
            yield view.finding("impact_ratio", Status.NOT_APPLICABLE, reason)
            return
        bins = _bins(view.system)
        for columns in attributes(view.system):
            cells = view.cells(RATES["selection_rate"].statistic(columns))
            tally = RATES["selection_rate"].tally(cells, columns)
            yield _screen(view, columns, "impact_ratio", tally, {})
            if bins is not None:
                scored, facts = _above_median(view.cells(counts("outputs", [*columns, bins])), columns, bins)
                yield _screen(view, columns, "scoring_impact_ratio", scored, facts)


def _screened(system: System) -> bool:
    return system.groups is not None and system.groups.employment


def _bins(system: System) -> Bin | None:
    score = system.feeds.outputs.score if system.feeds.outputs else None
    return Bin("score", score.low, score.high, SCORE_BINS) if score else None


def _screen(
    view: View, columns: tuple[str, ...], metric: str, tally: Tally, facts: Mapping[str, Any]
) -> Finding:
    everybody = sum(tally.n(group) for group in tally.groups)
    known = [group for group in tally.groups if UNKNOWN not in levels(group)]
    applicants = sum(tally.n(group) for group in known)
    used = [group for group in known if tally.n(group) >= max(LEAST_SHARE * applicants, STATISTICAL_FLOOR)]
    rates = {group: tally.of(group)[0] / tally.n(group) for group in known}
    best = min(used, key=lambda group: (-rates[group], group), default=None)
    rows = [_row(tally, group, best, applicants, used) for group in known]
    ratios = [
        (row["impact_ratio"], row["n"])
        for row in rows
        if not row["left_out"] and row["impact_ratio"] is not None
    ]
    estimate, n = min(ratios) if len(used) > 1 and ratios else (None, 0)
    status, reason = judge_estimate(
        estimate, n, FOUR_FIFTHS, None, beyond=estimate is not None and estimate < FOUR_FIFTHS.value
    )
    if len(used) < 2:
        reason = f"Fewer than two groups have {STATISTICAL_FLOOR} applicants and 2 % of all."
    elif estimate is None:
        reason = "Nobody was selected in any group; there is no ratio."
    elif status is Status.WATCH:
        sure = any(row["significant"] for row in rows if row["below_four_fifths"])
        reason = "Below four fifths of the highest group's rate; the difference is " + (
            "more than chance gives, corrected for all pairs."
            if sure
            else "no more than chance gives, corrected for all pairs."
        )
    return labelled(
        view.system,
        view.finding(
            metric,
            status,
            f"{reason} A screen, not a finding of discrimination.",
            slice={"by": " × ".join(columns)},
            window=view.outputs_window,
            estimate=estimate,
            n=n,
            threshold=FOUR_FIFTHS,
            details={
                "table": rows,
                "highest": shown(best) if best else None,
                "applicants": whole(everybody),
                "unknown": whole(everybody - applicants),
                **facts,
            },
        ),
    )


def _row(
    tally: Tally, group: str, best: str | None, applicants: float, used: Sequence[str]
) -> dict[str, Any]:
    """Returns one line of the table: the rate, its ratio to the highest, and simultaneous intervals."""
    hits, n = tally.of(group)
    row: dict[str, Any] = {
        "group": shown(group),
        "n": n,
        "share": n / applicants,
        "selected": hits,
        "rate": hits / n,
        "impact_ratio": None,
        "interval": None,
        "below_four_fifths": False,
        "significant": False,
        "left_out": group not in used,
    }
    if best is None or not tally.of(best)[0]:
        return row
    top, of = tally.of(best)
    row["impact_ratio"] = ratio = (hits / n) / (top / of)
    row["below_four_fifths"] = group in used and ratio < FOUR_FIFTHS.value
    if group != best:
        pairs = max(sum(1 for _ in combinations(used, 2)), 1)
        interval = intervals.ratio(hits, n, top, of, level=1 - 0.05 / pairs)
        row["interval"] = [interval.low, interval.high] if interval else None
        row["significant"] = group in used and interval is not None and interval.high < 1
    return row


def _above_median(cells: pd.DataFrame, columns: Sequence[str], bins: Bin) -> tuple[Tally, dict[str, Any]]:
    """Returns by group how many score above the median of all and how many not, and where the median lies."""
    known = cells[cells[bins.name].notna() & (cells["n"] > 0)]
    if known.empty:
        return Tally({}, {}), {"median_between": None, "in_the_bin_of_the_median": 0}
    place = known[bins.name].to_numpy(dtype=np.int64)
    n = known["n"].to_numpy(dtype=float)
    below = np.cumsum(np.bincount(place, n, bins.bins))
    # Where half of them lie below a gap of the scores, the median is in the gap.
    middle, upper = (int(np.searchsorted(below, below[-1] / 2, side)) for side in ("left", "right"))
    above: defaultdict[str, float] = defaultdict(float)
    others: defaultdict[str, float] = defaultdict(float)
    for group, bin_, rows in zip(groups_of(known, columns), place.tolist(), n.tolist(), strict=True):
        (above if bin_ > middle else others)[group] += rows
    shared = below[middle] - (below[middle - 1] if middle else 0) if middle == upper else 0
    return Tally(above, others), {
        "median_between": [bins.low + edge / bins.per_unit for edge in (middle, upper + 1)],
        "in_the_bin_of_the_median": whole(float(shared)),
    }
