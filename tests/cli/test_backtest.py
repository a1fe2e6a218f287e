"""A replayed history: when it would have alarmed, how often by chance, what another threshold changes."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from towns import FIRST, POLICY, WEEK, Town, rows_of
from towns import town_at as any_town_at

from sundial.cli.backtest import Backtest, backtest, plot, strips
from sundial.engine.replay import Stream, false_alarms
from sundial.stats.evidence import Floor
from sundial.store.records import Status

WEEKS = 20
WRONG_FROM = 10
END = FIRST + WEEKS * WEEK - timedelta(days=1)
CHECKS = ["effectiveness.rates", "effectiveness.coverage"]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Twenty weeks of a system that is right four times of five, from the eleventh on one time of five."""
    baseline = {
        "start": FIRST,
        "end": FIRST + 8 * WEEK - timedelta(days=1),
        "approved_by": "CIO",
        "approved_on": "2014-03-01",
    }
    town = any_town_at(tmp_path_factory.mktemp("town"), checks=CHECKS, baseline=baseline)
    rows = rows_of(WEEKS)
    wrong = rows["lit_on"] >= FIRST + WRONG_FROM * WEEK
    rows["broken"] = np.where(wrong, 1 - rows["broken"], rows["broken"])
    town.give(rows)
    return town


@pytest.fixture(scope="module")
def replayed(town: Town) -> Backtest:
    return backtest(
        town.system, POLICY, resolve=town.resolve, until=END, contracts=False, draws=20, thresholds=True
    )


def test_the_alarm_begins_after_the_fault_and_not_before(replayed: Backtest) -> None:
    (alarm,) = replayed.alarms
    assert alarm.check == "effectiveness.rates"
    assert alarm.what == "Accuracy"
    assert FIRST + WRONG_FROM * WEEK < alarm.since <= FIRST + (WRONG_FROM + 5) * WEEK
    assert alarm.weeks == (FIRST + (WEEKS - 1) * WEEK - alarm.since) // WEEK + 1


def test_every_week_is_what_a_run_records(town: Town, replayed: Backtest) -> None:
    recorded = town.measure(END)
    last = {f.key: f for f in replayed.findings[FIRST + (WEEKS - 1) * WEEK]}
    assert {f.key for f in recorded} == set(last)
    for finding in recorded:
        assert (last[finding.key].status, last[finding.key].estimate) == (finding.status, finding.estimate)
        assert last[finding.key].evidence == finding.evidence


def test_nothing_is_recorded(town: Town, tmp_path: Path) -> None:
    own = Town(town.system, tmp_path)
    for name in ("outputs", "outcomes"):
        (tmp_path / f"{name}.parquet").write_bytes((town.folder / f"{name}.parquet").read_bytes())
    backtest(own.system, POLICY, resolve=own.resolve, until=END, draws=0, thresholds=False)
    assert {path.name for path in tmp_path.iterdir()} == {"outputs.parquet", "outcomes.parquet"}


def test_good_weeks_alone_do_not_alarm(replayed: Backtest) -> None:
    known = {name: share for name, share in replayed.chance.items() if share is not None}
    assert "effectiveness.rates:accuracy@0.6" in known
    assert replayed.false_alarms_a_year == 0


def test_a_stream_whose_good_weeks_are_beyond_its_bound_alarms_in_every_year() -> None:
    weeks = {FIRST + WEEK * number: (10.0, 100.0) for number in range(8)}
    assert false_alarms(Stream(Floor(0.6), 10.0, weeks), set(weeks), 52, 20, 1) == 1.0


def test_how_often_a_stream_alarms_lies_between_for_one_in_between() -> None:
    weeks = {FIRST + WEEK * number: ((11.0, 19.0)[number % 2], 30.0) for number in range(8)}
    share = false_alarms(Stream(Floor(0.5), 5.0, weeks), set(weeks), 52, 200, 1)
    assert share is not None
    assert 0.1 < share < 0.9


def test_too_few_weeks_say_nothing() -> None:
    weeks = {FIRST + WEEK * number: (60.0, 100.0) for number in range(3)}
    assert false_alarms(Stream(Floor(0.6), 10.0, weeks), set(weeks), 52, 20, 1) is None


def test_a_lower_target_alarms_later_or_never_and_a_higher_one_more_often(replayed: Backtest) -> None:
    of_target = {round(c.value, 3): c for c in replayed.changes if c.threshold == "intended_outcome.target"}
    assert set(of_target) == {0.3, 0.45, 0.6, 0.75, 0.9}
    assert of_target[0.6].alarms == 1
    firsts = [of_target[value].first for value in (0.3, 0.45, 0.6, 0.75, 0.9)]
    known = [first for first in firsts if first is not None]
    assert known == sorted(known, reverse=True)
    assert known[-1] < FIRST + WRONG_FROM * WEEK  # .90 was never reached


def test_the_picture_and_the_strips_show_each_week(replayed: Backtest, tmp_path: Path) -> None:
    plot(replayed, tmp_path / "plot.svg")
    drawn = (tmp_path / "plot.svg").read_text()
    assert drawn.startswith("<svg")
    assert "Accuracy" in drawn
    (strip,) = [line for what, line in strips(replayed) if what.startswith("Accuracy")]
    assert len(strip) == len(replayed.findings)
    assert strip.endswith("B" * replayed.alarms[0].weeks)
    assert "B" not in strip[: WRONG_FROM + 1]


def test_a_history_without_rows_has_one_week_and_no_alarm(tmp_path: Path) -> None:
    town = any_town_at(tmp_path, checks=CHECKS)
    found = backtest(town.system, POLICY, resolve=town.resolve, until=date(2014, 3, 1), draws=2)
    assert not found.alarms
    assert {f.status for week in found.findings.values() for f in week} <= {
        Status.ERROR,
        Status.NOT_MEASURED,
    }
