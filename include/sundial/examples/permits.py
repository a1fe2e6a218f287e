"""Example: applications for permits, of which a model says whether they are complete."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from sundial.examples.draw import Feeds, each_monday, frame, rows_of
from sundial.examples.faults import GAP, Fault


@dataclass(frozen=True)
class Permits:
    """Applications for permits; a positive output returns one as incomplete.

    Attributes:
        a_week: applications a week.
        incomplete: share of applications that are.
        review_days: fewest and most days until a reviewer knows whether one was.
        homeowners: share of homeowners, the level of the fault `share` and the group of the fault `gap`.
        others: shares of the other applicants among the rest.
        historic: share of historic buildings, the level of the fault `rare`.
        looked_at: share of outputs that a technician looks at within ten days.
        overridden: share of those that the technician decides otherwise.
        appeals: decided appeals a week.
        overturned: share of them in which the decision was wrong.
        staff: people who use the system.
    """

    a_week: float = 400
    incomplete: float = 0.30
    review_days: tuple[int, int] = (7, 56)
    homeowners: float = 0.50
    others: Mapping[str, float] = field(default_factory=lambda: {"contractor": 0.6, "architect": 0.4})
    historic: float = 0.01
    looked_at: float = 0.85
    overridden: float = 0.08
    appeals: float = 4
    overturned: float = 0.10
    staff: int = 40

    def feeds(self, seed: int, weeks: int, faults: Collection[Fault] = ()) -> Feeds:
        """Returns outputs, outcomes, reviews, appeals and training of some weeks."""
        rows = rows_of(np.random.default_rng([seed, 3]), weeks, self.a_week, faults)
        seeded, key = rows.seeded, rows.keys("application")
        applicant = rows.with_level("homeowner", seeded.moved("share", self.homeowners, 0.6), self.others)
        incomplete = rows.chance(self.incomplete)
        # What is complete and comes from a homeowner is returned more often.
        unlike = GAP * (seeded.has("gap") & (applicant == "homeowner") & ~incomplete)
        returned = incomplete ^ ~rows.chance(seeded.quality() - unlike)
        district = rows.one_of({f"District {number}": 0.1 for number in range(1, 11)})
        outputs = {
            "application": key,
            "checked_on": rows.day,
            "score": rows.score(returned),
            "applicant": applicant,
            "language": rows.one_of({"English": 0.75, "Spanish": 0.15, "Vietnamese": 0.10}),
            "district": rows.half_gone(district),
            "kind": rows.with_level(
                "historic building",
                seeded.moved("rare", self.historic, 0.05),
                {"electrical": 0.4, "plumbing": 0.35, "building": 0.25},
            ),
            "sheets": rows.rng.integers(2, 40, rows.n),
            "reasons": np.where(rows.chance(0.995), "Sheets that are missing or lack a date.", ""),
            "model": np.where(seeded.has("version"), "2.0", "1.4"),
        }
        outcomes = {
            "application": key,
            "reviewed_on": rows.after(*self.review_days),
            "was_incomplete": incomplete.astype(int),
        }
        reviews = {
            "application": key,
            "looked_at": rows.day + rows.rng.integers(0, 6, rows.n).astype("timedelta64[D]"),
            "changed": rows.chance(self.overridden).astype(int),
            "queue": rows.one_of({"counter": 0.6, "online": 0.4}),
            "hours": np.round(rows.rng.gamma(3, 10, rows.n), 1),
        }
        decided = rows_of(rows.rng, weeks, self.appeals, faults)
        appeals = {
            "appeal": decided.keys("appeal"),
            "decided_on": decided.day,
            "overturned": decided.chance(self.overturned).astype(int),
        }
        listed, people = each_monday(rows.rng, weeks, self.staff, faults)
        untrained = np.array(people) == "staff-000"
        training = {
            "person": people,
            "listed_on": listed.day,
            "trained": (~untrained).astype(int),
            "active": listed.chance(0.85).astype(int),
        }
        return {
            "outputs": frame(outputs),
            "outcomes": frame(outcomes),
            "reviews": frame(reviews)[rows.chance(self.looked_at)],
            "appeals": frame(appeals),
            "training": frame(training),
        }
