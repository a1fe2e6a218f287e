"""What the contract promises, what people did before, and what errors cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from checks.cells import immature, of_flagged_only
from checks.effectiveness.rates import against
from checks.measures import CONFUSION, Share, confusion, measure_of, whole
from sundial.api import (
    Check,
    Finding,
    Interval,
    Principle,
    Side,
    Statistic,
    Status,
    System,
    Threshold,
    View,
    baseline_limits,
    intervals,
    judge_estimate,
)


class ServiceLevels(Check):
    """What the contract with the vendor promises, each with its own evidence, apart from the target.

    Formula:
        promised_<measure>: the measure as effectiveness.rates has it, against the clause's target.

    Read:
        A missed clause is the contract's matter: it is no verdict on the outcome for the City, and a met
        one is none either.

    Source:
        The contract, as the register's `service_levels` quotes it; Wilson 1927.
    """

    name = "effectiveness.service_levels"
    principle = Principle.EFFECTIVENESS
    feeds = ("outputs",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [measure_of(system, level.metric).statistic for level in system.service_levels]

    def measure(self, view: View) -> Iterator[Finding]:
        if not view.system.service_levels:
            yield view.finding(
                "service_level", Status.NOT_APPLICABLE, "The register entry names no service levels."
            )
        for level in view.system.service_levels:
            measure, metric = measure_of(view.system, level.metric), f"promised_{level.metric}"
            if measure.statistic.over == "outcomes" and (reason := _no_outcomes(view)) is not None:
                yield view.finding(metric, *reason)
                continue
            threshold = Threshold(
                f"service_levels: {level.clause}",
                level.target,
                measure.side,
                level.approved_by,
                level.approved_on,
            )
            yield against(view, measure, threshold, metric)


class AgainstProcess(Check):
    """The system against the process without AI that it replaced or would replace.

    The process was measured on a sample: the evidence is for being worse than Wilson's limit of its rate at
    three standard errors; the difference has Newcombe's interval of both samples.

    Formula:
        difference = hits / n of the system − successes / n of the process; bound of the evidence = (p + z² /
        2n ∓ z √(p (1 − p) / n + z² / 4n²)) / (1 + z² / n), p = successes / n of the process, z = 3.

    Read:
        Below 0 (of an error rate: above) the system does worse than what it replaced. `breach`: by more
        than the sample of the process leaves open.

    Source:
        Newcombe 1998; Robbins 1970 for the evidence.
    """

    name = "effectiveness.process"
    principle = Principle.EFFECTIVENESS
    feeds = ("outputs",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [measure_of(system, system.process.metric).statistic] if system.process else []

    def measure(self, view: View) -> Iterator[Finding]:
        process = view.system.process
        if process is None:
            yield view.finding(
                "against_process",
                Status.NOT_MEASURED,
                "Give process, the process without AI, in the register entry.",
            )
            return
        measure = measure_of(view.system, process.metric)
        metric = f"{process.metric}_against_process"
        if not isinstance(measure, Share):
            raise TypeError(f"{process.metric} is no share: the register refuses it")
        rate = process.successes / process.n
        low, high = baseline_limits(process.successes, process.n)
        bound = float(low if measure.side is Side.FLOOR else high)
        threshold = Threshold("process", rate, measure.side, process.approved_by, process.approved_on)
        evidence = None
        if 0 < bound < 1:
            evidence = view.advance(
                f"{metric}@{process.successes}/{process.n}",
                measure.process(bound, measure.side),
                measure.increment(view.new_cells(measure.statistic)),
                over=measure.statistic.over,
            )
        if view.immature and not (evidence and evidence.confirmed):
            yield immature(view, metric)
            return
        hits, n = measure.fraction(view.cells(measure.statistic))
        difference = hits / n - rate if n else None
        worse = difference is not None and (difference < 0 if measure.side is Side.FLOOR else difference > 0)
        status, reason = judge_estimate(difference, n, threshold, evidence, beyond=worse)
        yield view.finding(
            metric,
            status,
            reason,
            window=view.outcomes_window,
            estimate=difference,
            interval=intervals.difference(hits, n, process.successes, process.n) if n else None,
            n=n,
            threshold=threshold,
            evidence=evidence,
            details={"process": process.name, "process_n": process.n, "rate": hits / n if n else None},
        )


class Costs(Check):
    """What the window's wrong outputs cost in the register's unit, for 1,000 outputs with known truth.

    Formula:
        cost_of_errors = 1,000 (FP × cost of a false positive + FN × cost of a false negative) / n.

    Read:
        In `details.unit`; it has no threshold. It compares systems and months, and weighs errors that a
        rate counts alike.

    Source:
        The costs are the register's; Student 1908 for the interval.
    """

    name = "effectiveness.costs"
    principle = Principle.EFFECTIVENESS
    feeds = ("outputs",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [CONFUSION] if system.costs else []

    def measure(self, view: View) -> Iterator[Finding]:
        costs = view.system.costs
        if costs is None:
            yield view.finding("cost_of_errors", Status.NOT_MEASURED, "Give costs in the register entry.")
        elif of_flagged_only(view.system):
            reason = "The truth becomes known of positive outputs only; what was missed costs, too."
            yield view.finding("cost_of_errors", Status.NOT_MEASURED, reason)
        elif (missing := _no_outcomes(view)) is not None:
            yield view.finding("cost_of_errors", *missing)
        elif view.immature:
            yield immature(view, "cost_of_errors")
        else:
            (_, wrongly), (missed, _) = confusion(view.cells(CONFUSION)).tolist()
            n = whole(float(confusion(view.cells(CONFUSION)).sum()))
            total = wrongly * costs.false_positive + missed * costs.false_negative
            squares = wrongly * costs.false_positive**2 + missed * costs.false_negative**2
            found = intervals.mean(total, squares, n) if n else None
            interval = found and Interval(1_000 * max(found.low, 0.0), 1_000 * found.high, found.method)
            estimate = 1_000 * total / n if n else None
            status, reason = judge_estimate(estimate, n, None, None, beyond=False)
            yield view.finding(
                "cost_of_errors",
                status,
                reason,
                window=view.outcomes_window,
                estimate=estimate,
                interval=interval,
                n=n,
                details={
                    "unit": f"{costs.unit} for 1,000 outputs",
                    "total": total,
                    "false_positives": whole(wrongly),
                    "false_negatives": whole(missed),
                },
            )


def _no_outcomes(view: View) -> tuple[Status, str] | None:
    """Returns why measures of outcomes cannot be taken; None where they can."""
    if view.system.feeds.outcomes is None:
        return Status.NOT_MEASURED, "The system has no feed outcomes; add it to the register entry."
    return (Status.ERROR, view.failed["outcomes"]) if "outcomes" in view.failed else None
