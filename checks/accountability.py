"""4 Accountability: do people look at what the system decides, and does somebody answer for it?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

import pandas as pd

from checks.attestations import attested
from checks.effectiveness.rates import against
from checks.measures import MEAN_BINS, Mean
from checks.places import part, places
from checks.shares import Counted, flagged, rows, share
from sundial.api import (
    Bin,
    Check,
    Finding,
    Kind,
    Lifecycle,
    Principle,
    Side,
    Statistic,
    Status,
    System,
    View,
    Window,
    counts,
)

OUTPUTS, REVIEWS = counts("outputs", []), counts("reviews", [])
BY_TEAM = counts("reviews", ["team", "overridden"])
OVERRIDDEN = counts("reviews", ["overridden"])
DECIDING = ("rights", "safety")
"""Risk tiers in which a decision without any person is a prohibited use."""
RETIRED_IN = "retired_in"
"""Detail of a finding: Monday of the first week that ended with the system retired."""
ALL_TEAMS = "all"
"""The team of a feed that names none."""


class Retirement(Check):
    """A system that the register says is retired puts nothing out.

    Formula:
        outputs of the week, in each week after the first one that ended with the system retired.

    Read:
        `breach` in the first such week with an output: somebody switched it on again, or another one still
        runs under its name. `details.outputs` is how many; the remedy is to stop it, or to register it anew.

    Source:
        The City's AI policy, sunset: a retired system is not in use.
    """

    name = "accountability.retirement"
    principle = Principle.ACCOUNTABILITY
    kind = Kind.FACTUAL
    feeds = ("outputs",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [OUTPUTS]

    def measure(self, view: View) -> Iterator[Finding]:
        if view.system.status is not Lifecycle.RETIRED:
            yield view.finding("retired_but_running", Status.NOT_APPLICABLE, "It is not retired.")
            return
        last = view.before.get(("retired_but_running", ()))
        first = (last.details.get(RETIRED_IN) if last else None) or view.week.isoformat()
        outputs = (
            rows(view.cells(OUTPUTS, Window(view.week, view.end, 1))) if first < view.week.isoformat() else 0
        )
        yield view.fact(
            "retired_but_running",
            since=view.held_since("retired_but_running") if outputs else None,
            term="retired_but_running",
            reason=f"It is retired and put {outputs:,.0f} outputs out in this week.",
            ok="It is retired, and nothing came since.",
            outputs=int(outputs),
            **{RETIRED_IN: first},
        )


class AiReview(Check):
    """The AI Review that the policy asks for was made, and is not older than its term.

    Formula:
        age = Sunday of the week − date of the review; days beyond the term's limit = age − limit.

    Read:
        `watch` from the day after the limit, `breach` when the grace has passed, too. The remedy is a
        review, and its date as `ai_review.date` in the register entry.

    Source:
        The City's AI policy: an AI Review of each system; the yearly term is the City's choice.
    """

    name = "accountability.ai_review"
    principle = Principle.ACCOUNTABILITY
    kind = Kind.FACTUAL

    def measure(self, view: View) -> Iterator[Finding]:
        yield attested(view, "ai_review_age", "The AI Review", view.system.ai_review)


class Owner(Check):
    """The owner named in the register was confirmed within the policy's term: people change their jobs.

    Formula:
        age = Sunday of the week − date of the confirmation; days beyond the term's limit = age − limit.

    Read:
        `watch` from the day after the limit, or while there is none; `breach` when the grace has passed, too.
        Confirm the owner as `attestations.owner_confirmed` in the register entry.

    Source:
        The City's AI policy: departments own their systems; the yearly term is the City's choice.
    """

    name = "accountability.owner"
    principle = Principle.ACCOUNTABILITY
    kind = Kind.FACTUAL

    def measure(self, view: View) -> Iterator[Finding]:
        yield attested(view, "owner_confirmed_age", "The owner's confirmation")


class HumanReview(Check):
    """Share of outputs that a person looked at within the time the register gives, and nearly none at all.

    Outputs are taken by the day they were made, once that time has passed. In the tiers `rights` and `safety`
    the share without any person is held against `no_human_share` as well: beyond it the system decides by
    itself, which the policy may prohibit.

    Formula:
        human_review_share = reviewed outputs / outputs; no_human_share = 1 − human_review_share, both of
        outputs whose `maturity_days` have passed.

    Read:
        A share of nearly none on decisions about rights or safety may be a prohibited use: tell the CDPO at
        once. A low share elsewhere says that people rely on the system more than the City meant to.

    Source:
        The City's AI policy, prohibited uses: fully automated decisions; Wilson 1927 for the interval,
        Robbins 1970 for the evidence.
    """

    name = "accountability.human_review"
    principle = Principle.ACCOUNTABILITY
    feeds = ("outputs", "reviews")

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [OUTPUTS, REVIEWS]

    def measure(self, view: View) -> Iterator[Finding]:
        window, cohort = view.reviews_window, _cohort(view)
        yield share(
            view,
            "human_review_share",
            view.threshold("human_review_share", Side.FLOOR),
            self._reviewed(view, window),
            self._reviewed(view, cohort),
            window=window,
        )
        if view.system.risk.tier in DECIDING:
            yield share(
                view,
                "no_human_share",
                view.threshold("no_human_share", Side.CEILING),
                _others(self._reviewed(view, window)),
                _others(self._reviewed(view, cohort)),
                window=window,
                details={"prohibited_use": "automated_decisions"},
            )
        else:
            reason = f"Decisions of tier {view.system.risk.tier} need no person by the policy."
            yield view.finding("no_human_share", Status.NOT_APPLICABLE, reason)

    def _reviewed(self, view: View, window: Window) -> Counted:
        outputs = rows(view.cells(OUTPUTS, window))
        return min(rows(view.cells(REVIEWS, window)), outputs), outputs


class Overrides(Check):
    """Share of reviewed outputs that people decided otherwise, by team, within a band that has two sides.

    Below `override_share_low` people may be rubber-stamping, above `override_share_high` the system may not
    be up to its work. Teams, never persons; all teams share the weight of one stream on each side.

    Formula:
        override_share = reviews that decided otherwise / reviews, by team.

    Read:
        Too few: ask whether people have the time and the right to decide otherwise. Too many: ask what the
        system gets wrong. A share of 0 on many reviews is a finding, not a pass.

    Source:
        NIST AI RMF, MAP 3.5 and MEASURE 2.8; the band is the City's choice; Wilson 1927, Robbins 1970.
    """

    name = "accountability.overrides"
    principle = Principle.ACCOUNTABILITY
    feeds = ("reviews",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        reviews = system.feeds.reviews
        return [BY_TEAM if reviews is not None and reviews.team is not None else OVERRIDDEN]

    def measure(self, view: View) -> Iterator[Finding]:
        (statistic,) = self.statistics(view.system)
        window, fresh = (_by_team(cells) for cells in (view.cells(statistic), view.new_cells(statistic)))
        for metric, side in (("override_share_low", Side.FLOOR), ("override_share_high", Side.CEILING)):
            threshold = view.threshold(metric, side)
            start = f"{metric}@{threshold.value:g}/"
            size = {team: fresh.get(team, _NONE)[1] for team in {*window, *fresh}}
            for team, place in places(view.streams_after(start), size).items():
                yield share(
                    view,
                    metric,
                    threshold,
                    window.get(team, _NONE),
                    fresh.get(team, _NONE),
                    window=view.reviews_window,
                    where={"team": team},
                    stream=f"{start}{place}/{team}",
                    part=part(place),
                )


_NONE: Counted = (0, 0)


def _by_team(cells: pd.DataFrame) -> dict[str, Counted]:
    if "team" not in cells:
        return {ALL_TEAMS: flagged(cells, "overridden")}
    return {str(team): flagged(own, "overridden") for team, own in cells.groupby("team", observed=True)}


class SoleFactor(Check):
    """People who look at outputs decide otherwise now and then, where the system must not be the sole factor.

    Of systems that decide on hiring or promotion, and of the tiers `rights` and `safety`.

    Formula:
        sole_factor_share = reviews that decided otherwise / reviews, of all teams together.

    Read:
        `breach`: the evidence of the weeks confirms a share below `sole_factor_share`. People then only
        rubber-stamp, and the output may be the sole factor of the decision, a use that the policy prohibits;
        `details.prohibited_use` names it. Or the system is hardly ever wrong: have decisions looked at
        by somebody who does not see the output first.

    Source:
        The City's AI policy, prohibited uses; Wilson 1927; Robbins 1970 for the evidence.
    """

    name = "accountability.sole_factor"
    principle = Principle.ACCOUNTABILITY
    feeds = ("reviews",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [OVERRIDDEN] if _prohibited_alone(system) is not None else []

    def measure(self, view: View) -> Iterator[Finding]:
        metric, use = "sole_factor_share", _prohibited_alone(view.system)
        if use is None:
            reason = f"It decides on no employment; outputs of tier {view.system.risk.tier} may stand alone."
            yield view.finding(metric, Status.NOT_APPLICABLE, reason)
            return
        yield share(
            view,
            metric,
            view.threshold(metric, Side.FLOOR),
            flagged(view.cells(OVERRIDDEN), "overridden"),
            flagged(view.new_cells(OVERRIDDEN), "overridden"),
            window=view.reviews_window,
            details={"prohibited_use": use},
        )


def _prohibited_alone(system: System) -> str | None:
    """Returns the prohibited use that the system's outputs would be without people; None where none is."""
    if system.groups is not None and system.groups.employment:
        return "employment_decisions"
    return "automated_decisions" if system.risk.tier in DECIDING else None


