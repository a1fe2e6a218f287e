"""1 Effectiveness, what may explain its loss: a new version of the model against the one before.

A planned comparison: one for each new version, with measures, tolerance and weeks that are fixed beforehand.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import ClassVar

import numpy as np
import pandas as pd

from checks.cells import SCORE_BINS, numbers, of_flagged_only, score_bins
from checks.drift import distances
from checks.effectiveness.rates import NEEDS_ALL
from checks.groups import RATES, rates
from checks.measures import Share, measure_of, whole
from checks.versions import Change, last_change, versions
from sundial.api import (
    Bin,
    Check,
    FeedName,
    Finding,
    Interval,
    Principle,
    Side,
    Statistic,
    Status,
    System,
    TwoSample,
    View,
    Window,
    histogram,
    intervals,
    judge_estimate,
)

WEEKS = 26
"""Weeks that a comparison takes: later ones would hold this season against another year's."""

OUTCOME, SELECTION, SCORE = "version_outcome_change", "version_selection_change", "version_score_change"


class VersionChange(Check):
    """The new version against the one before: intended outcome, share of positive outputs, scores.

    Differences with Newcombe's interval, of the new version's outputs in the window against as many days of
    the version before, up to the change. The evidence is for a difference of more than the policy's
    tolerance: the k-th week of the new version is one block with the k-th week before it, for 26 weeks.
    An intended outcome that became better is no `watch` and no `breach`. Scores are compared by the
    Kolmogorov-Smirnov distance, `watch` at most. After its weeks the comparison is over, whatever it found:
    what a version does from then on is held against the target, not against a version of last year.

    Formula:
        change = rate of the new version − rate of the version before; Kolmogorov-Smirnov: max over scores
        of |F_new − F_before|.

    Read:
        A confirmed loss of the intended outcome calls for the version before, or a talk with the vendor;
        other changes call for an explanation. `details` has both rates.

    Source:
        Newcombe 1998; Turner, Ly and Grünwald 2022 for the evidence; Massart 1990 for the distance's
        interval.
    """

    name = "drift.version_change"
    principle = Principle.EFFECTIVENESS
    feeds: ClassVar[tuple[FeedName, ...]] = ("outputs",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        if not versions(system):
            return []
        bins = score_bins(system, SCORE_BINS)
        shares = [_by_version(share) for share in _shares(system).values()]
        return [*versions(system), *shares, *([_scores(bins)] if bins else [])]

    def measure(self, view: View) -> Iterator[Finding]:
        change = last_change(view)
        if change is None:
            reason = "Outputs of one version only: nothing to compare."
            if not versions(view.system):
                reason = "The outputs name no version; register it as feeds.outputs.model_version."
            yield view.finding("version_change", Status.NOT_APPLICABLE, reason)
            return
        for metric, share in _shares(view.system).items():
            yield _of_share(view, change, metric, share)
        bins = score_bins(view.system, SCORE_BINS)
        if bins is not None:
            yield _of_score(view, change, bins)


def _shares(system: System) -> dict[str, Share]:
    """Returns the shares that versions are compared by, by the finding's metric."""
    found: dict[str, Share] = {}
    if system.feeds.outputs is None:
        return found
    intended = measure_of(system, system.intended_outcome.metric)
    if isinstance(intended, Share):
        found[OUTCOME] = intended
    if RATES["selection_rate"] in rates(system):
        found[SELECTION] = Share(
            "selection_rate",
            RATES["selection_rate"].statistic([]),
            lambda cells: np.isin(numbers(cells, "predicted"), [0, 1]),
            lambda cells: numbers(cells, "predicted") == 1,
        )
    return found


def _by_version(share: Share) -> Statistic:
    return replace(share.statistic, by=("model_version", *share.statistic.by))


def _scores(bins: Bin) -> Statistic:
    return histogram("outputs", bins, ["model_version"])


def _of(cells: pd.DataFrame, version: str) -> pd.DataFrame:
    return cells[cells["model_version"] == version]


def _windows(change: Change, window: Window) -> tuple[Window, Window]:
    """Returns the days of the version before, and those of the new one."""
    day = timedelta(days=1)
    before = Window(change.since - (window.end - window.start) - day, change.since - day, window.weeks)
    return before, Window(max(window.start, change.since), window.end, window.weeks)


def _of_share(view: View, change: Change, metric: str, share: Share) -> Finding:
    statistic, threshold = _by_version(share), view.threshold("version_change", Side.TOLERANCE)
    of_outcomes = statistic.over == "outcomes"
    if of_outcomes and (missing := _no_outcomes(view, change, share)) is not None:
        return view.finding(metric, missing[0], missing[1], threshold=threshold, details=_named(change))
    start = f"{metric}/{share.metric}@{threshold.value:g}/"
    place, pair = _place(view.streams_after(start), change)
    stream = f"{start}{place}/{pair}"
    # A version is a new one from its 30th output on: the first block has all weeks until then.
    since = view.fresh_from if view.streams_begun(stream) else date.min
    evidence = view.advance(
        stream, TwoSample(threshold.value), _block(view, change, share, since), part=1 / (place * (place + 1))
    )
    before, now = _windows(change, view.window_of(statistic))
    old = share.increment(_of(view.cells(statistic, before), change.before))
    new = share.increment(_of(view.cells(statistic, now), change.after))
    difference = new[0] / new[1] - old[0] / old[1] if new[1] and old[1] else None
    # Better is what is better in the window and in all weeks that the evidence is of: it speaks both ways.
    hits, n, old_hits, old_n = _block(view, change, share, date.min)
    carried = hits / n - old_hits / old_n if n and old_n else None
    better = metric == OUTCOME and all(_is_better(share, change_) for change_ in (difference, carried))
    status, reason = judge_estimate(
        difference,
        min(old[1], new[1]),
        threshold,
        evidence,
        beyond=not better and abs(difference or 0) > threshold.value,
    )
    if better and status is Status.BREACH:
        status, reason = Status.OK, "Better than before, confirmed by the evidence carried over the weeks."
    if view.week > _last_week(change, _matured(view.system, share)):
        result = "with a confirmed difference" if evidence.confirmed else "without a confirmed difference"
        status, reason = Status.NOT_APPLICABLE, f"{_ended(change)}, {result}."
    elif of_outcomes and "outcomes" in view.failed:  # evidence counts what is there; this week is not known
        status, reason = Status.ERROR, view.failed["outcomes"]
    return view.finding(
        metric,
        status,
        reason,
        window=now,
        estimate=difference,
        interval=intervals.difference(*new, *old) if difference is not None else None,
        n=new[1],
        threshold=threshold,
        evidence=evidence,
        details={
            **_named(change),
            "measure": share.metric,
            "rate": new[0] / new[1] if new[1] else None,
            "rate_before": old[0] / old[1] if old[1] else None,
            "n_before": old[1],
        },
    )


def _place(kept: Sequence[str], change: Change) -> tuple[int, str]:
    """Returns which comparison this is, and the name of the two versions.

    The k-th has 1 / (k (k + 1)) of one stream's weight: however many versions come, together they have one.
    """
    places = {pair: int(place) for place, _, pair in (name.partition("/") for name in kept)}
    pair = json.dumps([change.before, change.after])
    return places.get(pair, max(places.values(), default=0) + 1), pair


def _no_outcomes(view: View, change: Change, share: Share) -> tuple[Status, str] | None:
    """Returns why outcomes of the two versions cannot be compared; None where they can."""
    if view.system.feeds.outcomes is None:
        return Status.NOT_MEASURED, "The system has no feed outcomes; add it to the register entry."
    if of_flagged_only(view.system) and share.metric in NEEDS_ALL:
        reason = "The truth becomes known of positive outputs only; this measure needs that of all."
        return Status.NOT_MEASURED, reason
    if view.week < change.week + _matured(view.system, share):
        return Status.NOT_MEASURED, "Immature: no outcome of the new version has had its time yet."
    return None


def _matured(system: System, share: Share) -> timedelta:
    """Returns the whole weeks after which outputs are compared: outcomes have their time until then."""
    if share.statistic.over == "outputs":
        return timedelta()
    return system.weeks_of_maturity


def _last_week(change: Change, matured: timedelta) -> date:
    return change.week + matured + timedelta(weeks=WEEKS - 1)


def _ended(change: Change) -> str:
    return f"The comparison of version {change.after} ended after {WEEKS} weeks"


def _block(view: View, change: Change, share: Share, since: date) -> tuple[float, float, float, float]:
    """Returns hits and n of the new version in the weeks from `since` on, and of the weeks that mirror them.

    The first of all has what became known of the new version until then, too.
    """
    week, statistic = timedelta(weeks=1), _by_version(share)
    start = change.week + _matured(view.system, share)
    first, last = max(since, start), min(view.week, _last_week(change, _matured(view.system, share)))
    if first > last:
        return 0, 0, 0, 0
    new = view.cells_of_weeks(statistic, change.week if first == start else first, last)
    # The k-th week before the start mirrors the k-th from it on.
    old = view.cells_of_weeks(statistic, start - (last - start) - week, start - (first - start) - week)
    hits, n = share.increment(_of(new, change.after))
    old_hits, old_n = share.increment(_of(old, change.before))
    return hits, n, old_hits, old_n


def _is_better(share: Share, difference: float | None) -> bool:
    if difference is None:
        return False
    return difference > 0 if share.side is Side.FLOOR else difference < 0


def _of_score(view: View, change: Change, bins: Bin) -> Finding:
    threshold = view.threshold("share_change", Side.TOLERANCE)
    statistic = _scores(bins)
    before, now = _windows(change, view.window_of(statistic))
    old = _of(view.cells(statistic, before), change.before).dropna(subset=[bins.name])
    new = _of(view.cells(statistic, now), change.after).dropna(subset=[bins.name])
    n, n_before = (whole(float(cells["n"].sum())) for cells in (new, old))
    found = distances(old, new, bins)
    estimate = float(found["kolmogorov_smirnov"]) if found else None
    interval = _distance_interval(found["kolmogorov_smirnov_bracket"], n, n_before) if found else None
    moved = interval is not None and interval.low > 0 and (estimate or 0) > threshold.value
    status, reason = judge_estimate(estimate, min(n, n_before), threshold, None, beyond=moved)
    if status is Status.WATCH:
        reason = (
            "The scores lie elsewhere than before, by more than chance gives; scores alone confirm nothing."
        )
    if view.week > _last_week(change, timedelta()):
        status, reason = Status.NOT_APPLICABLE, f"{_ended(change)}."
    return view.finding(
        SCORE,
        status,
        reason,
        window=now,
        estimate=estimate,
        interval=interval,
        n=n,
        threshold=threshold,
        details={**_named(change), "n_before": n_before, **found},
    )


def _distance_interval(bracket: Sequence[float], n: float, n_before: float) -> Interval:
    """Returns the 95 % interval of a Kolmogorov-Smirnov distance (Dvoretzky, Kiefer, Wolfowitz).

    Each sample's distribution lies within its band at 97.5 % (Massart 1990), and its bins leave some open.
    """
    margin = sum(math.sqrt(math.log(2 / 0.025) / (2 * rows)) for rows in (n, n_before))
    return Interval(max(bracket[0] - margin, 0.0), min(bracket[1] + margin, 1.0), "DKW")


def _named(change: Change) -> dict[str, str]:
    return {"before": change.before, "after": change.after, "since": change.since.isoformat()}
