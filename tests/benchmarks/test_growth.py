"""The growth benchmarks: a run starts from a real history, adds one day or week, and leaves what it found."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from benchmarks.performance import growth, page, portfolio, steady
from benchmarks.performance.accepted import Place, system_of
from benchmarks.performance.measure import Measured, Run
from sundial.store.results import Results

A_WEEK = 1_400
DAYS = (10,)
SIZES = (1, 2)


@pytest.fixture(scope="module")
def a_year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("growth") / "steady"
    steady.prepare(folder, DAYS, A_WEEK)
    return folder


def run(tool: str, point: int, check: float, *, code: str = "new", at: float = 1.0, place: int = 0) -> Run:
    steps = {"rewindow": 0.4, "profile": 1.0, "check": check, "record": 0.1, "judge": 0.1}
    return Run(
        point, tool, "", place, code, at, Measured(9.0, 500.0, 9.0, 5.0, 300.0, False, {"steps": steps})
    )


class TestSteady:
    def test_what_is_prepared_lacks_the_last_day_and_the_last_week(self, a_year: Path) -> None:
        place = Place(a_year / "10")
        assert len(place.lake.list(f"systems/{steady.NAME}/gate/outputs")) == 9
        results = Results(place.database)
        assert results.last_judged_week(steady.NAME) == date(2025, 12, 29)
        assert len(results.evidence(steady.NAME)) > 10

    def test_a_day_more_records_one_week_and_leaves_what_was_prepared(self, a_year: Path) -> None:
        place = Place(a_year / "10")
        before = Results(place.database).content_hash(), place.lake.list("systems")
        told = steady.one_more_day(a_year, 10)
        assert told["weeks"] == 1
        assert {*told["steps"]} == {*growth.STEADY}  # type: ignore[misc]
        assert (Results(place.database).content_hash(), place.lake.list("systems")) == before

    def test_a_preparation_that_was_cut_begins_anew_and_one_that_ended_is_kept(self, a_year: Path) -> None:
        made = (a_year / "10" / "store.db").stat().st_mtime_ns
        steady.prepare(a_year, DAYS, A_WEEK)
        assert (a_year / "10" / "store.db").stat().st_mtime_ns == made


class TestPortfolio:
    def test_every_system_has_its_week_recorded(self, a_year: Path) -> None:
        folder = a_year.parent / "portfolio"
        portfolio.prepare(folder, SIZES, A_WEEK)
        told = portfolio.one_more_week(folder, 2)
        assert len(told["each"]) == 2  # type: ignore[arg-type]
        assert sum(told["steps"].values()) == pytest.approx(sum(told["each"]))  # type: ignore[attr-defined, call-overload]
        results = Results(Place(folder / "1").database)
        assert results.last_judged_week("system-001") == date(2025, 12, 29)
        assert results.last_judged_week("system-002") is None

    def test_the_systems_share_the_rows_and_nothing_else(self) -> None:
        one, other = system_of("one-system"), system_of("other-system", weeks=52)
        assert (one.window_weeks, other.window_weeks) == (4, 52)
        assert one.feeds == other.feeds


class TestPage:
    def test_a_day_is_told_as_a_multiple_of_the_first(self) -> None:
        rows = growth.summary([run("steady", 10, 4.8), run("steady", 365, 6.0)], "steady")
        assert [row["work_cpu_s"] for row in rows] == [6.0, 7.2]
        assert (
            "| 365 | 0.40 | 1.00 | 6.00 | 0.10 | 0.10 | 7.2 | 1.20 (1.20 to 1.20) | 500 | 1 |"
        ) in growth.steady_table(rows)

    def test_the_multiple_is_of_rounds_in_which_the_machine_was_the_same(self) -> None:
        rounds = [(4.8, 6.0), (10.8, 13.2), (4.8, 6.6)]  # in the second it was half as fast
        runs = [
            run("steady", point, check, place=place)
            for place, checks in enumerate(rounds)
            for point, check in zip((10, 365), checks, strict=True)
        ]
        (_, last) = growth.summary(runs, "steady")
        assert last["times"] == [1.2, 1.2, 1.3]

    def test_only_the_latest_code_counts(self) -> None:
        runs = [run("steady", 10, 9.0, code="old", at=0.0), run("steady", 10, 4.8)]
        assert [row["work_cpu_s"] for row in growth.summary(runs, "steady")] == [6.0]

    def test_a_portfolio_is_told_for_each_system(self) -> None:
        rows = growth.summary([run("portfolio", 1, 0.8), run("portfolio", 50, 98.8)], "portfolio")
        assert "| 50 | 0.02 | 1.98 | 0.00 | 0.00 | 2.00 | 100.0 | 500 | 1 |" in growth.portfolio_table(rows)

    def test_without_runs_a_part_of_the_page_stays(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("PAGE", "PLOT", "SUMMARY", "GROWTH_PLOT"):
            there = getattr(page, name)
            monkeypatch.setattr(page, name, tmp_path / there.name)
            (tmp_path / there.name).write_text(there.read_text() if there.exists() else "")
        before = page.PAGE.read_text()
        page.write([])
        assert page.PAGE.read_text() == before
        page.write([run("steady", 10, 4.8), run("portfolio", 1, 0.8)])
        parts = [text.partition("<!-- /table -->")[0] for text in (page.PAGE.read_text(), before)]
        assert parts[0].partition("<!-- table -->")[2] == parts[1].partition("<!-- table -->")[2]
        assert "| 10 | 0.40 |" in page.PAGE.read_text()
        assert page.GROWTH_PLOT.read_text().count("<circle") == 2
