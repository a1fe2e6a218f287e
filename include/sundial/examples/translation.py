"""Example: texts of 311 contacts, translated by a machine and graded by bilingual staff."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from sundial.examples.draw import Feeds, frame, rows_of
from sundial.examples.faults import Fault


@dataclass(frozen=True)
class Translation:
    """Texts of 311 contacts that are translated, with a graded random sample.

    Attributes:
        a_week: texts a week.
        graded: share of them that bilingual staff grade.
        grading_days: fewest and most days until a grade is there.
        spanish: share of Spanish, the level of the fault `share`.
        others: shares of the other languages among the rest.
        emergency: share of texts about an emergency, the level of the fault `rare`.
        corrected: share of right translations that staff touch up all the same.
    """

    a_week: float = 600
    graded: float = 0.25
    grading_days: tuple[int, int] = (7, 28)
    spanish: float = 0.50
    others: Mapping[str, float] = field(
        default_factory=lambda: {"Vietnamese": 0.52, "Chinese": 0.26, "Tagalog": 0.14, "Punjabi": 0.08}
    )
    emergency: float = 0.01
    corrected: float = 0.04

    def feeds(self, seed: int, weeks: int, faults: Collection[Fault] = ()) -> Feeds:
        """Returns outputs and outcomes of some weeks."""
        rows = rows_of(np.random.default_rng([seed, 1]), weeks, self.a_week, faults)
        seeded = rows.seeded
        faithful = rows.chance(seeded.quality())
        district = rows.one_of({f"District {number}": 0.1 for number in range(1, 11)})
        key = rows.keys("text")
        outputs = {
            "text_id": key,
            "translated_on": rows.day,
            "language": rows.with_level("Spanish", seeded.moved("share", self.spanish, 0.6), self.others),
            "district": rows.half_gone(district),
            "topic": rows.with_level(
                "emergency",
                seeded.moved("rare", self.emergency, 0.05),
                {"street": 0.4, "waste": 0.35, "other": 0.25},
            ),
            "confidence": np.round(rows.rng.beta(8, 2, rows.n), 4),
            "marked": rows.chance(0.999).astype(int),
            "model": np.where(seeded.has("version"), "5.0", "4.2"),
        }
        outcomes = {
            "text_id": key,
            "graded_on": rows.after(*self.grading_days),
            "faithful": faithful.astype(int),
            "corrected": (~faithful | rows.chance(self.corrected)).astype(int),
        }
        return {"outputs": frame(outputs), "outcomes": frame(outcomes)[rows.chance(self.graded)]}
