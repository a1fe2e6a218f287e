"""What one more day costs as the history grows: 10 partitions or 365, and every window from 1 to 52 weeks.

Usage: python -m benchmarks.performance.steady FOLDER [PARTITIONS]

Without PARTITIONS it prepares FOLDER. Then a run profiles the last of the partitions, measures the week that
is due with each report window, records and judges it, and prints the CPU seconds of each step. Before that it
merges every statistic of the plan over 52 weeks, from the stored profiles.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.performance.accepted import FIRST, POLICY, Place, days_until, system_of, write
from benchmarks.performance.entry import A_WEEK, PARTITIONS
from benchmarks.performance.ours import since, used, warm_up
from sundial.engine.clock import last_complete_week
from sundial.engine.plan import plan_of
from sundial.profile.partitions import Partitions
from sundial.profile.statistics import Sample
from sundial.register.principles import Principle
from sundial.sunset.judge import judge

NAME = "a-year"
WINDOWS = (1, 13, 26, 52, 4)
"""Weeks of the report windows; the last is the one that is recorded."""


def prepare(folder: Path, points: Sequence[int] = PARTITIONS, a_week: int = A_WEEK) -> None:
    """Leaves a place for each point: all but its last day profiled, all but its last week recorded.

    Args:
        folder: where to; rows that are there are kept, and so is a folder that was prepared to its end.
        points: partitions after the measured day, ascending.
        a_week: rows a week.
    """
    if (folder / "prepared").exists():
        return
    write(_rows(folder), days_until(_day(points[-1])), a_week // 7)
    for point in points:
        shutil.rmtree(folder / str(point), ignore_errors=True)
    shutil.rmtree(folder / "year", ignore_errors=True)
    year, system, done = Place(folder / "year"), system_of(NAME), FIRST - timedelta(days=1)
    (folder / "year").mkdir(parents=True)
    year.database.migrate()
    for point in points:
        before = last_complete_week(_day(point)) - timedelta(days=1)
        # Judging looks at the run before again: that is to be one of one week, as in operation.
        for as_of in (before - timedelta(weeks=1), before, _day(point - 1)):
            year.accept(NAME, days_until(as_of, done + timedelta(days=1)), _rows(folder))
            run, done = year.run(system, as_of), max(done, as_of)
            run.profile()
            if FIRST <= as_of <= before:
                for principle in Principle:
                    run.check(principle)
                run.record()
        year.copy(folder / str(point))
    (folder / "prepared").touch()


def one_more_day(folder: Path, point: int) -> dict[str, object]:
    """Adds the last day of the point to a copy of what was prepared, and returns what each step used."""
    warm_up(system_of(NAME))
    imports = used()
    with TemporaryDirectory(dir=folder) as copy:
        place, as_of = Place(folder / str(point)).copy(Path(copy)), _day(point)
        place.accept(NAME, [as_of], _rows(folder))
        marks = [used()]
        _rewindow(place, as_of)
        marks.append(used())
        system = system_of(NAME)
        place.run(system, as_of).profile()
        marks.append(used())
        for weeks in WINDOWS:
            run = place.run(system_of(NAME, weeks), as_of)
            for principle in Principle:
                run.check(principle)
        marks.append(used())
        recorded = place.run(system, as_of).record()
        marks.append(used())
        judge(system, POLICY, {NAME: system}, place.database, as_of)
        marks.append(used())
    names = ("rewindow", "profile", "check", "record", "judge")
    steps = {name: since(*marks[number : number + 2])["cpu_s"] for number, name in enumerate(names)}
    return {"imports": imports, "steps": steps, "weeks": len(recorded)}


def _rewindow(place: Place, as_of: date) -> None:
    """Merges every statistic over 52 weeks, from the files of the stored profile."""
    plan = plan_of(system_of(NAME)).statistics
    profile = Partitions(place.lake, NAME, plan).load()
    week = last_complete_week(as_of)
    start, end = week - timedelta(weeks=51), week + timedelta(days=6)
    for statistic in plan:
        if not isinstance(statistic, Sample):
            profile.window(statistic, start, end, week)


def _rows(folder: Path) -> Path:
    return folder.parent / "rows"


def _day(partition: int) -> date:
    return FIRST + timedelta(days=partition - 1)


if __name__ == "__main__":
    home, *asked = sys.argv[1:]
    print(json.dumps(one_more_day(Path(home), int(asked[0])) if asked else prepare(Path(home))))
