"""A run killed at any durable write and taken up again leaves what an undisturbed run leaves.

The writes are not listed here: the interpreter's audit events and SQLAlchemy's commits tell of each one just
before it happens, so that a write added to the code is a kill point of these tests the same day.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import ibis
import pytest
from small_system import DATES, ID, run_of
from sqlalchemy import Connection, Engine, event

from sundial.engine.discover import code_version, discover
from sundial.register.principles import Principle
from sundial.store.cases import Cases
from sundial.store.database import Database
from sundial.store.records import Status
from sundial.store.results import Results
from sundial.sunset.judge import judge

pytestmark = pytest.mark.slow

PRINCIPLES = [principle.value for principle in Principle]
STEPS = ("pull", "gate", "profile", *PRINCIPLES, "record", "judge")
RUNS = [(as_of, step) for as_of in DATES for step in STEPS]
PATHS_OF = {
    "os.rename": 2,
    "os.link": 2,
    "os.symlink": 2,
    "os.remove": 1,
    "os.mkdir": 1,
    "os.rmdir": 1,
    "os.truncate": 1,
}
"""Audit events of a durable operation, with how many of their first arguments are paths."""

STAMPS = re.compile(rb"\d{8}T\d{6}\.\d+Z|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def perform(folder: Path, as_of: date, step: str) -> None:
    """Runs one step, as one Airflow task does; the second date has a stricter contract."""
    run = run_of(folder, as_of, stricter=as_of != DATES[0])
    if step == "judge":
        judge(run.system, run.policy, {ID: run.system}, run.database, as_of)
    elif step in PRINCIPLES:
        run.check(Principle(step))
    else:
        getattr(run, step)()


@dataclass
class Writes:
    """Calls `before` with each durable operation below the folder, before it happens."""

    folder: Path
    before: Callable[[str, Sequence[Path]], None]

    def watch(self) -> None:
        """From now on and until the process ends: an audit hook cannot be taken away."""
        sys.addaudithook(self._audit)
        event.listen(Engine, "commit", self._commit)

    def _audit(self, name: str, args: tuple[Any, ...]) -> None:
        if name == "open":
            writes = args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            names = args[:1] if writes else ()
        else:
            names = args[: PATHS_OF.get(name, 0)]
        paths = [Path(os.fsdecode(one)) for one in names if not isinstance(one, int)]
        inside = [path for path in paths if path.is_relative_to(self.folder)]
        if inside and not (name == "os.mkdir" and inside[0].exists()):
            self.before(name, inside)

    def _commit(self, connection: Connection) -> None:
        if connection.connection.dbapi_connection.total_changes:  # type: ignore[union-attr]
            self.before("commit", [])


def in_child(work: Callable[[], None]) -> int:
    """Runs the work in a fork and returns its exit code; the negative signal where one ended it."""
    return ended(forked(work))


def forked(work: Callable[[], None]) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:  # noqa: BLE001 - the parent is told by the exit code
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)
    return pid


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@dataclass
class Tracer:
    """Counts the operations of one step, and finds files that changed without one."""

    folder: Path
    number: int = 0
    unseen: set[Path] = field(default_factory=set)
    listed: set[Path] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._touched: set[Path] = set()
        self._files = self._state()

    def before(self, name: str, paths: Sequence[Path]) -> None:
        self.compare()
        self.number += 1
        self._touched = set(paths)
        if name == "open":
            self.listed |= {path for path in paths if not path.name.startswith(".")}

    def compare(self) -> None:
        now = self._state()
        changed = {path for path in now.keys() | self._files.keys() if now.get(path) != self._files.get(path)}
        self.unseen |= changed - self._touched
        self._files = now

    def _state(self) -> Mapping[Path, tuple[int, int, int]]:
        found = (path for path in self.folder.rglob("*") if not path.name.startswith("store.db"))
        stats = ((path, path.stat()) for path in found if path.is_file())
        return {path: (stat.st_ino, stat.st_size, stat.st_mtime_ns) for path, stat in stats}


def traced(folder: Path, as_of: date, step: str) -> int:
    """Runs a step undisturbed and returns how many durable operations it has."""
    receiver, sender = os.pipe()

    def work() -> None:
        run_of(folder, as_of)  # the sources are there before the run
        tracer = Tracer(folder)
        Writes(folder, tracer.before).watch()
        perform(folder, as_of, step)
        tracer.compare()
        assert not tracer.unseen, f"written by something that no audit event tells of: {tracer.unseen}"
        assert not tracer.listed, f"half of it could be read under its own name: {tracer.listed}"
        os.write(sender, str(tracer.number).encode())

    code = in_child(work)
    os.close(sender)
    with os.fdopen(receiver) as answers:
        answer = answers.read()
    assert code == 0, f"{step} as of {as_of} failed undisturbed"
    return int(answer)


def kill_before(folder: Path, as_of: date, step: str, number: int) -> None:
    """Runs a step in a process that SIGKILLs itself just before its operation `number`, from 0."""

    def work() -> None:
        run_of(folder, as_of)
        seen = iter(range(number))

        def before(_name: str, _paths: Sequence[Path]) -> None:
            if next(seen, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        Writes(folder, before).watch()
        perform(folder, as_of, step)

    assert in_child(work) == -signal.SIGKILL


@dataclass(frozen=True)
class Left:
    """What a run leaves: the files that something may list, and the store's rows but for when they came."""

    files: Mapping[str, bytes]
    rows: Mapping[str, Sequence[tuple[Any, ...]]]

    def unlike(self, other: Left) -> Sequence[str]:
        """Names the files and tables that differ."""
        pairs = ((self.files, other.files), (self.rows, other.rows))
        return sorted(key for a, b in pairs for key in a.keys() | b.keys() if a.get(key) != b.get(key))


