"""What the gate writes down of a batch that it judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True)
class RuleResult:
    """How many rows of a batch fail one rule."""

    type: str
    column: str
    severity: str
    reason: str
    failed: int


@dataclass(frozen=True)
class Judged:
    """The gate's manifest of one batch: writing it is what makes its partitions exist.

    Attributes:
        partitions: path of the accepted rows by output day.
        pending: outcomes not known yet; neither accepted nor refused.
        first_seen: (refused, judged) rows by the week in which they count, as first judged.
        doubled: the same of rows whose key was there before, of all rows judged.
        inputs: what the verdict rests on beside the rows; a change of it has the batch judged again.
    """

    batch: str
    rows: int
    accepted: int
    refused: int
    pending: int
    rules: Sequence[RuleResult]
    partitions: Mapping[str, str]
    quarantine: str | None
    data_docs: str
    first_seen: Mapping[str, tuple[int, int]]
    inputs: Mapping[str, str]
    doubled: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def files(self) -> frozenset[str]:
        """Paths of all its rows, accepted and refused."""
        return frozenset([*self.partitions.values(), *([self.quarantine] if self.quarantine else [])])


def partitions_of(manifests: Iterable[Judged]) -> Mapping[date, Sequence[str]]:
    """Returns the paths of the batches' accepted rows by output day."""
    by_day: dict[date, list[str]] = {}
    for manifest in manifests:
        for day, path in manifest.partitions.items():
            by_day.setdefault(date.fromisoformat(day), []).append(path)
    return dict(sorted(by_day.items()))
