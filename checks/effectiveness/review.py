"""The intended outcome itself."""

from __future__ import annotations

from collections.abc import Iterator

from checks.attestations import aged
from sundial.api import Check, Finding, Kind, Principle, View


class OutcomeReview(Check):
    """The intended positive outcome is stated and was reviewed within the policy's term."""

    name = "effectiveness.outcome_review"
    principle = Principle.EFFECTIVENESS
    kind = Kind.FACTUAL

    def measure(self, view: View) -> Iterator[Finding]:
        yield aged(view, "outcome_review_age", "Intended outcome", view.system.intended_outcome.reviewed)