def left(folder: Path) -> Left:
    lake = folder / "lake"
    files = {path for path in lake.rglob("*") if path.is_file()}
    hidden = {path for path in files if path.name.startswith(".")}
    assert all(path.suffix == ".part" for path in hidden)
    visible = sorted(files - hidden)
    return Left({str(path.relative_to(lake)): _content(path) for path in visible}, dict(_rows(folder)))


def _content(path: Path) -> bytes:
    """Returns the file's bytes; Data Docs but for the times and random ids of Great Expectations."""
    content = path.read_bytes()
    return STAMPS.sub(b"", content) if path.suffix == ".html" else content


def unlike_but_for_staging(folder: Path, other: Path) -> Sequence[str]:
    """Names what differs; a run again after the record has nothing due, and stages nothing."""
    return [name for name in left(folder).unlike(left(other)) if "/staging/" not in name]


def content_hash(folder: Path) -> str:
    return Results(Database(f"sqlite:///{folder / 'store.db'}")).content_hash()


def _rows(folder: Path) -> Iterator[tuple[str, Sequence[tuple[Any, ...]]]]:
    connection = sqlite3.connect(folder / "store.db")
    for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
        if table == "ledger":  # hashes cover the times of recording: what is linked has to be the same
            links = connection.execute("SELECT chain, lines FROM ledger").fetchall()
            found = [(chain, *line[:2]) for chain, lines in links for line in json.loads(lines)]
            yield table, sorted(found, key=repr)
            continue
        kept = ", ".join(f'"{name}"' for name in columns if name != "recorded_at")
        query = f'SELECT {kept} FROM "{table}"'  # noqa: S608 - the schema's own names
        yield table, sorted(connection.execute(query).fetchall(), key=repr)
    connection.close()


@dataclass(frozen=True)
class Undisturbed:
    """The run that nothing killed: the folder as it was before each step, and after the last one."""

    folders: Mapping[tuple[date, str], Path]
    end: Path
    operations: Mapping[tuple[date, str], int]

    def before(self, as_of: date, step: str) -> Path:
        return self.folders[as_of, step]

    def after(self, as_of: date, step: str) -> Path:
        place = RUNS.index((as_of, step)) + 1
        return self.folders[RUNS[place]] if place < len(RUNS) else self.end


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    # What every fork would otherwise load anew.
    discover()
    code_version()
    ibis.duckdb.connect().disconnect()
    home = tmp_path_factory.mktemp("undisturbed")
    folder = home / "run"
    folder.mkdir()
    Database(f"sqlite:///{folder / 'store.db'}").migrate()
    folders, operations = {}, {}
    for place, (as_of, step) in enumerate(RUNS):
        folders[as_of, step] = shutil.copytree(folder, home / f"{place:02d}-{step}")
        operations[as_of, step] = traced(folder, as_of, step)
    return Undisturbed(folders, folder, operations)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    shutil.rmtree(tmp_path)


def test_the_undisturbed_run_has_all_that_a_kill_could_harm(undisturbed: Undisturbed) -> None:
    database = Database(f"sqlite:///{undisturbed.end / 'store.db'}")
    (episode,) = Cases(database).episodes(ID)
    assert (episode.family, episode.opened_as_of) == ("unequal_harm", DATES[-1])
    assert len(Cases(database).events(episode.id)) > 1
    assert len(Cases(database).open_questions(episode.id)) == 1
    results = Results(database)
    assert len(results.judged(ID)) == 4
    assert any(stream.endswith("~2") for stream in results.evidence(ID))
    judged_first = results.findings_between(date.min, DATES[0], ID)
    assert any(len(results.revisions(finding.key)) == 2 for finding in judged_first)
    paths = left(undisturbed.end).files
    for feed in ("outputs", "outcomes"):
        assert sum(f"/landing/{feed}/" in path and path.endswith(".json") for path in paths) == 2
        assert any(f"/quarantine/{feed}/" in path for path in paths)
    for step in ("pull", "gate", "profile", "equity", "record"):
        assert all(undisturbed.operations[as_of, step] for as_of in DATES), step
    assert undisturbed.operations[DATES[-1], "judge"]


