"""CPU seconds and peak memory of Sundial and its peers on the same prediction log, in alternating pairs.

Usage: python -m benchmarks.performance --rows 1M --peers evidently,fairlearn,nannyml,whylogs --pairs 3
       python -m benchmarks.performance --rows 100k --verify
       python -m benchmarks.performance --growth steady,portfolio
       python -m benchmarks.performance --page
       python -m benchmarks.performance --all

It makes the data and the environments where they are not there yet, runs what is not measured yet, and fills
tables and plots of `docs/performance.md`. Results accumulate in `results.jsonl` of the cache folder; a pair
counts as measured once both its sides are, with the code as it is. `--all` is the lines of `ALL`, in order.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from benchmarks.performance import environments, page
from benchmarks.performance.entry import PARTITIONS, SYSTEMS
from benchmarks.performance.measure import Results, Run, RunFailedError, run
from sundial.engine.settings import OF_TASKS

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("SUNDIAL_BENCH", Path.home() / ".cache" / "sundial-bench"))
SIZES = {"100k": 100_000, "1M": 1_000_000, "10M": 10_000_000, "50M": 50_000_000}
OURS = {
    "sundial": (),
    "sundial-profile": ("--profile-only",),
    "sundial-day": ("--profile-only",),
    "sundial-weekly": (),
    "sundial-month": ("--weeks", "4"),
}
"""Runs of Sundial, with their options: from nothing, or on profiles that `_prepare` stored before."""
PARTNER = {"scan": "sundial-profile", "scan-accepted": "sundial-profile"}
"""Which run of Sundial a peer is measured against, where it is not the whole report."""
PEERS = ("evidently", "fairlearn", "fairlearn-bootstrap", "nannyml", "whylogs", *PARTNER)
REPLICATES = 100
SOURCES = ("include", "checks", "benchmarks")
GROWTH = {"steady": PARTITIONS, "portfolio": SYSTEMS}
"""What is measured at several lengths of the history, or sizes of the portfolio."""
_AS_TASKS = ("env", *(f"{name}={value}" for name, value in OF_TASKS.items()))
ALL = (
    "--rows 100k --verify --peers evidently,fairlearn,fairlearn-bootstrap,nannyml,whylogs,scan,scan-accepted",
    "--rows 1M --peers evidently,fairlearn,nannyml,whylogs,scan,scan-accepted",
    "--rows 1M --alone sundial-weekly,sundial-month,sundial-day",
    "--growth steady,portfolio",
    "--rows 10M --alone sundial-weekly,sundial-day",
    "--rows 10M --pairs 1 --peers evidently,fairlearn,nannyml,whylogs,scan,scan-accepted",
)


def main(words: Sequence[str]) -> int:
    """Runs what is asked for and returns the exit code."""
    given = _options(words)
    for line in ALL if given.all else ():
        main([*line.split(), "--cache", str(given.cache)])
    results = Results(given.cache / "results.jsonl")
    size, rows = given.rows, SIZES[given.rows]
    folder = given.cache / size
    if given.verify or given.alone or given.peers:
        _module("data", str(rows), str(folder))
    if given.verify:
        _module("verify", str(folder))
    for tool in given.alone:
        for place in range(given.pairs):
            if not _measured(results, rows, tool, "", place):
                _run(results, rows, folder, tool, "", place, given.cache)
    for peer in given.peers:
        for place in range(given.pairs):
            _pair(results, rows, folder, peer, place, given.cache)
    for name in given.growth:
        _growth(results, name, given.pairs, given.cache)
    print(page.write(results.read()))
    return 0


def _growth(results: Results, name: str, times: int, cache: Path) -> None:
    """Measures each point of a growth curve, from what the present code has prepared."""
    waiting = [
        (point, place)
        for place in range(times)
        for point in GROWTH[name]
        if not _measured(results, point, name, "", place)
    ]
    folder = cache / "growth" / f"{name}-{code()}"
    if waiting:
        _module(name, str(folder))
    for point, place in waiting:
        command = [sys.executable, "-m", f"benchmarks.performance.{name}", str(folder), str(point)]
        measured = run([*_AS_TASKS, *command], ROOT)
        results.add(Run(point, name, "", place, code(), time.time(), measured))
        print(f"{name} at {point}: {measured.cpu_s:.1f} CPU s, {measured.told['steps']}", flush=True)


def _pair(results: Results, rows: int, folder: Path, peer: str, place: int, cache: Path) -> None:
    tools = [PARTNER.get(peer, "sundial"), peer]
    if all(_measured(results, rows, tool, peer, place) for tool in tools):
        return
    if any(r.rows == rows and r.tool == peer and r.measured.stopped for r in results.read()):
        tools.remove(peer)  # to be stopped once is enough
    for tool in tools if place % 2 == 0 else tools[::-1]:
        _run(results, rows, folder, tool, peer, place, cache)


def _run(results: Results, rows: int, folder: Path, tool: str, against: str, place: int, cache: Path) -> None:
    _prepare(tool, folder)
    try:
        measured = run(_command(tool, folder, cache), ROOT)
    except RunFailedError as error:
        print(f"{tool} failed on {rows} rows: {error}", file=sys.stderr)
        return
    results.add(Run(rows, tool, against, place, code(), time.time(), measured))
    end = "stopped" if measured.stopped else "done"
    print(f"{rows} {tool}: {measured.cpu_s:.1f} CPU s, {measured.rss_mb:.0f} MB, {end}", flush=True)


def _prepare(tool: str, folder: Path) -> None:
    """Leaves the stored profiles that the run starts from: none, all, or all but those of the last day."""
    if tool not in OURS:
        return
    ours = [sys.executable, "-m", "benchmarks.performance.ours", str(folder), "--profile-only"]
    if tool in ("sundial", "sundial-profile", "sundial-day"):
        for profiles in (folder / "lake" / "systems").glob("*/profiles"):
            shutil.rmtree(profiles)
    if tool == "sundial-day":
        run([*ours, "--without-last-day"], ROOT)
    if tool in ("sundial-weekly", "sundial-month"):
        run(ours, ROOT)


def _command(tool: str, folder: Path, cache: Path) -> Sequence[str]:
    here = Path(__file__).parent
    if tool in OURS:
        return [*_AS_TASKS, sys.executable, "-m", "benchmarks.performance.ours", str(folder), *OURS[tool]]
    if tool in PARTNER:
        return [sys.executable, str(here / "scan.py"), str(folder), *tool.split("-")[1:]]
    peer, _, bootstrap = tool.partition("-")
    more = [str(REPLICATES)] if bootstrap else []
    python = environments.python_of(environments.PEERS / f"{peer}.txt", cache)
    return [str(python), str(here / "peers" / f"{peer}_report.py"), str(folder), *more]


def _measured(results: Results, rows: int, tool: str, against: str, place: int) -> bool:
    """Whether the run is there; one of Sundial's only with the code as it is."""
    return any(
        (r.rows, r.tool, r.against, r.place) == (rows, tool, against, place)
        and (r.code == code() or (tool not in OURS | GROWTH and not against))
        for r in results.read()
    ) or (
        tool not in OURS | GROWTH
        and any(r.rows == rows and r.tool == tool and r.measured.stopped for r in results.read())
    )


