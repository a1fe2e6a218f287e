"""A simulated system through the real engine: check, evidence, record, judge, in this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from benchmarks.operating_characteristics.world import TOLERANCE, WEEK, monday, system_of
from sundial.engine.discover import code_version, enabled
from sundial.engine.measure import Measuring, measure_week
from sundial.engine.plan import Plan, plan_of
from sundial.engine.settings import INCLUDE
from sundial.engine.streams import Alarms, Streams
from sundial.profile.profile import Profile
from sundial.register.load import config_hash, load_policy
from sundial.register.models import Policy, System
from sundial.register.principles import Principle
from sundial.store.database import Database
from sundial.store.records import Finding, Status
from sundial.store.results import JudgedWeek, Results
from sundial.sunset.judge import judge

SYSTEMS = 12
STREAMS = 30
"""Evidence streams of one system."""
RESERVE = 0.2


@cache
def policy() -> Policy:
    """Returns the City's policy with its budget shared by all streams, and another tolerated gap."""
    city = load_policy(INCLUDE / "policy.yaml")
    weight = (1 - RESERVE) / (SYSTEMS * STREAMS)
    evidence = city.evidence.model_copy(update={"stream_weight": weight, "reserve": RESERVE})
    tolerance = city.thresholds["equity_tolerance"].model_copy(update={"value": TOLERANCE})
    thresholds = {**city.thresholds, "equity_tolerance": tolerance}
    return city.model_copy(update={"evidence": evidence, "thresholds": thresholds})


@cache
def portfolio() -> Mapping[str, System]:
    """Returns the register of the simulated portfolio."""
    systems = [system_of(number) for number in range(SYSTEMS)]
    return {system.id: system for system in systems}


@cache
def plan(checks: Sequence[str]) -> Plan:
    """Returns what is profiled of a simulated system; the entries of all differ by id only.

    Raises:
        ValueError: where the plan leaves one of the checks out.
    """
    found = plan_of(system_of(0, checks))
    if found.left_out:
        raise ValueError(f"the simulated systems lack what checks need: {found.left_out}")
    return found


def measure(
    system: System, profile: Profile, weeks: Sequence[date]
) -> Iterator[tuple[date, tuple[Finding, ...]]]:
    """Yields the findings of each week, as `Run.check` makes them where all weeks are due in one run.

    Raises:
        ValueError: where a check failed: a benchmark in which nothing is measured shows no false alarm.
    """
    checks = enabled(system)
    budget = policy().evidence
    baseline = system.baseline
    provenance = {
        "config": config_hash(system, policy()),
        "code": code_version(),
        "partitions": "simulated",
        "baseline": f"{baseline.start}/{baseline.end}" if baseline else "",
    }
    measurings = [
        Measuring(
            system=system,
            policy=policy(),
            principle=principle,
            checks=[check for check in checks if check.principle is principle],
            profile=profile,
            # All weights fit the budget, so what the other systems use of it changes none of them.
            streams=Streams(
                {}, Alarms(budget.weeks_between_false_breaches, budget.stream_weight, {}, used=0.0)
            ),
            gates={"outputs": (), "outcomes": ()},
            failed={},
            left_out={},
            provenance=provenance,
        )
        for principle in Principle
    ]
    before: list[Sequence[Finding]] = [() for _ in measurings]
    for week in weeks:
        before = [
            measure_week(*given) for given in zip(measurings, [week] * len(before), before, strict=True)
        ]
        findings = tuple(finding for found in before for finding in found)
        if failed := [finding for finding in findings if finding.status is Status.ERROR]:
            raise ValueError(f"{failed[0].key}: {failed[0].reason}")
        yield week, findings


def record(system: System, found: Mapping[date, Sequence[Finding]], database: Database) -> tuple[str, ...]:
    """Records the weeks and judges them; returns the sunset cases that opened."""
    as_of = max(found) + WEEK - timedelta(days=1)
    config = config_hash(system, policy())
    weeks = [
        JudgedWeek(week, as_of, config, code_version(), tuple(findings)) for week, findings in found.items()
    ]
    Results(database).record(system.id, weeks, "simulation")
    return judge(system, policy(), portfolio(), database, as_of).opened


@dataclass(frozen=True)
class Breach:
    """A breach that was not there the week before."""

    system: str
    week: int
    check: str
    metric: str
    where: str


def new_breaches(found: Mapping[date, Iterable[Finding]]) -> list[Breach]:
    """Returns the breaches that begin, in the order of the weeks."""
    began: list[Breach] = []
    standing: set[tuple[str, str, str]] = set()
    for week in sorted(found):
        held = {
            (f.check, f.metric, " ".join(level for _, level in f.slice)): f.system
            for f in found[week]
            if f.status is Status.BREACH
        }
        number = (week - monday(0)) // WEEK
        began += [Breach(system, number, *key) for key, system in held.items() if key not in standing]
        standing = set(held)
    return began


def streams_in(findings: Iterable[Finding]) -> int:
    """Returns how many evidence streams the findings carry; a gap's evidence is that of its groups."""
    return len({f.evidence.stream for f in findings if f.evidence is not None and f.evidence.counts})


def store(folder: Path) -> Database:
    """Returns a fresh store in the folder."""
    database = Database(f"sqlite:///{folder / 'store.db'}")
    database.migrate()
    return database
