"""The generated prediction log, N reference and N current rows, and the same rows as the gate accepts them.

Usage: python -m benchmarks.performance.data ROWS FOLDER

It writes `FOLDER/log/{reference,current}/day=YYYY-MM-DD/rows.parquet`, which the peers read, and
`FOLDER/lake/systems/<id>/accepted/{outputs,outcomes}/YYYY-MM-DD/rows.parquet`, which Sundial's engine reads.
One day is in memory at a time. Each day has a seed of its own: a run that was cut goes on with the next day.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.performance.entry import CURRENT, DAYS, REFERENCE, SYSTEM
from sundial.lake import parquet_bytes

SEED = 20261122
ROW_GROUP = 122_880
RACE = ("Asian", "Black", "Hispanic", "Other", "White")
SEX = ("female", "male")
AGE_BAND = ("18-29", "30-44", "45-64", "65+")
DISTRICT = tuple(str(number) for number in range(1, 11))
LEVELS = {"c0": 4, "c1": 8, "c2": 12, "c3": 25, "c4": 50}
MISSING_TRUTH, MISSING_NUMBER = 0.1, 0.01


def write(rows: int, folder: Path) -> None:
    """Writes both windows in both forms; days that are there are kept.

    Args:
        rows: rows of each window.
        folder: where to; a whole day is there or not at all.
    """
    sizes = [rows // DAYS + (place < rows % DAYS) for place in range(DAYS)]
    for window, first in (("reference", REFERENCE), ("current", CURRENT)):
        for place, size in enumerate(sizes):
            day = first + timedelta(days=place)
            paths = _paths(folder, window, day)
            if not all(path.exists() for path in paths.values()):
                _write_day(rows, window, day, size, paths)


def _paths(folder: Path, window: str, day: date) -> Mapping[str, Path]:
    accepted = folder / "lake" / "systems" / SYSTEM / "accepted"
    return {
        "outputs": accepted / "outputs" / f"{day}" / "rows.parquet",
        "outcomes": accepted / "outcomes" / f"{day}" / "rows.parquet",
        "log": folder / "log" / window / f"day={day}" / "rows.parquet",
    }


def _write_day(rows: int, window: str, day: date, size: int, paths: Mapping[str, Path]) -> None:
    rng = np.random.default_rng([SEED, rows, day.toordinal()])
    log = _rows(rng, size, day, current=window == "current")
    tables = {"log": log, **_accepted(rng, log, day)}
    for form, path in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        if form == "log":
            pq.write_table(tables[form], part, compression="zstd", row_group_size=ROW_GROUP)
        else:
            part.write_bytes(parquet_bytes(tables[form]))
        part.replace(path)


def day_as_accepted(rng: np.random.Generator, rows: int, day: date) -> Mapping[str, pa.Table]:
    """Returns outputs and outcomes of one day without drift, as the gate leaves them."""
    return _accepted(rng, _rows(rng, rows, day, current=False), day)


def _rows(rng: np.random.Generator, n: int, day: date, *, current: bool) -> pa.Table:
    """Returns one day of the log, in order of time.

    The current window has drifted a little: some features and levels, and one group's errors.
    """
    seconds = np.sort(rng.integers(0, 86_400_000, n))
    race = rng.choice(len(RACE), n, p=[0.32, 0.04, 0.31, 0.08, 0.25])
    sex = rng.integers(0, 2, n)
    score = rng.beta(2, 3, n)
    predicted = score >= 0.5
    # The score is nearly calibrated; for one group less so, and in the current window for two.
    chance = np.clip(score + 0.04 * (race == 1) + 0.03 * current * (race == 2) - 0.02 * sex, 0, 1)
    truth = (rng.random(n) < chance).astype(np.int8)
    columns: dict[str, pa.Array] = {
        "ts": pa.array(np.datetime64(day, "ms") + seconds.astype("timedelta64[ms]")),
        "score": pa.array(score),
        "y_pred": pa.array(predicted.astype(np.int8)),
        "y_true": pa.array(truth, mask=rng.random(n) < MISSING_TRUTH),
        "race": _words(race, RACE),
        "sex": _words(sex, SEX),
        "age_band": _words(rng.choice(4, n, p=[0.2, 0.3, 0.33, 0.17]), AGE_BAND),
        "district": _words(rng.integers(0, len(DISTRICT), n), DISTRICT),
        **_numbers(rng, n, current=current),
    }
    for name, levels in LEVELS.items():
        weights = 1 / np.arange(1, levels + 1) ** (0.7 if current and name == "c2" else 0.8)
        drawn = rng.choice(levels, n, p=weights / weights.sum())
        columns[name] = _words(drawn, [f"{name}-{level:02d}" for level in range(levels)])
    return pa.table(columns)


def _numbers(rng: np.random.Generator, n: int, *, current: bool) -> dict[str, pa.Array]:
    moved = 1.0 if current else 0.0
    mixed = np.where(rng.random(n) < 0.3 + 0.02 * moved, rng.normal(-2, 0.5, n), rng.normal(1, 1, n))
    doubles = {
        "n0": rng.normal(0.05 * moved, 1, n),
        "n1": rng.gamma(2, 1 + 0.02 * moved, n),
        "n2": rng.lognormal(0, 0.5, n),
        "n3": rng.exponential(1, n),
        "n4": rng.integers(0, 100, n).astype(float),
    }
    singles = {
        "n5": rng.random(n),
        "n6": rng.beta(2 + 0.1 * moved, 5, n),
        "n7": rng.standard_t(5, n),
        "n8": mixed,
        "n9": rng.poisson(6, n),
    }
    missing = rng.random(n) < MISSING_NUMBER
    return {
        **{name: pa.array(value, mask=missing if name == "n3" else None) for name, value in doubles.items()},
        **{name: pa.array(value.astype(np.float32)) for name, value in singles.items()},
    }


def _accepted(rng: np.random.Generator, log: pa.Table, day: date) -> dict[str, pa.Table]:
    """Returns the day as the gate leaves it: what the register names, with keyed hashes instead of ids.

    Both are in the order of their keys, as landed rows are. A keyed hash cannot be told from random bytes.
    """
    n = len(log)
    places = rng.permutation(n)
    keys = np.sort(np.frombuffer(rng.bytes(16 * n), dtype="S16"))

    def helpers(keys: NDArray[np.bytes_]) -> dict[str, pa.Array]:
        rows = len(keys)
        monday = day - timedelta(days=day.weekday())
        buffers = [None, pa.py_buffer(keys.tobytes())]
        return {
            "key": pa.ExtensionArray.from_storage(
                pa.uuid(), pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), rows, buffers)
            ),
            "day": pa.array(np.full(rows, np.datetime64(day, "D"))),
            "counted": pa.array(np.full(rows, np.datetime64(monday, "D"))),
            "batch": pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), ["000001"]).cast(pa.string()),
        }

    kept = [name for name in log.column_names if name not in ("ts", "y_true", "age_band", "district")]
    rows = log.take(pa.array(places))
    truth = rows["y_true"].combine_chunks()
    known = truth.is_valid().to_numpy(zero_copy_only=False)
    return {
        "outputs": pa.table({**helpers(keys), **{name: rows[name] for name in kept}}),
        "outcomes": pa.table({**helpers(keys[known]), "outcome": truth.drop_null().cast(pa.int64())}),
    }


def _words(codes: NDArray[np.integer], words: Sequence[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(codes.astype(np.int32), list(words)).cast(pa.string())


if __name__ == "__main__":
    write(int(sys.argv[1]), Path(sys.argv[2]))
