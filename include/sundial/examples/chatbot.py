"""Example: a chatbot that answers residents about City services, with graded sessions and daily counters."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sundial.examples.draw import Feeds, Rows, each_day, frame, rows_of
from sundial.examples.faults import Fault

ANSWERS = (
    "Your next pickup is on Tuesday. Put the cart out before six.",
    "You can report a pothole on the 311 page, or call 408-535-3500.",
    "The permit center is open from nine to four on weekdays.",
    "I am not sure. I can connect you with a person.",
)


@dataclass(frozen=True)
class Chatbot:
    """Sessions with the City's chatbot.

    Attributes:
        a_week: sessions a week.
        graded: share of sessions that staff grade, each of which is a review, too.
        grading_days: fewest and most days until a grade is there.
        web: share of sessions on the web, the level of the fault `share`.
        others: shares of the other channels among the rest.
        legal: share of sessions that ask for legal advice, the level of the fault `rare`.
        overridden: share of graded sessions whose answer staff replace.
        complaints: complaints a session.
        leaks: share of answers that have somebody's phone number in them.
        late: share of answers that take longer than the contract allows.
    """

    a_week: float = 1_000
    graded: float = 0.12
    grading_days: tuple[int, int] = (3, 14)
    web: float = 0.50
    others: Mapping[str, float] = field(default_factory=lambda: {"phone": 0.6, "text message": 0.4})
    legal: float = 0.01
    overridden: float = 0.08
    complaints: float = 0.004
    leaks: float = 0.001
    late: float = 0.02

    def feeds(self, seed: int, weeks: int, faults: Collection[Fault] = ()) -> Feeds:
        """Returns outputs, outcomes, reviews, complaints and operations of some weeks."""
        rows = rows_of(np.random.default_rng([seed, 2]), weeks, self.a_week, faults)
        seeded, key = rows.seeded, rows.keys("session")
        resolved, graded = rows.chance(seeded.quality()), rows.chance(self.graded)
        language = rows.one_of({"English": 0.7, "Spanish": 0.2, "Vietnamese": 0.1})
        outputs = {
            "session_id": key,
            "started_on": rows.day,
            "channel": rows.with_level("web", seeded.moved("share", self.web, 0.6), self.others),
            "language": rows.half_gone(language),
            "topic": rows.with_level(
                "legal advice",
                seeded.moved("rare", self.legal, 0.05),
                {"waste": 0.4, "permits": 0.3, "streets": 0.3},
            ),
            "seconds": np.round(
                np.where(rows.chance(self.late), 12.0, 2.0) * (0.5 + rows.rng.random(rows.n)), 2
            ),
            "failed": rows.chance(0.003).astype(int),
            "answer": self._answers(rows),
            "marked": rows.chance(0.999).astype(int),
            "model": np.where(seeded.has("version"), "2026-01", "2025-01"),
        }
        known = rows.after(*self.grading_days)
        outcomes = {
            "session_id": key,
            "graded_on": known,
            "resolved": resolved.astype(int),
            "escalated": (~resolved & rows.chance(0.6)).astype(int),
        }
        reviews = {
            "session_id": key,
            "reviewed_on": known,
            "replaced": rows.chance(self.overridden).astype(int),
            "team": rows.one_of({"311 day": 0.7, "311 evening": 0.3}),
            "hours": np.round(rows.rng.gamma(4, 8, rows.n), 1),
        }
        complained = rows_of(rows.rng, weeks, self.a_week * self.complaints, faults)
        complaints = {
            "complaint": complained.keys("complaint"),
            "made_on": complained.day,
            "about": complained.one_of({"wrong answer": 0.5, "no person": 0.3, "language": 0.2}),
        }
        return {
            "outputs": frame(outputs),
            "outcomes": frame(outcomes)[graded],
            "reviews": frame(reviews)[graded],
            "complaints": frame(complaints),
            "operations": self._operations(rows.rng, weeks, faults),
        }

    def _answers(self, rows: Rows) -> NDArray[np.object_]:
        answers = rows.rng.choice(np.array(ANSWERS, dtype=object), rows.n)
        return np.where(rows.chance(self.leaks), "Ask Ana, 669-234-5678.", answers)

    def _operations(self, rng: np.random.Generator, weeks: int, faults: Collection[Fault]) -> pd.DataFrame:
        day = each_day(rng, weeks, faults)
        sessions, wanted = rng.poisson(self.a_week / 7, day.n), rng.poisson(12, day.n)
        feedback = rng.poisson(10, day.n)
        return frame(
            {
                "day": day.day,
                "minutes": 1_440,
                "minutes_down": rng.poisson(2, day.n),
                "people": (people := (sessions * 9) // 10),
                "opt_outs": rng.binomial(people, 0.03),
                "sessions": sessions,
                "abandoned": rng.binomial(sessions, 0.18),
                "came_back": rng.binomial(sessions, 0.10),
                "asked_for_a_person": wanted,
                "got_a_person": rng.binomial(wanted, 0.98),
                "canaries": 40,
                "canaries_wrong": rng.binomial(40, 0.004, day.n),
                "feedback": feedback,
                "feedback_negative": rng.binomial(feedback, 0.25),
                "hours_saved": np.round(np.maximum(rng.normal(9, 1, day.n), 0), 1),
            }
        )