# The first date adds no kind of write, and a gate has a hundred: they take too long for every day.
DAILY = [
    pytest.param(*run, marks=() if run[0] == DATES[-1] and run[1] != "gate" else pytest.mark.slow)
    for run in RUNS
]


@pytest.mark.parametrize(("as_of", "step"), DAILY, ids=str)
def test_a_killed_step_run_again_leaves_the_same(
    as_of: date, step: str, undisturbed: Undisturbed, place: Path
) -> None:
    start, end = left(undisturbed.before(as_of, step)), left(undisturbed.after(as_of, step))
    tried: Left | None = None
    for number in range(undisturbed.operations[as_of, step]):
        folder = shutil.copytree(undisturbed.before(as_of, step), place / str(number))
        kill_before(folder, as_of, step, number)
        killed = left(folder)
        for path, content in killed.files.items():
            assert content in (start.files.get(path), end.files.get(path)), f"kill {number}: half of {path}"
        if killed == tried:  # nothing came that anything can see: the next try would be the last one again
            continue
        assert in_child(lambda at=folder: perform(at, as_of, step)) == 0  # type: ignore[misc]
        assert not left(folder).unlike(end), f"kill {number}"
        tried = killed


@pytest.mark.parametrize("step", STEPS)
def test_two_processes_at_the_same_step_do_no_harm(step: str, undisturbed: Undisturbed, place: Path) -> None:
    as_of = DATES[-1]
    folder = shutil.copytree(undisturbed.before(as_of, step), place / "run")
    both = [forked(lambda: perform(folder, as_of, step)) for _ in range(2)]
    codes = [ended(pid) for pid in both]
    # Of two gates one may look for rows that the other has just replaced: that task is red, and tries again.
    if 0 not in codes or step != "gate":
        assert codes == [0, 0]
    elif any(codes):
        assert in_child(lambda: perform(folder, as_of, step)) == 0
    assert not left(folder).unlike(left(undisturbed.after(as_of, step)))


def test_all_steps_again_change_nothing(undisturbed: Undisturbed, place: Path) -> None:
    folder = shutil.copytree(undisturbed.end, place / "run")
    for step in STEPS:
        assert in_child(lambda step=step: perform(folder, DATES[-1], step)) == 0  # type: ignore[misc]
    assert content_hash(folder) == content_hash(undisturbed.end)
    assert not unlike_but_for_staging(folder, undisturbed.end)


@pytest.mark.parametrize("step", ["pull", "gate", "profile"])
def test_what_a_step_killed_for_good_leaves_is_not_measured(
    step: str, undisturbed: Undisturbed, place: Path
) -> None:
    """Tries run out: the steps after it go on, and must not take its half for the whole."""
    as_of = DATES[-1]
    folder = shutil.copytree(undisturbed.before(as_of, step), place / "run")
    kill_before(folder, as_of, step, undisturbed.operations[as_of, step] - 1)
    for later in STEPS[STEPS.index(step) + 1 :]:
        assert in_child(lambda later=later: perform(folder, as_of, later)) == 0  # type: ignore[misc]
    results = Results(Database(f"sqlite:///{folder / 'store.db'}"))
    found = [f for f in results.latest_findings(ID) if f.check == "effectiveness.rates"]
    assert {f.status for f in found} == {Status.ERROR}
    assert all("task again" in f.reason for f in found)


def test_a_check_task_run_again_after_the_record_leaves_the_record(
    undisturbed: Undisturbed, place: Path
) -> None:
    """An operator clears one red principle, and with it what comes after."""
    folder = shutil.copytree(undisturbed.end, place / "run")
    for step in ("equity", "record", "judge"):
        assert in_child(lambda step=step: perform(folder, DATES[-1], step)) == 0  # type: ignore[misc]
    assert content_hash(folder) == content_hash(undisturbed.end)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("as_of", "step"), RUNS, ids=str)
def test_a_killed_run_taken_up_from_its_first_task_leaves_the_same(
    as_of: date, step: str, undisturbed: Undisturbed, place: Path
) -> None:
    end = undisturbed.after(as_of, STEPS[-1])
    for number in range(undisturbed.operations[as_of, step]):
        folder = shutil.copytree(undisturbed.before(as_of, step), place / str(number))
        kill_before(folder, as_of, step, number)
        for again in STEPS:
            assert in_child(lambda at=folder, step=again: perform(at, as_of, step)) == 0  # type: ignore[misc]
        assert content_hash(folder) == content_hash(end), f"kill {number}"
        assert not unlike_but_for_staging(folder, end), f"kill {number}"
