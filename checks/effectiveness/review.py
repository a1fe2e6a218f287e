"""The intended outcome itself."""

from __future__ import annotations

from collections.abc import Iterator

from checks.attestations import aged
from sundial.api import Check, Finding, Kind, Principle, View


class OutcomeReview(Check):
    """The intended positive outcome is stated and was reviewed within the policy's term.

    Formula:
        age = Sunday of the week − `intended_outcome.reviewed`; days beyond the term's limit = age − limit.

    Read:
        `watch` from the day after the limit, `breach` when the grace has passed, too: nobody has said
        lately what the system is there for.

    Source:
        The City's AI policy: a system that no longer provides a positive outcome is halted; so somebody
        must say which.
    """

    name = "effectiveness.outcome_review"
    principle = Principle.EFFECTIVENESS
    kind = Kind.FACTUAL

    def measure(self, view: View) -> Iterator[Finding]:
        yield aged(view, "outcome_review_age", "Intended outcome", view.system.intended_outcome.reviewed)
