"""Profiles kept in the lake, one file an ISO week; only dirty partitions are computed again.

A file has every day's cells apart, so that a late outcome replaces those of its own day. Its name carries the
hash of what all its days were computed from: what is wanted is known from the names alone, and a file that is
replaced is never read again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date
from typing import Any

import numpy as np

from sundial.lake import Lake
from sundial.profile.accepted import outputs_of
from sundial.profile.analysed import Analysis
from sundial.profile.analysis import corrections
from sundial.profile.cells import Cells, settled, stacked
from sundial.profile.clusters import Clusters, week_of
from sundial.profile.columns import Columns
from sundial.profile.counting import counted
from sundial.profile.engine import Engine
from sundial.profile.profile import Correction, Profile
from sundial.profile.spans import Spans
from sundial.profile.statistics import TIMES, Statistic, plan_id
from sundial.profile.stored import StoredProfile
from sundial.profile.truths import truths_of
from sundial.profile.weekfile import Stored, tables_of
from sundial.register.columns import FLAGS, LABELS, MEASURED
from sundial.register.events import FeedName

Paths = Mapping[date, Sequence[str]]
"""Paths of accepted rows by output day."""

AT_ONCE = 8 * 2**20
"""Bytes of accepted rows that are read at once, at least one day: memory does not grow with the history."""

_PIECES = 8
# Pieces of a large day whose cells are held apart: each repeats nearly all of the day's.

_OF_OUTPUTS = frozenset(
    {"predicted", "late", "failed", "score", "latency", "model_version", "predicted_class", "weight"}
)
_OF_TRUTH = (FLAGS | MEASURED | LABELS | {"outcome_weight"}) - _OF_OUTPUTS
_LOADED: dict[tuple[str, str], Profile] = {}
# The latest profiles of this process, by place and fingerprint: the principles of a run ask for the same.

_MOST_LOADED = 8
# As many as a system has feeds.

OfAll = Mapping[Statistic, Cells]
"""The cells of each statistic."""


@dataclass(frozen=True)
class _Week:
    """What is kept of a stored file."""

    days: Mapping[str, str]
    cells: OfAll
    corrected: Sequence[Correction]


class Partitions:
    """The stored profiles, under one plan, of a system's outputs and their truth or of a feed of events."""

    def __init__(
        self, lake: Lake, system: str, plan: Sequence[Statistic], feed: FeedName = "outputs"
    ) -> None:
        self._lake = lake
        self._plan = tuple(sorted(plan, key=lambda s: s.id))
        self._feed: FeedName = feed
        place = f"systems/{system}" if feed == "outputs" else f"systems/{system}/events/{feed}"
        self._plans = f"{place}/profiles"
        self._folder = f"{self._plans}/{plan_id(plan)}"
        self._spans = Spans(lake, f"{place}/spans", plan_id(plan), self._plan)

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
            if (week := kept.get(week_of(day))) and day.isoformat() not in week.days
        ]
        waiting = {monday: [week.cells] if week.days else [] for monday, week in kept.items()}
        corrected = [correction for week in kept.values() for correction in week.corrected]
        for group, cells, found in self._compute(dirty, outputs, outcomes, columns):
            corrected += found
            for monday in dict.fromkeys(map(week_of, group)):
                waiting[monday].append(_of_week(cells, monday))
            # Written as soon as it is whole: what was computed survives a kill, and is out of memory.
            for monday in [monday for monday in waiting if monday < week_of(group[-1])]:
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
            if len(_LOADED) >= _MOST_LOADED:
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
        days = {day.isoformat(): made for day, made in inputs.items() if week_of(day) == monday}
        cells = {s: stacked([part[s] for part in parts], s) for s in self._plan}
        of_week = [correction for correction in corrected if week_of(correction.day) == monday]
        self._lake.put_table(f"{self._folder}/{wanted[monday]}", *tables_of(days, cells, of_week))

    def _compute(
        self, days: Sequence[date], outputs: Paths, outcomes: Paths, columns: Columns
    ) -> Iterator[tuple[Sequence[date], OfAll, Sequence[Correction]]]:
        if not days:
            return
        engine = Engine(self._lake)
        clusters = None if columns.cluster is None else Clusters(self._lake, engine, columns.cluster)
        analysis = Analysis(engine, columns, self._plan, self._feed, clusters)
        for group in self._groups(days, outputs, outcomes):
            if clusters is not None:
                clusters.read(group, outputs)
            of_truths = [path for day in group for path in outcomes.get(day, ())]
            # A batch has an output's truth once: the gate refuses what is there twice.
            corrected = any(len(outcomes.get(day, ())) > 1 for day in group)
            truths = truths_of(self._lake, engine, of_truths, corrected=corrected)
            parts: dict[Statistic, list[Cells]] = {s: [] for s in self._plan}
            for rows in outputs_of(
                self._lake,
                engine,
                [path for day in group for path in outputs.get(day, ())],
                columns.of_feed,
                whole=columns.ranked is not None,
            ):
                analysed = analysis.of(truths.beside(rows) if truths else rows)
                for s, of_s in parts.items():
                    of_s.append(counted(analysed[s.over], s))
                    if len(of_s) == _PIECES:
                        of_s[:] = [settled(stacked(of_s, s), s)]
                del rows, analysed  # what a loop still names is in memory while the next is read
            if all(parts.values()):
                yield (
                    group,
                    {
                        s: of_s[0] if len(of_s) == 1 else settled(stacked(of_s, s), s)
                        for s, of_s in parts.items()
                    },
                    _corrected(engine.connection) if corrected else (),
                )
        engine.close()

    def _groups(self, days: Sequence[date], outputs: Paths, outcomes: Paths) -> Iterator[Sequence[date]]:
        group: list[date] = []
        size = 0
        for day in days:
            of_day = sum(
                self._lake.sizes([path for feed in (outputs, outcomes) for path in feed.get(day, ())])
            )
            if group and size + of_day > AT_ONCE:
                yield group
                group, size = [], 0
            group.append(day)
            size += of_day
        yield group


