"""Profiles kept in the lake, one file an ISO week; only dirty partitions are computed again.

A file has every day's cells apart, so that a late outcome replaces those of its own day. Its name carries the
hash of what all its days were computed from: what is wanted is known from the names alone, and a file that is
replaced is never read again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np

from sundial.lake import Lake
from sundial.profile.analysis import Columns, analysis_table, corrections
from sundial.profile.cells import Cells, stacked
from sundial.profile.compute import candidates, expression, tidy
from sundial.profile.profile import Correction, Profile
from sundial.profile.spans import Spans
from sundial.profile.statistics import Bin, Sample, Statistic, plan_id
from sundial.profile.stored import StoredProfile
from sundial.profile.weekfile import Stored, tables_of
from sundial.register.columns import FLAGS, LABELS, MEASURED

if TYPE_CHECKING:
    import ibis.expr.types as ir

Paths = Mapping[date, Sequence[str]]
"""Paths of accepted rows by output day."""

AT_ONCE = 64 * 2**20
"""Bytes of accepted rows in one query, at least one day: memory does not grow with the history."""

_OF_OUTPUTS = frozenset(
    {"predicted", "late", "failed", "score", "latency", "model_version", "predicted_class", "weight"}
)
_OF_TRUTH = (FLAGS | MEASURED | LABELS | {"outcome_weight"}) - _OF_OUTPUTS
_OF_ALL = _OF_TRUTH | {"weight"}
# Columns that a row has not by itself alone: its truth is joined, and its cluster counts.

_LOADED: dict[tuple[str, str], Profile] = {}
# The latest profile of this process, by place and fingerprint: the principles of a run ask for the same.

OfAll = Mapping[Statistic, Cells]
"""The cells of each statistic."""


@dataclass(frozen=True)
class _Compiled:
    """SQL for accepted rows of one form: views, a table made once, and each statistic of these.

    Attributes:
        views: by their names.
        known: the rows with truth, which are joined once; None if no statistic is of them.
        statements: of each statistic.
    """

    views: Mapping[str, str]
    known: str | None
    statements: Mapping[Statistic, str]


@dataclass(frozen=True)
class _Week:
    """What is kept of a stored file."""

    days: Mapping[str, str]
    cells: OfAll
    corrected: Sequence[Correction]


class Partitions:
    """The stored profiles of one system under one plan."""

    def __init__(self, lake: Lake, system: str, plan: Sequence[Statistic]) -> None:
        self._lake = lake
        self._plan = tuple(sorted(plan, key=lambda s: s.id))
        self._plans = f"systems/{system}/profiles"
        self._folder = f"{self._plans}/{plan_id(plan)}"
        self._spans = Spans(lake, f"systems/{system}/spans", plan_id(plan), self._plan)

    def update(self, outputs: Paths, outcomes: Paths, columns: Columns) -> Sequence[date]:
        """Computes the partitions whose accepted rows changed, and forgets those that are gone.

        Profiles of other plans of the system are forgotten at the end.

        Returns:
            The days computed now.
        """
        inputs = _inputs(outputs, outcomes, columns)
        if not self._plan:
            return list(inputs)
        wanted, stored = _names(inputs), self._stored()
        kept = {
            monday: self._kept(monday, inputs, stored)
            for monday, name in wanted.items()
            if name not in stored
        }
        dirty = [
            day
            for day in sorted(inputs)
            if (week := kept.get(_monday(day))) and day.isoformat() not in week.days
        ]
        waiting = {monday: [week.cells] if week.days else [] for monday, week in kept.items()}
        corrected = [correction for week in kept.values() for correction in week.corrected]
        for group, cells, found in self._compute(dirty, outputs, outcomes, columns):
            corrected += found
            for monday in dict.fromkeys(map(_monday, group)):
                waiting[monday].append(_of_week(cells, monday))
            # Written as soon as it is whole: what was computed survives a kill, and is out of memory.
            for monday in [monday for monday in waiting if monday < _monday(group[-1])]:
                self._put(monday, wanted, inputs, waiting.pop(monday), corrected)
        for monday in list(waiting):
            self._put(monday, wanted, inputs, waiting.pop(monday), corrected)
        for name in sorted(stored - set(wanted.values())):
            self._lake.delete(f"{self._folder}/{name}")
        for path in self._lake.list(self._plans):
            if not path.startswith(f"{self._folder}/"):
                self._lake.delete(path)
        self._spans.update(self._lake.list(self._folder))
        return dirty

    def current(self, outputs: Paths, outcomes: Paths, columns: Columns) -> bool:
        """Tells whether what is stored is of this input: not so after an `update` that did not end."""
        return not self._plan or self._stored() == set(_names(_inputs(outputs, outcomes, columns)).values())

    def load(self) -> Profile:
        """Returns the profile of all stored partitions; of its files it reads those that are asked about."""
        where = self._lake.uri(self._folder), self.fingerprint()
        if where not in _LOADED:
            _LOADED.clear()
            _LOADED[where] = StoredProfile(self._lake, self._lake.list(self._folder), self._spans, self._plan)
        return _LOADED[where]

    def fingerprint(self) -> str:
        """Returns a hash of what the profiles were computed from."""
        return hashlib.sha256("\n".join(self._lake.list(self._folder)).encode()).hexdigest()[:16]

    def _stored(self) -> set[str]:
        return {path.rsplit("/", 1)[1] for path in self._lake.list(self._folder)}

    def _kept(self, monday: date, inputs: Mapping[date, str], stored: set[str]) -> _Week:
        """Returns the days of a week that are stored and have not changed."""
        names = sorted(name for name in stored if name.startswith(f"{monday}-"))
        if not names:
            return _Week({}, {}, ())
        # More than one is there only after a kill; the days missing in this one are computed again.
        week = Stored(self._lake, f"{self._folder}/{names[0]}", self._plan)
        days = {day: made for day, made in week.days.items() if inputs.get(date.fromisoformat(day)) == made}
        kept = np.array(list(days), "datetime64[D]").astype(np.int64)
        return _Week(
            days,
            {s: (part := week.part(s)).only(np.isin(part.day, kept)) for s in self._plan},
            [correction for correction in week.corrected if correction.day.isoformat() in days],
        )

    def _put(
        self,
        monday: date,
        wanted: Mapping[date, str],
        inputs: Mapping[date, str],
        parts: Sequence[OfAll],
        corrected: Sequence[Correction],
    ) -> None:
        days = {day.isoformat(): made for day, made in inputs.items() if _monday(day) == monday}
        cells = {s: stacked([part[s] for part in parts], s) for s in self._plan}
        of_week = [correction for correction in corrected if _monday(correction.day) == monday]
        self._lake.put_table(f"{self._folder}/{wanted[monday]}", *tables_of(days, cells, of_week))

    def _compute(
        self, days: Sequence[date], outputs: Paths, outcomes: Paths, columns: Columns
    ) -> Iterator[tuple[Sequence[date], OfAll, Sequence[Correction]]]:
        if not days:
            return
        connection = ibis.duckdb.connect()
        self._lake.attach(connection.con)
        # Each statistic opens the same files, which never change.
        connection.con.execute("SET parquet_metadata_cache = true")
        compiled: dict[tuple[object, ...], _Compiled] = {}

        def read(name: str, group: Sequence[date], paths: Paths) -> ir.Table | None:
            uris = [self._lake.uri(path) for day in group for path in paths.get(day, ())]
            if not uris:
                return None
            # Not by Ibis' read_parquet, which would download an extension of DuckDB to read s3://.
            connection.con.read_parquet(uris, union_by_name=True).create_view(name)
            return connection.table(name)

        for group in self._groups(days, outputs, outcomes):
            rows, truths = read("outputs", group, outputs), read("outcomes", group, outcomes)
            if rows is None:
                continue
            # A batch has an output's truth once: the gate refuses what is there twice.
            corrected = any(len(outcomes.get(day, ())) > 1 for day in group)
            form = (rows.schema(), truths.schema() if truths is not None else None, corrected)
            if form not in compiled:
                compiled[form] = self._compiled(connection, rows, truths, columns, corrected=corrected)
            of_form = compiled[form]
            views = {**of_form.views, **self._few(connection, rows)}
            for name, sql in views.items():
                connection.con.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {sql}")
            if of_form.known is not None:
                connection.con.execute(f"CREATE OR REPLACE TEMP TABLE known AS {of_form.known}")
            yield (
                group,
                {
                    s: tidy(connection.con.sql(sql).to_arrow_table(), s)
                    for s, sql in of_form.statements.items()
                },
                _corrected(connection, truths) if truths is not None and corrected else (),
            )
        connection.disconnect()

    def _compiled(
        self, connection: Any, rows: ir.Table, truths: ir.Table | None, columns: Columns, *, corrected: bool
    ) -> _Compiled:
        tables = {
            "joined": analysis_table(rows, truths, columns, corrected=corrected),
            "alone": analysis_table(rows, None, columns),
        }
        # By the name of a view each statement is short: Ibis takes its time to write one.
        named = {name: ibis.table(table.schema(), name=name) for name, table in tables.items()}
        joined = named["joined"]
        of_truth = [s for s in self._plan if s.over == "outcomes"]
        names = {"day", "outcome_counted", *(name for s in of_truth for name in _columns(s))}
        known = joined.filter(joined.outcome_counted.notnull()).select(sorted(names))
        drawn = analysis_table(ibis.table(rows.schema(), name="few"), None, columns)

        def source(statistic: Statistic) -> ir.Table:
            if statistic.over == "outcomes":
                return ibis.table(known.schema(), name="known")
            if _of_few(statistic):
                return drawn
            return joined if needs_truth(statistic) else named["alone"]

        return _Compiled(
            {name: str(connection.compile(table)) for name, table in tables.items()},
            str(connection.compile(known)) if of_truth else None,
            {s: str(connection.compile(expression(source(s), s))) for s in self._plan},
        )

    def _few(self, connection: Any, rows: ir.Table) -> Mapping[str, str]:
        """Returns the view of the rows that may be drawn, if any are to be."""
        sizes = [s.size for s in self._plan if isinstance(s, Sample) and _of_few(s)]
        if not sizes:
            return {}
        counts = connection.to_pyarrow(rows.group_by("day", "counted").agg(n=rows.count()))["n"].to_pylist()
        found = candidates(rows, max(sizes), counts)
        return {"few": str(connection.compile(found))}

    def _groups(self, days: Sequence[date], outputs: Paths, outcomes: Paths) -> Iterator[Sequence[date]]:
        group: list[date] = []
        size = 0
        for day in days:
            paths = [
                f"{self._lake.root}/{path}" for feed in (outputs, outcomes) for path in feed.get(day, ())
            ]
            of_day = sum(self._lake.fs.sizes(paths))
            if group and size + of_day > AT_ONCE:
                yield group
                group, size = [], 0
            group.append(day)
            size += of_day
        yield group


def _corrected(connection: Any, truths: ir.Table) -> Sequence[Correction]:
    found = connection.to_pyarrow(corrections(truths)).to_pylist()
    return sorted((Correction(**row) for row in found), key=astuple)


def needs_truth(statistic: Statistic) -> bool:
    """Tells whether a statistic counts, or counts by, anything that becomes known with the truth."""
    return statistic.over == "outcomes" or bool(_columns(statistic) & _OF_TRUTH)


def _of_few(statistic: Statistic) -> bool:
    """Tells whether a few of the accepted rows are enough to draw the sample."""
    return isinstance(statistic, Sample) and statistic.over == "outputs" and not _columns(statistic) & _OF_ALL


def _columns(statistic: Statistic) -> frozenset[str]:
    keys = (key.column if isinstance(key, Bin) else key for key in statistic.by)
    own = ("key",) if isinstance(statistic, Sample) else ()
    return frozenset({*own, *keys, *statistic.sums, *statistic.extremes})


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _inputs(outputs: Paths, outcomes: Paths, columns: Columns) -> Mapping[date, str]:
    """Returns the hash of what each day is computed from."""
    about = repr(columns)

    def made(day: date) -> str:
        inputs = "\n".join([about, *sorted(outputs[day]), "", *sorted(outcomes.get(day, ()))])
        return hashlib.sha256(inputs.encode()).hexdigest()[:12]

    return {day: made(day) for day in outputs}


def _names(inputs: Mapping[date, str]) -> Mapping[date, str]:
    """Returns the file name of each week, by its Monday."""
    weeks: dict[date, list[str]] = {}
    for day in sorted(inputs):
        weeks.setdefault(_monday(day), []).append(f"{day} {inputs[day]}")
    return {
        monday: f"{monday}-{hashlib.sha256(chr(10).join(days).encode()).hexdigest()[:12]}.parquet"
        for monday, days in weeks.items()
    }


def _of_week(cells: OfAll, monday: date) -> OfAll:
    first = monday.toordinal() - date(1970, 1, 1).toordinal()
    return {statistic: part.between(first, first + 6) for statistic, part in cells.items()}
