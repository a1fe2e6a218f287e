"""Sundial's engine on the accepted log: profile of what is new, every check of every principle, week by week.

Usage: python -m benchmarks.performance.ours FOLDER [--weeks N] [--profile-only] [--findings]

What `Run.profile` and `Run.check` do, without pull, gate and store. Stored profiles are used where there are
any. It prints the CPU seconds of each step and, with `--findings`, the findings of the last week.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

# What the fork server of the tasks has loaded before a task begins.
import duckdb  # noqa: F401
import fairlearn.metrics  # noqa: F401
import ibis  # noqa: F401
import pandas as pd  # noqa: F401
import pyarrow as pa  # noqa: F401
import sklearn.metrics  # noqa: F401
import yaml

from benchmarks.performance.entry import ENTRY, SYSTEM, WEEKS
from sundial.engine.discover import code_version, enabled
from sundial.engine.measure import Measuring, measure_week
from sundial.engine.plan import plan_of
from sundial.engine.settings import INCLUDE
from sundial.engine.streams import Alarms, Streams
from sundial.lake import Lake
from sundial.profile.columns import Columns
from sundial.profile.partitions import Partitions
from sundial.profile.profile import Profile
from sundial.register.load import config_hash, load_policy
from sundial.register.models import System
from sundial.register.principles import Principle
from sundial.store.records import Finding, Status

Paths = Mapping[date, Sequence[str]]


def main() -> None:
    """Runs the steps that are asked for."""
    given = _options()
    warm_up(_system())
    imports = used()
    system = _system()
    plan = plan_of(system)
    lake = Lake(str(given.folder / "lake"))
    partitions = Partitions(lake, SYSTEM, plan.statistics)
    outputs, outcomes = (
        _accepted(lake, feed, without_last_day=given.without_last_day) for feed in ("outputs", "outcomes")
    )
    assert system.feeds.outputs is not None
    days = partitions.update(outputs, outcomes, Columns.of(system, system.feeds.outputs))
    profiled = used()
    found: list[Finding] = []
    if not given.profile_only:
        found = _measure(system, partitions.load(), plan.left_out, WEEKS[len(WEEKS) - given.weeks :])
    measured = used()
    if failed := [f"{f.check}: {f.reason}" for f in found if f.status is Status.ERROR]:
        raise SystemExit("; ".join(failed))
    result = {
        "imports": imports,
        "ended": measured,
        "profile": since(imports, profiled),
        "check": since(profiled, measured),
        "days": len(days),
        "code": code_version(),
        "findings": len(found),
    }
    if given.findings:
        result["found"] = [finding.payload() for finding in found]
    print(json.dumps(result))


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(description="Sundial's engine on the accepted log.")
    options.add_argument("folder", type=Path)
    options.add_argument("--weeks", type=int, default=1, help="how many weeks to judge, up to the last")
    options.add_argument("--profile-only", action="store_true")
    options.add_argument("--without-last-day", action="store_true")
    options.add_argument("--findings", action="store_true", help="print the findings of the last week")
    return options.parse_args()


def _system() -> System:
    return System.model_validate(yaml.safe_load(ENTRY.read_text()))


def _accepted(lake: Lake, feed: str, *, without_last_day: bool) -> Paths:
    folder = f"systems/{SYSTEM}/accepted/{feed}"
    paths = sorted(lake.list(folder))
    by_day = {date.fromisoformat(path.split("/")[-2]): [path] for path in paths}
    if without_last_day:
        del by_day[max(by_day)]
    return by_day


def _measure(
    system: System,
    profile: Profile,
    left_out: Mapping[str, tuple[Status, str]],
    weeks: Iterable[date],
) -> list[Finding]:
    """Returns the findings of the last week, all principles."""
    policy = load_policy(INCLUDE / "policy.yaml")
    budget = policy.evidence
    provenance = {"config": config_hash(system, policy), "code": code_version()}
    last: list[Finding] = []
    for principle in Principle:
        measuring = Measuring(
            system=system,
            policy=policy,
            principle=principle,
            checks=[check for check in enabled(system) if check.principle is principle],
            profile=profile,
            streams=Streams(
                {}, Alarms(budget.weeks_between_false_breaches, budget.stream_weight, {}, used=0.0)
            ),
            gates={"outputs": (), "outcomes": ()},
            failed={},
            left_out=left_out,
            provenance=provenance,
        )
        before: Sequence[Finding] = ()
        for week in weeks:
            before = measure_week(measuring, week, before)
        last += before
    return last


def warm_up(system: System) -> None:
    """Loads the checks, and freezes what is loaded, as a task does when it begins."""
    enabled(system)
    gc.freeze()


def used() -> dict[str, float]:
    """Returns CPU seconds and peak memory of this process up to now."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {"cpu_s": time.process_time(), "rss_mb": usage.ru_maxrss / 1024}


def since(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Returns what was used between two marks."""
    return {name: after[name] - before[name] for name in after}


if __name__ == "__main__":
    main()