def _corrected(connection: Any) -> Sequence[Correction]:
    found = connection.to_pyarrow(corrections(connection.table("outcomes"))).to_pylist()
    return sorted((Correction(**row) for row in found), key=astuple)


def needs_truth(statistic: Statistic) -> bool:
    """Tells whether a statistic counts, or counts by, anything that becomes known with the truth."""
    names = {name for column in statistic.columns for name in column.split(TIMES)}
    return statistic.over == "outcomes" or bool(names & _OF_TRUTH)


def _inputs(outputs: Paths, outcomes: Paths, columns: Columns) -> Mapping[date, str]:
    """Returns the hash of what each day is computed from."""
    about = repr(columns)
    of_week: dict[date, list[str]] = {}
    for day in sorted(outputs) if columns.cluster is not None else ():
        of_week.setdefault(week_of(day), []).extend(sorted(outputs[day]))

    def made(day: date) -> str:
        # What a row of a cluster weighs depends on all days of its week.
        own = [
            about,
            *sorted(outputs[day]),
            "",
            *sorted(outcomes.get(day, ())),
            *of_week.get(week_of(day), ()),
        ]
        return hashlib.sha256("\n".join(own).encode()).hexdigest()[:12]

    return {day: made(day) for day in outputs}


def _names(inputs: Mapping[date, str]) -> Mapping[date, str]:
    """Returns the file name of each week, by its Monday."""
    weeks: dict[date, list[str]] = {}
    for day in sorted(inputs):
        weeks.setdefault(week_of(day), []).append(f"{day} {inputs[day]}")
    return {
        monday: f"{monday}-{hashlib.sha256(chr(10).join(days).encode()).hexdigest()[:12]}.parquet"
        for monday, days in weeks.items()
    }


def _of_week(cells: OfAll, monday: date) -> OfAll:
    first = monday.toordinal() - date(1970, 1, 1).toordinal()
    return {statistic: part.between(first, first + 6) for statistic, part in cells.items()}
