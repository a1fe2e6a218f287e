"""Runs a command as a child and tells its CPU seconds, with its own children's, and its peak memory.

Standard library only: a child's peak memory counts from the fork on, so this process has to stay small.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

CPU_LIMIT = 900
"""CPU seconds after which a run is stopped; what it used until then is a lower bound."""
WALL_LIMIT = 3_600
QUIET = {"NML_DISABLE_USAGE_LOGGING": "1", "DO_NOT_TRACK": "1"}
"""Switches off what the peers would tell their makers."""


@dataclass(frozen=True)
class Measured:
    """What one run used.

    Attributes:
        cpu_s: user and system seconds of the whole process, imports included.
        rss_mb: peak resident memory in MB.
        imports_cpu_s: CPU seconds until everything was imported, as the run itself tells it.
        imports_rss_mb: peak memory until then.
        stopped: whether the limit ended it.
        told: the JSON of its last line.
        ended_cpu_s: CPU seconds until what was asked was done, as the run itself tells it.
    """

    cpu_s: float
    rss_mb: float
    wall_s: float
    imports_cpu_s: float | None
    imports_rss_mb: float | None
    stopped: bool
    told: Mapping[str, Any]
    ended_cpu_s: float | None = None

    @property
    def work_cpu_s(self) -> float | None:
        """CPU seconds without the imports, and without taking them down: a task is a fork that just ends."""
        if self.imports_cpu_s is None:
            return None
        return (self.cpu_s if self.ended_cpu_s is None else self.ended_cpu_s) - self.imports_cpu_s


class RunFailedError(RuntimeError):
    """A measured command ended with an error of its own."""


def run(command: Sequence[str], folder: Path) -> Measured:
    """Runs the command in the folder to its end, or to the limit.

    Raises:
        RunFailedError: it failed by itself; with the end of what it wrote to standard error.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        began = time.monotonic()
        child = subprocess.Popen(
            command, stdout=out, stderr=err, cwd=folder, env=_environment(), preexec_fn=_limit
        )
        timer = threading.Timer(WALL_LIMIT, child.kill)
        timer.start()
        # Not `child.wait`: only wait4 tells what this child used, and no other.
        _, status, usage = os.wait4(child.pid, 0)
        timer.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - began
        stopped = child.returncode in (-signal.SIGXCPU, -signal.SIGKILL)
        out.seek(0)
        lines = out.read().splitlines()
        if child.returncode and not stopped:
            err.seek(0)
            raise RunFailedError(f"{' '.join(command)}: exit {child.returncode}\n{err.read()[-3000:]}")
    told: dict[str, Any] = {} if stopped else json.loads(lines[-1])
    imports, ended = told.pop("imports", {}), told.pop("ended", {})
    return Measured(
        cpu_s=usage.ru_utime + usage.ru_stime,
        rss_mb=usage.ru_maxrss / 1024,
        wall_s=wall,
        imports_cpu_s=imports.get("cpu_s"),
        imports_rss_mb=imports.get("rss_mb"),
        stopped=stopped,
        told=told,
        ended_cpu_s=ended.get("cpu_s"),
    )


def _environment() -> dict[str, str]:
    """Returns the variables of a run: bytecode is read and written, whatever the shell says of it."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | QUIET


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT, CPU_LIMIT + 30))


@dataclass(frozen=True)
class Run:
    """One line of the results.

    Attributes:
        rows: rows of each window.
        tool: what ran.
        against: the peer of the pair that it was part of; empty for a run by itself.
        place: number of the pair.
        code: version of Sundial's code.
        at: seconds since the epoch.
    """

    rows: int
    tool: str
    against: str
    place: int
    code: str
    at: float
    measured: Measured


class Results:
    """Lines of JSON that accumulate: a run that was cut goes on where it stopped."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, run: Run) -> None:
        """Appends one run."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write(json.dumps(asdict(run)) + "\n")

    def read(self) -> Sequence[Run]:
        """Returns all runs, oldest first; of one that was repeated only the last."""
        if not self._path.exists():
            return []
        runs: dict[tuple[object, ...], Run] = {}
        for line in self._path.read_text().splitlines():
            entry = json.loads(line)
            run = Run(**{**entry, "measured": Measured(**entry["measured"])})
            runs[run.rows, run.tool, run.against, run.place] = run
        return list(runs.values())
