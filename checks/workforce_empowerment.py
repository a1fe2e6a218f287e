"""8 Workforce Empowerment: are the people who use the system trained, and does it help them?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from checks.attestations import attested
from checks.shares import counter, counters, flagged, held_share, known_rows, share, summed
from sundial.api import (
    CADENCE_DAYS,
    Check,
    Finding,
    Kind,
    Principle,
    Side,
    Statistic,
    Status,
    System,
    View,
    Window,
    counts,
)

TRAINED, ACTIVE = counts("training", ["trained"]), counts("training", ["active"])
LICENCES, USERS = counter("licences"), counter("active_users")
FEEDBACK, NEGATIVE = counter("feedback"), counter("feedback_negative")
SAVED = counter("hours_saved")


class Training(Check):
    """Share of the system's users whose training is valid, of the latest list, against `trained_share`.

    The same people are on the list every week, so that weeks are no
    independent evidence: it is a fact, and a breach once it has held for the policy's grace.

    Formula:
        trained_share = users whose training is valid / users on the last week's list.

    Read:
        `watch` while it is below the floor, `breach` once the grace has passed: name who is to be trained.

    Source:
        The City's AI policy, Workforce Empowerment; NIST AI RMF, GOVERN 2.2; the floor is the City's choice.
    """

    name = "workforce_empowerment.training"
    principle = Principle.WORKFORCE_EMPOWERMENT
    kind = Kind.FACTUAL
    feeds = ("training",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [TRAINED]

    def measure(self, view: View) -> Iterator[Finding]:
        yield held_share(
            view, "trained_share", flagged(view.cells(TRAINED, _latest(view)), "trained"), "users are trained"
        )


class Use(Check):
    """Share of the users, or licences, that are in use, against `active_share`: unused tools help nobody.

    active share = active users / users on the latest list, or active users / licences of the last week's
    operations.

    Formula:
        active_share = active users / users on the list, or active users / licences.

    Read:
        Few users of a paid tool: ask what it is missing before asking for more training.

    Source:
        The floor is the City's choice.
    """

    name = "workforce_empowerment.use"
    principle = Principle.WORKFORCE_EMPOWERMENT
    kind = Kind.FACTUAL

    def statistics(self, system: System) -> Sequence[Statistic]:
        training = system.feeds.training
        if training is not None and training.active is not None:
            return [ACTIVE]
        return [LICENCES, USERS] if {"licences", "active_users"} <= counters(system) else []

    def measure(self, view: View) -> Iterator[Finding]:
        statistics = self.statistics(view.system)
        if not statistics:
            reason = (
                "Give feeds.training.active, or the counters licences and active_users of feeds.operations."
            )
            yield view.finding("active_share", Status.NOT_MEASURED, reason)
        elif (failed := view.failed.get("training" if statistics == [ACTIVE] else "operations")) is not None:
            yield view.finding("active_share", Status.ERROR, failed)
        else:
            window = _latest(view)
            if statistics == [ACTIVE]:
                counted = flagged(view.cells(ACTIVE, window), "active")
            else:
                users, licences = view.cells(USERS, window), view.cells(LICENCES, window)
                counted = summed(users, "active_users"), summed(licences, "licences")
            yield held_share(view, "active_share", counted, "users or licences are in use")


class Feedback(Check):
    """Share of staff feedback that is negative, by the staff's own mark, against `negative_feedback_share`.

    No text is read and no mood is scored: the counters say what staff ticked.

    Formula:
        negative_feedback_share = feedback marked as negative / feedback.

    Read:
        Staff say that the tool does not help: ask them what for.

    Source:
        NIST AI RMF, MEASURE 3.3; Wilson 1927, Robbins 1970.
    """

    name = "workforce_empowerment.feedback"
    principle = Principle.WORKFORCE_EMPOWERMENT
    feeds = ("operations",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [FEEDBACK, NEGATIVE] if {"feedback", "feedback_negative"} <= counters(system) else []

    def measure(self, view: View) -> Iterator[Finding]:
        metric = "negative_feedback_share"
        if not self.statistics(view.system):
            reason = "Give the counters feedback and feedback_negative in feeds.operations."
            yield view.finding(metric, Status.NOT_MEASURED, reason)
            return
        counted, fresh = (
            (summed(cells(NEGATIVE), "feedback_negative"), summed(cells(FEEDBACK), "feedback"))
            for cells in (view.cells, view.new_cells)
        )
        yield share(
            view,
            metric,
            view.threshold(metric, Side.CEILING),
            (min(counted), counted[1]),
            fresh,
            window=view.outputs_window,
        )


class TimeSaved(Check):
    """Staff hours saved a week, as the operation counts them, against what the register claims.

    hours a week = mean of the window's rows, times the rows of a week by the feed's cadence. It is a fact:
    below the claim's share `time_saved_share` for longer than the policy's grace it is a breach.

    Formula:
        time_saved_share = hours saved a week / hours claimed a week.

    Read:
        A claim of saved time that does not hold takes the reason for the system away: put it beside the
        intended outcome.

    Source:
        The City's AI policy, Workforce Empowerment; the floor is the City's choice.
    """

    name = "workforce_empowerment.time_saved"
    principle = Principle.WORKFORCE_EMPOWERMENT
    kind = Kind.FACTUAL
    feeds = ("operations",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [SAVED] if "hours_saved" in counters(system) else []

    def measure(self, view: View) -> Iterator[Finding]:
        metric, claim = "time_saved_share", view.system.time_saved
        operations = view.system.feeds.operations
        if claim is None or operations is None or not self.statistics(view.system):
            reason = "Give the claim as time_saved, and the counter hours_saved in feeds.operations."
            yield view.finding(metric, Status.NOT_MEASURED, reason)
            return
        cells = view.cells(SAVED)
        rows = known_rows(cells, "hours_saved")
        if not rows:
            yield view.finding(metric, Status.NOT_MEASURED, "No row of the window has hours_saved.")
            return
        saved = summed(cells, "hours_saved") / rows * 7 / CADENCE_DAYS[operations.cadence]
        threshold = view.threshold(metric, Side.FLOOR)
        least = threshold.value * claim.hours_a_week
        yield view.fact(
            metric,
            since=view.held_since(metric) if saved < least else None,
            term=metric,
            reason=f"{saved:.1f} hours a week are saved; {claim.hours_a_week:g} are claimed.",
            ok=f"{saved:.1f} hours a week are saved, of {claim.hours_a_week:g} that are claimed.",
            hours_a_week=saved,
            claimed=claim.hours_a_week,
        )


class TrainingMaterial(Check):
    """The training material was renewed within the policy's term.

    Formula:
        age = Sunday of the week − date of the material; days beyond the term's limit = age − limit.

    Read:
        `watch` from the day after the limit, `breach` when the grace has passed, too. Record it as
        `attestations.training_material`.

    Source:
        NIST AI RMF, GOVERN 2.2; the term is the City's choice.
    """

    name = "workforce_empowerment.training_material"
    principle = Principle.WORKFORCE_EMPOWERMENT
    kind = Kind.FACTUAL

    def measure(self, view: View) -> Iterator[Finding]:
        yield attested(view, "training_material_age", "The training material")


def _latest(view: View) -> Window:
    """Returns the last week: the list is drawn weekly."""
    return Window(view.end - timedelta(days=6), view.end, 1)
