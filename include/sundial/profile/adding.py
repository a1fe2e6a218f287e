"""Cells of several files added up: arrays until the result, which is small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sundial.profile.cells import Cells, Codes, decoded, distinct, together
from sundial.profile.profile import names
from sundial.profile.statistics import Statistic, key_name

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
    last = {name: int(codes.max(initial=-1)) + 1 for name, (codes, _) in keys.items()}
    ordered = [np.where(codes < 0, last[name], codes) for name, (codes, _) in keys.items()]
    if keys:
        combinations, place = distinct(ordered, [size + 1 for size in last.values()])
    else:  # without keys there is one sum, even of nothing
        combinations, place = [], np.zeros(sum(map(len, parts)), np.int64)
    found: dict[str, Codes] = {
        name: (np.where(codes == last[name], -1, codes), keys[name][1])
        for name, codes in zip(keys, combinations, strict=True)
    }
    n = len(combinations[0]) if keys else 1
    values = {}
    for name, merge in statistic.merged.items():
        given = np.concatenate([part.values[name] for part in parts])
        merged = np.zeros(n, given.dtype) if merge == "add" else np.full(n, np.nan)
        getattr(np, merge).at(merged, place, given)
        values[name] = merged
    return found, values
