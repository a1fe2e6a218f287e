"""What the accepted rows tell of outcomes that are known otherwise now than they were."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from sundial.lake import Lake
from sundial.profile.columns import Columns
from sundial.profile.partitions import Partitions
from sundial.profile.profile import Correction, Profile
from sundial.profile.statistics import counts
from tests.keys import keys_of

DAY = date(2024, 1, 2)
WEEKS = [date(2024, 1, 8) + timedelta(weeks=number) for number in range(4)]
PLAN = [counts("outcomes", ["outcome"])]
COLUMNS = Columns(prediction="decision")

Told = Mapping[str, tuple[int, int, float]]
"""Of a batch by key: in which of the weeks it counts, its truth, and its weight."""


def profile_of(folder: Path, *batches: Told, day: date = DAY, at_once: bool = True) -> Profile:
    """The profile after these batches of outcomes, computed once or after each of them."""
    lake = Lake(str(folder))
    keys = sorted({key for batch in batches for key in batch})
    outputs = {
        "key": keys_of(keys),
        "day": [day] * len(keys),
        "counted": [day] * len(keys),
        "decision": [1] * len(keys),
    }
    lake.put_table("outputs.parquet", pa.table(outputs))
    partitions, paths = Partitions(lake, "a-system", PLAN), []
    for number, batch in enumerate(batches):
        rows = [(key, day, WEEKS[week], f"b{number}", *told) for key, (week, *told) in batch.items()]
        names = ("key", "day", "counted", "batch", "outcome", "outcome_weight")
        columns = dict(zip(names, zip(*rows, strict=True), strict=True))
        lake.put_table(f"{number}.parquet", pa.table({**columns, "key": keys_of(columns["key"])}))
        paths.append(f"{number}.parquet")
        if not at_once or number == len(batches) - 1:
            partitions.update({day: ["outputs.parquet"]}, {day: paths}, COLUMNS)
    return partitions.load()


def new_in(profile: Profile) -> list[int]:
    """How many corrected outcomes are new to each of the weeks."""
    return [sum(c.n for c in profile.corrected(week)) for week in WEEKS]


@pytest.mark.parametrize("at_once", [True, False])
def test_a_correction_is_new_to_the_weeks_up_to_the_one_in_which_it_counts(
    tmp_path: Path, at_once: bool
) -> None:
    first = {"a": (0, 1, 1.0), "b": (0, 0, 1.0), "c": (0, 1, 1.0)}
    profile = profile_of(tmp_path, first, {"a": (2, 0, 1.0), "b": (2, 1, 1.0)}, at_once=at_once)
    assert new_in(profile) == [0, 2, 2, 0]
    assert profile.corrected(WEEKS[1]) == [Correction(DAY, WEEKS[0], WEEKS[0], WEEKS[2], 2)]


def test_another_weight_is_a_correction_and_the_same_row_is_none(tmp_path: Path) -> None:
    first = {"a": (0, 1, 1.0), "b": (0, 1, 1.0)}
    assert new_in(profile_of(tmp_path, first, {"a": (1, 1, 2.0), "b": (1, 1, 1.0)})) == [0, 1, 0, 0]


def test_what_goes_back_is_new_only_to_weeks_that_met_it_between(tmp_path: Path) -> None:
    there_and_back = [{"a": (0, 1, 1.0)}, {"a": (1, 0, 1.0)}, {"a": (3, 1, 1.0)}]
    assert new_in(profile_of(tmp_path, *there_and_back)) == [0, 0, 1, 1]


def test_what_goes_back_before_anybody_looked_is_no_correction(tmp_path: Path) -> None:
    profile = profile_of(tmp_path, {"a": (0, 1, 1.0)}, {"a": (1, 0, 1.0)}, {"a": (1, 1, 1.0)})
    assert new_in(profile) == [0, 0, 0, 0]


def test_an_outcome_that_comes_late_is_no_correction(tmp_path: Path) -> None:
    profile = profile_of(tmp_path, {"a": (0, 1, 1.0)}, {"b": (2, 1, 1.0)})
    assert new_in(profile) == [0, 0, 0, 0]
    assert profile.late(DAY, DAY, WEEKS[1], WEEKS[2])
    assert not profile.late(DAY, DAY, WEEKS[2], WEEKS[3])
    assert not profile.late(DAY + timedelta(days=1), WEEKS[3], WEEKS[1], WEEKS[2])
