from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from sundial.sources.dates import keep_since
from sundial.sources.wanted import Wanted

SINCE = Wanted(("day",), date(2013, 1, 2), "day", "system · outputs")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("2013-01-01", False),
        ("2013-01-02", True),
        ("2013-01-01T23:59:59", False),
        ("2013-01-02 00:00", True),
        ("2013-01-01T00:30:00Z", True),
        ("2013-01-01 23:59:59-05:00", True),
        ("2012-12-31T23:59:59+00", False),
        ("12/31/2012", True),
        ("", True),
        (None, True),
    ],
)
def test_only_text_that_is_certainly_older_is_left_out(value: Any, kept: bool) -> None:
    table = pa.table({"day": pa.array([value], pa.string())})
    assert (keep_since(table, SINCE).num_rows == 1) == kept
