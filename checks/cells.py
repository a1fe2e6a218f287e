"""Cells as checks use them: arrays of numbers, counts by level, bins of the score."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sundial.api import UNKNOWN, Bin, Finding, Status, System, View

SCORE_BINS = 4_000
"""Score bins: tenths are whole ones, and the AUC is within half the share of pairs that share a bin."""


def numbers(cells: pd.DataFrame, column: str) -> np.ndarray:
    """Returns a column of numbers, NaN where one is missing: for few cells arrays are faster."""
    values = cells[column].array
    if isinstance(values, pd.arrays.NumpyExtensionArray):  # none missing: four times as fast
        return np.asarray(values.to_numpy(), dtype=float)
    return np.asarray(values.to_numpy(dtype=float, na_value=np.nan))


def by_level(cells: pd.DataFrame, column: str) -> dict[str, float]:
    """Returns n by level, sorted; a missing value is a level like any other."""
    values = cells[column].array
    found: dict[str, float] = {}
    for level, absent, n in zip(values.tolist(), values.isna().tolist(), cells["n"].tolist(), strict=True):
        name = UNKNOWN if absent else str(level)
        found[name] = found.get(name, 0) + n
    return dict(sorted(found.items()))


def score_bins(system: System, bins: int = SCORE_BINS) -> Bin | None:
    """Returns the bins of the system's score over its whole range; None without a score."""
    outputs = system.feeds.outputs
    if outputs is None or outputs.score is None:
        return None
    return Bin("score", outputs.score.low, outputs.score.high, bins)


def of_flagged_only(system: System) -> bool:
    """Whether the truth becomes known of positive outputs only, so that what was missed cannot be counted."""
    outcomes = system.feeds.outcomes
    return outcomes is not None and outcomes.known_for == "flagged"


def immature(view: View, metric: str, **where: str) -> Finding:
    """Returns the finding that no outcome had the time that the register gives it."""
    first = view.first_day + view.system.maturity if view.first_day else "once outputs arrive"
    reason = f"Immature: no outcome has had its time yet; the first one: {first}."
    return view.finding(metric, Status.NOT_MEASURED, reason, slice=where)
