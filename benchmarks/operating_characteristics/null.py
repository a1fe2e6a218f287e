"""Nothing wrong: how often a breach starts, and whether a sunset case opens."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import chi2

from benchmarks.operating_characteristics.replay import (
    SYSTEMS,
    Breach,
    measure,
    new_breaches,
    plan,
    portfolio,
    record,
    store,
    streams_in,
)
from benchmarks.operating_characteristics.world import (
    BASELINE_WEEKS,
    CATEGORIES,
    CHECKS,
    TARGET,
    TOLERANCE,
    YEAR,
    Drawn,
    Truth,
    accurate,
    monday,
    shifted,
)
from sundial.profile.statistics import UNKNOWN

WEEKS = BASELINE_WEEKS + YEAR
PRACTICAL = 0.02
"""Change of a share that the policy calls too small to matter."""


def truths(number: int) -> list[Truth]:
    """Returns what is true of a system in each week: well within its thresholds, or exactly at them.

    Every second system has exactly the accuracy of its target and exactly the tolerated gap in false-positive
    rates; after the baseline its largest shares and its missing values move by exactly what the policy calls
    too small to matter.
    """
    if number % 2 == 0:
        return [Truth()] * WEEKS
    moved = CATEGORIES
    for column, level, by in (
        ("channel", "web", PRACTICAL),
        ("district", "1", -PRACTICAL),
        ("language", UNKNOWN, PRACTICAL),
        ("hardship", "yes", PRACTICAL),
    ):
        moved = shifted(moved, column, level, moved[column][level] + by)
    at = accurate(TARGET, fpr_gap=TOLERANCE)
    after = accurate(TARGET, fpr_gap=TOLERANCE, shares=moved)
    return [at] * BASELINE_WEEKS + [after] * YEAR


def portfolio_year(given: tuple[int, int]) -> dict[str, Any]:
    """Replays one portfolio for a baseline and a year.

    Args:
        given: outputs a week of each system, and the seed.

    Returns:
        `breaches` that began, `weeks` of the portfolio in which one did, sunset cases `opened`, the `streams`
        of the portfolio, `findings` made, and CPU seconds of drawing, measuring, and recording with judging.
    """
    n, seed = given
    took = dict.fromkeys(("draw", "measure", "record"), 0.0)
    breaches: list[Breach] = []
    opened: list[str] = []
    findings, streams = 0, 0
    weeks = [monday(week) for week in range(WEEKS)]
    with tempfile.TemporaryDirectory() as folder:
        database = store(Path(folder))
        for number, system in enumerate(portfolio().values()):
            started = time.process_time()
            rng = np.random.default_rng([seed, n, number])
            profile = Drawn(truths(number), n, plan(CHECKS).statistics, rng).profile()
            drawn = time.process_time()
            found = dict(measure(system, profile, weeks))
            measured = time.process_time()
            opened += record(system, found, database)
            breaches += new_breaches(found)
            findings += sum(map(len, found.values()))
            streams += streams_in(found[weeks[-1]])
            took["draw"] += drawn - started
            took["measure"] += measured - drawn
            took["record"] += time.process_time() - measured
    return {
        "n": n,
        "seed": seed,
        "breaches": [asdict(breach) for breach in breaches],
        "weeks": len({breach.week for breach in breaches}),
        "opened": opened,
        "streams": streams,
        "findings": findings,
        "cpu_seconds": took,
    }


def summary(years: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns a row for each n: alarms in weeks of the portfolio with the exact upper 95 % Poisson bound.

    The weeks of the baseline are not counted as weeks; an alarm in them is counted as an alarm.
    """
    rows = []
    by_n: dict[int, list[dict[str, Any]]] = {}
    for year in years:
        by_n.setdefault(year["n"], []).append(year)
    for n, found in sorted(by_n.items()):
        alarms, weeks = sum(year["weeks"] for year in found), len(found) * YEAR
        streams = sum(year["streams"] for year in found)
        rows.append(
            {
                "n": n,
                "portfolio_years": len(found),
                "streams": streams // len(found),
                "weeks": weeks,
                "alarms": alarms,
                "upper_bound": upper_bound(alarms) / weeks,
                "breaches": sum(len(year["breaches"]) for year in found),
                "per_stream_year": sum(len(year["breaches"]) for year in found) / streams,
                "system_years": len(found) * SYSTEMS,
                "recommendations": sum(len(year["opened"]) for year in found),
                "findings": sum(year["findings"] for year in found),
                "cpu_seconds": {
                    step: sum(year["cpu_seconds"][step] for year in found)
                    for step in ("draw", "measure", "record")
                },
            }
        )
    return rows


def upper_bound(events: int) -> float:
    """Returns the exact one-sided upper 95 % bound of a Poisson mean (Garwood 1936)."""
    return float(chi2.ppf(0.95, 2 * (events + 1)) / 2)
