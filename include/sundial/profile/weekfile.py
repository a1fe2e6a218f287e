"""How a stored file has the cells of all statistics: one Parquet table, its keys as numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sundial.profile.analysis import FLAGS
from sundial.profile.compute import decoded, encoded
from sundial.profile.profile import Correction, known, versions
from sundial.profile.statistics import Bin, Sample, Statistic, key_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sundial.lake import Lake

ABOUT = b"sundial"
"""Metadata of a stored file: its days with their input hashes, how its rows belong to statistics, in which
weeks its outcomes count, what was corrected, and which versions of the model there are."""


@dataclass(frozen=True)
class Part:
    """Cells of one statistic in one file, as arrays of the same length.

    Attributes:
        day: days since 1970.
        counted: likewise.
        keys: codes by the name of the key, -1 where it is missing, and its levels, sorted; None as levels of
            whole numbers.
        values: what is merged, by the name of the column.
    """

    day: NDArray[np.int64]
    counted: NDArray[np.int64]
    keys: Mapping[str, tuple[NDArray[np.int64], Sequence[str] | None]]
    values: Mapping[str, NDArray[Any]]

    def only(self, chosen: NDArray[np.bool_]) -> Part:
        """Returns the chosen cells."""
        if chosen.all():
            return self
        return Part(
            self.day[chosen],
            self.counted[chosen],
            {name: (codes[chosen], levels) for name, (codes, levels) in self.keys.items()},
            {name: values[chosen] for name, values in self.values.items()},
        )

    def frame(self) -> pd.DataFrame:
        """Returns the cells as a profile takes them."""
        dates = {name: _dates(days) for name, days in (("day", self.day), ("counted", self.counted))}
        keys = {name: decoded(codes, levels) for name, (codes, levels) in self.keys.items()}
        return pd.DataFrame({**dates, **keys, **self.values})


class Stored:
    """One stored file, read.

    Attributes:
        days: hash of what each day was computed from, by day.
        corrected: what was corrected of its outcomes.
    """

    def __init__(self, lake: Lake, path: str, plan: Sequence[Statistic]) -> None:
        table = lake.get_table(path)
        about = json.loads(table.schema.metadata[ABOUT])
        self.days: Mapping[str, str] = about["days"]
        self.corrected = _corrections(about)
        self._columns = {name: _array(name, table[name]) for name in table.column_names}
        self._places: dict[Statistic, tuple[slice, Sequence[Sequence[str] | None]]] = {}
        start = 0
        for statistic, (rows, levels) in zip(plan, about["rows"], strict=True):
            self._places[statistic] = slice(start, start + rows), levels
            start += rows

    def part(self, statistic: Statistic) -> Part:
        """Returns the cells of a statistic of the plan."""
        rows, levels = self._places[statistic]
        keys = {
            key_name(key): (self._columns[f"key_{place}"][rows], names)
            for place, (key, names) in enumerate(zip(statistic.by, levels, strict=True))
        }
        values = {name: self._columns[short][rows] for name, short in _stored_as(statistic).items()}
        return Part(self._columns["day"][rows], self._columns["counted"][rows], keys, values)


def _array(name: str, column: pa.ChunkedArray) -> NDArray[Any]:
    array: NDArray[Any]
    if name in ("day", "counted"):
        array = column.to_numpy().astype("datetime64[D]").astype(np.int64)
    elif name.startswith("key_"):
        array = column.fill_null(-1).to_numpy().astype(np.int64)
    else:  # a sum is null where a statistic has none
        array = (column.fill_null(0) if pa.types.is_integer(column.type) else column).to_numpy()
    return array


def _dates(days: NDArray[np.int64]) -> NDArray[np.datetime64]:
    return days.astype("datetime64[D]").astype("datetime64[s]")


@dataclass(frozen=True)
class About:
    """What the end of a stored file tells without its cells.

    Attributes:
        days: those of its outputs.
        counted: first and last week in which a cell of it counts; None where it has none.
        known: distinct pairs of day and counted of its outcomes, as days since 1970, shape (2, pairs).
        corrected: what was corrected of its outcomes.
        versions: as `profile.versions` gives them.
    """

    days: Sequence[date]
    counted: tuple[date, date] | None
    known: NDArray[np.int64]
    corrected: Sequence[Correction]
    versions: Sequence[tuple[str, date, date]]


def about_file(lake: Lake, path: str) -> About:
    """Returns what the end of the file tells; its cells are not read."""
    with lake.open(path) as file:
        footer = pq.read_metadata(file)
    told = json.loads(footer.metadata[ABOUT])
    place = footer.schema.names.index("counted")
    groups = [footer.row_group(group).column(place).statistics for group in range(footer.num_row_groups)]
    ends = [group for group in groups if group is not None and group.has_min_max]
    return About(
        [_date(day) for day in told["days"]],
        (min(g.min for g in ends), max(g.max for g in ends)) if ends else None,
        np.array(told["known"], np.int64).reshape(2, -1),
        _corrections(told),
        [(version, _date(counted), _date(day)) for version, counted, day in told["versions"]],
    )


_date = date.fromisoformat


def _corrections(told: Mapping[str, Any]) -> Sequence[Correction]:
    return [
        Correction(_date(day), _date(counted), _date(after), _date(until), n)
        for day, counted, after, until, n in told["corrected"]
    ]


def table_of(
    days: Mapping[str, str], cells: Mapping[Statistic, pd.DataFrame], corrected: Sequence[Correction] = ()
) -> pa.Table:
    """Returns the cells of all statistics under each other; keys as numbers, their levels in the metadata."""
    parts, rows = [], []
    for statistic, frame in cells.items():
        columns: dict[str, pa.Array] = {
            name: pa.array(frame[name].to_numpy().astype("datetime64[D]")) for name in ("day", "counted")
        }
        levels = []
        for place, key in enumerate(statistic.by):
            codes, names = encoded(frame[key_name(key)])
            columns[f"key_{place}"] = pa.array(codes, pa.int32(), mask=codes < 0)
            levels.append(names)
        for name, short in _stored_as(statistic).items():
            columns[short] = pa.array(frame[name].to_numpy())
        parts.append(pa.table(columns))
        rows.append((len(frame), levels))
    about = {
        "days": dict(sorted(days.items())),
        "rows": rows,
        "known": known(cells).tolist(),
        "versions": [[version, str(counted), str(day)] for version, counted, day in versions(cells)],
        "corrected": sorted([*map(str, (c.day, c.counted, c.after, c.until)), c.n] for c in corrected),
    }
    return pa.concat_tables(parts, promote_options="default").replace_schema_metadata(
        {ABOUT: json.dumps(about, sort_keys=True)}
    )


def _stored_as(statistic: Statistic) -> Mapping[str, str]:
    """Returns the column of a stored file by the column of the cells: statistics share the former."""
    if isinstance(statistic, Sample):
        return {"rank": "n", **{name: f"min_{place}" for place, name in enumerate(statistic.sums)}}
    numbered = (("sum", statistic.sums), ("min", statistic.extremes), ("max", statistic.extremes))
    return {"n": "n"} | {
        f"{kind}_{name}": f"{kind}_{place}" for kind, names in numbered for place, name in enumerate(names)
    }


def empty(statistic: Statistic) -> Part:
    """Returns no cells."""
    none = np.array([], np.int64)
    keys: dict[str, tuple[NDArray[np.int64], Sequence[str] | None]] = {
        key_name(key): (none, None if isinstance(key, Bin) or key in FLAGS else []) for key in statistic.by
    }
    values = {
        name: none if merge == "add" else none.astype(float) for name, merge in statistic.merged.items()
    }
    return Part(none, none, keys, values)
