"""The simulated streams are what they say, and enter the engine as their rows would."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.operating_characteristics import faults, files, null
from benchmarks.operating_characteristics.replay import STREAMS, measure, plan, portfolio, streams_in
from benchmarks.operating_characteristics.world import (
    CHECKS,
    TARGET,
    TOLERANCE,
    Drawn,
    Truth,
    accurate,
    monday,
)
from sundial.profile.statistics import counts

TOGETHER = counts("outcomes", ["channel", "hardship", "predicted", "outcome"])


def drawn(n: int, *more: object) -> Drawn:
    statistics = [*plan(CHECKS).statistics, *more]
    return Drawn([Truth(), accurate(TARGET, fpr_gap=TOLERANCE)] * 2, n, statistics, np.random.default_rng(7))


def test_the_statistics_of_a_week_agree_with_the_rows_that_they_are_the_counts_of() -> None:
    found = drawn(500, TOGETHER)
    rows, profile = found.rows(), found.profile()
    for names in (["area", "predicted"], ["district"], ["channel", "hardship"]):
        over = "outcomes" if "hardship" in names else "outputs"
        cells = profile.window(counts(over, names), monday(0), monday(4), monday(8))
        of_rows = rows.groupby(names).size()
        assert dict(zip(map(tuple, cells[names].to_numpy()), cells["n"], strict=True)) == {
            key if isinstance(key, tuple) else (key,): n for key, n in of_rows.items()
        }
    assert len(rows) == 2_000


def test_an_outcome_is_evidence_when_it_is_known_and_mature() -> None:
    late = Drawn(
        [accurate(0.9, delay_days=days) for days in (1, 7, 56)],
        50,
        plan(CHECKS).statistics,
        np.random.default_rng(1),
    )
    assert late.counted("outputs") == [monday(0), monday(1), monday(2)]
    assert late.counted("outcomes") == [monday(1), monday(2), monday(10)]


def test_a_statistic_of_something_that_is_not_simulated_is_refused() -> None:
    with pytest.raises(ValueError, match="weather, which is not simulated"):
        drawn(50, counts("outputs", ["weather"]))


def test_half_of_the_systems_stand_exactly_at_their_thresholds() -> None:
    good, at = null.truths(0)[-1], null.truths(1)[-1]
    assert good.accuracy == pytest.approx(0.9)
    assert (at.accuracy, at.fpr_gap) == (pytest.approx(TARGET), TOLERANCE)
    for column, level in (("channel", "web"), ("language", "Unknown"), ("hardship", "yes")):
        assert at.shares[column][level] - good.shares[column][level] == pytest.approx(null.PRACTICAL)
    assert faults.GOOD.accuracy == pytest.approx(0.9)


def test_a_system_has_the_streams_that_the_budget_is_shared_by() -> None:
    weeks = [monday(week) for week in range(16)]
    found = Drawn([Truth()] * 16, 50, plan(CHECKS).statistics, np.random.default_rng(3))
    *_, (_, findings) = measure(portfolio()["simulated-00"], found.profile(), weeks)
    assert streams_in(findings) == STREAMS


def test_a_fault_is_confirmed_and_the_same_seed_takes_as_long() -> None:
    once = faults.weeks_to_confirm(("accuracy_70", 500, 3))
    assert once == faults.weeks_to_confirm(("accuracy_70", 500, 3))
    assert not once["early"]
    assert 2 <= once["weeks"] <= 4


@pytest.mark.parametrize(("events", "bound"), [(0, 2.996), (1, 4.744), (5, 10.513)])
def test_the_bound_is_garwoods(events: int, bound: float) -> None:
    assert null.upper_bound(events) == pytest.approx(bound, abs=1e-3)


def test_missing_levels_are_missing_in_the_source_files(tmp_path: Path) -> None:
    folder = tmp_path
    found = drawn(500)
    files.write_sources(found, folder, 0)
    outputs, outcomes = (pd.read_parquet(folder / f"00-{name}.parquet") for name in ("outputs", "outcomes"))
    assert outputs["language"].isna().sum() == (found.rows()["language"] == "Unknown").sum() > 0
    assert set(outcomes["known_on"]) == {monday(week) + timedelta(days=9) for week in range(4)}


@pytest.mark.slow
@pytest.mark.parametrize("number", range(2))
def test_a_year_from_files_has_the_findings_of_the_profile_entry_bit_for_bit(number: int) -> None:
    found = files.compare((number, 50, 0))
    assert found["findings"] > 2_000
    assert found["differ"] == []
