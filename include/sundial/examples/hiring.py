"""Example: applications for jobs, of which a screener proposes those to interview."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from sundial.examples.draw import Feeds, frame, rows_of
from sundial.examples.faults import GAP, Fault

WOMEN = "female"


@dataclass(frozen=True)
class Hiring:
    """Applications for jobs; a positive output proposes an interview.

    Sex and race come from a separate voluntary form.

    Attributes:
        a_week: applications a week.
        qualified: share of applicants whom the hiring panel finds qualified.
        panel_days: fewest and most days until the panel has said so.
        office: share of jobs in offices, the level of the fault `share`.
        others: shares of the other jobs among the rest.
        seasonal: share of seasonal work, the level of the fault `rare`.
        sexes: shares of those who say; women are the group of the fault `gap`.
        races: shares of those who say.
        sex_unknown: share who do not say their sex.
        race_unknown: share who do not say their race.
        looked_at: share of outputs that a recruiter looks at within two weeks.
        overridden: share of those that the recruiter decides otherwise.
        appeals: decided appeals a week.
        overturned: share of them in which the decision was wrong.
    """

    a_week: float = 500
    qualified: float = 0.50
    panel_days: tuple[int, int] = (14, 42)
    office: float = 0.50
    others: Mapping[str, float] = field(default_factory=lambda: {"field": 0.6, "library": 0.4})
    seasonal: float = 0.01
    sexes: Mapping[str, float] = field(default_factory=lambda: {WOMEN: 0.5, "male": 0.5})
    races: Mapping[str, float] = field(
        default_factory=lambda: {
            "Asian": 0.37,
            "Hispanic": 0.31,
            "White": 0.24,
            "Black": 0.04,
            "Two or more": 0.04,
        }
    )
    sex_unknown: float = 0.20
    race_unknown: float = 0.40
    looked_at: float = 0.90
    overridden: float = 0.06
    appeals: float = 3
    overturned: float = 0.10

    def feeds(self, seed: int, weeks: int, faults: Collection[Fault] = ()) -> Feeds:
        """Returns outputs, outcomes, reviews and appeals of some weeks."""
        rows = rows_of(np.random.default_rng([seed, 6]), weeks, self.a_week, faults)
        seeded, key = rows.seeded, rows.keys("application")
        sex, qualified = rows.one_of(self.sexes), rows.chance(self.qualified)
        # A woman who is qualified is passed over more often.
        unlike = GAP * (seeded.has("gap") & (sex == WOMEN) & qualified)
        advanced = qualified ^ ~rows.chance(seeded.quality() - unlike)
        job = rows.with_level("office", seeded.moved("share", self.office, 0.6), self.others)
        posting = rows.with_level(
            "seasonal", seeded.moved("rare", self.seasonal, 0.05), {"full time": 0.8, "part time": 0.2}
        )
        source = rows.one_of({"City site": 0.6, "job board": 0.3, "referral": 0.1})
        outputs = {
            "application": key,
            "screened_on": rows.day,
            "score": rows.score(advanced),
            "advanced": advanced.astype(int),
            "job": job,
            "posting": posting,
            "source": rows.half_gone(source),
            "sex": rows.gone(sex, self.sex_unknown),
            "race": rows.gone(rows.one_of(self.races), self.race_unknown),
            "why": np.where(rows.chance(0.995), "Experience and certificates that the posting asks for.", ""),
            "model": np.where(seeded.has("version"), "3.0", "2.6"),
        }
        outcomes = {
            "application": key,
            "panel_on": rows.after(*self.panel_days),
            "qualified": qualified.astype(int),
        }
        reviews = {
            "application": key,
            "looked_at": rows.day + rows.rng.integers(0, 8, rows.n).astype("timedelta64[D]"),
            "changed": rows.chance(self.overridden).astype(int),
            "unit": rows.one_of({"recruiting": 0.7, "departments": 0.3}),
            "hours": np.round(rows.rng.gamma(3, 12, rows.n), 1),
        }
        decided = rows_of(rows.rng, weeks, self.appeals, faults)
        appeals = {
            "appeal": decided.keys("appeal"),
            "decided_on": decided.day,
            "overturned": decided.chance(self.overturned).astype(int),
        }
        return {
            "outputs": frame(outputs),
            "outcomes": frame(outcomes),
            "reviews": frame(reviews)[rows.chance(self.looked_at)],
            "appeals": frame(appeals),
        }
