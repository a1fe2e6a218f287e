"""How the system runs: late and failed answers, abstentions, and of whom the truth is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from checks.cells import immature
from checks.effectiveness.rates import against
from checks.measures import measure_of, whole
from sundial.api import (
    Check,
    Finding,
    Principle,
    Statistic,
    Status,
    System,
    View,
    Window,
    counts,
    intervals,
    judge_estimate,
)

DECISIONS = counts("outputs", ["predicted"])
OUTPUTS, KNOWN = counts("outputs", []), counts("outcomes", [])


class Operation(Check):
    """Shares of answers that came too late, failed, or were none; reported beside the contract's promises.

    Formula:
        late_share = answers later than the objective / answers with a latency; failed_share = failed /
        answers; abstained_share = outputs without a decision / outputs.

    Read:
        Reported; what the contract promises of them is judged by effectiveness.service_levels.

    Source:
        Wilson 1927.
    """

    name = "effectiveness.operation"
    principle = Principle.EFFECTIVENESS
    feeds = ("outputs",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [DECISIONS, *(measure_of(system, metric).statistic for metric in _sourced(system))]

    def measure(self, view: View) -> Iterator[Finding]:
        for metric in _sourced(view.system):
            yield against(view, measure_of(view.system, metric), None)
        outputs = view.system.feeds.outputs
        if outputs is None or outputs.task in ("regression", "text", "multiclass"):
            if not _sourced(view.system):
                reason = "The source gives neither latency nor failures; register them where it does."
                yield view.finding("late_share", Status.NOT_APPLICABLE, reason)
            return
        cells = view.cells(DECISIONS)
        n = whole(float(cells["n"].sum()))
        none = whole(float(cells.loc[cells["predicted"].isna(), "n"].sum()))
        status, reason = judge_estimate(none / n if n else None, n, None, None, beyond=False)
        yield view.finding(
            "abstained_share",
            status,
            reason,
            window=view.outputs_window,
            estimate=none / n if n else None,
            interval=intervals.proportion(none, n) if n else None,
            n=n,
        )


class Coverage(Check):
    """Share of matured outputs whose truth is known, and of whom it is missing.

    Formula:
        known_outcomes_share = outputs with known truth / outputs, of the window whose outcomes had their
        time: rows, whatever they weigh. No interval where rows come in clusters.

    Read:
        A low share makes all measures of outcomes speak of those who are known. `details.by` shows of which
        groups it is missing.

    Source:
        Wilson 1927.
    """

    name = "effectiveness.coverage"
    principle = Principle.EFFECTIVENESS
    feeds = ("outputs", "outcomes")

    def statistics(self, system: System) -> Sequence[Statistic]:
        columns = system.groups.columns if system.groups else ()
        return [
            statistic
            for by in ([], *([column] for column in columns))
            for statistic in (counts("outputs", by), counts("outcomes", by))
        ]

    def measure(self, view: View) -> Iterator[Finding]:
        metric = "known_outcomes_share"
        if view.immature:
            yield immature(view, metric)
            return
        window = view.outcomes_window
        n, known = (int(_rows(view.cells(statistic, window)).sum()) for statistic in (OUTPUTS, KNOWN))
        estimate = known / n if n else None
        status, reason = judge_estimate(estimate, n, None, None, beyond=False)
        columns = view.system.groups.columns if view.system.groups else ()
        outputs = view.system.feeds.outputs
        clustered = outputs is not None and outputs.cluster is not None
        yield view.finding(
            metric,
            status,
            reason,
            window=window,
            estimate=estimate,
            interval=None if clustered or not n else intervals.proportion(known, n),
            n=n,
            details={"by": {column: _by_level(view, column, window) for column in columns}},
        )


def _sourced(system: System) -> list[str]:
    outputs = system.feeds.outputs
    if outputs is None:
        return []
    there = {"late_share": outputs.latency, "failed_share": outputs.failed}
    return [metric for metric, source in there.items() if source is not None]


def _rows(cells: pd.DataFrame) -> pd.Series[int]:
    """Returns how many rows each cell has, whatever they weigh."""
    rows: pd.Series[int] = cells["rows"] if "rows" in cells else cells["n"]
    return rows


def _by_level(view: View, column: str, window: Window) -> dict[str, dict[str, float]]:
    """Returns outputs and known outcomes by level of a column."""
    outputs, known = (
        _rows(cells).groupby(cells[column]).sum()
        for cells in (view.cells(counts(over, [column]), window) for over in ("outputs", "outcomes"))
    )
    return {
        str(level): {"outputs": whole(float(n)), "known": whole(float(known.get(level, 0)))}
        for level, n in outputs.items()
    }
