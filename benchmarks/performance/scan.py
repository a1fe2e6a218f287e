"""The limit: DuckDB alone reads the columns that a profile is made from, and adds or counts each of them.

Usage: python scan.py FOLDER [accepted]

Of the log, as every tool gets it; or of what Sundial's gate accepted of it, with the keys, in its own form.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb

NUMBERS = ["score", "y_pred", *(f"n{place}" for place in range(10))]
TEXTS = ["race", "sex", *(f"c{place}" for place in range(5))]


def main() -> None:
    """Scans what both windows have once."""
    imports = {"cpu_s": time.process_time()}
    folder, *form = sys.argv[1:]
    with duckdb.connect() as connection:
        for files, added, present in _accepted(Path(folder)) if form else _log(Path(folder)):
            asked = [*(f"sum({name})" for name in added), *(f"count({name})" for name in present)]
            connection.execute(f"SELECT {', '.join(asked)} FROM '{files}'")  # noqa: S608
            connection.fetchall()
    print(json.dumps({"imports": imports, "ended": {"cpu_s": time.process_time()}}))


def _log(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Yields files, columns to add and columns to count."""
    yield folder / "log/*/*/*.parquet", [*NUMBERS, "y_true"], [*TEXTS, "ts"]


def _accepted(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    accepted = next((folder / "lake/systems").iterdir()) / "accepted"
    yield accepted / "outputs/*/*.parquet", NUMBERS, [*TEXTS, "key", "counted"]
    yield accepted / "outcomes/*/*.parquet", ["outcome"], ["key"]


if __name__ == "__main__":
    main()
