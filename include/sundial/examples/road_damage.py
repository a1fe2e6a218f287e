"""Example: damages of the road, detected in pictures and looked at by a crew; some are never found again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from sundial.examples.draw import Feeds, frame, rows_of
from sundial.examples.faults import Fault


@dataclass(frozen=True)
class RoadDamage:
    """Damages that a camera on a sweeper detects.

    Attributes:
        a_week: detections a week.
        no_access: share of detections that nobody can tell, such as under a parked car.
        crew_days: fewest and most days until a crew was there.
        potholes: share of potholes, the level of the fault `share`.
        others: shares of the other damages among the rest.
        sinkholes: share of sinkholes, the level of the fault `rare`.
        lane_miles: of each district; as many of the detections are there.
    """

    a_week: float = 350
    no_access: float = 0.06
    crew_days: tuple[int, int] = (7, 42)
    potholes: float = 0.50
    others: Mapping[str, float] = field(default_factory=lambda: {"crack": 0.7, "faded marking": 0.3})
    sinkholes: float = 0.01
    lane_miles: Mapping[str, int] = field(
        default_factory=lambda: {"North": 900, "East": 1_300, "South": 1_100, "West": 1_000}
    )

    def feeds(self, seed: int, weeks: int, faults: Collection[Fault] = ()) -> Feeds:
        """Returns outputs and outcomes of some weeks."""
        rows = rows_of(np.random.default_rng([seed, 4]), weeks, self.a_week, faults)
        seeded, key = rows.seeded, rows.keys("detection")
        # What nobody can tell counts in the system's favour: it is a part of what may be right.
        found = rows.chance(seeded.quality())
        confirmed = np.where(
            found, np.where(rows.chance(self.no_access), "no access", "confirmed"), "nothing there"
        )
        miles = sum(self.lane_miles.values())
        area = rows.one_of({name: n / miles for name, n in self.lane_miles.items()})
        road = rows.one_of({"residential": 0.6, "collector": 0.25, "arterial": 0.15})
        sinkhole = rows.chance(seeded.moved("rare", self.sinkholes, 0.05))
        outputs = {
            "detection": key,
            "seen_on": rows.day,
            "confidence": np.round(0.5 + 0.499 * rows.rng.beta(3, 2, rows.n), 4),
            "damage": rows.with_level("pothole", seeded.moved("share", self.potholes, 0.6), self.others),
            "size": np.where(sinkhole, "sinkhole", rows.one_of({"small": 0.6, "large": 0.4})),
            "area": area,
            "road": rows.half_gone(road),
            "centimetres": np.round(rows.rng.gamma(4, 8, rows.n), 1),
            "model": np.where(seeded.has("version"), "0.9", "0.8"),
        }
        outcomes = {"detection": key, "looked_on": rows.after(*self.crew_days), "crew_says": confirmed}
        return {"outputs": frame(outputs), "outcomes": frame(outcomes)}
