"""Privacy: fields that nobody needs, how long rows are kept, and levels that read as emotions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from measuring import days, measured, registered
from towns import FIRST, POLICY, WEEK, only, with_grace

from sundial.lake import Lake
from sundial.sources.landing import Batch, Landing
from sundial.sources.learnt import Learnt, Oldest, published_path
from sundial.sources.oldest import ONLY_SINCE
from sundial.store.records import Finding, Status

USED = ["id", "lit_on", "score", "kind", "area"]


def fields(folder: Path, offered: Sequence[str] | None, weeks: int = 1, **changes: Any) -> Finding:
    """The finding where the outputs' source had these columns when its only batch came, in the first week."""
    system, lake = registered(**changes), Lake(str(folder))
    as_of = (FIRST + timedelta(days=6)).isoformat()
    batch = Batch(f"{as_of}-0001-0", system.id, "outputs", as_of, 0, "0", None, None, False, {}, {}, offered)
    Landing(lake, system.id, "outputs").add(batch, b"")
    found = measured(system, "privacy.fields", {}, weeks, learnt=Learnt(lake, system.id))
    return only(found, "fields_beyond")


def test_a_field_that_nobody_needs_is_watched_and_named(tmp_path: Path) -> None:
    found = fields(tmp_path, [*USED, "note"])
    assert found.status is Status.WATCH
    assert found.details["fields"] == {"outputs": ["note"]}
    assert found.details["not_known"] == ["outcomes"]
    assert found.reason.startswith("Offered, but neither used nor allowed as also_present: outputs: note.")


def test_many_fields_are_told_in_short(tmp_path: Path) -> None:
    found = fields(tmp_path, [*USED, *"abcdefg"])
    assert "outputs: a, b, c, d, e and 2 more." in found.reason
    assert found.details["fields"] == {"outputs": list("abcdefg")}


def test_a_field_that_nobody_needs_is_a_breach_after_its_grace(tmp_path: Path) -> None:
    late = POLICY.terms["fields_beyond"].grace_days // 7 + 2
    assert fields(tmp_path, [*USED, "note"], late).status is Status.BREACH


def test_fields_that_are_used_or_allowed_are_ok(tmp_path: Path) -> None:
    assert fields(tmp_path, USED).status is Status.OK
    allowed = {"also_present": ["note"]}
    assert fields(tmp_path, [*USED, "note"], outputs=allowed).status is Status.OK


def test_without_a_pull_by_the_weeks_end_nothing_is_known(tmp_path: Path) -> None:
    system, lake = registered(), Lake(str(tmp_path))
    as_of = (FIRST + WEEK).isoformat()
    batch = Batch(f"{as_of}-0001-0", system.id, "outputs", as_of, 0, "0", None, None, False, {}, {}, ["note"])
    Landing(lake, system.id, "outputs").add(batch, b"")
    learnt = Learnt(lake, system.id)
    (first,) = measured(system, "privacy.fields", {}, 1, learnt=learnt)
    (second,) = measured(system, "privacy.fields", {}, 2, learnt=learnt)
    assert [first.status, second.status] == [Status.NOT_MEASURED, Status.WATCH]


def test_batches_from_before_names_were_kept_tell_nothing(tmp_path: Path) -> None:
    assert fields(tmp_path, None).status is Status.NOT_MEASURED
    (path,) = (path for path in Lake(str(tmp_path)).list("systems") if path.endswith(".json"))
    manifest = Lake(str(tmp_path)).get_json(path)
    del manifest["offered"]
    Lake(str(tmp_path)).put(path, json.dumps(manifest).encode())
    assert Learnt(Lake(str(tmp_path)), "street-lights").offered("outputs", FIRST + WEEK) is None


def test_historical_data_is_offered_as_it_is(tmp_path: Path) -> None:
    assert fields(tmp_path, [*USED, "note"], operated=False).status is Status.NOT_APPLICABLE


