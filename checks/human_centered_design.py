"""5 Human-Centered Design: are people heard, and can they get to a person? Never what they feel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from checks.attestations import attested
from checks.cells import by_level
from checks.shares import Counted, counter, counters, flagged, rows, share, summed
from sundial.api import (
    Check,
    Counter,
    Finding,
    Kind,
    Principle,
    Side,
    Statistic,
    Status,
    System,
    View,
    counts,
)

OUTPUTS, COMPLAINTS = counts("outputs", []), counts("complaints", [])
BY_SUBJECT = counts("complaints", ["about"])
OVERTURNED = counts("appeals", ["overturned"])


class Complaints(Check):
    """Complaints for each output, against the policy's ceiling `complaint_share`.

    What they are about is in the details, by count; their words are never read.

    Formula:
        complaint_share = complaints / outputs of the same days.

    Read:
        Read it beside `details.about`: what people complain about says where to look. Few complaints are no
        proof of satisfaction.

    Source:
        NIST AI RMF, MEASURE 3.3; the ceiling is the City's choice; Wilson 1927, Robbins 1970.
    """

    name = "human_centered_design.complaints"
    principle = Principle.HUMAN_CENTERED_DESIGN
    feeds = ("outputs", "complaints")

    def statistics(self, system: System) -> Sequence[Statistic]:
        feed = system.feeds.complaints
        return [OUTPUTS, COMPLAINTS, *([BY_SUBJECT] if feed is not None and feed.about is not None else [])]

    def measure(self, view: View) -> Iterator[Finding]:
        outputs, complaints = rows(view.cells(OUTPUTS)), rows(view.cells(COMPLAINTS))
        details: dict[str, object] = {"complaints": complaints, "outputs": outputs}
        if BY_SUBJECT in self.statistics(view.system):
            details["about"] = by_level(view.cells(BY_SUBJECT), "about")
        yield share(
            view,
            "complaint_share",
            view.threshold("complaint_share", Side.CEILING),
            (min(complaints, outputs), outputs),
            (rows(view.new_cells(COMPLAINTS)), rows(view.new_cells(OUTPUTS))),
            window=view.outputs_window,
            details=details,
        )


class Appeals(Check):
    """Share of decided appeals in which the decision was overturned, against `overturned_share`.

    An open appeal counts once it is decided.

    Formula:
        overturned_share = appeals that overturned the decision / decided appeals.

    Read:
        A high share says that the decisions are often wrong for those who appeal; those who do not are not in
        it.

    Source:
        OMB M-25-21, appeal process of high-impact uses; Wilson 1927, Robbins 1970.
    """

    name = "human_centered_design.appeals"
    principle = Principle.HUMAN_CENTERED_DESIGN
    feeds = ("appeals",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [OVERTURNED]

    def measure(self, view: View) -> Iterator[Finding]:
        yield share(
            view,
            "overturned_share",
            view.threshold("overturned_share", Side.CEILING),
            flagged(view.cells(OVERTURNED), "overturned"),
            flagged(view.new_cells(OVERTURNED), "overturned"),
            window=view.outputs_window,
        )


@dataclass(frozen=True)
class Part:
    """A share of two counters of the feed operations."""

    metric: str
    hits: Counter
    out_of: Counter
    side: Side


PARTS = (
    Part("opt_out_share", "opt_outs", "people", Side.CEILING),
    Part("human_request_honoured_share", "human_requests_honoured", "human_requests", Side.FLOOR),
    Part("abandoned_share", "abandoned", "sessions", Side.CEILING),
    Part("recontact_share", "recontacts", "sessions", Side.CEILING),
)


class Contacts(Check):
    """How people fare with the system, of what the operation counts: each share against its threshold.

    opt-outs / people, honoured requests for a human / requests, abandoned sessions / sessions, people who
    come back within 7 days / sessions. A share is measured where both its counters are registered.

    Formula:
        each share = sum of the one counter / sum of the other, over the window.

    Read:
        Requests for a human that are not honoured come first; then see whether people give up or come back.

    Source:
        NIST AI RMF, MEASURE 3.3 and MAP 5.2; the thresholds are the City's choice; Wilson 1927, Robbins 1970.
    """

    name = "human_centered_design.contacts"
    principle = Principle.HUMAN_CENTERED_DESIGN
    feeds = ("operations",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        measured = [part for part in PARTS if {part.hits, part.out_of} <= counters(system)]
        return [counter(name) for part in measured for name in (part.hits, part.out_of)]

    def measure(self, view: View) -> Iterator[Finding]:
        there = counters(view.system)
        for part in PARTS:
            if not {part.hits, part.out_of} <= there:
                reason = f"Give the counters {part.hits} and {part.out_of} in feeds.operations."
                yield view.finding(part.metric, Status.NOT_MEASURED, reason)
                continue
            counted, fresh = (_counted(part, cells) for cells in (view.cells, view.new_cells))
            yield share(
                view,
                part.metric,
                view.threshold(part.metric, part.side),
                (min(counted), counted[1]),
                fresh,
                window=view.outputs_window,
            )


def _counted(part: Part, cells: Callable[[Statistic], pd.DataFrame]) -> Counted:
    hits, out_of = (summed(cells(counter(name)), name) for name in (part.hits, part.out_of))
    return hits, out_of


class Consultation(Check):
    """The people whom the system serves, or the staff who use it, were consulted within the policy's term.

    Formula:
        age = Sunday of the week − date of the consultation; days beyond the term's limit = age − limit.

    Read:
        `watch` from the day after the limit, `breach` when the grace has passed, too. Record it as
        `attestations.consultation`.

    Source:
        The City's AI policy, Human-Centered Design; NIST AI RMF, MAP 5.2; the term is the City's choice.
    """

    name = "human_centered_design.consultation"
    principle = Principle.HUMAN_CENTERED_DESIGN
    kind = Kind.FACTUAL

    def measure(self, view: View) -> Iterator[Finding]:
        yield attested(view, "consultation_age", "The consultation")


class Accessibility(Check):
    """The system was checked for accessibility within the policy's term.

    Formula:
        age = Sunday of the week − date of the check; days beyond the term's limit = age − limit.

    Read:
        `watch` from the day after the limit, `breach` when the grace has passed, too. Record it as
        `attestations.accessibility`.

    Source:
        WCAG 2.1; the term is the City's choice.
    """

    name = "human_centered_design.accessibility"
    principle = Principle.HUMAN_CENTERED_DESIGN
    kind = Kind.FACTUAL

    def measure(self, view: View) -> Iterator[Finding]:
        yield attested(view, "accessibility_age", "The accessibility check")
