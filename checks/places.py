"""Levels that share one stream's weight: each keeps its place in the order in which they were met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def places(kept: Sequence[str], size: Mapping[str, float]) -> dict[str, int]:
    """Returns each level's place in the order of first appearance, those met in one week by their size.

    The k-th has 1 / (k (k + 1)) of a stream's weight, so that all of them, however many, have one. A place is
    kept in the name of the level's stream, and so is the level when it is met no more.

    Args:
        kept: how the names of the family's streams go on: `<place>/<level>`.
        size: the levels that are met now, with how many rows each has.
    """
    found = {level: int(place) for place, _, level in (name.partition("/") for name in kept)}
    last = max(found.values(), default=0)
    new = sorted(size.keys() - found.keys(), key=lambda level: (-size[level], level))
    found |= {level: last + number for number, level in enumerate(new, 1)}
    return dict(sorted(found.items(), key=lambda item: item[1]))


def part(place: int) -> float:
    """Returns a place's part of the stream's weight."""
    return 1 / (place * (place + 1))
