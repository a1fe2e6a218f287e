"""1 Effectiveness, what may explain its loss: drift, missing values, volume, silence.

Drift never opens a sunset: it triggers a look. Bins come from the baseline; unseen categories and missing
values have bins of their own; the week under test is never part of its baseline.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from checks.cells import SCORE_BINS, by_level, numbers, of_flagged_only, score_bins
from checks.measures import whole
from checks.shares import rows
from checks.versions import detectors_since, versions
from sundial.api import (
    CADENCE_DAYS,
    STATISTICAL_FLOOR,
    UNKNOWN,
    Bin,
    Ceiling,
    Check,
    Distribution,
    Evidence,
    FeedName,
    Finding,
    Key,
    Kind,
    Lifecycle,
    Number,
    Principle,
    RatesByLevel,
    Side,
    Statistic,
    Status,
    System,
    View,
    baseline_limits,
    counts,
    divergence,
    histogram,
    histograms,
    intervals,
    judge_estimate,
    key_name,
)

UNSEEN = "(not in the baseline)"
LEAST = 5
"""Levels with fewer rows in the baseline count as unseen: a column of rare levels always brings new ones."""
QUANTILES = 10
NUMBER_BINS = 1_024


class _Shares(Check):
    """Shares of levels against the baseline's, by the distribution e-process; gives the largest change."""

    principle = Principle.EFFECTIVENESS
    feeds: ClassVar[tuple[FeedName, ...]] = ("outputs",)

    def _binned(
        self, view: View, metric: str, slice_: dict[str, str], statistic: Statistic, bins: Bin
    ) -> Finding:
        """Makes the finding of a number in fine bins, by the tenths of its baseline."""
        base, window = view.baseline_cells(statistic), view.cells(statistic)
        edges = _tenths(base, bins.name)
        if not len(edges):
            reason = "The baseline has no value to compare with."
            return view.finding(metric, Status.NOT_MEASURED, reason, slice=slice_)
        fresh = view.new_cells(statistic)
        levels = _by_tenth(base, bins, edges), _by_tenth(window, bins, edges), _by_tenth(fresh, bins, edges)
        return self._finding(view, metric, slice_, levels, distances(base, window, bins))

    def _finding(
        self,
        view: View,
        metric: str,
        slice_: dict[str, str],
        levels: tuple[Mapping[str, float], Mapping[str, float], Mapping[str, float]],
        distances: Mapping[str, object] | None = None,
    ) -> Finding:
        """Makes the finding of one column from baseline, window and this week's counts by level."""
        baseline, window, fresh = levels
        threshold = view.threshold("share_change", Side.TOLERANCE)
        floor = view.threshold("practical_share_change", Side.TOLERANCE).value
        common = [level for level, n in baseline.items() if n >= LEAST or level == UNKNOWN]
        names = [*(common or baseline), UNSEEN]
        base, current, new = (_pool(counted, names) for counted in (baseline, window, fresh))
        stream = "/".join([metric, *slice_.values()]) + f"@{_reference(view, [f'{floor:g}', *names])}"
        if base.sum() < STATISTICAL_FLOOR:
            return view.finding(metric, Status.NOT_MEASURED, _of_few(base.sum()), slice=slice_)
        try:
            process = Distribution(base, floor)
        except ValueError as error:
            return view.finding(metric, Status.NOT_MEASURED, f"{error}.".capitalize(), slice=slice_)
        evidence = view.advance(stream, process, new.tolist(), since=detectors_since(view))
        n = whole(float(current.sum()))
        change = np.abs(current / n - base / base.sum()) if n else np.zeros(len(names))
        worst = int(change.argmax())
        estimate = float(change[worst]) if n else None
        status, reason = judge_estimate(
            estimate, n, threshold, evidence, beyond=(estimate or 0) > threshold.value
        )
        reason = _of_bound(reason, evidence, floor)
        return view.finding(
            metric,
            status,
            reason,
            slice=slice_,
            window=view.outputs_window,
            estimate=estimate,
            n=n,
            threshold=threshold,
            evidence=evidence,
            details={**_details(names, worst, base, current), **(distances or {})} if n else {},
        )