@cache
def code() -> str:
    """Returns a hash of Sundial's source, its checks and its policy."""
    digest = hashlib.sha256()
    for folder in ("include/sundial", "checks"):
        for file in sorted(Path(ROOT, folder).rglob("*.py")):
            digest.update(file.relative_to(ROOT).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def _compile() -> None:
    """Compiles what Sundial imports, as the peers' environments are: else each run would do it anew."""
    for folder in (sysconfig.get_path("purelib"), *(str(ROOT / name) for name in SOURCES)):
        subprocess.run([sys.executable, "-m", "compileall", "-qq", "-j0", folder], check=False)


def _module(name: str, *words: str) -> None:
    subprocess.run([sys.executable, "-m", f"benchmarks.performance.{name}", *words], cwd=ROOT, check=True)


def _options(words: Sequence[str]) -> argparse.Namespace:
    options = argparse.ArgumentParser(description="Sundial and its peers on the same prediction log.")
    names = lambda text: [name for name in text.split(",") if name]  # noqa: E731
    options.add_argument("--rows", choices=SIZES, default="100k", help="rows of each of the two windows")
    options.add_argument("--peers", type=names, default=[], help=f"of {','.join(PEERS)}: measured in pairs")
    options.add_argument("--alone", type=names, default=[], help=f"of {','.join((*OURS, *PEERS))}: unpaired")
    options.add_argument("--growth", type=names, default=[], help=f"of {','.join(GROWTH)}")
    options.add_argument("--all", action="store_true", help="everything that the page shows, in one go")
    options.add_argument("--pairs", type=int, default=3, help="pairs with each peer, or runs alone")
    options.add_argument("--verify", action="store_true", help="compare the findings with figures on rows")
    options.add_argument("--page", action="store_true", help="only fill the page from the results there are")
    options.add_argument("--cache", type=Path, default=CACHE, help="folder of data, environments, results")
    given = options.parse_args(words)
    strangers = {*given.peers} - {*PEERS} | {*given.alone} - {*PEERS, *OURS} | {*given.growth} - {*GROWTH}
    if strangers:
        options.error(f"there is no {', '.join(sorted(strangers))} to measure")
    return given


if __name__ == "__main__":
    _compile()
    raise SystemExit(main(sys.argv[1:]))
