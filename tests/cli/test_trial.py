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
from sundial.store.database import Database
from sundial.store.records import Finding, Status

SUNDAY = FIRST + timedelta(days=6)


def tried_in(town: Town, day: date | None, store: Database | None = None, **options: Any) -> Tried:
    return try_system(
        town.system, town.policy, day, resolve=town.resolve, store=store or town.database, **options
    )


def payloads(findings: tuple[Finding, ...] | list[Finding]) -> dict[str, dict[str, Any]]:
    return {f.key: replace(f, provenance={}).payload() for f in findings if f.check not in OF_THE_SOURCE}


def test_it_finds_with_carried_evidence_what_the_next_run_records(town: Town) -> None:
    town.give(rows_of(8))
    town.measure(SUNDAY + 5 * WEEK)
    tried = tried_in(town, FIRST + 6 * WEEK + timedelta(days=3))
    assert tried.week == FIRST + 6 * WEEK
    assert tried.carried_until == FIRST + 5 * WEEK
    assert list(tried.measured) == [FIRST + 6 * WEEK]
    recorded = town.measure(SUNDAY + 6 * WEEK)
    assert payloads(list(tried.findings)) == payloads(recorded)
    assert only(recorded, "accuracy").evidence is not None


def test_a_week_that_was_judged_is_tried_as_of_then(town: Town) -> None:
    town.give(rows_of(8))
    town.measure(SUNDAY + 7 * WEEK)
    tried = tried_in(town, FIRST + 4 * WEEK)
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


def test_nothing_is_written(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    town.give(rows_of(6))
    town.measure(SUNDAY + 3 * WEEK)
    before = town.results.content_hash(), town.lake.versions(""), town.results.latest_pulls(town.system.id)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    tried_in(town, FIRST + 5 * WEEK)
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