class Score(_Shares):
    """Drift of the score: the largest change of a share among tenths of the baseline, and distances.

    Formula:
        score_share_change = max over tenths of |share in the window − share in the baseline|.

    Read:
        A change of 0.1 says that a tenth of the baseline's scores now has none of the outputs, or a fifth.
        Look at `details.level`, and at what comes in. Drift alone never opens a sunset.

    Source:
        Tenths and PSI as in credit scoring; Smirnov 1939 and Vallender 1974 for the distances; Vovk and
        Wang 2021 for the evidence.
    """

    name = "drift.score"

    def statistics(self, system: System) -> Sequence[Statistic]:
        bins = score_bins(system, SCORE_BINS)
        return [histogram("outputs", bins), *versions(system)] if bins else []

    def measure(self, view: View) -> Iterator[Finding]:
        bins = score_bins(view.system, SCORE_BINS)
        metric = "score_share_change"
        if bins is None:
            yield view.finding(metric, Status.NOT_APPLICABLE, "The system gives no score.")
        elif (reason := no_comparison(view)) is not None:
            yield view.finding(metric, reason[0], reason[1])
        else:
            yield self._binned(view, metric, {}, histogram("outputs", bins), bins)


class Numbers(_Shares):
    """Drift of every registered number: the largest change of a share among the baseline's tenths.

    Kolmogorov-Smirnov, Wasserstein, PSI and Jensen-Shannon are told beside it, with what the bins leave open
    and what would be expected without drift; values outside the registered range count at its ends.

    Formula:
        number_share_change = max over tenths of |share in the window − share in the baseline|, one finding
        a number.

    Read:
        As drift.score. A PSI near `details.psi_without_drift` is what chance alone gives.

    Source:
        Smirnov 1939, Vallender 1974, Jeffreys 1946 (PSI), Lin 1991 (Jensen-Shannon); Vovk and Wang 2021 for
        the evidence.
    """

    name = "drift.numbers"

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [*(counts("outputs", [bins]) for bins in number_bins(system)), *versions(system)]

    def measure(self, view: View) -> Iterator[Finding]:
        bins_of = number_bins(view.system)
        if not bins_of:
            reason = "The register entry names no numbers among the outputs."
            yield view.finding("number_share_change", Status.NOT_APPLICABLE, reason)
        for bins in bins_of:
            metric, where = "number_share_change", {"column": bins.column}
            if (missing := no_comparison(view)) is not None:
                yield view.finding(metric, missing[0], missing[1], slice=where)
            else:
                yield self._binned(view, metric, where, counts("outputs", [bins]), bins)


class Categories(_Shares):
    """Drift of every category column and of the decision; unseen and missing levels are levels.

    Formula:
        category_share_change = max over levels of |share in the window − share in the baseline|, one
        finding a column. Levels with fewer than 5 rows in the baseline are one level, of what is unseen.

    Read:
        `details.level` is the level that moved most; a new level is often a change of the form or of the
        feed, not of people.

    Source:
        Jeffreys 1946 (PSI), Lin 1991 (Jensen-Shannon); Vovk and Wang 2021 for the evidence.
    """

    name = "drift.categories"

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [*(counts("outputs", [column]) for column in category_columns(system)), *versions(system)]

    def measure(self, view: View) -> Iterator[Finding]:
        metric, reason = "category_share_change", no_comparison(view)
        for column in category_columns(view.system):
            where, statistic = {"column": column}, counts("outputs", [column])
            if reason is not None:
                yield view.finding(metric, reason[0], reason[1], slice=where)
                continue
            base, window = view.baseline_cells(statistic), view.cells(statistic)
            fresh = view.new_cells(statistic)
            levels = by_level(base, column), by_level(window, column), by_level(fresh, column)
            yield self._finding(view, metric, where, levels)


