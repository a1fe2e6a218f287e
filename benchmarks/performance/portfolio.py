"""What a week of a portfolio costs: systems of 100,000 rows a week, one after the other in one process.

Usage: python -m benchmarks.performance.portfolio FOLDER [SYSTEMS]

Without SYSTEMS it prepares FOLDER. Then a run takes each system through profile, check, record and judge for
one more week, and prints the CPU seconds of each step and of each system. Pull and gate have ended before.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.performance.accepted import BASELINE, POLICY, Place, days_until, system_of, write
from benchmarks.performance.entry import A_WEEK, SYSTEMS
from benchmarks.performance.ours import since, used, warm_up
from sundial.register.principles import Principle
from sundial.sunset.judge import judge

BEFORE, AS_OF = BASELINE[1], date(2026, 1, 11)
"""Sundays: that of the baseline, and that of the measured week."""
STEPS = ("profile", "check", "record", "judge")


def prepare(folder: Path, sizes: Sequence[int] = SYSTEMS, a_week: int = A_WEEK) -> None:
    """Leaves a place for each size: every system with its baseline profiled and recorded, and a new week.

    The rows are the same ones under each system's name.
    """
    if (folder / "prepared").exists():
        return
    rows = folder.parent / "rows"
    write(rows, days_until(AS_OF), a_week // 7)
    for stale in (*map(str, sizes), "city"):
        shutil.rmtree(folder / stale, ignore_errors=True)
    city = Place(folder / "city")
    (folder / "city").mkdir(parents=True)
    city.database.migrate()
    for number in range(1, sizes[-1] + 1):
        system = system_of(_name(number))
        city.accept(system.id, days_until(BEFORE), rows)
        run = city.run(system, BEFORE)
        run.profile()
        for principle in Principle:
            run.check(principle)
        run.record()
        city.accept(system.id, days_until(AS_OF, BEFORE + timedelta(days=1)), rows)
        if number in sizes:
            city.copy(folder / str(number))
    (folder / "prepared").touch()


def one_more_week(folder: Path, size: int) -> dict[str, object]:
    """Takes every system through the week, on a copy of what was prepared."""
    systems = {name: system_of(name) for name in map(_name, range(1, size + 1))}
    warm_up(systems[_name(1)])
    imports = used()
    steps = dict.fromkeys(STEPS, 0.0)
    each: list[float] = []
    with TemporaryDirectory(dir=folder) as copy:
        place = Place(folder / str(size)).copy(Path(copy))
        for system in systems.values():
            run = place.run(system, AS_OF)
            marks = [used()]
            run.profile()
            marks.append(used())
            for principle in Principle:
                run.check(principle)
            marks.append(used())
            run.record()
            marks.append(used())
            judge(system, POLICY, systems, place.database, AS_OF)
            marks.append(used())
            for number, step in enumerate(STEPS):
                steps[step] += since(*marks[number : number + 2])["cpu_s"]
            each.append(since(marks[0], marks[-1])["cpu_s"])
    return {"imports": imports, "steps": steps, "each": each}


def _name(number: int) -> str:
    return f"system-{number:03d}"


if __name__ == "__main__":
    home, *asked = sys.argv[1:]
    print(json.dumps(one_more_week(Path(home), int(asked[0])) if asked else prepare(Path(home))))
