"""One run of one system: catch-up, exactly-once evidence, and checks that fail alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from towns import FIRST, OF_THE_SOURCE, WEEK, Town, only, parquet, rows_of, town_at

from checks.effectiveness.rates import Rates
from sundial.engine.discover import enabled
from sundial.engine.run import NotStaged
from sundial.register.models import System
from sundial.register.principles import Principle
from sundial.store.records import Finding, Status

SUNDAY = FIRST + timedelta(days=6)


def found_in(town: Town) -> dict[str, dict[str, Any]]:
    """Payloads by key, without the hash of the batches; what the source was like then is another matter."""
    payloads = {}
    for finding in town.results.findings_between(date.min, date.max, town.system.id):
        if finding.check in OF_THE_SOURCE:
            continue
        provenance = {k: v for k, v in finding.provenance.items() if k != "partitions"}
        payloads[finding.key] = replace(finding, provenance=provenance).payload()
    return payloads


def counted(town: Town, stream: str, place: int = 1) -> int:
    weeks = town.results.evidence(town.system.id)[stream]
    return int(sum(counts[place] for _, counts in weeks))


ACCURACY = "effectiveness.rates:accuracy@0.6"


def test_one_run_over_many_weeks_finds_what_weekly_runs_find(tmp_path: Path) -> None:
    towns = []
    for name in ("weekly", "at-once"):
        folder = tmp_path / name
        folder.mkdir()
        towns.append(town_at(folder))
        towns[-1].give(rows_of(6))
    weekly, at_once = towns
    at_once = replace(at_once, system=weekly.system)  # the same configuration, the same source
    for week in range(7):
        weekly.measure(SUNDAY + WEEK * week)
    at_once.measure(SUNDAY + 6 * WEEK)
    assert found_in(weekly) == found_in(at_once)
    assert weekly.results.evidence("street-lights") == at_once.results.evidence("street-lights")


def test_two_fresh_stores_have_the_same_content(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    source = town_at(tmp_path / "source")
    source.give(rows_of(7))
    hashes = set()
    for name in ("one", "other"):
        town = replace(source, folder=tmp_path / name)
        town.folder.mkdir()
        for week in (3, 8):
            town.measure(SUNDAY + WEEK * week)
        hashes.add(town.results.content_hash())
    assert len(hashes) == 1


def test_running_again_adds_nothing(town: Town) -> None:
    town.give(rows_of(6))
    town.measure(SUNDAY + 6 * WEEK)
    before = town.results.content_hash()
    town.measure(SUNDAY + 6 * WEEK)
    assert town.results.content_hash() == before


def test_an_older_as_of_date_profiles_and_judges_nothing(town: Town) -> None:
    town.give(rows_of(6))
    town.measure(SUNDAY + 6 * WEEK)
    before = town.results.content_hash()
    run = town.run(SUNDAY + 2 * WEEK)
    run.pull()
    run.gate()
    run.profile()
    assert [run.check(principle) for principle in Principle] == [{}] * len(Principle)
    assert list(run.record()) == []
    assert town.results.content_hash() == before


def test_evidence_counts_every_matured_outcome_once_whenever_it_comes(town: Town) -> None:
    rows, patient = rows_of(8), town.changed(outcomes={"lookback_days": 90})
    for week, late in ((2, rows.iloc[::2]), (5, rows.iloc[::3]), (6, rows), (12, rows)):
        town.give(rows, late)
        patient.measure(SUNDAY + WEEK * week)
    assert counted(town, ACCURACY) == len(rows)
    streams = [
        s for s in town.results.evidence(town.system.id) if s.startswith("equity.groups:selection_rate@")
    ]
    areas = [counted(town, stream) for stream in streams]
    assert len(areas) == 2
    assert sum(areas) == len(rows)


def test_a_check_that_raises_fails_alone_and_catches_up(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.give(rows_of(8))
    measured = Rates.measure

    def falters(self: Rates, view: Any) -> Iterator[Finding]:
        found = list(measured(self, view))  # its streams are advanced when it raises
        if view.week == FIRST + 4 * WEEK:
            raise ZeroDivisionError("nothing to divide by")
        yield from found

    monkeypatch.setattr(Rates, "measure", falters)
    town.measure(SUNDAY + 8 * WEEK)
    week = town.results.findings(town.system.id, FIRST + 4 * WEEK)
    (failed,) = [f for f in week if f.check == "effectiveness.rates"]
    assert failed.status is Status.ERROR
    assert failed.reason == "effectiveness.rates failed: ZeroDivisionError: nothing to divide by"
    assert not [f for f in week if f.status is Status.ERROR and f is not failed]
    assert counted(town, ACCURACY) == 320
    after = [f for f in town.results.latest_findings(town.system.id) if f.metric == "accuracy"]
    monkeypatch.undo()
    whole = replace(town, folder=town.folder / "whole")
    whole.folder.mkdir()
    whole.measure(SUNDAY + 8 * WEEK)
    (never_failed,) = [f for f in whole.results.latest_findings(town.system.id) if f.metric == "accuracy"]
    assert after[0].evidence is not None
    assert never_failed.evidence is not None
    assert after[0].evidence.log_e == pytest.approx(never_failed.evidence.log_e)


def test_every_check_speaks_and_every_principle_appears(town: Town) -> None:
    town.give(rows_of(3))
    found = town.measure(SUNDAY + 3 * WEEK)
    assert {check.name for check in enabled(town.system)} <= {f.check for f in found}
    assert {f.principle for f in found} == {principle.value for principle in Principle}


def test_an_absent_feed_is_not_measured(town: Town) -> None:
    plain = town.system.model_dump(mode="json", by_alias=True)
    plain["feeds"]["outcomes"] = None
    blind = replace(town, system=System.model_validate(plain))
    town.give(rows_of(3))
    found = blind.measure(SUNDAY + 3 * WEEK)
    (rates,) = [f for f in found if f.check == "effectiveness.rates"]
    assert rates.status is Status.NOT_MEASURED
    assert "no feed outcomes" in rates.reason
    assert only(found, "selection_rate", area="north").status is Status.OK


def test_a_system_without_feeds_is_judged_by_its_documents(town: Town) -> None:
    plain = town.system.model_dump(mode="json", by_alias=True)
    silent = replace(town, system=System.model_validate({**plain, "feeds": {}}))
    found = silent.measure(SUNDAY)
    assert {f.status for f in found if f.check in ("effectiveness.rates", "drift.score")} == {
        Status.NOT_MEASURED
    }
    assert only(found, "ai_review_age").status is Status.WATCH
    assert not [f for f in found if f.status is Status.ERROR]


def test_nothing_is_recorded_until_every_principle_is_staged(town: Town) -> None:
    town.give(rows_of(2))
    run = town.run(SUNDAY + WEEK)
    run.pull()
    run.gate()
    run.profile()
    run.check(Principle.EQUITY)
    with pytest.raises(NotStaged, match="was not measured; run its task again"):
        run.record()


def test_what_a_run_read_before_a_step_is_read_again_after_it(town: Town) -> None:
    town.give(rows_of(2))
    run = town.run(SUNDAY + WEEK)
    run.pull()
    assert run.check(Principle.EQUITY) == {Status.ERROR: 1}  # the gate did not end
    run.gate()
    assert run.check(Principle.EQUITY) == {Status.ERROR: 1}  # the profiles are not those of the rows
    run.profile()
    assert Status.ERROR not in run.check(Principle.EQUITY)


def test_evidence_that_another_run_recorded_meanwhile_counts(town: Town) -> None:
    town.give(rows_of(3))
    run = town.run(SUNDAY + 2 * WEEK)
    assert run.measuring(Principle.EFFECTIVENESS).streams.names_after("effectiveness", SUNDAY) == []
    town.measure(SUNDAY + WEEK)
    run.pull()
    run.gate()
    run.profile()
    for principle in Principle:
        run.check(principle)
    run.record()
    assert counted(town, ACCURACY) == 80
    latest = only(town.results.latest_findings(town.system.id), "accuracy").evidence
    assert latest is not None
    assert latest.weeks == 2


def test_a_baseline_that_gains_a_level_begins_another_stream(town: Town) -> None:
    rows = rows_of(7)
    rows.loc[3, "id"] = None
    town.give(rows)
    town.measure(SUNDAY + 6 * WEEK)
    late = rows_of(7)
    for row in range(154, 160):
        late.loc[row, "kind"], late.loc[row, "id"] = "mercury", f"lamp-found-{row}"
    longer = town.changed(outputs={"lookback_days": 60})
    longer.give(late)
    found = longer.measure(SUNDAY + 7 * WEEK)
    assert not [f.reason for f in found if f.status is Status.ERROR]
    streams = [s for s in longer.results.evidence("street-lights") if "category_share_change/kind" in s]
    assert len(streams) == 2


def test_a_category_that_is_registered_later_is_unknown_before(town: Town) -> None:
    town.give(rows_of(7))
    town.measure(SUNDAY + 6 * WEEK)
    wider = town.changed(outputs={"categories": ["kind", "note"]})
    found = wider.measure(SUNDAY + 7 * WEEK)
    assert only(found, "category_share_change", column="note").status in (Status.OK, Status.INSUFFICIENT)


@pytest.mark.parametrize("rows", [0, 1])
def test_weeks_with_next_to_nothing_are_insufficient_and_not_an_error(town: Town, rows: int) -> None:
    few = rows_of(10).iloc[[*range(200), *range(360, 360 + rows)]]
    town.give(few)
    found = town.measure(SUNDAY + 11 * WEEK)
    assert not [f.reason for f in found if f.status is Status.ERROR]
    assert only(found, "accuracy").status is Status.INSUFFICIENT


def test_an_empty_source_has_no_outputs_yet(town: Town) -> None:
    parquet(town.folder / "outputs.parquet", rows_of(1).iloc[:0].astype({"lit_on": "datetime64[s]"}))
    parquet(town.folder / "outcomes.parquet", rows_of(1).iloc[:0].astype({"known_on": "datetime64[s]"}))
    found = town.measure(SUNDAY)
    assert {f.reason for f in found if f.check == "drift.score"} == {"No outputs have been accepted yet."}
    assert not [f.reason for f in found if f.status is Status.ERROR]
