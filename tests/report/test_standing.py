"""Incidents, attestations about to expire and open cases in the report."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from report_examples import APPROVED, AS_OF, MONDAY, policy, system

from sundial.register.models import Policy, System
from sundial.report.rendered import render_html, render_text
from sundial.report.weekly import WeeklyReport, report_of
from sundial.store.cases import Cases, Detection, NewEvent
from sundial.store.database import Database
from sundial.store.incidents import Incidents, Report
from sundial.store.incidents import NewEvent as IncidentEvent

TERM = {"limit_days": 365, "grace_days": 30, "meaning": "It gets old.", **APPROVED}


def terms() -> Policy:
    return policy(terms={"fact_sheet_age": TERM, "ai_review_age": TERM})


def report_on(database: Database, *, entry: System | None = None, as_of: date = AS_OF) -> WeeklyReport:
    return report_of(database, {"street-lights": entry or system()}, terms(), as_of)


def plain(report: WeeklyReport) -> str:
    return " ".join(render_text(report).split())


def reported(database: Database, name: str, at: datetime, of: str | None = "street-lights") -> str:
    told = Report(
        key=name,
        system=of,
        kind="harm",
        grave=True,
        happened="Ms. Doe was hurt on Elm Street.",
        whom="Ms. Doe",
        discovered_at=at,
        warn_at=at + timedelta(hours=20),
        due_at=at + timedelta(hours=24),
        reported_at=at,
        reported_by="staff",
        supervisor="boss@city.example",
    )
    return Incidents(database).report(told)


class TestIncidents:
    at = datetime(2016, 12, 20, 18, 0, tzinfo=UTC)

    def test_an_open_one_is_with_its_system_and_with_those_who_must_confirm(self, database: Database) -> None:
        name = reported(database, "a", self.at)
        report = report_on(database)
        (waiting,) = report.waiting
        assert (waiting.who, waiting.by, waiting.overdue) == (
            "Supervisor, CDPO and Office of Employee Relations",
            date(2016, 12, 21),
            True,
        )
        told = f"{name}: grave harm, discovered December 20, 2016, to be told by December 21, 2016: open"
        for shown in (plain(report), " ".join(render_html(report).split())):
            assert f"{told}, its hours are over." in shown
            assert "Doe" not in shown
            assert "Elm" not in shown

    def test_one_of_no_registered_system_is_told_apart(self, database: Database) -> None:
        reported(database, "a", self.at, of=None)
        report = report_on(database)
        assert [one.system for one in report.incidents] == [""]
        assert report.systems[0].incidents == ()
        assert "Incidents of no registered system" in render_html(report)

    def test_a_closed_one_is_told_in_its_week_and_no_more(self, database: Database) -> None:
        name = reported(database, "a", self.at)
        Incidents(database).append(
            name, IncidentEvent("close", "closed", self.at + timedelta(days=1), "cdpo")
        )
        report = report_on(database)
        assert [one.open for one in report.systems[0].incidents] == [False]
        assert report.waiting == ()
        assert report_on(database, as_of=AS_OF + timedelta(weeks=2)).systems[0].incidents == ()

    def test_one_of_a_later_day_is_of_a_later_report(self, database: Database) -> None:
        reported(database, "a", datetime(2016, 12, 27, 9, 0, tzinfo=UTC))
        assert report_on(database).systems[0].incidents == ()


class TestAttestations:
    @pytest.mark.parametrize(
        ("dated", "shown"),
        [
            pytest.param(date(2016, 1, 10), True, id="two weeks more"),
            pytest.param(date(2016, 6, 1), False, id="half a year more"),
            pytest.param(date(2015, 12, 1), False, id="too old already: a finding says so"),
        ],
    )
    def test_one_that_is_about_to_expire_is_to_be_renewed_by_its_last_day(
        self, database: Database, dated: date, shown: bool
    ) -> None:
        review = {"by": "Bo Lee", "date": dated.isoformat()}
        report = report_on(database, entry=system(ai_review=review))
        told = "AI Review of January 10, 2016 holds until January 9, 2017, 14 days more."
        assert [one.said for one in report.systems[0].expiring] == ([told] if shown else [])
        assert [(w.who, w.by) for w in report.waiting] == ([("Ana Ruiz", date(2017, 1, 9))] if shown else [])
        assert (f"About to expire: {told}" in plain(report)) is shown

    def test_its_own_last_day_counts_where_that_comes_before(self, database: Database) -> None:
        sheet = {"by": "Bo Lee", "date": "2016-12-01", "expires": "2016-12-31"}
        report = report_on(database, entry=system(attestations={"consultation": sheet}))
        assert "Consultation" in [one.what for one in report.systems[0].expiring]

    def test_nobody_attests_to_what_the_city_does_not_operate(self, database: Database) -> None:
        review = {"by": "Bo Lee", "date": "2016-01-10"}
        assert report_on(database, entry=system(operated=False, ai_review=review)).waiting == ()


class TestCases:
    def test_an_open_one_shows_its_state_and_its_age(self, database: Database) -> None:
        cases = Cases(database)
        rule = {"rule": {"sentence": "It harms some groups more often."}}
        told = Detection(
            "street-lights", "unequal_harm", "unequal_harm", MONDAY, date(2016, 12, 20), "ab", rule, {}
        )
        episode, _ = cases.open_or_extend(told)
        said = (
            f"Case {episode}, open for 6 days (since December 20, 2016): waits for a determination. It harms "
            "some groups more often."
        )
        assert said in plain(report_on(database))
        cases.append(episode, NewEvent("end", "withdrawn", {}, AS_OF + timedelta(days=1), "cdpo"))
        assert report_on(database, as_of=AS_OF + timedelta(days=1)).systems[0].cases == ()

    def test_a_question_that_was_answered_later_was_open_on_the_day(self, database: Database) -> None:
        cases = Cases(database)
        told = Detection("street-lights", "unequal_harm", "unequal_harm", MONDAY, AS_OF, "ab", {}, {})
        episode, _ = cases.open_or_extend(told)
        number = cases.ask(episode, role="cdpo", kind="determination", body="x", as_of=AS_OF)
        cases.append(
            episode, NewEvent(f"answer/{number}", "determination", {}, AS_OF + timedelta(days=3), "cdpo")
        )
        assert len(report_on(database).waiting) == 1
        assert report_on(database, as_of=AS_OF + timedelta(days=3)).waiting == ()
