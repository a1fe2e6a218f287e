"""Outcomes that had counted and are corrected: the evidence goes on as if they had been right at first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from towns import FIRST, WEEK, Town, only, rows_of, town_at

from checks.effectiveness.rates import Rates
from sundial.engine.streams import lineage
from sundial.store.grants import Grants
from sundial.store.records import Evidence, Finding, Status

SUNDAY = FIRST + timedelta(days=6)
ACCURACY = "effectiveness.rates:accuracy@0.6"
ROWS = rows_of(7)
OUTCOMES = {"lookback_days": 90}


def wrong(rows: pd.DataFrame = ROWS, week: int = 1, many: int = 20) -> pd.DataFrame:
    """The rows with other truths of that week's outputs, counted from 0."""
    of_week = rows["lit_on"].between(FIRST + WEEK * week, SUNDAY + WEEK * week)
    broken = rows["broken"].where(~(of_week & (of_week.cumsum() <= many)), 1 - rows["broken"])
    return rows.assign(broken=broken)


def lived(folder: Path, weeks: dict[int, pd.DataFrame], **changes: Any) -> Town:
    """A town that ran on the Sundays of these weeks, with what its source then held."""
    folder.mkdir()
    town = town_at(folder, outcomes=OUTCOMES, **changes)
    for week, outcomes in weeks.items():
        town.give(ROWS, outcomes)
        town.measure(SUNDAY + WEEK * week)
    return town


def carried(town: Town) -> dict[str, Evidence]:
    """The evidence of the last judged week, by the name that its check knows it by."""
    found = town.results.latest_findings(town.system.id)
    return {lineage(f.evidence.stream)[0]: f.evidence for f in found if f.evidence is not None}


def alike(evidence: Evidence) -> dict[str, Any]:
    plain = replace(evidence, stream=lineage(evidence.stream)[0], supersedes=None)
    return {name: value for name, value in vars(plain).items() if name != "log_alarm"}


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> Town:
    folder = tmp_path_factory.mktemp("corrected")
    return lived(folder / "town", {4: wrong(), 5: ROWS, 7: ROWS})


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Town:
    folder = tmp_path_factory.mktemp("right")
    return lived(folder / "town", {4: ROWS, 5: ROWS, 7: ROWS})


def test_all_evidence_is_as_if_the_outcomes_had_been_right_at_first(corrected: Town, right: Town) -> None:
    found, meant = carried(corrected), carried(right)
    rows = "security_and_safety.refused_rows:outcomes@0.05"  # a correction is one more row that was judged
    assert {name: alike(evidence) for name, evidence in found.items() if name != rows} == {
        name: alike(evidence) for name, evidence in meant.items() if name != rows
    }
    assert found[ACCURACY].stream == f"{ACCURACY}~2"


def test_what_does_not_hang_on_the_truth_goes_on(corrected: Town) -> None:
    kept = [e.stream for name, e in carried(corrected).items() if name.startswith(("drift", "security"))]
    assert kept
    assert not [stream for stream in kept if "~" in stream]


def test_the_finding_says_what_it_supersedes_and_why(corrected: Town) -> None:
    week = corrected.results.findings(corrected.system.id, FIRST + 5 * WEEK)
    accuracy = only(week, "accuracy")
    assert accuracy.evidence is not None
    supersedes = accuracy.evidence.supersedes
    assert supersedes is not None
    assert (supersedes.stream, supersedes.since, supersedes.outcomes) == (ACCURACY, FIRST + 2 * WEEK, 20)
    assert supersedes.reason == (
        "Their source corrected 20 outcomes that had counted in 2014-W04; "
        "the evidence from then on is restated."
    )
    assert accuracy.reason.endswith(supersedes.reason)
    gap = only(week, "true_positive_rate_difference")
    assert gap.reason.endswith(supersedes.reason)  # its evidence is made of streams that were restated
    later = only(corrected.results.latest_findings(corrected.system.id), "accuracy")
    assert later.evidence is not None
    assert later.evidence.supersedes is None


def test_the_superseded_stream_stays_as_it_was(corrected: Town, right: Town) -> None:
    streams = corrected.results.evidence(corrected.system.id)
    before, since = right.results.evidence(right.system.id)[ACCURACY], FIRST + 2 * WEEK
    old = dict(streams[ACCURACY])
    assert list(old) == [week for week, _ in before if week <= FIRST + 4 * WEEK]
    assert old[since] != dict(before)[since]
    assert streams[f"{ACCURACY}~2"] == [(week, counts) for week, counts in before if week >= since]


def test_the_budget_does_not_grow(corrected: Town, right: Town) -> None:
    assert carried(corrected)[ACCURACY].log_alarm == carried(right)[ACCURACY].log_alarm
    assert Grants(corrected.database).of(right.system.id) == Grants(right.database).of(right.system.id) != ()


