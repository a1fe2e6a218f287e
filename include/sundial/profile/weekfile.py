"""How a stored file has the cells of all statistics: Parquet, keys as numbers."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sundial.profile.cells import Cells, Codes, Levels, known, versions
from sundial.profile.profile import Correction
from sundial.profile.statistics import Bin, Sample, Statistic, key_name
from sundial.register.columns import FLAGS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sundial.lake import Lake

ABOUT = b"sundial"
"""Metadata of a stored file: its days with their input hashes, how its rows belong to statistics, in which
weeks its outcomes count, what was corrected, and which versions of the model there are."""

_MANY = 2**12
# Cells of a statistic that are worth looking at before they are kept.


class Stored:
    """One stored file; its cells are read when they are asked about: most principles ask for no sample.

    Attributes:
        days: hash of what each day was computed from, by day.
        corrected: what was corrected of its outcomes.
    """

    def __init__(self, lake: Lake, path: str, plan: Sequence[Statistic]) -> None:
        self._file = pq.ParquetFile(io.BytesIO(lake.get(path)), pre_buffer=False)
        about = json.loads(self._file.schema_arrow.metadata[ABOUT])
        self.days: Mapping[str, str] = about["days"]
        self.corrected = _corrections(about)
        self._plan = plan
        self._told = dict(zip(plan, about["rows"], strict=True))
        self._columns: dict[Statistic, Mapping[str, NDArray[Any]]] = {}

    def part(self, statistic: Statistic) -> Cells:
        """Returns the cells of a statistic of the plan."""
        if statistic not in self._columns:
            self._read(statistic)
        columns, (_, levels) = self._columns[statistic], self._told[statistic]
        keys = {
            key_name(key): (columns[f"key_{place}"].astype(np.int64), names)
            for place, (key, names) in enumerate(zip(statistic.by, levels, strict=True))
        }
        values = {name: _wide(columns[short]) for name, short in _stored_as(statistic).items()}
        return Cells(columns["day"].astype(np.int64), columns["counted"].astype(np.int64), keys, values)

    def _read(self, statistic: Statistic) -> None:
        """Reads the row groups in which a statistic lies, with all that lies there."""
        row_groups = iter(range(self._file.num_row_groups))
        for group in _groups(self._plan):
            numbers, rest = [], sum(self._told[one][0] for one in group)
            while rest:
                numbers.append(next(row_groups))
                rest -= self._file.metadata.row_group(numbers[-1]).num_rows
            if statistic not in group:
                continue
            names = sorted({name for one in group for name in _columns(one)})
            table, start = self._file.read_row_groups(numbers, columns=names), 0
            # As NumPy's dates days would be copied twice.
            read = {name: _days_as_numbers(table[name]).to_numpy() for name in names}
            for one in group:
                stop = start + self._told[one][0]
                # Its own columns only: together they are as wide as the widest, and mostly gaps.
                self._columns[one] = {name: _narrow(read[name][start:stop]) for name in _columns(one)}
                start = stop
        if len(self._columns) == len(self._plan):
            del self._file  # its bytes are not asked for any more


def _groups(plan: Iterable[Statistic]) -> Sequence[Sequence[Statistic]]:
    """Returns what shares row groups: samples have many columns and few rows, all else the contrary."""
    samples = [statistic for statistic in plan if isinstance(statistic, Sample)]
    others = [statistic for statistic in plan if not isinstance(statistic, Sample)]
    return [group for group in (others, samples) if group]


def _columns(statistic: Statistic) -> Sequence[str]:
    keys = (f"key_{place}" for place in range(len(statistic.by)))
    return ["day", "counted", *keys, *_stored_as(statistic).values()]


def _narrow(values: NDArray[Any]) -> NDArray[Any]:
    """Returns a copy, of many whole numbers in the narrowest type that holds them: files are kept."""
    if values.dtype.kind == "i" and len(values) > _MANY:
        least, most = values.min(), values.max()
        for kind in (np.int16, np.int32):
            if np.iinfo(kind).min <= least and most <= np.iinfo(kind).max:
                return values.astype(kind)
    return values.copy()


def _wide(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(np.int64, copy=False) if values.dtype.kind == "i" else values


def _days_as_numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.int32()) if pa.types.is_date32(column.type) else column


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


def tables_of(
    days: Mapping[str, str], cells: Mapping[Statistic, Cells], corrected: Sequence[Correction] = ()
) -> Sequence[pa.Table]:
    """Returns the cells of statistics under each other, in tables of the same columns that begin row groups.

    Keys are numbers, their levels in the metadata.
    """
    parts: dict[Statistic, Mapping[str, NDArray[Any]]] = {}
    levels: dict[Statistic, Sequence[Levels]] = {}
    for statistic, part in cells.items():
        keys = [_used(*part.keys[key_name(key)]) for key in statistic.by]
        values = [part.values[name] for name in _stored_as(statistic)]
        columns = [part.day, part.counted, *(codes for codes, _ in keys), *values]
        parts[statistic] = dict(zip(_columns(statistic), columns, strict=True))
        levels[statistic] = [names for _, names in keys]
    about = {
        "days": dict(sorted(days.items())),
        "rows": [(len(part), levels[statistic]) for statistic, part in cells.items()],
        "known": known(cells).tolist(),
        "versions": [[version, str(counted), str(day)] for version, counted, day in versions(cells)],
        "corrected": sorted([*map(str, (c.day, c.counted, c.after, c.until)), c.n] for c in corrected),
    }
    kinds = {name: values.dtype for part in parts.values() for name, values in part.items()}
    metadata = {ABOUT: json.dumps(about, sort_keys=True)}
    return [
        pa.table(
            {
                name: _column(name, kind, [parts[statistic] for statistic in group])
                for name, kind in kinds.items()
            },
            metadata=metadata,
        )
        for group in _groups(cells)
    ]


def _used(codes: NDArray[np.int64], levels: Levels) -> Codes:
    """Returns the codes by those levels that there are: what is stored is the same whoever computed it."""
    if levels is None:
        return codes, None
    there = np.bincount(codes[codes >= 0], minlength=len(levels)) > 0
    if there.all():
        return codes, levels
    return np.append(np.cumsum(there) - 1, -1)[codes], [
        level for level, is_there in zip(levels, there, strict=True) if is_there
    ]


def _column(name: str, kind: np.dtype[Any], parts: Sequence[Mapping[str, NDArray[Any]]]) -> pa.Array:
    """Returns a column of all parts. Where a part has none nothing is looked up: it is a number, not null."""
    values = np.concatenate(
        [part[name] if name in part else np.zeros(len(part["day"]), kind) for part in parts], dtype=kind
    )
    if name in ("day", "counted"):
        return pa.array(values.astype("datetime64[D]"))
    return pa.array(values.astype(np.int32) if name.startswith("key_") else values)


def _stored_as(statistic: Statistic) -> Mapping[str, str]:
    """Returns the column of a stored file by the column of the cells: statistics share the former."""
    if isinstance(statistic, Sample):
        return {"rank": "n", **{name: f"min_{place}" for place, name in enumerate(statistic.sums)}}
    numbered = (("sum", statistic.sums), ("min", statistic.extremes), ("max", statistic.extremes))
    return {"n": "n"} | {
        f"{kind}_{name}": f"{kind}_{place}" for kind, names in numbered for place, name in enumerate(names)
    }


def empty(statistic: Statistic) -> Cells:
    """Returns no cells."""
    none = np.array([], np.int64)
    keys: dict[str, tuple[NDArray[np.int64], Sequence[str] | None]] = {
        key_name(key): (none, None if isinstance(key, Bin) or key in FLAGS else []) for key in statistic.by
    }
    values = {
        name: none if merge == "add" else none.astype(float) for name, merge in statistic.merged.items()
    }
    return Cells(none, none, keys, values)
