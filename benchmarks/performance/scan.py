"""The limit: DuckDB alone reads the columns that Sundial's profile reads, and adds or counts each of them.

Usage: python scan.py FOLDER
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import duckdb

NUMBERS = ["score", "y_pred", *(f"n{place}" for place in range(10))]
TEXTS = ["key", "race", "sex", *(f"c{place}" for place in range(5))]


def main() -> None:
    """Scans outputs and outcomes of both windows once."""
    imports = {"cpu_s": time.process_time()}
    accepted = next(Path(sys.argv[1], "lake", "systems").iterdir()) / "accepted"
    outputs = [*(f"sum({name})" for name in NUMBERS), *(f"count({name})" for name in TEXTS), "count(counted)"]
    with duckdb.connect() as connection:
        for feed, asked in (("outputs", outputs), ("outcomes", ["sum(outcome)", "count(key)"])):
            connection.execute(f"SELECT {', '.join(asked)} FROM '{accepted}/{feed}/*/*.parquet'")  # noqa: S608
            connection.fetchall()
    print(json.dumps({"imports": imports, "ended": {"cpu_s": time.process_time()}}))


if __name__ == "__main__":
    main()
