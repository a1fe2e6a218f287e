"""4 Accountability: is the AI Review there and current?"""

from __future__ import annotations

from collections.abc import Iterator

from checks.attestations import aged
from sundial.api import Check, Finding, Kind, Principle, View


class AiReview(Check):
    """The AI Review that the policy asks for was made, and is not older than its term."""

    name = "accountability.ai_review"
    principle = Principle.ACCOUNTABILITY
    kind = Kind.FACTUAL

    def measure(self, view: View) -> Iterator[Finding]:
        review = view.system.ai_review
        yield aged(view, "ai_review_age", "The AI Review", review.date if review else None)