def with_levels(levels: Sequence[str | None], weeks: int = 1, **more: Any) -> Finding:
    """The finding where the outputs have these levels of `kind` in turn."""
    kinds = [levels[place % len(levels)] for place in range(70 * weeks)]
    rows = pd.DataFrame({"day": days(weeks, 70), "score": 0.7, "kind": kinds, "area": "north"})
    found = measured(registered(), "privacy.prohibited_levels", {"outputs": rows}, weeks, **more)
    return only(found, "prohibited_levels")


def test_levels_that_read_as_emotions_are_a_breach_at_once() -> None:
    found = with_levels(["angry", "Very happy", "LED"])
    assert found.status is Status.BREACH
    assert found.details["levels"] == {"kind": ["Very happy", "angry"]}
    assert found.details["prohibited_use"] == "emotion_analysis"


def test_a_city_that_gives_a_grace_watches_levels_that_read_as_emotions_first() -> None:
    graceful = with_grace("prohibited_levels", 7)
    assert with_levels(["angry"], policy=graceful).status is Status.WATCH
    assert with_levels(["angry"], 2, policy=graceful).status is Status.BREACH


@pytest.mark.parametrize("levels", [["LED", "sodium"], ["positive", "negative"], ["Happy Hollow Park", None]])
def test_other_levels_are_ok(levels: list[str | None]) -> None:
    assert with_levels(levels).status is Status.OK


def test_classes_are_levels_too() -> None:
    multiclass = {"task": "multiclass", "prediction": "chosen", "positive_class": "tranquilo", "score": None}
    rows = {"day": days(1, 70), "chosen": ["enojado", "tranquilo"] * 35, "kind": "LED", "area": "north"}
    outputs = {"outputs": pd.DataFrame(rows)}
    (found,) = measured(registered(outputs=multiclass), "privacy.prohibited_levels", outputs, 1)
    assert (found.status, found.details["levels"]) == (Status.BREACH, {"predicted_class": ["enojado"]})


def test_a_field_that_is_named_for_emotions_is_a_breach(tmp_path: Path) -> None:
    system, lake, as_of = registered(), Lake(str(tmp_path)), FIRST.isoformat()
    offered = [*USED, "sentimentScore"]
    batch = Batch(f"{as_of}-0001-0", system.id, "outputs", as_of, 0, "0", None, None, False, {}, {}, offered)
    Landing(lake, system.id, "outputs").add(batch, b"")
    found = with_levels(["LED"], learnt=Learnt(lake, system.id))
    assert (found.status, found.details["fields"]) == (Status.BREACH, ["sentimentScore"])


def test_levels_that_are_gone_are_ok_again() -> None:
    kinds = ["angry"] * 70 + ["LED"] * 70
    rows = pd.DataFrame({"day": days(2, 70), "score": 0.7, "area": "north", "kind": kinds})
    (found,) = measured(registered(), "privacy.prohibited_levels", {"outputs": rows}, 2)
    assert found.status is Status.OK


def test_without_a_feed_of_outputs_or_with_one_that_failed_no_level_is_known() -> None:
    check = "privacy.prohibited_levels"
    rows = {"outputs": pd.DataFrame({"day": days(1, 7), "score": 0.7, "kind": "LED", "area": "north"})}
    (failed,) = measured(registered(), check, rows, 1, failed={"outputs": "Gone."})
    (nothing,) = measured(registered(), check, {"outputs": rows["outputs"][:0]}, 1)
    assert [failed.status, nothing.status] == [Status.ERROR, Status.NOT_MEASURED]


def retention(folder: Path, *seen: Oldest, days: int | None = 30, **changes: Any) -> Finding:
    """The finding of the first week, in which runs learnt this of the source."""
    learnt = Learnt(Lake(str(folder)), "street-lights")
    for one in seen:
        learnt.keep_oldest(one)
    system = registered(**{"outputs": {"retention_days": days}, **changes})
    rows = pd.DataFrame({"day": [FIRST], "score": 0.7, "kind": "LED", "area": "north"})
    return only(measured(system, "privacy.retention", {"outputs": rows}, 1, learnt=learnt), "retention")


