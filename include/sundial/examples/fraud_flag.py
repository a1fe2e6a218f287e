"""Example: claims for rent relief that a model flags; the others are audited as a random control sample."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from sundial.examples.draw import Feeds, frame, rows_of
from sundial.examples.faults import Fault


@dataclass(frozen=True)
class FraudFlag:
    """Claims for rent relief; a positive output is a flag, and every flag is investigated.

    Attributes:
        a_week: claims a week.
        wrong_claims: share of claims that should not be paid.
        controlled: share of the claims without a flag that are audited all the same, at random.
        audit_days: fewest and most days until an audit is over.
        alone: share of households of one person, the level of the fault `share`.
        others: shares of the other households among the rest.
        hardship: share of claims of hardship, the level of the fault `rare`.
    """

    a_week: float = 600
    wrong_claims: float = 0.10
    controlled: float = 0.10
    audit_days: tuple[int, int] = (28, 91)
    alone: float = 0.50
    others: Mapping[str, float] = field(default_factory=lambda: {"two or three": 0.6, "four or more": 0.4})
    hardship: float = 0.01

    def feeds(self, seed: int, weeks: int, faults: Collection[Fault] = ()) -> Feeds:
        """Returns outputs, and outcomes of the flagged and of the control sample, each with its weight."""
        rows = rows_of(np.random.default_rng([seed, 5]), weeks, self.a_week, faults)
        seeded, key = rows.seeded, rows.keys("claim")
        wrong = rows.chance(self.wrong_claims)
        flagged = wrong ^ ~rows.chance(seeded.quality())
        age = rows.one_of({"18 to 34": 0.35, "35 to 64": 0.45, "65 and over": 0.20})
        outputs = {
            "claim": key,
            "scored_on": rows.day,
            "score": rows.score(flagged),
            "household": rows.with_level("one", seeded.moved("share", self.alone, 0.6), self.others),
            "language": rows.one_of({"English": 0.6, "Spanish": 0.25, "Vietnamese": 0.15}),
            "age": rows.half_gone(age),
            "basis": rows.with_level(
                "hardship",
                seeded.moved("rare", self.hardship, 0.05),
                {"lost work": 0.6, "illness": 0.4},
            ),
            "dollars": np.round(rows.rng.gamma(6, 350, rows.n)),
            "model": np.where(seeded.has("version"), "8", "7"),
        }
        outcomes = {
            "claim": key,
            "audited_on": rows.after(*self.audit_days),
            "was_wrong": wrong.astype(int),
            "stands_for": np.where(flagged, 1.0, 1 / self.controlled),
        }
        audited = flagged | rows.chance(self.controlled)
        return {"outputs": frame(outputs), "outcomes": frame(outcomes)[audited]}
