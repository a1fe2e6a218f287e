"""The examples by the id of their register entry, and the faults that fit each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sundial.examples.chatbot import Chatbot
from sundial.examples.draw import Feeds
from sundial.examples.faults import FAULTS, Fault, FaultName
from sundial.examples.fraud_flag import FraudFlag
from sundial.examples.hiring import Hiring
from sundial.examples.permits import Permits
from sundial.examples.road_damage import RoadDamage
from sundial.examples.translation import Translation


class Generator(Protocol):
    """Makes the rows of one example."""

    def feeds(self, seed: int, weeks: int, faults: Collection[Fault] = ()) -> Feeds:
        """Returns the rows of each feed for some weeks from `FIRST` on; the same seed gives the same rows."""


@dataclass(frozen=True)
class Example:
    """An example: its generator, and the faults that can be seeded into it."""

    generator: Generator
    faults: Sequence[FaultName]


_WITHOUT_GAP = tuple(name for name in FAULTS if name != "gap")
# Of answers and detections there is no false-positive rate, and of the control sample too few for it.

EXAMPLES: Mapping[str, Example] = {
    "example-translation": Example(Translation(), _WITHOUT_GAP),
    "example-chatbot": Example(Chatbot(), _WITHOUT_GAP),
    "example-permits": Example(Permits(), tuple(FAULTS)),
    "example-road-damage": Example(RoadDamage(), _WITHOUT_GAP),
    "example-fraud-flag": Example(FraudFlag(), _WITHOUT_GAP),
    "example-hiring": Example(Hiring(), tuple(FAULTS)),
}
