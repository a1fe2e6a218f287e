"""Operating characteristics: false alarms with nothing wrong, and weeks until a fault is confirmed.

Usage: python -m benchmarks.operating_characteristics [--quick] [--years 17] [--runs 20] [--only PART]

Each part's results go into `docs/operating-characteristics.json` as soon as it is done, and the tables of
`docs/operating-characteristics.md` are filled from there.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the workers share the cores already

from benchmarks.operating_characteristics import faults, files, null, page, peers, replay
from benchmarks.operating_characteristics.world import CHECKS
from sundial.engine.discover import code_version

NS = (50, 500, 50_000)
WORKERS = 2
PARTS = ("null", "faults", "files", "peers")


@dataclass(frozen=True)
class Size:
    """How much is run: portfolio-years and runs of each fault for each n, stream-years for the peers."""

    years: int
    runs: int
    peer_years: int


DEFAULT = Size(years=17, runs=20, peer_years=1)
QUICK = Size(years=1, runs=3, peer_years=1)


def run_null(size: Size) -> Any:
    """Replays portfolios with nothing wrong."""
    # Seeds outside, sizes inside: what is cut short has all sizes.
    asked = [(n, seed) for seed in range(size.years) for n in NS]
    return null.summary(_in_workers(null.portfolio_year, asked, "portfolio-years"))


def run_faults(size: Size) -> Any:
    """Replays faulty systems."""
    asked = [(name, n, seed) for name in faults.FAULTS for n in NS for seed in range(size.runs)]
    return faults.summary(_in_workers(faults.weeks_to_confirm, asked, "faulty systems"))


def run_files(size: Size) -> Any:
    """Replays one portfolio-year from files and compares every finding with the profile entry's."""
    numbers = range(2 if size == QUICK else replay.SYSTEMS)
    return files.summary(_in_workers(files.compare, [(number, 50, 0) for number in numbers], "systems"))


def run_peers(size: Size) -> Any:
    """Runs Evidently and NannyML at their defaults on the same streams."""
    return peers.compare(size.peer_years)


RUN: dict[str, Callable[[Size], Any]] = {
    "null": run_null,
    "faults": run_faults,
    "files": run_files,
    "peers": run_peers,
}


def main() -> int:
    """Runs the parts and returns the exit code: 1 where a promise of the design is not kept."""
    given = _options()
    size = QUICK if given.quick else DEFAULT
    size = Size(given.years or size.years, given.runs or size.runs, given.peer_years or size.peer_years)
    for part in given.only or PARTS:
        started, used = time.monotonic(), _cpu_seconds()
        result = RUN[part](size)
        page.keep(
            part,
            {
                "code": code_version(),
                "minutes": round((time.monotonic() - started) / 60, 1),
                "cpu_seconds": round(_cpu_seconds() - used),
                "rows": result,
            },
        )
        print(json.dumps(result, indent=1))
    print(page.write())
    broken = page.broken_promises()
    for promise in broken:
        print(f"not kept: {promise}", file=sys.stderr)
    return int(bool(broken))


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(description="False alarms and delays of the real engine")
    options.add_argument("--quick", action="store_true", help="little of everything, in a few minutes")
    options.add_argument("--years", type=int, help="portfolio-years with nothing wrong, for each n")
    options.add_argument("--runs", type=int, help="runs of each fault, for each n")
    options.add_argument("--peer-years", type=int, help="system-years that the peers judge, for each n")
    options.add_argument("--only", action="append", choices=PARTS, help="a part; may be given again")
    return options.parse_args()


def _in_workers(work: Callable[[Any], Any], asked: list[Any], what: str) -> Iterable[Any]:
    replay.plan(CHECKS)  # loads the checks before the workers are forked from here
    found = []
    with ProcessPoolExecutor(WORKERS, initializer=gc.freeze) as pool:
        for place, result in enumerate(pool.map(work, asked), start=1):
            found.append(result)
            print(f"\r{place} of {len(asked)} {what}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return found


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == "__main__":
    sys.exit(main())
