"""3 Equity: do groups fare alike? Rates by group and intersection, their gaps, and the evidence for them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import pandas as pd
from fairlearn.metrics import false_positive_rate, selection_rate, true_positive_rate

from checks.cells import binary, immature
from sundial.api import (
    STATISTICAL_FLOOR,
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
    counts,
    intervals,
    judge_estimate,
    log_mean_exp,
)

RATES = {
    "selection_rate": selection_rate,
    "true_positive_rate": true_positive_rate,
    "false_positive_rate": false_positive_rate,
}
"""Fairlearn's rates; their denominators are all outputs, those that came true, and those that did not."""


@dataclass(frozen=True)
class Counted:
    """Successes and denominator of one rate by group; a group is the JSON list of its levels."""

    successes: pd.Series[int]
    n: pd.Series[int]


class Groups(Check):
    """Selection rate, true- and false-positive rate of every group against the rest, and the groups' gaps.

    Rates, differences and ratios are Fairlearn's on cells weighted by their counts, equal to those on rows. A
    group under 30 in a rate's own denominator is listed and left out of the gaps. A gap is confirmed by the
    two-sample evidence against the policy's tolerance: each group against the rest, and their mean as the
    omnibus of the gap. Demographic parity and equalized odds are reported, `watch` at most.
    """

    name = "equity.groups"
    principle = Principle.EQUITY
    feeds = ("outputs",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [
            statistic
            for columns in attributes(system)
            for statistic in (
                counts("outputs", [*columns, "predicted"]),
                *([counts("outcomes", [*columns, "predicted", "outcome"])] if system.feeds.outcomes else []),
            )
        ]

    def measure(self, view: View) -> Iterator[Finding]:
        if view.system.groups is None:
            yield view.finding(
                "groups", Status.NOT_MEASURED, "No groups to compare; add groups to the register entry."
            )
            return
        for columns in attributes(view.system):
            yield from self._attribute(view, columns)

    def _attribute(self, view: View, columns: tuple[str, ...]) -> Iterator[Finding]:
        gaps: dict[str, Finding] = {}
        for metric in RATES:
            over = counts("outputs", [*columns, "predicted"])
            if metric != "selection_rate":
                over = counts("outcomes", [*columns, "predicted", "outcome"])
                if view.system.feeds.outcomes is None:
                    continue
            window, fresh = _labelled(view.cells(over), columns), _labelled(view.new_cells(over), columns)
            if metric != "selection_rate" and view.immature:
                yield immature(view, f"{metric}_difference", by=" × ".join(columns))
                continue
            found = [*self._rate(view, columns, metric, window, fresh, over)]
            if over.over in view.failed:  # evidence counts what is there, but this week is not known
                error = view.failed[over.over]
                found = [replace(finding, status=Status.ERROR, reason=error) for finding in found]
            gaps[metric] = found[-1]
            yield from found
        yield from _parity(view, columns, gaps)

    def _rate(
        self,
        view: View,
        columns: tuple[str, ...],
        metric: str,
        window: pd.DataFrame,
        fresh: pd.DataFrame,
        over: Statistic,
    ) -> Iterator[Finding]:
        """Yields one finding a group, and the gap between groups last."""
        tolerance = view.threshold("equity_tolerance", Side.TOLERANCE)
        # Another tolerance begins other streams: chosen after the data, it has no evidence from before.
        streams = f"{metric}@{tolerance.value:g}/{json.dumps(columns, ensure_ascii=False)}/"
        # A group keeps its evidence when it leaves the window; without it the omnibus would lose its part.
        groups = {*window["group"], *fresh["group"], *view.streams_after(streams)}
        counted, new = (_counted(metric, cells, groups) for cells in (window, fresh))
        by_group = _by_group(metric, window)
        evidences = []
        for group in sorted(groups):
            evidence = view.advance(streams + group, TwoSample(tolerance.value), _against_rest(new, group))
            evidences.append(evidence)
            yield _group(view, columns, metric, group, counted, by_group, tolerance, evidence, over)
        yield _gap(view, columns, metric, counted, by_group, tolerance, evidences, over)


def attributes(system: System) -> list[tuple[str, ...]]:
    """Returns the columns and intersections of columns to compare groups by."""
    if system.groups is None:
        return []
    return [*((column,) for column in system.groups.columns), *system.groups.intersections]


def _labelled(cells: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    levels = zip(*(cells[column].astype(str) for column in columns), strict=True)
    group = pd.Series([json.dumps(level, ensure_ascii=False) for level in levels], cells.index, dtype="str")
    return binary(cells.assign(group=group))


def _shown(group: str) -> str:
    return " × ".join(json.loads(group))


def _counted(metric: str, cells: pd.DataFrame, groups: Collection[str]) -> Counted:
    if metric == "true_positive_rate":
        cells = cells[cells["outcome"] == 1]
    if metric == "false_positive_rate":
        cells = cells[cells["outcome"] == 0]
    n = cells.groupby("group")["n"].sum()
    hits = cells[cells["predicted"] == 1].groupby("group")["n"].sum()
    return Counted(*(part.reindex(sorted(groups), fill_value=0).astype(int) for part in (hits, n)))


def _by_group(metric: str, cells: pd.DataFrame) -> pd.Series[float]:
    """Returns Fairlearn's rate by group; a rate without a denominator means nothing and is not used."""
    truth = cells["outcome"] if "outcome" in cells else cells["predicted"]
    counted: dict[str, list[tuple[int, int, int]]] = {}
    for group, *cell in zip(cells["group"], truth, cells["predicted"], cells["n"], strict=True):
        counted.setdefault(group, []).append((int(cell[0]), int(cell[1]), int(cell[2])))
    return pd.Series({group: _rate(metric, tuple(found)) for group, found in counted.items()}, dtype=float)


@lru_cache(maxsize=4096)  # most groups have the same cells as in the week before
def _rate(metric: str, cells: tuple[tuple[int, int, int], ...]) -> float:
    truth, predicted, n = (list(column) for column in zip(*cells, strict=True))
    return float(RATES[metric](truth, predicted, sample_weight=n))


def _against_rest(counted: Counted, group: str) -> tuple[int, int, int, int]:
    hits, n = int(counted.successes.get(group, 0)), int(counted.n.get(group, 0))
    return hits, n, int(counted.successes.sum()) - hits, int(counted.n.sum()) - n


def _group(
    view: View,
    columns: tuple[str, ...],
    metric: str,
    group: str,
    counted: Counted,
    by_group: pd.Series[float],
    tolerance: Threshold,
    evidence: Evidence,
    over: Statistic,
) -> Finding:
    hits, n, rest_hits, rest_n = _against_rest(counted, group)
    estimate = float(by_group[group]) if n else None
    rest = rest_hits / rest_n if rest_n else None
    difference = None if estimate is None or rest is None else estimate - rest
    ratio = intervals.ratio(hits, n, rest_hits, rest_n) if n and rest_n else None
    gap = intervals.difference(hits, n, rest_hits, rest_n) if n and rest_n else None
    status, reason = judge_estimate(
        estimate, n, tolerance, evidence, beyond=abs(difference or 0) > tolerance.value
    )
    return view.finding(
        metric,
        status,
        reason,
        slice=dict(zip(columns, json.loads(group), strict=True)),
        window=view.window_of(over),
        estimate=estimate,
        interval=intervals.proportion(hits, n) if n else None,
        n=n,
        threshold=tolerance,
        evidence=evidence,
        details={
            "rest": rest,
            "rest_n": rest_n,
            "difference": difference,
            "difference_interval": [gap.low, gap.high] if gap else None,
            "ratio": estimate / rest if estimate is not None and rest else None,
            "ratio_interval": [ratio.low, ratio.high] if ratio else None,
        },
    )


def _gap(
    view: View,
    columns: tuple[str, ...],
    metric: str,
    counted: Counted,
    by_group: pd.Series[float],
    tolerance: Threshold,
    evidences: list[Evidence],
    over: Statistic,
) -> Finding:
    enough = [str(group) for group, n in counted.n.items() if n >= STATISTICAL_FLOOR]
    rates = by_group[enough] if enough else by_group.iloc[:0]
    estimate = float(rates.max() - rates.min()) if len(enough) > 1 else None
    evidence = _omnibus(f"{view.check.name}:{metric}@{tolerance.value:g}/{'×'.join(columns)}", evidences)
    smallest = int(counted.n[enough].min()) if enough else 0
    status, reason = judge_estimate(
        estimate, smallest, tolerance, evidence, beyond=(estimate or 0) > tolerance.value
    )
    if status is Status.INSUFFICIENT:
        reason = f"Fewer than two groups have {STATISTICAL_FLOOR} in the denominator."
    return view.finding(
        f"{metric}_difference",
        status,
        reason,
        slice={"by": " × ".join(columns)},
        window=view.window_of(over),
        estimate=estimate,
        n=int(counted.n[enough].sum()),
        threshold=tolerance,
        evidence=evidence,
        details={
            "rates": {_shown(str(group)): float(rate) for group, rate in rates.items()},
            "n": {_shown(str(group)): int(n) for group, n in counted.n.items()},
            "ratio": float(rates.min() / rates.max()) if len(enough) > 1 and rates.max() > 0 else None,
            "left_out": sorted(_shown(group) for group in set(counted.n.index) - set(enough)),
        },
    )


def _omnibus(stream: str, evidences: list[Evidence]) -> Evidence | None:
    """Returns the mean of the groups' evidence: an e-process of the claim that no group differs."""
    if len(evidences) < 2:
        return None
    return Evidence(
        stream=stream,
        log_e=log_mean_exp([e.log_e for e in evidences]),
        log_detector=log_mean_exp([e.log_detector for e in evidences]),
        log_alarm=evidences[0].log_alarm,
        weeks=max(e.weeks for e in evidences),
        counts=(),
    )


def _parity(view: View, columns: tuple[str, ...], gaps: dict[str, Finding]) -> Iterator[Finding]:
    """Yields demographic parity and equalized odds, Fairlearn's names for what the gaps say together."""
    odds = [gaps[m] for m in ("true_positive_rate", "false_positive_rate") if m in gaps]
    named = {
        "demographic_parity": [gaps["selection_rate"]] if "selection_rate" in gaps else [],
        "equalized_odds": odds if len(odds) == len(RATES) - 1 else [],
    }
    for name, parts in named.items():
        if not parts:
            continue
        differences = [part.estimate for part in parts if part.estimate is not None]
        ratios = [part.details["ratio"] for part in parts if part.details["ratio"] is not None]
        whole = len(differences) == len(parts)
        tolerance = parts[0].threshold
        for metric, value, of in (
            (f"{name}_difference", max(differences) if whole else None, differences),
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
                slice={"by": " × ".join(columns)},
                window=parts[0].window,
                estimate=value,
                n=min((part.n or 0) for part in parts) if value is None else parts[of.index(value)].n,
                threshold=tolerance if is_gap else None,
            )
