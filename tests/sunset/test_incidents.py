"""The clock of an incident, whom it is told to, and what it takes to close one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from store_examples import detection
from sunset_examples import policy, system

from sundial.store.cases import Cases
from sundial.store.database import ConflictingRecord, Database, UnknownRecord
from sundial.store.incidents import Incidents
from sundial.sunset import incidents as sunset
from sundial.sunset.incidents import (
    Due,
    IncidentRefused,
    Phase,
    State,
    clock,
    discovered,
    due_notices,
    standing,
)

SYSTEMS = {"compas-broward": system()}
DISCOVERED = datetime(2026, 11, 27, 16, 30, tzinfo=ZoneInfo("America/Los_Angeles"))
SECRET = "J. Doe of 5 Elm Street"


def at(hours: float) -> datetime:
    """So many hours after the discovery."""
    return DISCOVERED.astimezone(UTC) + timedelta(hours=hours)


@pytest.fixture
def incidents(database: Database) -> Incidents:
    return Incidents(database)


def report(incidents: Incidents, after: float = 1, **changes: Any) -> str:
    said: dict[str, Any] = {
        "key": "run/1",
        "system": "compas-broward",
        "kind": "harm",
        "grave": False,
        "happened": f"{SECRET} was refused",
        "whom": SECRET,
        "discovered_at": "2026-11-27 16:30",
        "supervisor": "boss@example.gov",
        "by": "ana",
        "now": at(after),
    }
    return sunset.report(incidents, policy(), SYSTEMS, **said | changes)


def send(incidents: Incidents, name: str, hours: float, *only: str) -> list[Due]:
    """Sends what is due and records it, as the pipeline does; returns it."""
    now = at(hours)
    due = [
        one
        for one in due_notices(standing(incidents, name), policy(), SYSTEMS, now)
        if not only or one.event.key in only
    ]
    for one in due:
        incidents.append(name, replace(one.event, at=now))
    return due


def keys(incidents: Incidents, name: str, hours: float) -> list[str]:
    return [one.event.key for one in due_notices(standing(incidents, name), policy(), SYSTEMS, at(hours))]


def phase(incidents: Incidents, name: str, hours: float) -> Phase:
    return clock(standing(incidents, name), at(hours)).phase


ALL = ["notice/supervisor", "notice/cdpo", "notice/oer"]


class TestDiscovery:
    @pytest.mark.parametrize(
        ("written", "instant"),
        [
            ("2026-11-27 16:30", "2026-11-28T00:30"),
            ("2026-07-27T16:30", "2026-07-27T23:30"),
            ("2026-11-27T16:30-05:00", "2026-11-27T21:30"),
            ("2026-11-27T16:30Z", "2026-11-27T16:30"),
            ("2026-11-01 01:30", "2026-11-01T08:30"),  # twice that night: the first, so that no hour is won
        ],
    )
    def test_is_city_time_unless_it_has_an_offset(self, written: str, instant: str) -> None:
        assert discovered(written, policy()) == datetime.fromisoformat(instant).replace(tzinfo=UTC)

    @pytest.mark.parametrize("written", ["", "yesterday", "2026-11-27", "20261127", "2026-13-01 10:00"])
    def test_that_is_no_time_is_refused(self, written: str) -> None:
        with pytest.raises(IncidentRefused, match="is no day with a time; write local City time such as"):
            discovered(written, policy())

    def test_that_the_clocks_skip_is_refused(self) -> None:
        with pytest.raises(IncidentRefused, match="does not exist in America/Los_Angeles"):
            discovered("2026-03-08 02:30", policy())


class TestAReport:
    def test_is_due_24_hours_after_discovery_also_when_the_clocks_change(self, incidents: Incidents) -> None:
        name = report(incidents, discovered_at="2026-10-31 16:30")
        assert incidents.incident(name).due_at == datetime(2026, 11, 1, 23, 30, tzinfo=UTC)

    def test_is_once_for_each_key_and_numbered_within_the_year(self, incidents: Incidents) -> None:
        assert report(incidents) == report(incidents) == "incident-2026-001"
        assert report(incidents, key="run/2") == "incident-2026-002"
        assert report(incidents, key="run/3", system=None) == "incident-2026-003"

    def test_keeps_what_is_personal_out_of_its_rows(self, incidents: Incidents) -> None:
        name = report(incidents)
        assert "Elm Street" not in str(incidents.incident(name))
        assert incidents.text(name, "whom") == SECRET

    def test_tells_everything_that_is_wrong(self, incidents: Incidents) -> None:
        wrong = {"system": "compas", "kind": "?", "happened": "", "supervisor": "a@b\nBcc: c@d"}
        with pytest.raises(IncidentRefused) as refused:
            report(incidents, -1, **wrong)
        fields = [line.partition(":")[0] for line in str(refused.value).splitlines()]
        assert fields == ["system", "kind", "happened", "supervisor", "discovered"]
        assert incidents.incidents() == ()


class TestNotices:
    def test_go_out_at_once_to_three_and_of_security_to_the_ciso(self, incidents: Incidents) -> None:
        assert keys(incidents, report(incidents), 1) == ALL
        assert keys(incidents, report(incidents, key="b", kind="both"), 1) == [*ALL, "notice/ciso"]

    def test_say_facts_and_nothing_personal(self, incidents: Incidents) -> None:
        name = report(incidents, grave=True)
        first = due_notices(standing(incidents, name), policy(), SYSTEMS, at(1))[0]
        assert first.addresses == ("boss@example.gov",)
        assert first.lines[1] == ("Discovered 2026-11-27 16:30 PST, reported 2026-11-27 17:30 PST by ana.")
        assert "Elm Street" not in str(first)

    def test_are_sent_once(self, incidents: Incidents) -> None:
        name = report(incidents)
        assert len(send(incidents, name, 1)) == 3
        assert keys(incidents, name, 2) == []


class TestTheClock:
    def test_is_met_when_all_three_were_told_before_it_ends(self, incidents: Incidents) -> None:
        name = report(incidents)
        assert phase(incidents, name, 1) is Phase.RUNNING
        send(incidents, name, 23.9)
        assert phase(incidents, name, 48) is Phase.MET

    def test_warns_before_the_end_and_tells_of_it_once_each(self, incidents: Incidents) -> None:
        name = report(incidents)
        send(incidents, name, 1, "notice/cdpo", "notice/supervisor")
        assert keys(incidents, name, 19.9) == ["notice/oer"]
        assert keys(incidents, name, 20) == ["notice/oer", "warning"]
        (warning,) = send(incidents, name, 20, "warning")
        assert warning.roles == ("cdpo", "cio")
        assert warning.lines[-1] == "Not told yet: Office of Employee Relations."
        assert keys(incidents, name, 23.9) == ["notice/oer"]
        assert phase(incidents, name, 24) is Phase.LATE
        assert "breach" in keys(incidents, name, 24)
        send(incidents, name, 24.5)
        assert phase(incidents, name, 25) is Phase.MET_LATE
        assert "breach" not in keys(incidents, name, 30)

    def test_is_late_at_once_when_discovery_is_a_day_ago(self, incidents: Incidents) -> None:
        name = report(incidents, 24.5)
        assert keys(incidents, name, 24.5) == [*ALL, "breach"]

    def test_counts_who_was_told_in_person_and_confirmed_it(self, incidents: Incidents) -> None:
        name = report(incidents)
        send(incidents, name, 1, "notice/cdpo", "notice/supervisor")
        sunset.confirm(incidents, policy(), name, "oer", by="oer", note="By telephone.", now=at(3))
        assert phase(incidents, name, 25) is Phase.MET
        assert keys(incidents, name, 24.5) == ["notice/oer"], "the mail is owed all the same"

    def test_a_confirmation_that_is_missing_is_asked_for_daily(self, incidents: Incidents) -> None:
        name = report(incidents)
        send(incidents, name, 1)
        for which in ("supervisor", "oer"):
            sunset.confirm(incidents, policy(), name, which, by="cdpo", note="", now=at(2))
        assert keys(incidents, name, 24.9) == []
        (first,) = send(incidents, name, 25)
        assert first.roles == ("cdpo", "cio")
        assert keys(incidents, name, 48.9) == []
        assert keys(incidents, name, 49) == ["unconfirmed/cdpo/2"]


class TestClosing:
    def confirmed(self, incidents: Incidents) -> str:
        name = report(incidents)
        for which in ("supervisor", "cdpo", "oer"):
            sunset.confirm(incidents, policy(), name, which, by="cdpo", note="", now=at(2))
        return name

    def close(self, incidents: Incidents, name: str, **changes: str) -> None:
        said = {"key": "run/9", "by": "cdpo", "text": "The form asks twice now."} | changes
        sunset.close(incidents, policy(), name, now=at(30), **said)

    def test_is_refused_while_a_confirmation_is_missing(self, incidents: Incidents) -> None:
        name = report(incidents)
        send(incidents, name, 1)
        for which in ("supervisor", "cdpo"):
            sunset.confirm(incidents, policy(), name, which, by="cdpo", note="", now=at(2))
        with pytest.raises(IncidentRefused, match="not confirmed by Office of Employee Relations; confirm"):
            self.close(incidents, name)
        assert standing(incidents, name).state is State.OPEN

    def test_needs_a_text_and_a_role(self, incidents: Incidents) -> None:
        name = self.confirmed(incidents)
        with pytest.raises(IncidentRefused, match="text: says nothing"):
            self.close(incidents, name, text=" – ")
        with pytest.raises(IncidentRefused, match=r"mallory has no role in policy\.yaml"):
            self.close(incidents, name, by="mallory")

    def test_ends_it(self, incidents: Incidents) -> None:
        name = self.confirmed(incidents)
        sunset.contain(incidents, policy(), name, key="run/8", by="staff", text="By hand now.", now=at(5))
        assert standing(incidents, name).state is State.CONTAINED
        self.close(incidents, name)
        assert standing(incidents, name).state is State.CLOSED
        assert keys(incidents, name, 100) == []
        with pytest.raises(ConflictingRecord, match="is closed, nothing is added to it"):
            sunset.note(incidents, policy(), name, key="run/10", by="cdpo", text="And?", now=at(31))


class TestWhoMayConfirm:
    @pytest.mark.parametrize(("which", "by"), [("oer", "oer"), ("oer", "cdpo"), ("supervisor", "staff")])
    def test_the_role_itself_or_the_cdpo(self, incidents: Incidents, which: str, by: str) -> None:
        name = report(incidents)
        sunset.confirm(incidents, policy(), name, which, by=by, note="", now=at(2))
        assert which not in standing(incidents, name).unconfirmed

    @pytest.mark.parametrize(("which", "by"), [("oer", "staff"), ("cdpo", "oer"), ("supervisor", "mallory")])
    def test_nobody_else(self, incidents: Incidents, which: str, by: str) -> None:
        name = report(incidents)
        with pytest.raises(IncidentRefused):
            sunset.confirm(incidents, policy(), name, which, by=by, note="", now=at(2))
        assert which in standing(incidents, name).unconfirmed


class TestALink:
    def test_leads_to_a_case_of_the_same_system(self, incidents: Incidents, database: Database) -> None:
        cases, name = Cases(database), report(incidents)
        episode, _ = cases.open_or_extend(replace(detection(), system="compas-broward"))
        with pytest.raises(UnknownRecord):
            sunset.link(incidents, cases, policy(), name, "no-case", by="cdpo", now=at(2))
        sunset.link(incidents, cases, policy(), name, episode, by="cdpo", now=at(2))
        assert standing(incidents, name).episode == episode
        other = report(incidents, key="b", system=None)
        with pytest.raises(IncidentRefused, match="the incident is about no system"):
            sunset.link(incidents, cases, policy(), other, episode, by="cdpo", now=at(2))
