"""Pull: exactly what is new, pseudonymised, with the columns that somebody needs, up to the clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pytest
from towns import FIRST, OUTCOMES, WEEK, Town, parquet, rows_of

from sundial.register.events import FeedName
from sundial.register.used import needed_columns
from sundial.sources.days import civil_days
from sundial.sources.errors import SourceBroken
from sundial.sources.landing import Batch, Landing, watermark

SUNDAY = FIRST + timedelta(days=6)


def landed(town: Town, feed: FeedName = "outputs") -> pd.DataFrame:
    landing = Landing(town.lake, town.system.id, feed)
    return pd.concat(landing.rows(batch.id).to_pandas() for batch in landing.batches())


def batches(town: Town, feed: FeedName = "outputs") -> Sequence[Batch]:
    return Landing(town.lake, town.system.id, feed).batches()


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_pulling_twice_changes_nothing(town: Town) -> None:
    town.give(rows_of(1))
    assert town.pull(SUNDAY) is not None
    before = files(town.folder)
    assert town.pull(SUNDAY) is None
    assert town.pull(SUNDAY + timedelta(days=1)) is None
    assert files(town.folder) == before


def test_a_new_week_brings_only_its_rows(town: Town) -> None:
    town.give(rows_of(1))
    town.pull(SUNDAY)
    town.give(rows_of(2))
    batch = town.pull(SUNDAY + WEEK)
    assert batch is not None
    assert (batch.rows, batch.first, batch.last) == (40, str(FIRST + WEEK), str(SUNDAY + WEEK))


def test_late_rows_come_in_within_the_lookback_and_not_before_it(town: Town) -> None:
    rows = rows_of(3)
    old, late = rows["lit_on"] == FIRST, rows["lit_on"] == FIRST + 2 * WEEK
    town.give(rows[~old & ~late])
    town.pull(SUNDAY + 2 * WEEK)
    town.give(rows)
    batch = town.pull(SUNDAY + 2 * WEEK)
    assert batch is not None
    assert batch.rows == late.sum()


def test_late_outcomes_come_in(town: Town) -> None:
    rows = rows_of(2)
    town.give(rows, rows.iloc[:70])
    town.pull(SUNDAY + 2 * WEEK, "outcomes")
    town.give(rows)
    batch = town.pull(SUNDAY + 2 * WEEK, "outcomes")
    assert batch is not None
    assert batch.rows == 10


def test_the_watermark_is_the_latest_day_up_to_the_clock(town: Town) -> None:
    assert watermark(batches(town)) is None
    town.give(rows_of(2))
    town.pull(FIRST + timedelta(days=3))
    assert watermark(batches(town)) == FIRST + timedelta(days=3)
    town.pull(SUNDAY + WEEK)
    assert watermark(batches(town)) == SUNDAY + WEEK


def test_only_needed_columns_are_taken(town: Town) -> None:
    town.give(rows_of(1))
    town.pull(SUNDAY)
    assert needed_columns(town.system, "outputs") == ["id", "lit_on", "score", "kind", "area"]
    assert set(landed(town)) == {"key", "day", "score", "kind", "area"}


def test_the_names_of_all_columns_are_kept_and_no_value_of_those_that_are_not_needed(town: Town) -> None:
    town.give(rows_of(1))
    batch = town.pull(SUNDAY)
    assert batch is not None
    assert batch.offered == ["area", "id", "kind", "lit_on", "note", "score"]
    assert "note" not in batch.columns
    assert not any(b"no check needs this" in content for content in files(town.folder / "lake").values())


def test_names_without_end_are_cut(town: Town) -> None:
    many = pd.DataFrame({f"c{n:04d}" + "x" * 200: [1] * 40 for n in range(1_200)})
    rows = pd.concat([rows_of(1)[["id", "lit_on", "score", "kind", "area"]], many], axis=1)
    parquet(town.folder / "outputs.parquet", rows)
    batch = town.pull(SUNDAY)
    assert batch is not None
    assert batch.offered is not None
    assert len(batch.offered) == 1_000
    assert max(map(len, batch.offered)) == 100


def test_keys_are_keyed_hashes_and_nowhere_in_the_lake_in_the_clear(town: Town, tmp_path: Path) -> None:
    rows = rows_of(1)
    town.give(rows)
    town.measure(SUNDAY + WEEK)
    keys = set(landed(town)["key"])
    assert keys == set(landed(town, "outcomes")["key"])
    assert all(len(key) == 32 for key in keys)
    assert not any(b"lamp-0" in content for content in files(tmp_path / "lake").values())
    elsewhere = replace(town, secret="another", folder=tmp_path / "other")
    elsewhere.pull(SUNDAY)
    assert keys.isdisjoint(landed(elsewhere)["key"])


def test_numbers_and_text_of_one_key_have_one_hash(town: Town) -> None:
    rows = rows_of(1).assign(id=range(40))
    town.give(rows)
    town.pull(SUNDAY + WEEK)
    parquet(town.folder / "outcomes.parquet", rows.assign(id=rows["id"].astype(str))[OUTCOMES])
    town.pull(SUNDAY + WEEK, "outcomes")
    assert set(landed(town)["key"]) == set(landed(town, "outcomes")["key"])


def test_without_a_secret_nothing_is_taken(town: Town) -> None:
    town.give(rows_of(1))
    with pytest.raises(SourceBroken, match="sundial_pseudonym is missing or has no password"):
        replace(town, secret="").pull(SUNDAY)
    assert not batches(town)


def test_a_row_after_today_is_taken_and_one_before_today_waits(town: Town) -> None:
    rows = rows_of(2)
    rows.loc[0, "lit_on"] = town.today + timedelta(days=1)
    town.give(rows)
    batch = town.pull(SUNDAY)
    assert batch is not None
    assert batch.rows == 40  # of the first week, one of them dated after today
    assert watermark(batches(town)) == SUNDAY
    assert town.pull(SUNDAY + WEEK) is not None


@pytest.mark.parametrize("wrong", [date(2099, 1, 1), None])
def test_a_row_that_every_pull_meets_again_is_landed_once(town: Town, wrong: date | None) -> None:
    rows = rows_of(6)
    rows.loc[0, "lit_on"] = wrong
    town.give(rows)
    for week in range(6):
        town.pull(SUNDAY + WEEK * week)
    assert len(landed(town)) == len(rows)


def test_outcomes_without_a_date_are_landed_once(town: Town) -> None:
    dateless = town.changed(outcomes={"known_on": None})
    dateless.give(rows_of(1))
    first = dateless.pull(SUNDAY + WEEK, "outcomes")
    assert first is not None
    assert first.last == str(SUNDAY + WEEK)  # known when it came
    assert dateless.pull(SUNDAY + 2 * WEEK, "outcomes") is None


def test_a_correction_that_is_corrected_back_lands_again(town: Town) -> None:
    rows = rows_of(1)
    wrong = rows.assign(broken=1 - rows["broken"])
    for source in (rows, wrong, rows, wrong):
        town.give(source)
        batch = town.pull(SUNDAY + WEEK, "outcomes")
        assert batch is not None
        assert batch.rows == len(rows)
        assert town.pull(SUNDAY + WEEK, "outcomes") is None
    ids = [batch.id for batch in batches(town, "outcomes")]
    assert [name[:16] for name in ids] == [f"{SUNDAY + WEEK}-{n:04d}-" for n in range(1, 5)]
    last = Landing(town.lake, town.system.id, "outcomes").rows(ids[-1]).to_pandas()
    assert sorted(last["broken"]) == sorted(wrong["broken"])


def test_an_older_as_of_date_does_not_undo_a_correction(town: Town) -> None:
    dateless = town.changed(outcomes={"known_on": None})
    rows = rows_of(1)
    for week, source in ((1, rows), (3, rows.assign(broken=1 - rows["broken"]))):
        dateless.give(source)
        dateless.pull(SUNDAY + week * WEEK, "outcomes")
    dateless.give(rows)
    assert dateless.pull(SUNDAY + 2 * WEEK, "outcomes") is None
    assert dateless.pull(SUNDAY + 4 * WEEK, "outcomes") is not None


def test_two_rows_of_one_key_that_came_one_after_the_other_are_landed_once(town: Town) -> None:
    rows = rows_of(1)
    town.give(rows)
    town.pull(SUNDAY + WEEK, "outcomes")
    town.give(rows, pd.concat([rows, rows.iloc[:1].assign(broken=1 - rows["broken"].iloc[0])]))
    batch = town.pull(SUNDAY + WEEK, "outcomes")
    assert batch is not None
    assert batch.rows == 1
    assert town.pull(SUNDAY + WEEK, "outcomes") is None


def test_a_replaced_row_that_left_the_lookback_is_not_taken_for_corrected_back(town: Town) -> None:
    short = town.changed(outcomes={"lookback_days": 7})
    rows = rows_of(4)
    short.give(rows)
    short.pull(SUNDAY + 5 * WEEK, "outcomes")
    early = rows.iloc[-1:].assign(known_on=rows["known_on"].max() - timedelta(days=7), broken=1)
    both = pd.concat([rows, early])
    short.give(both)
    short.pull(SUNDAY + 5 * WEEK, "outcomes")
    later = rows_of(1, first=FIRST + 4 * WEEK).iloc[:1].assign(id="lamp-later")
    short.give(pd.concat([both, later]))
    assert short.pull(SUNDAY + 6 * WEEK, "outcomes") is not None
    assert short.pull(SUNDAY + 6 * WEEK, "outcomes") is None


def test_outcomes_without_a_date_are_landed_once_however_long_ago(town: Town) -> None:
    dateless = town.changed(outcomes={"known_on": None, "lookback_days": 7})
    rows = rows_of(1)
    dateless.give(rows.iloc[:39])
    dateless.pull(SUNDAY + WEEK, "outcomes")
    dateless.give(rows)
    for week in (20, 21):
        dateless.pull(SUNDAY + week * WEEK, "outcomes")
    assert len(landed(dateless, "outcomes")) == len(rows)


def test_whole_numbers_that_come_as_floats_are_the_same_rows(town: Town) -> None:
    ranked = town.changed(outputs={"score": {"column": "score", "low": 0, "high": 100, "positive_at": 50}})
    rows = rows_of(2).assign(score=lambda frame: (frame["score"] * 100).round().astype("int64"))
    ranked.give(rows.iloc[:40])
    ranked.pull(SUNDAY)
    rows["score"] = rows["score"].astype("float64")
    rows.loc[45, "score"] = None
    ranked.give(rows)
    batch = ranked.pull(SUNDAY + WEEK)
    assert batch is not None
    assert batch.rows == 40


@pytest.mark.parametrize("nothing_between", [False, True])
def test_a_changed_type_names_the_column(town: Town, nothing_between: bool) -> None:
    town.give(rows_of(1))
    town.pull(SUNDAY)
    if nothing_between:
        town.give(rows_of(1, first=FIRST + WEEK).assign(score=None, id=[f"later-{n}" for n in range(40)]))
        town.pull(SUNDAY + WEEK)
    town.give(rows_of(1, first=FIRST + WEEK).assign(score="high"))
    with pytest.raises(
        SourceBroken, match="street-lights · outputs: column score was number and is now text"
    ):
        town.pull(SUNDAY + WEEK)


@pytest.mark.parametrize("name", ["day", "Day"])  # engines do not tell large letters from small ones
def test_a_column_with_one_of_sundials_own_names_is_refused(town: Town, name: str) -> None:
    named = town.changed(outputs={"categories": [name]})
    parquet(town.folder / "outputs.parquet", rows_of(1).assign(**{name: "Monday"}))
    with pytest.raises(SourceBroken, match=f"column {name} has a name that Sundial gives"):
        named.pull(SUNDAY)


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2014-03-01", date(2014, 3, 1)),
        ("2014-03-01T23:30:00", date(2014, 3, 1)),
        ("2014-03-02T05:30:00Z", date(2014, 3, 1)),  # half past nine in the evening in San José
        ("2014-03-09T08:30:00Z", date(2014, 3, 9)),  # an hour and a half before the clock goes forward
        ("2014-11-03T07:30:00+00:00", date(2014, 11, 2)),
        ("2014-07-01T02:00:00-07:00", date(2014, 7, 1)),
        (None, None),
    ],
)
def test_days_are_civil(written: str | None, day: date | None) -> None:
    zone = ZoneInfo("America/Los_Angeles")
    values = pa.chunked_array([pa.array([written, "2014-01-01"], pa.string())])
    assert civil_days(values, zone, "here", "lit_on").to_pylist() == [day, date(2014, 1, 1)]


@pytest.mark.parametrize("values", [["soon"], [12]])
def test_what_is_no_date_names_column_and_remedy(values: list[object]) -> None:
    with pytest.raises(SourceBroken, match=r"here: column lit_on .*(YYYY-MM-DD|name the date column)"):
        civil_days(pa.chunked_array([pa.array(values)]), ZoneInfo("UTC"), "here", "lit_on")
