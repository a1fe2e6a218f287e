"""What a replay of the sunset rules says, case by case: would it open, and did it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sundial.engine.clock import week_name
from sundial.sunset.replay import Opening, Replayed


@dataclass(frozen=True)
class Compared:
    """One case: as the replayed rules would open it, as it was opened, or both where it is the same one."""

    would: Opening | None
    did: Opening | None

    @property
    def _either(self) -> Opening:
        found = self.would or self.did
        assert found is not None  # noqa: S101 - one of them is given
        return found

    @property
    def system(self) -> str:
        """Id of the system."""
        return self._either.system

    @property
    def rule(self) -> str:
        """Id of the rule."""
        return self._either.rule

    @property
    def set_for(self) -> str:
        """Whose rule it is."""
        return self._either.set_for

    @property
    def sentence(self) -> str:
        """The rule's sentence."""
        return self._either.sentence

    @property
    def would_text(self) -> str:
        """Week and day on which it would open."""
        return _when(self.would)

    @property
    def did_text(self) -> str:
        """Week, day and id of the case that was opened."""
        return f"{_when(self.did)} {self.did.episode}" if self.did else "–"

    def document(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        return {
            "system": self.system,
            "rule": self.rule,
            "sentence": self.sentence,
            "set_for": self.set_for,
            "would_open": _document(self.would),
            "opened": _document(self.did),
        }


def compared(replayed: Replayed) -> Sequence[Compared]:
    """Returns the cases of a replay beside those that were opened, in the order of their weeks."""
    did = {opening.place: opening for opening in replayed.did}
    would = {opening.place: opening for opening in replayed.would}
    places = sorted({*did, *would}, key=lambda place: (place[2], place))
    return [Compared(would.get(place), did.get(place)) for place in places]


def _when(opening: Opening | None) -> str:
    return f"{week_name(opening.week)} ({opening.as_of})" if opening else "–"


def _document(opening: Opening | None) -> dict[str, Any] | None:
    if opening is None:
        return None
    found = {"week": opening.week.isoformat(), "as_of": opening.as_of.isoformat()}
    return found | ({"episode": opening.episode} if opening.episode else {})
