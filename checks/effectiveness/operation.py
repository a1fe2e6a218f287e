"""How the system runs: late and failed answers, abstentions, and of whom the truth is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
        time.

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
        n = _total(view, OUTPUTS, window)
        known = min(_total(view, KNOWN, window), n)
        estimate = known / n if n else None
        status, reason = judge_estimate(estimate, n, None, None, beyond=False)
        columns = view.system.groups.columns if view.system.groups else ()
        yield view.finding(
            metric,
            status,
            reason,
            window=window,
            estimate=estimate,
            interval=intervals.proportion(known, n) if n else None,
            n=n,
            details={"by": {column: _by_level(view, column, window) for column in columns}},
        )


def _sourced(system: System) -> list[str]:
    outputs = system.feeds.outputs
    if outputs is None:
        return []
    there = {"late_share": outputs.latency, "failed_share": outputs.failed}
    return [metric for metric, source in there.items() if source is not None]


def _total(view: View, statistic: Statistic, window: Window) -> float:
    return whole(float(view.cells(statistic, window)["n"].sum()))


def _by_level(view: View, column: str, window: Window) -> dict[str, dict[str, float]]:
    """Returns outputs and known outcomes by level of a column."""
    outputs, known = (
        view.cells(counts(over, [column]), window).groupby(column)["n"].sum()
        for over in ("outputs", "outcomes")
    )
    return {
        str(level): {"outputs": whole(float(n)), "known": whole(float(known.get(level, 0)))}
        for level, n in outputs.items()
    }
