"""Runs that could not measure, or were tried more than once: no evidence is lost, and none is mixed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from towns import FIRST, WEEK, Town, only, rows_of

from sundial.engine.run import NotStaged, Run
from sundial.register.principles import Principle
from sundial.store.records import Status

SUNDAY = FIRST + timedelta(days=6)
ACCURACY = "effectiveness.rates:accuracy"


def counted(town: Town) -> int:
    streams = town.results.evidence(town.system.id).items()
    return int(sum(n for name, weeks in streams if name.startswith(ACCURACY) for _, (_, n) in weeks))


def begun(town: Town, *steps: str, weeks: int) -> Run:
    run = town.run(SUNDAY + weeks * WEEK)
    for step in steps:
        getattr(run, step)()
    return run


def checked(run: Run, principles: Sequence[Principle] = tuple(Principle)) -> list[dict[Status, int]]:
    return [dict(run.check(principle)) for principle in principles]


@pytest.mark.parametrize("feed", ["outputs", "outcomes"])
def test_a_first_run_that_cannot_pull_leaves_the_history_for_the_next(
    town: Town, feed: str, caplog: pytest.LogCaptureFixture
) -> None:
    town.give(rows_of(8))
    file = town.folder / f"{feed}.parquet"
    file.rename(town.folder / "away")
    assert town.measure(SUNDAY + 8 * WEEK) == ()
    run = town.run(SUNDAY + 8 * WEEK)
    assert checked(run) == [{Status.ERROR: 1}] * len(Principle)
    assert f"nothing was ever judged, and {feed} cannot be measured" in caplog.text
    assert f"{feed}.parquet" in caplog.text
    assert list(run.record()) == []
    (town.folder / "away").rename(file)
    town.measure(SUNDAY + 9 * WEEK)
    assert len(town.results.judged(town.system.id)) == 10
    assert counted(town) == 320


def test_a_first_run_without_profiles_leaves_the_history_for_the_next(town: Town) -> None:
    town.give(rows_of(8))
    run = begun(town, "pull", "gate", weeks=8)
    assert checked(run) == [{Status.ERROR: 1}] * len(Principle)
    assert list(run.record()) == []
    town.measure(SUNDAY + 9 * WEEK)
    assert len(town.results.judged(town.system.id)) == 10
    assert counted(town) == 320


def test_another_threshold_of_a_positive_score_is_measured_on_all_rows(town: Town) -> None:
    town.give(rows_of(6))
    town.measure(SUNDAY + 3 * WEEK)
    higher = {"column": "score", "low": 0, "high": 1, "positive_at": 0.9}
    found = town.changed(outputs={"score": higher}).measure(SUNDAY + 5 * WEEK)
    assert only(found, "selection_rate", area="north").estimate == pytest.approx(0.1)


def test_a_changed_threshold_is_an_error_until_the_profiles_are_of_it(town: Town) -> None:
    town.give(rows_of(6))
    town.measure(SUNDAY + 3 * WEEK)
    higher = {"column": "score", "low": 0, "high": 1, "positive_at": 0.9}
    run = begun(town.changed(outputs={"score": higher}), "pull", "gate", weeks=5)
    assert Status.ERROR in run.check(Principle.EQUITY)


def test_findings_of_two_tries_are_not_recorded_together(town: Town) -> None:
    rows = rows_of(8)
    town.give(rows.iloc[::2])
    checked(begun(town, "pull", "gate", "profile", weeks=5))  # its record failed
    town.give(rows)
    run = begun(town, "pull", "gate", "profile", weeks=5)
    checked(run, [principle for principle in Principle if principle is not Principle.EFFECTIVENESS])
    with pytest.raises(NotStaged, match=r"Effectiveness was measured .* run the check tasks again"):
        run.record()
    run.check(Principle.EFFECTIVENESS)
    assert len(run.record()) == 6


def test_findings_of_another_configuration_are_not_recorded(town: Town) -> None:
    town.give(rows_of(6))
    checked(begun(town, "pull", "gate", "profile", weeks=5))
    edited = town.changed(description="The same model, described anew.")
    with pytest.raises(NotStaged, match="run the check tasks again"):
        edited.run(SUNDAY + 5 * WEEK).record()
