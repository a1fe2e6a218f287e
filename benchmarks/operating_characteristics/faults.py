"""Something wrong: weeks from the fault to the confirmed breach."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.operating_characteristics.replay import measure, plan
from benchmarks.operating_characteristics.world import (
    CATEGORIES,
    YEAR,
    Drawn,
    Truth,
    accurate,
    monday,
    shifted,
    system_of,
)
from sundial.profile.statistics import UNKNOWN
from sundial.store.records import Finding, Status

AT = YEAR
"""The week of the fault: a baseline and a good spell, a year together, come first."""
FOLLOWED = 78
"""Weeks for which a fault is followed."""
GOOD = accurate(0.90)
SLIDE = 0.005


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and the finding that has to confirm it.

    Attributes:
        truth: what is true so many weeks after the fault.
        where: the level in the finding's slice; "" is everybody.
        before: what is true before.
    """

    title: str
    check: str
    metric: str
    truth: Callable[[int], Truth]
    where: str = ""
    before: Truth = GOOD


def _moved(column: str, level: str, to: float) -> Callable[[int], Truth]:
    truth = replace(GOOD, shares=shifted(CATEGORIES, column, level, to))
    return lambda _: truth


def _still(truth: Truth) -> Callable[[int], Truth]:
    return lambda _: truth


_RATES = ("effectiveness.rates", "accuracy")
_SHARES = ("drift.categories", "category_share_change")
_LATE = accurate(0.90, delay_days=8 * 7)

FAULTS: Mapping[str, Fault] = {
    "accuracy_80": Fault("accuracy .90 → .80", *_RATES, _still(accurate(0.80))),
    "accuracy_70": Fault("accuracy .90 → .70", *_RATES, _still(accurate(0.70))),
    "share_60": Fault("share of a level 50 → 60 %", *_SHARES, _moved("channel", "web", 0.6), "channel"),
    "rare_5": Fault("rare level 1 → 5 %", *_SHARES, _moved("hardship", "yes", 0.05), "hardship"),
    "half_missing": Fault(
        "half a column missing",
        "drift.missing",
        "missing_share",
        _moved("district", UNKNOWN, 0.5),
        "district",
    ),
    "fpr_gap": Fault(
        "one group's false-positive rate +10 points",
        "equity.groups",
        "false_positive_rate_difference",
        _still(replace(GOOD, fpr_gap=0.10)),
        "area",
    ),
    "slide": Fault(
        "accuracy slides by 0.5 points a week",
        *_RATES,
        lambda week: accurate(max(0.90 - SLIDE * (week + 1), 0.5)),
    ),
    "version": Fault("a new version: accuracy .90 → .75", *_RATES, _still(accurate(0.75, version="2.0"))),
    "late": Fault(
        "accuracy .90 → .70, labels 8 weeks late",
        *_RATES,
        _still(accurate(0.70, delay_days=8 * 7)),
        before=_LATE,
    ),
}


def truths(fault: Fault) -> list[Truth]:
    """Returns what is true in each week."""
    return [fault.before] * AT + [fault.truth(week) for week in range(FOLLOWED)]


def weeks_to_confirm(given: tuple[str, int, int]) -> dict[str, Any]:
    """Replays one faulty system until its fault is confirmed.

    Only the check that has to see the fault is enabled, beside one that tells the engine from which day on
    there are outputs; its alarm is that of a stream among the portfolio's.

    Args:
        given: name of the fault, outputs a week, seed.

    Returns:
        `weeks` from the fault on, 1 where the fault's own week confirms it; None where none of the weeks that
        are followed does. `early` is whether the breach began before the fault.

    Raises:
        ValueError: where the check does not measure what the fault is about.
    """
    name, n, seed = given
    fault = FAULTS[name]
    checks = (fault.check, "drift.volume")
    system = system_of(0, checks)
    rng = np.random.default_rng([seed, n, list(FAULTS).index(name)])
    profile = Drawn(truths(fault), n, plan(checks).statistics, rng).profile()
    confirmed = None
    weeks = [monday(week) for week in range(AT + FOLLOWED)]
    for number, (week, findings) in enumerate(measure(system, profile, weeks)):
        status = _status(fault, findings)
        if number == AT and status in (None, Status.NOT_MEASURED, Status.NOT_APPLICABLE):
            raise ValueError(f"{fault.title}: {fault.metric} is {status} in the week of {week}")
        if status is Status.BREACH:
            confirmed = number
            break
    early = confirmed is not None and confirmed < AT
    after = None if confirmed is None or early else confirmed - AT + 1
    return {"fault": name, "n": n, "seed": seed, "weeks": after, "early": early}


def _status(fault: Fault, findings: Iterable[Finding]) -> Status | None:
    for finding in findings:
        levels = ("", *(level for _, level in finding.slice))
        if (finding.check, finding.metric) == (fault.check, fault.metric) and fault.where in levels:
            return finding.status
    return None


def summary(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns a row for each fault and n: the 10, 50 and 90 % quantiles of the weeks; None is never."""
    rows = []
    by: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for one in found:
        by.setdefault((one["fault"], one["n"]), []).append(one)
    for (name, n), runs in by.items():
        weeks = sorted(np.inf if one["weeks"] is None else one["weeks"] for one in runs)
        low, middle, high = np.quantile(weeks, [0.1, 0.5, 0.9], method="inverted_cdf")
        rows.append(
            {
                "fault": name,
                "title": FAULTS[name].title,
                "n": n,
                "runs": len(runs),
                "early": sum(one["early"] for one in runs),
                "weeks": {
                    quantile: None if value == np.inf else int(value)
                    for quantile, value in (("10", low), ("50", middle), ("90", high))
                },
            }
        )
    return rows
