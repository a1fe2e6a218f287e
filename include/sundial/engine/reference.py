"""A reference window to propose: what it holds, and which recorded weeks were quiet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sundial.engine.clock import WEEK
from sundial.engine.plan import plan_of
from sundial.engine.waive import own
from sundial.lake import Lake
from sundial.profile.partitions import Partitions
from sundial.profile.statistics import counts
from sundial.register.models import System
from sundial.store.records import Finding, Kind, Status
from sundial.store.results import Results

_CHUNK = 13 * WEEK
_VERSIONS = counts("outputs", ["model_version"])


@dataclass(frozen=True)
class Holds:
    """What a window holds: days with outputs, outputs, and outputs by version of the model."""

    days: int
    outputs: int
    versions: Mapping[str, int]


def holds(system: System, lake: Lake, start: date, end: date) -> Holds:
    """Returns what is profiled of a window, both days included; no versions where nothing counts them."""
    plan = plan_of(system)
    profile = Partitions(lake, system.id, plan.statistics).load()
    days = [day for day in profile.days if start <= day <= end]
    if not days:
        return Holds(0, 0, {})
    outputs = profile.window(counts("outputs", []), start, end, date.max)["n"].sum()
    versions: dict[str, int] = {}
    if any(stored.answers(_VERSIONS) for stored in plan.statistics):
        cells = profile.window(_VERSIONS, start, end, date.max)
        versions = {
            str(version): int(n) for version, n in zip(cells["model_version"], cells["n"], strict=True)
        }
    return Holds(len(days), int(outputs), dict(sorted(versions.items())))


def quiet_window(results: Results, system: str, weeks: int) -> tuple[date, date] | None:
    """Returns the latest so many judged weeks in a row without an error or a confirmed breach.

    A breach that is a fact, such as a document that is missing, says nothing of the outputs; a waived finding
    counts as what it would be.

    Returns:
        First and last day; None where there are none.
    """
    judged = [judgement.week for judgement in results.judged(system)]
    row: list[date] = []
    found: dict[date, list[Finding]] = {}
    for week in reversed(judged):
        if week not in found:
            first = week - _CHUNK
            found = {one: [] for one in judged if first < one <= week}
            for finding in results.findings_between(first + WEEK, week, system):
                found.setdefault(finding.week, []).append(finding)
        follows = not row or row[-1] - week == WEEK
        row = [*(row if follows else []), week] if _quiet(found[week]) else []
        if len(row) == weeks:
            return week, row[0] + timedelta(days=6)
    return None


def _quiet(findings: Iterable[Finding]) -> bool:
    for finding in map(own, findings):
        confirmed = finding.status is Status.BREACH and finding.kind is Kind.STATISTICAL
        if confirmed or finding.status is Status.ERROR:
            return False
    return True
