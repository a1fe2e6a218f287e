"""Versions of the model: which one is in force, and since when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sundial.api import STATISTICAL_FLOOR, UNKNOWN, Statistic, System, View, counts

VERSIONS = counts("outputs", ["model_version"])


@dataclass(frozen=True)
class Change:
    """A new version of the model, the version that was new before it, and the new one's first output."""

    before: str
    after: str
    since: date

    @property
    def week(self) -> date:
        """Monday of the first output's week."""
        return self.since - timedelta(days=self.since.weekday())


def versions(system: System) -> Sequence[Statistic]:
    """Returns what `last_change` asks the view for; nothing where the outputs name no version."""
    outputs = system.feeds.outputs
    return [VERSIONS] if outputs is not None and outputs.model_version is not None else []


def last_change(view: View) -> Change | None:
    """Returns the last new version up to the judged week; None while there is one, or none is named.

    Versions are in the order of their first outputs. One that comes back is no new one, and outputs that name
    none are of no version. One counts once it has 30 outputs: a wrong label must not begin detectors anew.
    """
    if not versions(view.system):
        return None
    first = {
        version: day
        for version, day in view.profile.versions(view.week).items()
        if version != UNKNOWN and day <= view.end
    }
    if len(first) < 2:
        return None
    latest = sorted(first, key=lambda version: (first[version], version), reverse=True)
    in_use = (version for version in latest if _has_outputs(view, version, first[version]))
    after, before = next(in_use, None), next(in_use, None)
    return None if before is None or after is None else Change(before, after, first[after])


def _has_outputs(view: View, version: str, since: date) -> bool:
    for weeks in (1, 4, 13, 52):  # a few files tell, as a rule
        end = min(view.end, since + timedelta(weeks=weeks))
        cells = view.profile.window(VERSIONS, since, end, view.week)
        if cells.loc[cells["model_version"] == version, "n"].sum() >= STATISTICAL_FLOOR:
            return True
        if end == view.end:
            break
    return False


def detectors_since(view: View) -> date:
    """Returns the Monday from which on drift detectors count: another version begins them anew."""
    change = last_change(view)
    return change.week if change else date.min
