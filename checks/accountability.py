"""4 Accountability: is the AI Review there and current?"""

from __future__ import annotations

from collections.abc import Iterator

from checks.attestations import aged
from sundial.api import Check, Finding, Kind, Principle, View


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
        review = view.system.ai_review
        yield aged(view, "ai_review_age", "The AI Review", review.date if review else None)