class Concept(_Shares):
    """Drift of the concept: the outcome's rate at the baseline's tenths of the score.

    Only what follows from a score counts, not how often a score occurs. It is judged once the baseline's own
    outcomes had their time, and held against those that were known then; another baseline begins another
    stream.

    Formula:
        outcome_rate_change = max over tenths of |outcomes' rate in the window − in the baseline|, of tenths
        with 30 outcomes in both.

    Read:
        The same score stands for another chance than it did: the model has aged, or the outcome is recorded
        in another way. `details.tenth` says where.

    Source:
        Gama et al. 2014 on concept drift; Vovk and Wang 2021 for the evidence.
    """

    name = "drift.concept"
    feeds = ("outputs", "outcomes")

    def statistics(self, system: System) -> Sequence[Statistic]:
        bins = _concept_bins(system)
        if bins is None:
            return []
        return [histogram("outcomes", bins, ["outcome"]), histogram("outputs", bins), *versions(system)]

    def measure(self, view: View) -> Iterator[Finding]:
        metric, bins, baseline = "outcome_rate_change", _concept_bins(view.system), view.system.baseline
        if bins is None:
            reason = "Only where a score stands for a yes or no the concept can be seen to move."
            yield view.finding(metric, Status.NOT_APPLICABLE, reason)
        elif of_flagged_only(view.system):
            reason = "The truth becomes known of positive outputs only."
            yield view.finding(metric, Status.NOT_MEASURED, reason)
        elif (missing := no_comparison(view)) is not None and missing[0] is not Status.NOT_APPLICABLE:
            yield view.finding(metric, missing[0], missing[1])
        elif baseline is None or view.week < _first_week(baseline.end, view.system):
            reason = "The baseline's own outcomes have not had their time yet."
            yield view.finding(metric, Status.NOT_MEASURED, reason)
        else:
            yield self._of_concept(view, metric, bins, _first_week(baseline.end, view.system))

    def _of_concept(self, view: View, metric: str, bins: Bin, known_by: date) -> Finding:
        threshold = view.threshold("share_change", Side.TOLERANCE)
        floor = view.threshold("practical_share_change", Side.TOLERANCE).value
        statistic = histogram("outcomes", bins, ["outcome"])
        edges = _tenths(view.baseline_cells(histogram("outputs", bins)), bins.name)
        # A later outcome of the baseline would begin another stream: what the first week knew stands.
        base, window, fresh = (
            _rates(cells, bins.name, edges)
            for cells in (
                view.baseline_cells(statistic, known_by),
                view.cells(statistic),
                view.new_cells(statistic),
            )
        )
        try:
            process = RatesByLevel(*base, floor)
        except ValueError as error:
            return view.finding(metric, Status.NOT_MEASURED, f"{error}.".replace("..", "."))
        bounds = [f"{floor:g}", *(str(number) for part in base for number in part)]
        stream = f"{metric}@{_reference(view, bounds)}"
        increment, since = [*fresh[0], *fresh[1]], detectors_since(view)
        evidence = view.advance(stream, process, increment, since=since, over="outcomes")
        enough = (window[1] >= STATISTICAL_FLOOR) & (base[1] >= STATISTICAL_FLOOR)
        change = np.zeros(len(enough))
        change[enough] = window[0][enough] / window[1][enough] - base[0][enough] / base[1][enough]
        worst = int(np.abs(change).argmax())
        estimate = float(abs(change[worst])) if enough.any() else None
        n = whole(float(window[1][worst])) if enough.any() else whole(float(window[1].sum()))
        status, reason = judge_estimate(
            estimate, n, threshold, evidence, beyond=(estimate or 0) > threshold.value
        )
        reason = _of_bound(reason, evidence, floor)
        if status is Status.INSUFFICIENT:
            reason = f"No tenth of the score has {STATISTICAL_FLOOR} outcomes in the window and the baseline."
        return view.finding(
            metric,
            status,
            reason,
            window=view.outcomes_window,
            estimate=estimate,
            n=n,
            threshold=threshold,
            evidence=evidence,
            details={
                "tenth": worst + 1,
                "rate": float(window[0][worst] / window[1][worst]) if enough.any() else None,
                "baseline_rate": float(base[0][worst] / base[1][worst]) if enough.any() else None,
            },
        )