END = FIRST + timedelta(days=6)


def oldest(age_days: int, asked: date = END) -> Oldest:
    return Oldest(asked.isoformat(), (END - timedelta(days=age_days)).isoformat())


def test_rows_within_their_time_are_ok(tmp_path: Path) -> None:
    assert retention(tmp_path, oldest(30)).status is Status.OK
    assert retention(tmp_path, Oldest(END.isoformat(), None)).status is Status.OK


def test_rows_beyond_their_time_are_watched_and_a_breach_after_the_grace(tmp_path: Path) -> None:
    grace = POLICY.terms["retention"].grace_days
    assert retention(tmp_path, oldest(31)).status is Status.WATCH
    assert retention(tmp_path, oldest(31 + grace)).status is Status.WATCH
    found = retention(tmp_path, oldest(32 + grace))
    assert found.status is Status.BREACH
    assert found.details["oldest"] == (END - timedelta(days=32 + grace)).isoformat()


def test_the_last_pull_of_the_week_counts(tmp_path: Path) -> None:
    assert retention(tmp_path, oldest(400, FIRST), oldest(2)).status is Status.OK


def test_an_age_that_nobody_learnt_or_asked_for_is_not_measured(tmp_path: Path) -> None:
    assert "retention_days" in retention(tmp_path, oldest(400), days=None).reason
    assert retention(tmp_path / "other").status is Status.NOT_MEASURED
    found = retention(tmp_path, Oldest(END.isoformat(), None, ONLY_SINCE))
    assert found.status is Status.NOT_MEASURED
    assert "since_param" in found.reason


def test_historical_data_is_kept_as_it_is(tmp_path: Path) -> None:
    assert retention(tmp_path, oldest(400), operated=False).status is Status.NOT_APPLICABLE


def small_cells(folder: Path, *counts: tuple[int, int], published: date = FIRST) -> Finding:
    """The first week's finding where these rows, hits and n, were filed as published on a day."""
    system, lake = registered(), Lake(str(folder))
    rows = [{"group": "", "hits": hits, "n": n, "status": "ok", "merged": False} for hits, n in counts]
    window = {"published": published.isoformat(), "suppressed": 3, "tables": [{"rows": rows}]}
    lake.put_json(published_path(system.id), {"windows": [window]})
    found = measured(system, "privacy.small_cells", {}, 1, learnt=Learnt(lake, system.id))
    return only(found, "published_small_cells")


def test_published_figures_without_a_small_count_are_ok_and_tell_what_was_withheld(tmp_path: Path) -> None:
    found = small_cells(tmp_path, (11, 40), (0, 30))
    assert found.status is Status.OK
    assert found.details == {"counts": 4, "small": 0, "withheld": 3, "published": FIRST.isoformat()}


@pytest.mark.parametrize("row", [(10, 40), (1, 40), (30, 35)])
def test_a_small_count_that_was_published_is_a_breach_after_a_day(
    tmp_path: Path, row: tuple[int, int]
) -> None:
    found = small_cells(tmp_path, (60, 100), row)
    assert found.status is Status.BREACH
    assert found.reason.startswith("1 of 4 public counts are from 1 to 10")


def test_a_small_count_is_watched_on_the_day_on_which_it_became_public(tmp_path: Path) -> None:
    assert small_cells(tmp_path, (3, 40), published=END).status is Status.WATCH


def test_what_becomes_public_after_the_week_is_not_of_it(tmp_path: Path) -> None:
    assert small_cells(tmp_path, (3, 40), published=FIRST + WEEK).status is Status.NOT_APPLICABLE


def test_where_nothing_is_published_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    learnt = Learnt(Lake(str(tmp_path)), "street-lights")
    (found,) = measured(registered(), "privacy.small_cells", {}, 1, learnt=learnt)
    assert found.status is Status.NOT_APPLICABLE