@pytest.mark.parametrize(
    ("held", "generation"),
    [
        pytest.param([wrong(), ROWS, wrong()], "~3", id="back and forth"),
        pytest.param([ROWS, wrong(), wrong(wrong(), 2)], "~3", id="two corrections"),
    ],
)
def test_every_correction_counts(held: Sequence[pd.DataFrame], generation: str, tmp_path: Path) -> None:
    town = lived(tmp_path / "town", dict(zip((4, 5, 6), held, strict=True)))
    whole = lived(tmp_path / "whole", {4: held[-1], 5: held[-1], 6: held[-1]})
    found, meant = carried(town)[ACCURACY], carried(whole)[ACCURACY]
    assert found.stream == ACCURACY + generation
    assert alike(found) == alike(meant)


def test_what_is_taken_back_before_the_week_is_judged_is_no_correction(tmp_path: Path) -> None:
    town = lived(tmp_path / "town", {4: ROWS})
    for outcomes, as_of in ((wrong(), SUNDAY + 4 * WEEK + timedelta(days=2)), (ROWS, SUNDAY + 5 * WEEK)):
        town.give(ROWS, outcomes)
        town.measure(as_of)
    assert carried(town)[ACCURACY].stream == ACCURACY


def test_a_correction_waits_for_a_check_that_cannot_measure(
    tmp_path: Path, right: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails in the week that is corrected, and in that in which the correction comes."""
    measured, failing = Rates.measure, {FIRST + 2 * WEEK, FIRST + 5 * WEEK}

    def falters(self: Rates, view: Any) -> Iterator[Finding]:
        found = list(measured(self, view))
        if view.week in failing:
            raise ZeroDivisionError
        yield from found

    monkeypatch.setattr(Rates, "measure", falters)
    town = lived(tmp_path / "town", {3: wrong(), 4: wrong(), 5: ROWS, 6: ROWS, 7: ROWS})
    (week,) = [
        f
        for f in town.results.findings(town.system.id, FIRST + 6 * WEEK)
        if f.metric == "accuracy" and not f.slice
    ]
    assert week.evidence is not None
    assert week.evidence.supersedes is not None
    assert week.evidence.supersedes.since == FIRST + 3 * WEEK  # its first week with what it counted wrong
    found, meant = carried(town)[ACCURACY], carried(right)[ACCURACY]
    assert sum(c[1] for c in _counts(town, found)) == sum(c[1] for c in _counts(right, meant))
    assert sum(c[0] for c in _counts(town, found)) == sum(c[0] for c in _counts(right, meant))


def _counts(town: Town, evidence: Evidence) -> list[tuple[float, ...]]:
    streams = town.results.evidence(town.system.id)
    own = streams[evidence.stream]
    elder = streams[ACCURACY] if evidence.stream != ACCURACY else []
    return [counts for week, counts in elder if week < own[0][0]] + [counts for _, counts in own]


def test_a_corrected_week_of_a_recovery_recovers_as_if_it_had_been_right(tmp_path: Path) -> None:
    """The breach is confirmed, repaired in week 4, and week 5 is corrected when week 7 is judged."""
    changes = {
        "intended_outcome": {
            "statement": "Broken street lights are found.",
            "metric": "accuracy",
            "target": 0.97,
            "approved_by": "CIO",
            "approved_on": "2014-01-01",
            "reviewed": "2014-01-01",
        },
        "remediations": [
            {"on": "2014-02-01", "what": "A new model.", "checks": "all", "recorded_by": "Ann Example"}
        ],
    }
    town = lived(tmp_path / "town", {5: wrong(week=4), 6: ROWS, 7: ROWS}, **changes)
    whole = lived(tmp_path / "whole", {5: ROWS, 6: ROWS, 7: ROWS}, **changes)
    stream = "effectiveness.rates:accuracy@0.97"
    found, meant = carried(town)[stream], carried(whole)[stream]
    assert meant.recovering
    followers = {name for name in carried(whole) if name.startswith(("effectiveness", "equity"))}
    for name in followers:
        assert alike(carried(town)[name]) == alike(carried(whole)[name])
    assert found.stream == f"{stream}~2"
    assert alike(found) == alike(meant)
    assert only(town.results.latest_findings(town.system.id), "accuracy").status is Status.BREACH


def test_another_target_has_no_evidence_from_before_it_was_chosen(tmp_path: Path) -> None:
    town = lived(tmp_path / "town", {3: wrong(), 4: wrong()})
    stricter = town.changed(
        outcomes=OUTCOMES,
        intended_outcome={**town.system.intended_outcome.model_dump(mode="json"), "target": 0.7},
    )
    stricter.measure(SUNDAY + 5 * WEEK)
    stricter.give(ROWS, ROWS)
    stricter.measure(SUNDAY + 6 * WEEK)
    streams = stricter.results.evidence(town.system.id)
    weeks: list[date] = [week for week, _ in streams["effectiveness.rates:accuracy@0.7"]]
    assert weeks == [FIRST + 5 * WEEK, FIRST + 6 * WEEK]
    assert not [name for name in streams if name.startswith("effectiveness.rates") and "~" in name]
