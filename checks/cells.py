"""Cells as Fairlearn and scikit-learn take them: labels with a weight for each cell instead of rows."""

from __future__ import annotations

import pandas as pd

from sundial.api import Bin, Finding, Status, System, View

SCORE_BINS = 4_000
"""Score bins: tenths are whole ones, and the AUC is within half the share of pairs that share a bin."""


def binary(cells: pd.DataFrame) -> pd.DataFrame:
    """Returns the cells whose output decides: an abstaining output is neither positive nor negative."""
    return cells[cells["predicted"].notna() & (cells["n"] > 0)].astype({"predicted": "int64"})


def count(cells: pd.DataFrame, **where: int) -> int:
    """Returns how many rows are in the cells with these values, such as predicted=1, outcome=0."""
    chosen = cells
    for column, value in where.items():
        chosen = chosen[chosen[column] == value]
    return int(chosen["n"].sum())


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