class TimeToReview(Check):
    """Mean hours from an output to its review, capped at the register's `hours_max`.

    Formula:
        hours_to_review = sum of hours / reviews.

    Read:
        Beyond the ceiling people wait for a person: look at the team's work load.

    Source:
        The ceiling is the City's choice; a bounded-mean e-process (Waudby-Smith and Ramdas 2024) for the
        evidence.
    """

    name = "accountability.time_to_review"
    principle = Principle.ACCOUNTABILITY
    feeds = ("reviews",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        hours = _hours(system)
        return [hours.statistic] if hours is not None else []

    def measure(self, view: View) -> Iterator[Finding]:
        hours = _hours(view.system)
        if hours is None:
            reason = "The feed reviews has no hours; register the column where the source gives it."
            yield view.finding("hours_to_review", Status.NOT_MEASURED, reason)
            return
        yield against(view, hours, view.threshold("hours_to_review", Side.CEILING))


def _hours(system: System) -> Mean | None:
    reviews = system.feeds.reviews
    if reviews is None or reviews.hours is None:
        return None
    return Mean("hours_to_review", Bin("hours", 0.0, reviews.hours_max, MEAN_BINS), over="reviews")


def _cohort(view: View) -> Window:
    """Returns the outputs whose reviews have had their time since the last evidence: each day once."""
    reviews = view.system.feeds.reviews
    matured = timedelta(days=reviews.maturity_days if reviews is not None else 0)
    return Window(view.fresh_from - matured, view.end - matured, 1)


def _others(counted: Counted) -> Counted:
    hits, n = counted
    return n - hits, n
