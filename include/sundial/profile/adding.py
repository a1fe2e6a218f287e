"""Cells of several files added up: arrays until the result, which is small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sundial.profile.cells import Cells, Codes, decoded, together
from sundial.profile.profile import names
from sundial.profile.statistics import Statistic, key_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SPARSE = 8
"""Possible keys for each cell up to which they are counted; beyond it sorting is cheaper."""


def added(parts: Sequence[Cells], statistic: Statistic) -> pd.DataFrame:
    """Returns keys, n, sums and extremes of the parts together, as `Profile.window` gives them.

    Args:
        parts: at least one, of a statistic that answers this one.
        statistic: what is asked.
    """
    keys, values = summed(parts, statistic)
    columns: dict[str, Any] = {}
    for name, (codes, levels) in keys.items():
        column = decoded(codes, levels)
        columns[name] = column if levels is None else pd.Series(column).astype("str")
    found = pd.DataFrame({**columns, **values})
    found.columns = names(list(found.columns))
    return found


def summed(parts: Sequence[Cells], statistic: Statistic) -> tuple[dict[str, Codes], dict[str, NDArray[Any]]]:
    """Returns each distinct key once, sorted, a missing one last, and what belongs to it."""
    keys = {name: together([part.keys[name] for part in parts]) for name in map(key_name, statistic.by)}
    sizes = {name: int(codes.max(initial=-1)) + 2 for name, (codes, _) in keys.items()}
    place = np.zeros(sum(len(part.day) for part in parts), np.int64)
    for name, (codes, _) in keys.items():
        place = place * sizes[name] + np.where(codes < 0, sizes[name] - 1, codes)
    # Without keys there is one sum, even of nothing.
    distinct, place = _distinct(place, int(np.prod([*sizes.values(), 1]))) if keys else (np.zeros(1), place)
    found: dict[str, Codes] = {}
    rest = distinct
    for name in reversed(keys):
        rest, codes = np.divmod(rest, sizes[name])
        found[name] = np.where(codes == sizes[name] - 1, -1, codes), keys[name][1]
    values = {}
    for name, merge in statistic.merged.items():
        given = np.concatenate([part.values[name] for part in parts])
        merged = np.zeros(len(distinct), given.dtype) if merge == "add" else np.full(len(distinct), np.nan)
        getattr(np, merge).at(merged, place, given)
        values[name] = merged
    return {name: found[name] for name in keys}, values


def _distinct(place: NDArray[np.int64], size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if size > _SPARSE * max(len(place), 1):
        return np.unique(place, return_inverse=True)
    there = np.zeros(size, dtype=bool)
    there[place] = True
    return np.flatnonzero(there), (np.cumsum(there) - 1)[place]
