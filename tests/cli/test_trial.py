"""A trial finds what a run would record, and leaves nothing behind."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from towns import FIRST, OF_THE_SOURCE, WEEK, Town, only, rows_of

from sundial.cli.trial import Tried, WeekNotOver, try_system
from sundial.sources.connection import Connection
from sundial.store.database import Database
from sundial.store.records import Finding, Status

SUNDAY = FIRST + timedelta(days=6)


def tried_in(town: Town, day: date | None, store: Database | None = None, **options: Any) -> Tried:
    return try_system(
        town.system, town.policy, day, resolve=town.resolve, store=store or town.database, **options
    )


def payloads(findings: tuple[Finding, ...] | list[Finding]) -> dict[str, dict[str, Any]]:
    return {f.key: replace(f, provenance={}).payload() for f in findings if f.check not in OF_THE_SOURCE}


both = pytest.mark.parametrize("over_the_lake", [False, True])


@both
def test_it_finds_with_carried_evidence_what_the_next_run_records(town: Town, over_the_lake: bool) -> None:
    town.give(rows_of(8))
    town.measure(SUNDAY + 5 * WEEK)
    lake = town.lake if over_the_lake else None
    tried = tried_in(town, FIRST + 6 * WEEK + timedelta(days=3), lake=lake)
    assert tried.lake_until == (SUNDAY + 5 * WEEK if over_the_lake else None)
    assert tried.week == FIRST + 6 * WEEK
    assert tried.carried_until == FIRST + 5 * WEEK
    assert list(tried.measured) == [FIRST + 6 * WEEK]
    recorded = town.measure(SUNDAY + 6 * WEEK)
    assert payloads(list(tried.findings)) == payloads(recorded)
    assert only(recorded, "accuracy").evidence is not None


@both
def test_a_week_that_was_judged_is_tried_as_of_then(town: Town, over_the_lake: bool) -> None:
    town.give(rows_of(8))
    for week in range(8):
        town.measure(SUNDAY + week * WEEK)
    tried = tried_in(town, FIRST + 4 * WEEK, lake=town.lake if over_the_lake else None)
    assert tried.carried_until == FIRST + 3 * WEEK
    recorded = town.results.findings(town.system.id, FIRST + 4 * WEEK)
    assert payloads(list(tried.findings)) == payloads(recorded)


def test_a_cold_start_has_the_estimates_and_the_evidence_of_the_report_window(
    town: Town, tmp_path: Path
) -> None:
    town.give(rows_of(10))
    nowhere = Database(f"sqlite:///{tmp_path / 'no-store.db'}")
    tried = tried_in(town, FIRST + 8 * WEEK, nowhere)
    assert tried.carried_until is None
    assert len(tried.measured) == town.system.window_weeks
    assert "cold start over 4 weeks" in tried.evidence
    recorded = only(town.measure(SUNDAY + 8 * WEEK), "accuracy")
    found = only(tried.findings, "accuracy")
    assert (found.estimate, found.n, found.interval) == (recorded.estimate, recorded.n, recorded.interval)
    assert found.evidence is not None
    assert recorded.evidence is not None
    assert found.evidence.counts == recorded.evidence.counts
    assert found.evidence.weeks == 4 < recorded.evidence.weeks


@both
def test_nothing_is_written(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, over_the_lake: bool
) -> None:
    town.give(rows_of(6))
    town.measure(SUNDAY + 3 * WEEK)
    before = town.results.content_hash(), town.lake.versions(""), town.results.latest_pulls(town.system.id)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    tried_in(town, FIRST + 5 * WEEK, lake=town.lake if over_the_lake else None)
    after = town.results.content_hash(), town.lake.versions(""), town.results.latest_pulls(town.system.id)
    assert before == after
    assert list(temporary.iterdir()) == []


def test_without_the_gate_only_the_contract_is_not_asked(town: Town) -> None:
    rule = {"type": "expect_column_values_to_be_in_set", "with": {"column": "kind", "value_set": ["LED"]}}
    strict = town.changed(outputs={"contract": [rule]})
    rows = rows_of(5)
    rows.loc[0, "score"] = 7.0  # outside what the register says a score can be
    strict.give(rows)
    gated, plain = (tried_in(strict, FIRST + 4 * WEEK, contracts=asked) for asked in (True, False))
    sodium = int((rows["kind"] == "sodium").sum())
    assert gated.feeds["outputs"].refused == sodium
    assert plain.feeds["outputs"].refused == 1
    uncontracted = replace(town, folder=town.folder / "uncontracted")
    uncontracted.folder.mkdir()
    expected = tried_in(uncontracted, FIRST + 4 * WEEK)
    assert payloads(list(plain.findings)) == payloads(list(expected.findings))


class TestOverTheLake:
    """A system that is monitored: the lake has what its source gave."""

    def test_what_the_source_has_no_more_is_there(self, town: Town) -> None:
        rows = rows_of(8)
        town.give(rows)
        town.measure(SUNDAY + 5 * WEEK)
        town.give(rows[rows["lit_on"] >= FIRST + 4 * WEEK])
        tried = tried_in(town, FIRST + 6 * WEEK, lake=town.lake)
        assert tried.feeds["outputs"].rows == int((rows["lit_on"] < FIRST + 7 * WEEK).sum())
        assert payloads(list(tried.findings)) == payloads(town.measure(SUNDAY + 6 * WEEK))

    def test_what_came_later_is_not_seen(self, town: Town) -> None:
        rows = rows_of(8)
        rows["known_on"] = rows["lit_on"] + timedelta(
            days=21
        )  # most outcomes of the last weeks come after it
        town.give(rows)
        found = [town.measure(SUNDAY + week * WEEK) for week in range(8)]
        tried = tried_in(town, FIRST + 5 * WEEK, lake=town.lake)
        assert tried.lake_until == SUNDAY + 5 * WEEK
        assert payloads(list(tried.findings)) == payloads(found[5])

    def test_what_was_judged_again_later_is_not_seen(self, town: Town) -> None:
        rows = rows_of(6)
        rows["known_on"] = rows["lit_on"]
        late = rows["lit_on"] == SUNDAY + 3 * WEEK  # outcomes that come before their outputs are refused
        town.give(rows[~late], rows)
        found = [town.measure(SUNDAY + week * WEEK) for week in range(4)]
        town.give(rows, rows)
        town.measure(SUNDAY + 4 * WEEK)  # and accepted when those have come
        town.give(rows[~late], rows)
        tried = tried_in(town, FIRST + 3 * WEEK, lake=town.lake)
        assert tried.feeds["outcomes"].refused == int(late.sum())
        assert payloads(list(tried.findings)) == payloads(found[3])

    def test_another_entry_has_the_rows_judged_and_counted_anew(self, town: Town) -> None:
        rows = rows_of(6)
        town.give(rows)
        town.measure(SUNDAY + 3 * WEEK)
        rule = {"type": "expect_column_values_to_be_in_set", "with": {"column": "kind", "value_set": ["LED"]}}
        strict = town.changed(outputs={"contract": [rule]})
        sodium = int((rows["kind"] == "sodium").sum())
        assert tried_in(strict, FIRST + 5 * WEEK, lake=town.lake).feeds["outputs"].refused == sodium
        as_judged = tried_in(strict, FIRST + 5 * WEEK, lake=town.lake, contracts=False)
        assert as_judged.feeds["outputs"].refused == 0

    def test_without_the_secret_of_its_keys_the_sources_are_read_whole(self, town: Town) -> None:
        town.give(rows_of(6))
        town.measure(SUNDAY + 3 * WEEK)

        def resolve(name: str) -> Connection:
            raise LookupError(name)

        options = {"resolve": resolve, "store": town.database, "lake": town.lake}
        tried = try_system(town.system, town.policy, FIRST + 4 * WEEK, **options)
        assert tried.lake_until is None
        assert not tried.failed

    def test_a_lake_without_rows_of_the_system_is_none(self, town: Town) -> None:
        town.give(rows_of(6))
        assert tried_in(town, FIRST + 4 * WEEK, lake=town.lake).lake_until is None


def test_a_feed_that_cannot_be_pulled_is_an_error(town: Town) -> None:
    town.give(rows_of(5))
    (town.folder / "outcomes.parquet").unlink()
    tried = tried_in(town, FIRST + 4 * WEEK)
    assert tried.failed
    assert "is missing" in str(tried.feeds["outcomes"].error) or "no file" in str(
        tried.feeds["outcomes"].error
    )
    assert tried.feeds["outputs"].error is None
    rates = [f for f in tried.findings if f.check == "effectiveness.rates"]
    assert {f.status for f in rates} == {Status.ERROR}
    assert only(tried.findings, "selection_rate", area="north").status is not Status.ERROR


def test_a_week_that_is_not_over_cannot_be_judged(town: Town) -> None:
    town.give(rows_of(2))
    with pytest.raises(WeekNotOver, match="is not over; the last complete one is that of"):
        tried_in(town, date.today() + WEEK)  # noqa: DTZ011 - any day well after today will do
