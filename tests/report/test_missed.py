"""A report that did not go out is an alarm, and the next one says so."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from report_examples import policy

from sundial.report.missed import not_sent_before, overdue
from sundial.store.database import Database
from sundial.store.outbox import Outbox
from sundial.store.results import Report, Results

ZONE = ZoneInfo("America/Los_Angeles")
WEEK = date(2016, 12, 19)
"""2016-W51; its report begins on Monday, December 26, at seven."""


def sent(outbox: Outbox, *weeks: str, outcome: str = "sent") -> None:
    for week in weeks:
        outbox.intend(f"report/{week}", f"<{week}@x>", ["a@b.example"], "s")
        outbox.result(f"report/{week}", outcome)  # type: ignore[arg-type]


class TestTheNextReport:
    def test_tells_of_each_week_since_the_last_one_that_went_out(
        self, database: Database, outbox: Outbox
    ) -> None:
        sent(outbox, "2016-W48")
        sent(outbox, "2016-W50", outcome="failed")
        assert not_sent_before(WEEK, policy(), database) == ("2016-W49", "2016-W50")

    def test_has_nothing_to_tell_where_the_one_before_went_out(
        self, database: Database, outbox: Outbox
    ) -> None:
        sent(outbox, "2016-W47", "2016-W50")
        assert not_sent_before(WEEK, policy(), database) == ()

    def test_knows_of_one_that_was_filed_and_never_came_to_a_mail(self, database: Database) -> None:
        Results(database).record_report(
            Report("2016-12-18", date(2016, 12, 18), "ab", "reports/2016-12-18.html")
        )
        assert not_sent_before(WEEK, policy(), database) == ("2016-W50",)

    def test_misses_none_before_the_first(self, database: Database) -> None:
        assert not_sent_before(WEEK, policy(), database) == ()

    def test_misses_none_where_reports_are_made_by_hand(self, database: Database, outbox: Outbox) -> None:
        sent(outbox, "2016-W40")
        assert not_sent_before(WEEK, policy(report_schedule="manual"), database) == ()

    def test_looks_back_twelve_weeks(self, database: Database, outbox: Outbox) -> None:
        sent(outbox, "2016-W01")
        assert len(not_sent_before(WEEK, policy(), database)) == 12


class TestTheDailyLook:
    @pytest.mark.parametrize(
        ("now", "key"),
        [
            pytest.param(datetime(2016, 12, 26, 8, 0, tzinfo=ZONE), None, id="it has two hours"),
            pytest.param(datetime(2016, 12, 26, 9, 0, tzinfo=ZONE), "report-missing/2016-W51", id="over"),
            pytest.param(datetime(2016, 12, 27, 8, 0, tzinfo=ZONE), "report-missing/2016-W51", id="Tuesday"),
            pytest.param(datetime(2017, 1, 1, 8, 0, tzinfo=ZONE), "report-missing/2016-W51", id="Sunday"),
        ],
    )
    def test_raises_the_alarm_when_the_hours_of_the_policy_are_over(
        self, database: Database, outbox: Outbox, now: datetime, key: str | None
    ) -> None:
        sent(outbox, "2016-W50")
        notice = overdue(policy(), database, now)
        assert (notice and notice.key) == key

    def test_says_which_report_to_whom_and_what_to_do(self, database: Database, outbox: Outbox) -> None:
        sent(outbox, "2016-W50")
        notice = overdue(policy(), database, datetime(2016, 12, 27, 8, 0, tzinfo=ZONE))
        assert notice is not None
        assert notice.subject == "The AI health report of 2016-W51 did not go out"
        assert notice.roles == ("operator", "cdpo")
        assert "the first red task" in notice.lines[-1]

    def test_is_content_where_it_went_out_or_none_ever_did(self, database: Database, outbox: Outbox) -> None:
        tuesday = datetime(2016, 12, 27, 8, 0, tzinfo=ZONE)
        assert overdue(policy(), database, tuesday) is None
        sent(outbox, "2016-W50", "2016-W51")
        assert overdue(policy(), database, tuesday) is None
        assert overdue(policy(report_schedule="manual"), database, tuesday) is None
