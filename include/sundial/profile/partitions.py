"""Profiles kept in the lake, one small file a partition; only dirty partitions are computed again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import duckdb
import ibis
import pandas as pd
import pyarrow as pa

from sundial.lake import Lake
from sundial.profile.analysis import FLAGS, Columns, analysis_table
from sundial.profile.compute import run
from sundial.profile.profile import Profile
from sundial.profile.statistics import Bin, Statistic, key_name, plan_id

if TYPE_CHECKING:
    import ibis.expr.types as ir

Paths = Mapping[date, Sequence[str]]
"""Paths of accepted rows by output day."""

_LOADED: dict[tuple[str, str], Profile] = {}
# The latest profile of this process, by place and fingerprint: the principles of a run ask for the same.


class Partitions:
    """The stored profiles of one system under one plan."""

    def __init__(self, lake: Lake, system: str, plan: Sequence[Statistic]) -> None:
        self._lake = lake
        self._plan = plan
        self._folder = f"systems/{system}/profiles/{plan_id(plan)}"

    def update(self, outputs: Paths, outcomes: Paths, columns: Columns) -> Sequence[date]:
        """Computes the partitions whose accepted rows changed, and forgets those that are gone.

        Returns:
            The days computed now.
        """
        wanted, stored = _wanted(outputs, outcomes, columns), self._stored()
        dirty = [day for day, name in wanted.items() if name not in stored]
        if dirty and self._plan:
            cells = self._compute(dirty, outputs, outcomes, columns)
            for day in dirty:
                self._lake.put_table(f"{self._folder}/{wanted[day]}", _of_day(cells, day))
        for name in sorted(stored - set(wanted.values())):
            self._lake.delete(f"{self._folder}/{name}")
        return dirty

    def current(self, outputs: Paths, outcomes: Paths, columns: Columns) -> bool:
        """Tells whether what is stored is of this input: not so after an `update` that did not end."""
        return not self._plan or self._stored() == set(_wanted(outputs, outcomes, columns).values())

    def load(self) -> Profile:
        """Returns the profile of all stored partitions."""
        where = self._lake.uri(self._folder), self.fingerprint()
        if where not in _LOADED:
            _LOADED.clear()
            _LOADED[where] = self._read()
        return _LOADED[where]

    def _read(self) -> Profile:
        uris = [self._lake.uri(path) for path in self._lake.list(self._folder)]
        if not uris:
            return Profile({statistic: _empty(statistic) for statistic in self._plan})
        with duckdb.connect() as connection:
            self._lake.attach(connection)
            frame = connection.read_parquet(uris).to_arrow_table().to_pandas()
        by_id = dict(list(frame.groupby("statistic", observed=True)))
        return Profile({s: _cells(by_id[s.id], s) if s.id in by_id else _empty(s) for s in self._plan})

    def fingerprint(self) -> str:
        """Returns a hash of what the profiles were computed from."""
        return hashlib.sha256("\n".join(self._lake.list(self._folder)).encode()).hexdigest()[:16]

    def _stored(self) -> set[str]:
        return {path.rsplit("/", 1)[1] for path in self._lake.list(self._folder)}

    def _compute(
        self, days: Sequence[date], outputs: Paths, outcomes: Paths, columns: Columns
    ) -> Mapping[Statistic, pd.DataFrame]:
        connection = ibis.duckdb.connect()
        self._lake.attach(connection.con)

        def read(name: str, paths: Paths) -> ir.Table | None:
            uris = [self._lake.uri(path) for day in days for path in paths.get(day, ())]
            if not uris:
                return None
            # Not by Ibis' read_parquet, which would download an extension of DuckDB to read s3://.
            connection.con.read_parquet(uris, union_by_name=True).create_view(name)
            return connection.table(name)

        rows = read("outputs", outputs)
        if rows is None:
            return {}
        cells = run(connection, analysis_table(rows, read("outcomes", outcomes), columns), self._plan)
        connection.disconnect()
        return cells


def _wanted(outputs: Paths, outcomes: Paths, columns: Columns) -> Mapping[date, str]:
    """Returns the partition's file name by day."""
    return {day: _name(day, paths, outcomes.get(day, ()), columns) for day, paths in outputs.items()}


def _name(day: date, outputs: Sequence[str], outcomes: Sequence[str], columns: Columns) -> str:
    inputs = "\n".join([repr(columns), *sorted(outputs), "", *sorted(outcomes)])
    return f"{day}-{hashlib.sha256(inputs.encode()).hexdigest()[:12]}.parquet"


def _of_day(cells: Mapping[Statistic, pd.DataFrame], day: date) -> pa.Table:
    """Returns one day's cells of all statistics: keys as text, since their number and types differ."""
    parts = []
    for statistic, frame in cells.items():
        rows = frame[frame["day"] == pd.Timestamp(day)]
        keys = [[_text(value) for value in rows[key_name(key)]] for key in statistic.by]
        sums = [rows[f"sum_{name}"].tolist() for name in statistic.sums]
        parts.append(
            pa.table(
                {
                    "statistic": pa.array([statistic.id] * len(rows), pa.string()),
                    "day": pa.array(rows["day"], pa.timestamp("s")),
                    "counted": pa.array(rows["counted"], pa.timestamp("s")),
                    "n": pa.array(rows["n"], pa.int64()),
                    "keys": pa.array(_by_row(keys, len(rows)), _TEXTS),
                    "sums": pa.array(_by_row(sums, len(rows)), _WHOLE),
                }
            )
        )
    return pa.concat_tables(parts)


_TEXTS, _WHOLE = pa.list_(pa.string()), pa.list_(pa.int64())


def _by_row(columns: Sequence[Sequence[object]], rows: int) -> list[tuple[object, ...]]:
    return list(zip(*columns, strict=True)) if columns else [()] * rows


def _text(value: object) -> str | None:
    if value is None or value is pd.NA or value != value:
        return None
    return str(int(value)) if isinstance(value, float) else str(value)


def _cells(rows: pd.DataFrame, statistic: Statistic) -> pd.DataFrame:
    frame = rows[["day", "counted"]].reset_index(drop=True)
    for place, key in enumerate(statistic.by):
        values = pd.Series([keys[place] for keys in rows["keys"]], dtype="object")
        frame[key_name(key)] = _typed(values, key)
    frame["n"] = rows["n"].to_numpy()
    for place, name in enumerate(statistic.sums):
        frame[f"sum_{name}"] = [sums[place] for sums in rows["sums"]]
    return frame


def _typed(values: pd.Series, key: str | Bin) -> pd.Series:
    if isinstance(key, Bin) or key in FLAGS:
        return pd.to_numeric(values).astype("Int64")
    return values.astype("str")


def _empty(statistic: Statistic) -> pd.DataFrame:
    frame = pd.DataFrame({"day": pd.to_datetime([]), "counted": pd.to_datetime([])})
    for key in statistic.by:
        frame[key_name(key)] = _typed(pd.Series([], dtype="object"), key)
    return frame.assign(
        **{name: pd.Series([], dtype="int64") for name in ["n", *(f"sum_{s}" for s in statistic.sums)]}
    )
