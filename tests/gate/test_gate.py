"""The gate: what is refused and why, when it is judged again, and in which week a row counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from towns import FIRST, WEEK, Town, rows_of

from sundial.engine.clock import monday
from sundial.gate.errors import ContractError
from sundial.gate.gate import Gate
from sundial.gate.judged import Judged
from sundial.register.events import FeedName

SUNDAY = FIRST + timedelta(days=6)
MATURE = SUNDAY + WEEK


def judge(town: Town, as_of: date, first_unjudged: date | None = None) -> dict[str, Sequence[Judged]]:
    """Pulls and judges both feeds."""
    gate = Gate(town.system, town.lake)
    found = {}
    for feed in ("outputs", "outcomes"):
        name: FeedName = "outputs" if feed == "outputs" else "outcomes"
        town.pull(as_of, name)
        found[feed] = gate.judge(name, as_of, first_unjudged)
    return found


def accepted(town: Town, feed: FeedName = "outputs") -> pd.DataFrame:
    paths = [path for paths in Gate(town.system, town.lake).partitions(feed).values() for path in paths]
    tables = [town.lake.get_table(path).to_pandas() for path in paths]
    return pd.concat(tables) if tables else pd.DataFrame({"key": [], "counted": []})


def quarantine(town: Town, feed: FeedName = "outputs") -> list[str]:
    manifests = Gate(town.system, town.lake).manifests(feed)
    return [
        reason
        for manifest in manifests
        if manifest.quarantine
        for reason in town.lake.get_table(manifest.quarantine)["reason"].to_pylist()
    ]


def rule(kind: str, severity: str = "critical", **args: Any) -> dict[str, Any]:
    return {"type": kind, "with": args, "severity": severity}


def test_good_rows_are_accepted_by_their_day(town: Town) -> None:
    town.give(rows_of(1))
    found = judge(town, MATURE)
    assert [m.accepted for m in found["outputs"]] == [40]
    assert [m.accepted for m in found["outcomes"]] == [40]
    assert list(Gate(town.system, town.lake).partitions("outcomes")) == [
        FIRST + timedelta(days=n) for n in range(7)
    ]
    assert not quarantine(town)


def test_judging_twice_changes_nothing(town: Town) -> None:
    town.give(rows_of(1))
    judge(town, MATURE)
    assert judge(town, MATURE) == {"outputs": [], "outcomes": []}
    assert judge(town, MATURE + timedelta(days=3)) == {"outputs": [], "outcomes": []}


def test_duplicates_are_refused_in_a_batch_and_across_batches(town: Town) -> None:
    rows = rows_of(2)
    rows.loc[1, "id"] = rows.loc[0, "id"]  # twice in the first week
    rows.loc[40, "id"] = rows.loc[5, "id"]  # once more in the second
    town.give(rows)
    judge(town, SUNDAY)
    assert quarantine(town) == ["the key occurs more than once: outputs need a key of their own"] * 2
    judge(town, SUNDAY + WEEK)
    assert len(quarantine(town)) == 3
    assert accepted(town)["key"].is_unique


def test_two_outcomes_of_one_output_are_refused(town: Town) -> None:
    rows = rows_of(1)
    town.give(rows, pd.concat([rows, rows.iloc[:1].assign(broken=1 - rows["broken"].iloc[0])]))
    judge(town, MATURE)
    assert len(quarantine(town, "outcomes")) == 2


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("id", None, "the key is missing"),
        ("lit_on", None, "the date is missing"),
        ("score", 1.5, "the score is outside what the register says it can be (0 to 1)"),
        ("score", float("inf"), "the score is outside what the register says it can be (0 to 1)"),
    ],
)
def test_what_every_output_must_have(town: Town, column: str, value: object, reason: str) -> None:
    rows = rows_of(1)
    rows.loc[3, column] = value
    town.give(rows, rows_of(1))
    (judged,) = judge(town, MATURE)["outputs"]
    assert (judged.accepted, judged.refused) == (39, 1)
    assert quarantine(town) == [reason]


def test_a_truth_that_is_neither_0_nor_1_is_refused(town: Town) -> None:
    rows = rows_of(1)
    town.give(rows, rows.assign(broken=rows["broken"].replace(0, 2)))
    (judged,) = judge(town, MATURE)["outcomes"]
    assert judged.refused == (rows["broken"] == 0).sum()
    assert set(quarantine(town, "outcomes")) == {"broken is neither 0 nor 1"}


def test_a_future_date_waits_in_quarantine_for_its_day(town: Town) -> None:
    tomorrow = town.today + timedelta(days=1)
    rows = rows_of(1)
    rows.loc[0, "lit_on"] = tomorrow
    town.give(rows)
    judge(town, MATURE)
    assert quarantine(town) == ["the date lies in the future: it is judged again when the day has come"]
    judge(town, MATURE + WEEK)
    assert len(quarantine(town)) == 1
    judge(town, tomorrow)
    assert not quarantine(town)
    assert len(accepted(town)) == 40


def test_a_far_future_date_is_only_that_rows_fault(town: Town) -> None:
    rows = rows_of(1)
    rows.loc[0, "lit_on"] = date(9999, 12, 31)
    town.give(rows)
    (judged,) = judge(town, MATURE)["outputs"]
    assert (judged.accepted, judged.refused) == (39, 1)


def test_outcomes_that_come_before_any_output_wait_in_quarantine(town: Town) -> None:
    rows = rows_of(1)
    town.give(rows.iloc[:0].astype({"lit_on": "datetime64[s]"}), rows)
    for day in range(2):  # judged again while nothing of them was ever accepted
        judge(town, MATURE + timedelta(days=day))
        assert set(quarantine(town, "outcomes")) == {
            "no accepted output has this key: an outcome needs its output first"
        }
    town.give(rows)
    judge(town, MATURE + timedelta(days=2))
    assert not quarantine(town, "outcomes")
    assert len(accepted(town, "outcomes")) == len(rows)


def test_an_outcome_waits_for_its_output(town: Town) -> None:
    rows = rows_of(2)
    town.give(rows.iloc[:39], rows.iloc[:40])
    judge(town, MATURE)
    assert quarantine(town, "outcomes") == [
        "no accepted output has this key: an outcome needs its output first"
    ]
    town.give(rows, rows.iloc[:40])
    judge(town, MATURE + timedelta(days=1), first_unjudged=monday(MATURE) + WEEK)
    assert not quarantine(town, "outcomes")
    late = accepted(town, "outcomes").sort_values("counted").iloc[-1]
    assert late["counted"] == monday(MATURE) + WEEK
    assert len(accepted(town, "outcomes")) == 40


@pytest.mark.parametrize("dated", [True, False])
def test_a_null_outcome_is_pending(town: Town, dated: bool) -> None:
    rows = rows_of(1).astype({"broken": "float64"})
    waiting = rows.copy()
    waiting.loc[:9, "broken"] = None
    if not dated:
        waiting.loc[:9, "known_on"] = None
    town.give(rows, waiting)
    (judged,) = judge(town, MATURE)["outcomes"]
    assert (judged.accepted, judged.refused, judged.pending) == (30, 0, 10)
    assert sum(n for _, n in judged.first_seen.values()) == 30
    town.give(rows)
    judge(town, MATURE)
    assert len(accepted(town, "outcomes")) == 40


def test_a_warning_refuses_nothing(town: Town) -> None:
    warned = town.changed(
        outputs={
            "contract": [
                rule("expect_column_values_to_be_in_set", "warning", column="kind", value_set=["LED"])
            ]
        }
    )
    warned.give(rows_of(1))
    (judged,) = judge(warned, MATURE)["outputs"]
    assert judged.refused == 0
    assert judged.rules[-1].failed == 14


LEDS = [rule("expect_column_values_to_be_in_set", column="kind", value_set=["LED"])]


def test_a_changed_contract_judges_again_in_both_directions(town: Town) -> None:
    town.give(rows_of(1))
    judge(town, MATURE)
    whole = accepted(town)
    strict = town.changed(outputs={"contract": LEDS})
    (judged,) = judge(strict, MATURE)["outputs"]
    assert (judged.accepted, judged.refused) == (26, 14)
    assert set(quarantine(strict)) == {
        "the contract's expect_column_values_to_be_in_set on kind does not hold"
    }
    assert len(accepted(strict)) == 26
    judge(town, MATURE)
    assert not quarantine(town)
    assert set(accepted(town)["key"]) == set(whole["key"])


def test_the_switch_of_a_manifest_leaves_no_stale_file(town: Town) -> None:
    town.give(rows_of(1))
    judge(town, MATURE)
    strict = town.changed(outputs={"contract": LEDS})
    judge(strict, MATURE)
    (manifest,) = Gate(town.system, town.lake).manifests("outputs")
    folder = f"systems/{town.system.id}"
    there = [*town.lake.list(f"{folder}/accepted/outputs"), *town.lake.list(f"{folder}/quarantine/outputs")]
    assert set(there) == manifest.files


def test_a_row_keeps_the_week_in_which_it_counts_also_through_quarantine(town: Town) -> None:
    town.give(rows_of(1))
    judge(town, MATURE)
    assert set(accepted(town)["counted"]) == {FIRST}
    strict, later = town.changed(outputs={"contract": LEDS}), FIRST + 5 * WEEK
    judge(strict, MATURE, first_unjudged=later)
    assert set(accepted(town)["counted"]) == {FIRST}  # accepted before
    judge(town, MATURE, first_unjudged=later)
    assert set(accepted(town)["counted"]) == {FIRST}  # refused in between, and counted already


def test_an_output_keeps_the_week_in_which_it_counts_when_another_batch_brings_it_again(town: Town) -> None:
    rows = rows_of(1)
    town.give(rows)
    judge(town, MATURE)
    strict, later = town.changed(outputs={"contract": LEDS}), FIRST + 5 * WEEK
    strict.give(rows.assign(kind="LED"))  # 14 were sodium, and refused
    judge(strict, MATURE, first_unjudged=later)
    assert len(accepted(town)) == 40
    assert set(accepted(town)["counted"]) == {FIRST}


def test_a_row_accepted_later_counts_in_the_first_week_not_judged(town: Town) -> None:
    strict = town.changed(outputs={"contract": LEDS})
    strict.give(rows_of(1))
    judge(strict, MATURE)
    later = FIRST + 5 * WEEK
    judge(town, MATURE, first_unjudged=later)
    assert accepted(town)["counted"].value_counts().to_dict() == {FIRST: 26, later: 14}


def test_a_row_is_seen_in_the_week_of_its_day_and_a_wrong_day_in_the_week_of_the_run(town: Town) -> None:
    rows = rows_of(1)
    rows.loc[0, "lit_on"] = None
    rows.loc[1, "lit_on"] = date(2099, 1, 1)
    town.give(rows)
    (judged,) = judge(town, MATURE)["outputs"]
    assert judged.first_seen == {str(FIRST): (0, 38), str(monday(MATURE)): (2, 2)}


def test_an_outcome_counts_when_it_matured_and_not_when_it_was_known(town: Town) -> None:
    town.give(rows_of(1).assign(known_on=SUNDAY))
    judge(town, SUNDAY)
    assert set(accepted(town, "outcomes")["counted"]) == {FIRST + WEEK}


def test_rules_on_key_and_date_are_judged_by_what_was_landed(town: Town) -> None:
    contract = [
        rule("expect_column_values_to_be_unique", column="id"),
        rule("expect_column_values_to_be_between", column="lit_on", min_value=FIRST + timedelta(days=1)),
    ]
    dated = town.changed(outputs={"contract": contract})
    dated.give(rows_of(1))
    (judged,) = judge(dated, MATURE)["outputs"]
    assert judged.refused == 6  # those of the first day


def test_a_rule_on_a_column_that_was_not_landed_yet_judges_later_batches_only(town: Town) -> None:
    town.give(rows_of(1))
    judge(town, SUNDAY)
    noted = town.changed(outputs={"contract": [rule("expect_column_values_to_not_be_null", column="note")]})
    rows = rows_of(2)
    rows.loc[41:, "note"] = None
    noted.give(rows)
    judge(noted, SUNDAY + WEEK)
    assert len(accepted(noted)) == 41


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            rule("expect_column_values_to_shine", column="kind"),
            "there is no expectation expect_column_values_to_shine",
        ),
        (
            rule("expect_column_values_to_be_between", column="kind", min_value=1),
            "on kind cannot run on this feed",
        ),
        (rule("expect_column_values_to_be_between", column="score", least=1), "on score: least extra fields"),
        (
            rule("expect_column_values_to_be_between", column="score"),
            "min_value and max_value cannot both be None",
        ),
        (
            rule("expect_column_mean_to_be_between", column="score", min_value=0),
            "speaks of the whole column score",
        ),
    ],
)
def test_a_contract_that_cannot_run_says_where_and_what_to_do(
    town: Town, wrong: dict[str, Any], message: str
) -> None:
    broken = town.changed(outputs={"contract": [wrong]})
    broken.give(rows_of(1))
    broken.pull(SUNDAY)
    with pytest.raises(ContractError, match="street-lights · outputs: contract: ") as raised:
        Gate(broken.system, broken.lake).judge("outputs", SUNDAY, None)
    assert message in str(raised.value)
    assert any(word in str(raised.value) for word in ("correct", "check that", "use one"))


def test_data_docs_show_counts_and_no_row(town: Town) -> None:
    contract = [
        rule("expect_column_values_to_be_in_set", column="kind", value_set=["LED"]),
        rule("expect_column_values_to_be_unique", "warning", column="kind"),
    ]
    shown = town.changed(outputs={"contract": contract})
    shown.give(rows_of(1).assign(kind="Ms Jane Roe", score=777_777.25))
    (judged,) = judge(shown, SUNDAY)["outputs"]
    page = shown.lake.get(judged.data_docs).decode()
    assert "<html" in page
    assert "100%" in page
    assert "Jane" not in page
    assert "777777" not in page.replace(",", "")
    assert not any(key in page for key in pq.read_table(shown.folder / "outputs.parquet")["id"].to_pylist())
