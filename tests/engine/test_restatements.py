"""Outcomes that come after their week was judged restate its estimates; evidence counts them as they come."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import func, select
from towns import FIRST, OF_THE_SOURCE, WEEK, Town, only, rows_of, town_at

from sundial.engine import restate
from sundial.store.records import Finding, Status
from sundial.store.tables import restatements

SUNDAY = FIRST + timedelta(days=6)
ROWS = rows_of(6)
LATE = ROWS["lit_on"].between(FIRST + WEEK, SUNDAY + WEEK) & (ROWS.index % 2 == 0)
"""Half of the outputs of the second week: theirs are the outcomes that come late."""
PATIENT = {"lookback_days": 90}
JUDGED = FIRST + 3 * WEEK
"""The week that is judged before they come; its window has their outputs."""


def lived(folder: Path, weeks: dict[int, pd.DataFrame], **changes: Any) -> Town:
    folder.mkdir()
    town = town_at(folder, outcomes=PATIENT, **changes)
    for week, outcomes in weeks.items():
        town.give(ROWS, outcomes)
        town.measure(SUNDAY + WEEK * week)
    return town


def key_of(finding: Finding) -> tuple[str, str, Any]:
    return finding.check, finding.metric, finding.slice


def estimates(town: Town, week: int) -> dict[Any, Any]:
    """What a week's findings say but for evidence, and what hangs on it."""
    found = town.results.findings(town.system.id, FIRST + WEEK * week)
    return {key_of(f): (f.estimate, f.interval, f.n, f.details) for f in found if f.check not in ROWS_OF}


ROWS_OF = OF_THE_SOURCE | {"security_and_safety.duplicates", "security_and_safety.refused_rows"}
"""Checks that count rows by the week in which they came, or tell what the source was like then."""


def number_of_restatements(town: Town) -> int:
    with town.database.read() as connection:
        return connection.scalar(select(func.count()).select_from(restatements)) or 0


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Town:
    folder = tmp_path_factory.mktemp("late") / "town"
    return lived(folder, {3: ROWS[~LATE], 4: ROWS[~LATE], 5: ROWS})


@pytest.fixture(scope="module")
def punctual(tmp_path_factory: pytest.TempPathFactory) -> Town:
    folder = tmp_path_factory.mktemp("punctual") / "town"
    return lived(folder, {3: ROWS, 4: ROWS, 5: ROWS})


@pytest.mark.parametrize("week", [2, 3, 4, 5])
def test_estimates_are_as_if_the_outcomes_had_come_in_time(week: int, late: Town, punctual: Town) -> None:
    assert estimates(late, week) == estimates(punctual, week)


def test_the_finding_as_it_was_judged_is_kept(late: Town) -> None:
    now = only(late.results.findings(late.system.id, JUDGED), "accuracy")
    judged, *later = late.results.revisions(now.key)
    assert later == [now]
    assert (judged.n, now.n) == (100, 120)


def test_the_evidence_stays_that_of_the_week(late: Town) -> None:
    found = late.results.findings(late.system.id, JUDGED)
    restated = [f for f in found if len(late.results.revisions(f.key)) > 1]
    assert {"accuracy", "true_positive_rate", "true_positive_rate_difference"} <= {f.metric for f in restated}
    for finding in restated:
        assert finding.evidence == late.results.revisions(finding.key)[0].evidence
    counts = [
        counts for _, counts in late.results.evidence(late.system.id)["effectiveness.rates:accuracy@0.6"]
    ]
    assert [n for _, n in counts] == [40, 20, 40, 40, 60]  # they count where they come


def test_only_what_changed_is_restated(late: Town, punctual: Town) -> None:
    for week in range(6):
        for finding in late.results.findings(late.system.id, FIRST + WEEK * week):
            revisions = late.results.revisions(finding.key)
            assert len(revisions) <= 2
            if finding.check.startswith("drift") or week in (0, 1, 5):
                assert len(revisions) == 1
    assert number_of_restatements(punctual) == 0


def test_a_report_of_then_sees_what_was_known_then(late: Town) -> None:
    then = only(late.results.findings(late.system.id, JUDGED, SUNDAY + 4 * WEEK), "accuracy")
    assert then.n == 100


def test_running_again_restates_nothing_more(late: Town) -> None:
    before = late.results.content_hash()
    late.measure(SUNDAY + 5 * WEEK)
    assert late.results.content_hash() == before