class Missingness(Check):
    """Share of missing values in score and categories, against the baseline's and a practical margin.

    Formula:
        missing_share = rows without a value / rows; ceiling = practical change + (g + z² / 2n + z √(g (1 − g)
        / n + z² / 4n²)) / (1 + z² / n), g = the baseline's share of its n rows, z = 3.

    Read:
        Values that go missing are often a broken feed: ask the source before the model.

    Source:
        Wilson 1927 for the interval; Robbins 1970 for the evidence.
    """

    name = "drift.missing"
    principle = Principle.EFFECTIVENESS
    feeds = ("outputs",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [*self._of_columns(system), *versions(system)]

    def _of_columns(self, system: System) -> Sequence[Statistic]:
        bins = score_bins(system, SCORE_BINS)
        columns = [c for c in category_columns(system) if c != "predicted"]
        scores = [histogram("outputs", bins)] if bins else []
        numbers = [counts("outputs", [bins]) for bins in number_bins(system)]
        return [*(counts("outputs", [c]) for c in columns), *scores, *numbers]

    def measure(self, view: View) -> Iterator[Finding]:
        reason = no_comparison(view)
        for statistic in self._of_columns(view.system):
            (key,) = statistic.by
            column = key if isinstance(key, str) else key.column
            if reason is not None:
                yield view.finding("missing_share", reason[0], reason[1], slice={"column": column})
            else:
                yield self._finding(view, statistic, column, key)

    def _finding(self, view: View, statistic: Statistic, column: str, key: Key) -> Finding:
        floor = view.threshold("practical_share_change", Side.TOLERANCE)
        gone, n = _missing(view.baseline_cells(statistic), key)
        if n < STATISTICAL_FLOOR:
            return view.finding("missing_share", Status.NOT_MEASURED, _of_few(n), slice={"column": column})
        ceiling = float(baseline_limits(gone, n)[1]) + floor.value
        absent, total = _missing(view.cells(statistic), key)
        share = absent / total if total else None
        evidence, limit = None, None
        if ceiling < 1:
            limit = replace(floor, value=ceiling, side=Side.CEILING)
            stream = f"{column}@{_reference(view, [f'{floor.value:g}'])}"
            new = _missing(view.new_cells(statistic), key)
            evidence = view.advance(stream, Ceiling(ceiling), new, since=detectors_since(view))
        status, reason = judge_estimate(share, total, limit, evidence, beyond=(share or 0) > ceiling)
        if limit is None and status is Status.OK:
            reason = "So few rows of the baseline have a value that no more can be missing than were."
        return view.finding(
            "missing_share",
            status,
            reason,
            slice={"column": column},
            window=view.outputs_window,
            estimate=share,
            interval=intervals.proportion(absent, total) if total else None,
            n=total,
            threshold=limit,
            evidence=evidence,
            details={"baseline_share": gone / n, "tolerated_rise": floor.value},
        )


class Volume(Check):
    """Outputs in the window against the baseline's pace; reported, `watch` at most.

    The days of the window are those with outputs due: from the first output to the registered end, in whole
    periods of the feed's cadence: a yearly batch is not held against the few days since it came.

    Formula:
        volume_ratio = outputs in the window / (outputs a day in the baseline × days due in the window).

    Read:
        0.5 is half of the baseline's pace. Fewer than 30 outputs, due or there, are never `watch`.

    Source:
        A count against a pace; the bound is the City's choice.
    """

    name = "drift.volume"
    principle = Principle.EFFECTIVENESS
    feeds = ("outputs",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [counts("outputs", [])]

    def measure(self, view: View) -> Iterator[Finding]:
        if view.system.status is Lifecycle.RETIRED:
            yield view.finding("volume_ratio", Status.NOT_APPLICABLE, "It is retired.")
            return
        if (reason := no_comparison(view)) is not None:
            yield view.finding("volume_ratio", reason[0], reason[1])
            return
        baseline, window = view.system.baseline, view.outputs_window
        statistic, threshold = counts("outputs", []), view.threshold("volume_ratio", Side.FLOOR)
        n = rows(view.cells(statistic))
        days = (baseline.end - baseline.start).days + 1 if baseline else 1
        first = max(window.start, view.first_day or window.start)
        feed = view.system.feeds.outputs
        last = min(window.end, (feed.ends if feed else None) or window.end)
        due = days_due(first, last, feed.cadence if feed else "daily")
        expected = rows(view.baseline_cells(statistic)) / days * due
        ratio = float(n / expected)
        beyond = not threshold.value <= ratio <= 1 / threshold.value
        status = Status.WATCH if beyond and max(n, expected) >= STATISTICAL_FLOOR else Status.OK
        reason_text = f"{n} outputs; at the baseline's pace it would be {expected:.0f}."
        yield view.finding(
            "volume_ratio", status, reason_text, window=window, estimate=ratio, n=n, threshold=threshold
        )


class Silence(Check):
    """The system silently stopped: no output for longer than its cadence and the policy's term.

    Formula:
        due = day of the last output + cadence of the feed + the term's limit; silent from the day after.

    Read:
        `watch` from then on, `breach` when the grace has passed. Where outputs ended on purpose, register
        `feeds.outputs.ends`.

    Source:
        The cadence is the register's, the term the City's choice.
    """

    name = "drift.silence"
    principle = Principle.EFFECTIVENESS
    kind = Kind.FACTUAL
    feeds = ("outputs",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [counts("outputs", [])]

    def measure(self, view: View) -> Iterator[Finding]:
        feed = view.system.feeds.outputs
        last = max((day for day in view.profile.days if day <= view.end), default=None)
        if feed is None or last is None:
            yield view.finding("silent", Status.NOT_MEASURED, "No output has arrived yet.")
            return
        if view.system.status is Lifecycle.RETIRED:
            yield view.finding("silent", Status.NOT_APPLICABLE, "It is retired; its silence was decided.")
            return
        if feed.ends is not None and feed.ends < view.end:
            yield view.finding(
                "silent", Status.NOT_APPLICABLE, f"Outputs ended on {feed.ends}, as registered."
            )
            return
        due = last + timedelta(days=CADENCE_DAYS[feed.cadence] + view.term("silent").limit_days)
        yield view.fact(
            "silent",
            since=due if due < view.end else None,
            term="silent",
            reason=f"No output since {last}. The next was due by {due}.",
            ok=f"Last output on {last}.",
            last_output=last.isoformat(),
        )


def days_due(first: date, last: date, cadence: str) -> int:
    """Returns the days from first to last, both included, in whole periods of the cadence."""
    period = CADENCE_DAYS[cadence]
    return -(-((last - first).days + 1) // period) * period


def no_comparison(view: View) -> tuple[Status, str] | None:
    """Returns why this week cannot be compared with the baseline; None when it can."""
    baseline, feed = view.system.baseline, view.system.feeds.outputs
    if baseline is None:
        return Status.NOT_MEASURED, "No baseline is approved; add one to the register entry."
    if view.week <= baseline.end:
        return Status.NOT_MEASURED, f"This week is part of the baseline, which ends on {baseline.end}."
    if feed is not None and feed.ends is not None and feed.ends < view.outputs_window.start:
        return Status.NOT_APPLICABLE, f"Outputs ended on {feed.ends}, as registered."
    if view.baseline_cells(counts("outputs", []))["n"].sum() == 0:
        return Status.NOT_MEASURED, "The baseline has no outputs; approve a window that has."
    return None


def _first_week(ends: date, system: System) -> date:
    """Returns the Monday of the first week that begins after the baseline's outcomes had their time."""
    after = ends + system.maturity + timedelta(days=1)
    return after + timedelta(days=-after.weekday() % 7)


def _of_few(n: float) -> str:
    return f"The baseline has {n:g} outputs; {STATISTICAL_FLOOR} are needed to say what is usual."


def _of_bound(reason: str, evidence: Evidence | None, floor: float) -> str:
    """Returns the reason, which says what is confirmed: a smaller change than the one that is tolerated."""
    if evidence is None or not evidence.confirmed or evidence.recovering:
        return reason
    return f"{reason} It speaks of a change beyond {100 * floor:g} points and the chance in the baseline."


def _reference(view: View, names: list[str]) -> str:
    """Identifies what counts are held against: another baseline, levels or bound begin another stream."""
    baseline = view.system.baseline
    text = json.dumps([f"{baseline.start}/{baseline.end}" if baseline else "", *names], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def category_columns(system: System) -> list[str]:
    """Returns the decision, the groups and the categories of the outputs."""
    outputs = system.feeds.outputs
    groups = system.groups.columns if system.groups else ()
    return list(dict.fromkeys(["predicted", *groups, *(outputs.categories if outputs else ())]))


def _tenths(base: pd.DataFrame, name: str) -> np.ndarray:
    """Returns the upper bins of the baseline's tenths, without repeats."""
    upper, n = _known(base, name)
    if not len(upper):
        return upper
    order = np.argsort(upper, kind="stable")
    upper, cumulated = upper[order], np.cumsum(n[order]) / n.sum()
    return np.unique([upper[np.searchsorted(cumulated, q / QUANTILES)] for q in range(1, QUANTILES)])


def _known(cells: pd.DataFrame, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns the bins that are known, and their n."""
    place, n = numbers(cells, name), numbers(cells, "n")
    known = ~np.isnan(place)
    return place[known].astype(np.int64), n[known]


def _by_tenth(cells: pd.DataFrame, bins: Bin, edges: np.ndarray) -> dict[str, float]:
    names = [*(f"up to bin {edge}" for edge in edges), f"above bin {edges[-1]}", UNKNOWN]
    place, n = numbers(cells, bins.name), numbers(cells, "n")
    tenth = np.where(np.isnan(place), len(names) - 1, np.searchsorted(edges, place))
    there, counted = np.bincount(tenth, minlength=len(names)), np.bincount(tenth, n, len(names))
    return dict(sorted((names[number], float(counted[number])) for number in np.flatnonzero(there)))


def _pool(counted: Mapping[str, float], names: Sequence[str]) -> np.ndarray:
    known = [counted.get(name, 0) for name in names[:-1]]
    return np.array([*known, sum(counted.values()) - sum(known)], dtype=float)


def _missing(cells: pd.DataFrame, key: Key) -> tuple[float, float]:
    if isinstance(key, str):
        levels = by_level(cells, key)
        return whole(levels.get(UNKNOWN, 0)), whole(sum(levels.values()))
    n, absent = numbers(cells, "n"), np.asarray(cells[key_name(key)].array.isna())
    return whole(float(n[absent].sum())), whole(float(n.sum()))


def _details(names: list[str], worst: int, base: np.ndarray, current: np.ndarray) -> dict[str, object]:
    psi, jensen_shannon = divergence.psi(base, current), divergence.jensen_shannon(base, current)
    used = int(((base + current) > 0).sum())
    expected = divergence.psi_without_drift(float(base.sum()), float(current.sum()), used)
    two_samples = divergence.chi_square(base, current)
    return {
        "level": names[worst],
        "share": float(current[worst] / current.sum()),
        "baseline_share": float(base[worst] / base.sum()),
        "psi": None if psi is None else float(psi),
        "psi_without_drift": float(expected),
        "jensen_shannon": None if jensen_shannon is None else float(jensen_shannon),
        "chi_square_p_value": None if two_samples is None else float(two_samples.p_value),
    }


def distances(base: pd.DataFrame, window: pd.DataFrame, bins: Bin) -> dict[str, Any]:
    """Returns distances of the values between baseline and window, as brackets: bins hide where rows lie."""
    pair = _histogram(base, bins), _histogram(window, bins)
    found: dict[str, Any] = {}
    for name, distance in (
        ("kolmogorov_smirnov", histograms.kolmogorov_smirnov(*pair)),
        ("wasserstein", histograms.wasserstein(*pair)),
    ):
        if distance is not None:
            found[name] = distance.estimate
            found[f"{name}_bracket"] = [distance.lower, distance.upper]
    return found


def _histogram(cells: pd.DataFrame, bins: Bin) -> histograms.Histogram:
    rows = np.bincount(*_known(cells, bins.name), bins.bins).astype(float)
    edges = np.linspace(bins.low, bins.high, bins.bins + 1)
    edges[0], edges[-1] = -np.inf, np.inf  # the end bins take what lies beyond
    return histograms.Histogram(edges, rows)


def _concept_bins(system: System) -> Bin | None:
    outputs = system.feeds.outputs
    return score_bins(system) if outputs is not None and outputs.task == "binary" else None


def _rates(cells: pd.DataFrame, name: str, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns positive outcomes and all outcomes by tenth of the baseline's score."""
    known = cells.dropna(subset=[name])
    place = np.searchsorted(edges, known[name].to_numpy(dtype=float))
    n = known["n"].to_numpy(dtype=float)
    positive = known["outcome"].to_numpy(dtype=float) == 1
    tenths = len(edges) + 1
    hits = np.bincount(place[positive], n[positive], tenths).astype(float)
    return hits, np.bincount(place, n, tenths).astype(float)


def number_bins(system: System) -> list[Bin]:
    """Returns fine bins of every registered number's usual range, and one for what is outside at each end."""
    outputs = system.feeds.outputs
    return [_with_outside(number) for number in (outputs.numbers if outputs else ())]


def _with_outside(number: Number) -> Bin:
    # A hair wider than the range: both its ends belong to it.
    hair = (number.high - number.low) * 1e-9
    width = (number.high - number.low + 2 * hair) / NUMBER_BINS
    return Bin(number.column, number.low - hair - width, number.high + hair + width, NUMBER_BINS + 2)
