from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from sundial.sources.chunks import CommonTypes, TextTypes, common_type, settle


def text_column(*chunks: list[str]) -> list[Any]:
    tables = [pa.table({"x": pa.array(values, pa.string())}) for values in chunks]
    return [value for table in settle(tables, TextTypes(["x"])) for value in table["x"].to_pylist()]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", " 2", "NA", ""], [1, 2, None, None]),
        (["1", "2.5", "nan"], [1.0, 2.5, None]),
        (["0", "1"], [0, 1]),
        (["true", "False"], [True, False]),
        (["2013-01-01", ""], [date(2013, 1, 1), None]),
        (["2013-01-01", "2013-01-01T10:00:00"], [datetime(2013, 1, 1), datetime(2013, 1, 1, 10)]),  # noqa: DTZ001
        (["2013-01-01T01:00:00+02:00"], [datetime(2012, 12, 31, 23, tzinfo=UTC)]),
        (["a", "", "NA"], ["a", None, "NA"]),
        (["", "NA"], [None, None]),
        (["02139", "10001"], ["02139", "10001"]),
        (["12345678901234567890"], ["12345678901234567890"]),
        (["1234567890123456789", "0.5"], ["1234567890123456789", "0.5"]),
        (["0.5", "-0.25", "0"], [0.5, -0.25, 0.0]),
    ],
)
def test_text_takes_the_narrowest_type_that_changes_no_value(cells: list[str], values: list[Any]) -> None:
    assert text_column(cells) == values
    assert text_column(*[[cell] for cell in cells]) == values, "however the rows are cut into chunks"


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (pa.null(), pa.date32(), pa.date32()),
        (pa.int32(), pa.int64(), pa.int64()),
        (pa.int64(), pa.float64(), pa.float64()),
        (pa.float64(), pa.string(), pa.string()),
        (pa.bool_(), pa.int64(), pa.string()),
        (pa.date32(), pa.timestamp("us"), pa.timestamp("us")),
        (pa.timestamp("us", "UTC"), pa.timestamp("us"), pa.string()),
    ],
)
def test_types_widen_until_they_hold_both(one: pa.DataType, other: pa.DataType, both: pa.DataType) -> None:
    assert common_type(one, other) == common_type(other, one) == both


def test_a_source_that_breaks_midway_gives_nothing() -> None:
    def breaks() -> Any:
        yield pa.table({"x": [1]})
        raise ValueError("midway")

    with pytest.raises(ValueError, match="midway"):
        next(settle(breaks(), CommonTypes(["x"])))