def test_one_run_over_many_weeks_restates_what_weekly_runs_restate(tmp_path: Path) -> None:
    """The outcomes become known two weeks later than the register says, some before and some in the run."""
    known = ROWS.assign(known_on=ROWS["known_on"].where(~LATE, ROWS["known_on"] + 2 * WEEK))
    weekly = lived(tmp_path / "weekly", dict.fromkeys(range(2, 6), known))
    at_once = replace(weekly, folder=tmp_path / "at-once")
    at_once.folder.mkdir()
    at_once.measure(SUNDAY + 5 * WEEK)
    assert number_of_restatements(weekly)
    for week in range(6):
        assert estimates(weekly, week) == estimates(at_once, week)
    assert weekly.results.evidence(weekly.system.id) == at_once.results.evidence(weekly.system.id)


def test_a_correction_restates_the_estimates_too(tmp_path: Path, punctual: Town) -> None:
    wrong = ROWS.assign(broken=ROWS["broken"].where(~LATE, 1 - ROWS["broken"]))
    town = lived(tmp_path / "town", {3: wrong, 4: wrong, 5: ROWS})
    for week in (3, 4, 5):
        assert estimates(town, week) == estimates(punctual, week)


def test_a_confirmed_breach_stays_one_with_another_estimate(tmp_path: Path) -> None:
    intended = {
        "statement": "Broken street lights are found.",
        "metric": "accuracy",
        "target": 0.99,
        "approved_by": "CIO",
        "approved_on": "2014-01-01",
        "reviewed": "2014-01-01",
    }
    town = lived(tmp_path / "town", {3: ROWS[~LATE], 4: ROWS}, intended_outcome=intended)
    judged, now = town.results.revisions(only(town.results.findings(town.system.id, JUDGED), "accuracy").key)
    assert (judged.n, now.n) == (100, 120)
    assert (judged.status, judged.reason) == (Status.BREACH, now.reason)
    assert now.status is Status.BREACH


def test_a_week_without_its_feed_is_told_once_the_feed_is_back(tmp_path: Path, punctual: Town) -> None:
    town = lived(tmp_path / "town", {3: ROWS})
    outcomes = town.folder / "outcomes.parquet"
    outcomes.rename(town.folder / "away.parquet")
    town.measure(SUNDAY + 4 * WEEK)
    week = town.results.findings(town.system.id, FIRST + 4 * WEEK)
    assert only(week, "true_positive_rate", area="north").status is Status.ERROR
    (town.folder / "away.parquet").rename(outcomes)
    town.measure(SUNDAY + 5 * WEEK)
    now = only(town.results.findings(town.system.id, FIRST + 4 * WEEK), "true_positive_rate", area="north")
    meant = only(
        punctual.results.findings(town.system.id, FIRST + 4 * WEEK), "true_positive_rate", area="north"
    )
    assert (now.status, now.estimate, now.n) == (meant.status, meant.estimate, meant.n)


def test_weeks_too_long_ago_are_left_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restate, "WEEKS_BACK", 1)
    town = lived(tmp_path / "town", {4: ROWS[~LATE], 5: ROWS})
    revised = [
        week
        for week in range(6)
        for f in town.results.findings(town.system.id, FIRST + WEEK * week)
        if f.metric == "accuracy" and len(town.results.revisions(f.key)) > 1
    ]
    assert revised == [4]


def test_a_check_that_fails_while_restating_says_so_and_is_tried_again(
    tmp_path: Path, punctual: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = lived(tmp_path / "town", {3: ROWS[~LATE], 4: ROWS[~LATE]})
    with monkeypatch.context() as broken:
        broken.setattr(restate, "_of_check", _fails_in("effectiveness.rates"))
        town.give(ROWS)
        town.measure(SUNDAY + 5 * WEEK)
    judged = town.results.findings(town.system.id, FIRST + 5 * WEEK)
    told = {
        f.check for f in judged if "are to be restated: effectiveness.rates failed: MemoryError" in f.reason
    }
    assert told == {"effectiveness.rates"}
    assert (
        only(judged, "accuracy").status
        is only(punctual.results.findings(town.system.id, FIRST + 5 * WEEK), "accuracy").status
    )
    assert (
        len(town.results.revisions(only(town.results.findings(town.system.id, JUDGED), "accuracy").key)) == 1
    )
    town.measure(SUNDAY + 5 * WEEK + timedelta(days=1))  # no week is due: it stays to be done
    town.measure(SUNDAY + 6 * WEEK)
    for week in (2, 3, 4):
        assert estimates(town, week) == estimates(punctual, week)
    assert not any(
        "are to be restated" in f.reason for f in town.results.findings(town.system.id, FIRST + 6 * WEEK)
    )


def _fails_in(name: str) -> Any:
    works = restate._of_check

    def of_check(measuring: Any, check: Any, *arguments: Any) -> Any:
        if check.name == name:
            raise MemoryError("no more memory")
        return works(measuring, check, *arguments)

    return of_check
