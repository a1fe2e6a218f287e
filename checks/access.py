"""3 Equity: who gets in, of all who could?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from checks.attestations import attested
from checks.cells import by_level
from checks.places import part, places
from checks.shares import share
from sundial.api import (
    Check,
    Finding,
    Kind,
    Over,
    Principle,
    Side,
    Statistic,
    Status,
    System,
    Threshold,
    View,
    counts,
)


class Access(Check):
    """Share of each level among those whom the system serves, against its share of the population.

    A level is held against `access_ratio` times its share of the population that the register gives: below
    it, it gets in too seldom. The levels of a column share the weight of one stream.

    Formula:
        access_share = rows of the level / rows whose level the population has; floor = `access_ratio` × the
        level's share of the population.

    Read:
        A level below its floor is served too seldom: look at language, place and channel. The population is
        those who could be served, not those who want to be.

    Source:
        NIST AI RMF, MEASURE 2.11; the ratio is the City's choice and not the four-fifths rule, which is of
        employment; Wilson 1927, Robbins 1970.
    """

    name = "equity.access"
    principle = Principle.EQUITY

    def statistics(self, system: System) -> Sequence[Statistic]:
        over = _over(system)
        if over is None:
            return []
        return [counts(over, [population.column]) for population in system.population]

    def measure(self, view: View) -> Iterator[Finding]:
        over = _over(view.system)
        if not view.system.population or over is None:
            reason = "Give population in the register entry, with the counts of those who could be served."
            yield view.finding("access_share", Status.NOT_MEASURED, reason)
            return
        if over in view.failed:
            yield view.finding("access_share", Status.ERROR, view.failed[over])
            return
        chosen = view.threshold("access_ratio", Side.FLOOR)
        for population in view.system.population:
            statistic, everybody = counts(over, [population.column]), sum(population.counts.values())
            window, fresh = (
                by_level(c, population.column) for c in (view.cells(statistic), view.new_cells(statistic))
            )
            n, new = (sum(found.get(level, 0) for level in population.counts) for found in (window, fresh))
            start = f"access_share/{population.column}@{chosen.value:g}/"
            size = {level: float(count) for level, count in population.counts.items()}
            for level, place in places(view.streams_after(start), size).items():
                if level not in population.counts:
                    continue
                of_all = population.counts[level] / everybody
                threshold = Threshold(
                    f"access_ratio: {chosen.value:g} of {of_all:.1%} in the population",
                    chosen.value * of_all,
                    Side.FLOOR,
                    chosen.approved_by,
                    chosen.approved_on,
                    chosen.set_for,
                )
                yield share(
                    view,
                    "access_share",
                    threshold,
                    (window.get(level, 0), n),
                    (fresh.get(level, 0), new),
                    window=view.outputs_window,
                    where={population.column: level},
                    stream=f"{start}{place}/{level}",
                    part=part(place),
                    details={"population_share": of_all, "source": population.source},
                )


def _over(system: System) -> Over | None:
    if system.feeds.access is not None:
        return "access"
    return "outputs" if system.feeds.outputs is not None else None


class EquityPlan(Check):
    """The plan for equity, or the check of the languages it is offered in, was renewed within the term.

    Formula:
        age = Sunday of the week − date of the plan; days beyond the term's limit = age − limit.

    Read:
        `watch` from the day after the limit, `breach` when the grace has passed, too. Record it as
        `attestations.equity_plan`.

    Source:
        The City's AI policy, Equity; the term is the City's choice.
    """

    name = "equity.plan"
    principle = Principle.EQUITY
    kind = Kind.FACTUAL

    def measure(self, view: View) -> Iterator[Finding]:
        yield attested(view, "equity_plan_age", "The equity plan")
