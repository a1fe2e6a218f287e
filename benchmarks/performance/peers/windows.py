"""What the peers' scripts share: reading a window of the log, and telling what was used until when.

They run in environments of their own, by path, so they import this by its name alone.
"""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

NUMBERS = ["score", *(f"n{place}" for place in range(10))]
CATEGORIES = [f"c{place}" for place in range(5)]
WATCHED = [*NUMBERS, *CATEGORIES]


def read(folder: str, window: str, columns: Sequence[str]) -> pd.DataFrame:
    """Returns the columns of all days of a window (`reference` or `current`); Parquet's partitions by day."""
    frame: pd.DataFrame = pd.read_parquet(Path(folder, "log", window), columns=list(columns))
    return frame


def used() -> dict[str, float]:
    """Returns the CPU seconds of this process until now, and its peak memory in MB."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {"cpu_s": time.process_time(), "rss_mb": usage.ru_maxrss / 1024}


def tell(imports: dict[str, float], **found: Any) -> None:
    """Prints the last line, which the benchmark reads."""
    ended = {"cpu_s": sum(os.times()[:4])}  # with processes that it had started
    print(json.dumps({"imports": imports, "ended": ended, **found}, default=float))
