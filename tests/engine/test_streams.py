"""Carried evidence: what a finding carries is counted once; what none carries is not counted."""

from __future__ import annotations

import math
from datetime import date, timedelta

import pytest
from store_like import carrying

from sundial.engine.streams import Alarms, Streams, log_alarm
from sundial.stats.evidence import Floor
from sundial.store.records import Evidence

PAST = {"s": [(date(2015, 1, 5), (3.0, 10.0)), (date(2015, 1, 12), (0.0, 0.0))]}
ALARMS = Alarms(100, 0.004, {}, 0.0)
WEEK = date(2015, 1, 19)


def test_a_stream_goes_on_from_what_the_store_has() -> None:
    found = Streams(PAST, ALARMS).advance("s", Floor(0.8), (4, 10), WEEK)
    whole = Floor(0.8).replay([(3, 10), (0, 0), (4, 10)])
    assert (found.log_e, found.log_detector) == (whole.log_e, whole.log_detector)
    assert (found.weeks, found.counts, found.log_alarm) == (2, (4, 10), log_alarm(100, 0.004))


def test_weeks_in_one_run_are_as_weeks_in_several() -> None:
    streams = Streams({}, ALARMS)
    for counts in ((3, 10), (4, 10)):
        last = streams.advance("s", Floor(0.8), counts, WEEK)
        streams.settle([carrying(last)])
    assert last.log_e == Floor(0.8).replay([(3, 10), (4, 10)]).log_e


def test_what_no_finding_carries_is_taken_back() -> None:
    streams = Streams(PAST, ALARMS)
    streams.advance("s", Floor(0.8), (4, 10), WEEK)
    streams.settle([])
    again = streams.advance("s", Floor(0.8), (4, 10), WEEK)
    assert again == Streams(PAST, ALARMS).advance("s", Floor(0.8), (4, 10), WEEK)


def test_a_stream_takes_one_increment_a_week() -> None:
    streams = Streams({}, ALARMS)
    streams.advance("s", Floor(0.8), (4, 10), WEEK)
    with pytest.raises(ValueError, match="stream s was advanced twice"):
        streams.advance("s", Floor(0.8), (4, 10), WEEK)


def test_the_alarm_shares_the_portfolios_budget() -> None:
    assert log_alarm(100, 0.004) == pytest.approx(10.1266, abs=1e-4)  # A = 25,000


def weekly(bad: int, good: int) -> list[tuple[date, tuple[float, ...]]]:
    """Weeks of 50 outcomes: 60 % right at first, 90 % afterwards."""
    counts = [(30.0, 50.0)] * bad + [(45.0, 50.0)] * good
    return [(date(2015, 1, 5) + timedelta(weeks=place), given) for place, given in enumerate(counts)]


def followed(weeks: list[tuple[date, tuple[float, ...]]], repairs: list[date]) -> list[Evidence]:
    streams = Streams({}, ALARMS, lambda _: repairs)
    found = []
    for week, counts in weeks:
        found.append(streams.advance("s", Floor(0.8), counts, week))
        streams.settle([carrying(found[-1])])
    return found


def test_a_repair_of_a_confirmed_breach_recovers_when_it_is_shown_to_hold() -> None:
    weeks = weekly(20, 30)
    without, repaired = followed(weeks, []), followed(weeks, [weeks[20][0]])
    assert without[19].confirmed
    assert not without[19].recovering
    assert repaired[20].confirmed
    assert repaired[20].recovering
    assert repaired[20].log_recovery == Floor(0.8).mirror().replay([(45, 50)]).log_e
    recovered = next(place for place, found in enumerate(repaired) if place >= 20 and not found.recovering)
    assert recovered < 30
    assert not any(found.confirmed for found in repaired[recovered:])
    assert all(found.confirmed for found in without[20 : recovered + 1])


def test_a_recovery_goes_on_in_the_next_run_where_it_stood() -> None:
    weeks = weekly(20, 30)
    repairs = [weeks[20][0]]
    whole = followed(weeks, repairs)
    for cut in (19, 21, 25, 45):
        past = {"s": weeks[:cut]}
        week, counts = weeks[cut]
        assert Streams(past, ALARMS, lambda _: repairs).advance("s", Floor(0.8), counts, week) == whole[cut]


def test_a_repair_that_does_not_hold_leaves_the_breach() -> None:
    found = followed(weekly(60, 0), [date(2015, 5, 25)])
    assert all(evidence.confirmed for evidence in found[30:])
    assert found[-1].recovering


def test_a_repair_of_what_was_not_confirmed_changes_nothing() -> None:
    weeks = weekly(0, 20)
    assert followed(weeks, [weeks[5][0]]) == followed(weeks, [])


def test_new_streams_never_spend_more_than_the_budget_nor_move_old_alarms() -> None:
    alarms = Alarms(100, 0.3, {"old": 0.3}, 0.2)
    old = alarms.of("old")
    spent = 0.5
    for number in range(40):
        spent += 100 / math.exp(alarms.of(f"new {number}"))
    assert spent <= 1 + 1e-9
    assert alarms.of("old") == old == pytest.approx(log_alarm(100, 0.3))
    assert alarms.of("new 0") == alarms.of("new 0")
    assert alarms.of("new 39") > alarms.of("new 0")


def test_a_stream_that_supersedes_has_the_weeks_of_its_elder_up_to_its_own() -> None:
    past = {
        "s": [(date(2015, 1, 5), (3.0, 10.0)), (date(2015, 1, 12), (9.0, 10.0))],
        "s~2": [(date(2015, 1, 12), (4.0, 10.0))],
    }
    found = Streams(past, ALARMS).advance("s", Floor(0.8), (4, 10), WEEK)
    assert found.stream == "s~2"
    assert found.log_e == Floor(0.8).replay([(3, 10), (4, 10), (4, 10)]).log_e


def test_a_stream_that_supersedes_has_the_weight_of_its_elder() -> None:
    alarms = Alarms(100, 0.3, {"s~2": 0.1}, 0.2)
    assert alarms.of("s") == pytest.approx(log_alarm(100, 0.1))


def test_what_is_restated_and_not_carried_stays_as_it_was() -> None:
    streams = Streams(PAST, ALARMS)
    restated = streams.as_of(date(2015, 1, 5))
    restated.advance("s", Floor(0.8), (9, 10), date(2015, 1, 5))
    restated.settle([carrying(Streams({}, ALARMS).advance("s", Floor(0.8), (9, 10), date(2015, 1, 5)))])
    assert streams.supersede(restated, date(2015, 1, 5), 6, "corrected")
    given = streams.advance("s", Floor(0.8), (4, 10), WEEK)
    assert given.supersedes is not None
    assert [one.counts for one in given.supersedes.weeks] == [(9, 10), (0.0, 0.0)]
    assert given.log_e == Floor(0.8).replay([(9, 10), (4, 10)]).log_e
    streams.settle([])
    again = streams.advance("s", Floor(0.8), (4, 10), WEEK)
    assert again == Streams(PAST, ALARMS).advance("s", Floor(0.8), (4, 10), WEEK)


def test_weeks_before_a_detector_began_anew_are_restated_and_count_no_more() -> None:
    streams = Streams(PAST, ALARMS)
    restated = streams.as_of(date(2015, 1, 5))
    restated.advance("s", Floor(0.8), (9, 10), date(2015, 1, 5))
    restated.settle([carrying(Streams({}, ALARMS).advance("s", Floor(0.8), (9, 10), date(2015, 1, 5)))])
    assert streams.supersede(restated, date(2015, 1, 5), 6, "corrected")
    given = streams.advance("s", Floor(0.8), (4, 10), WEEK, since=WEEK)
    assert given.log_e == Floor(0.8).replay([(4, 10)]).log_e
    assert given.weeks == 1
    assert given.supersedes is not None
    assert [(one.counts[0], one.log_e) for one in given.supersedes.weeks] == [(9, 0.0), (0.0, 0.0)]


def test_no_check_names_a_stream_like_one_that_supersedes() -> None:
    with pytest.raises(ValueError, match="mark streams that supersede"):
        Streams({}, ALARMS).advance("s~2", Floor(0.8), (4, 10), WEEK)


def test_a_family_shares_one_streams_weight_however_many_it_has() -> None:
    alarms = Alarms(100, 0.01, {}, 0.5)
    parts = [1 / (place * (place + 1)) for place in range(1, 60)]
    for place, part in enumerate(parts):
        assert alarms.of(f"level {place}", part) == pytest.approx(log_alarm(100, 0.01 * part))
    # A stream that wants more than is left gets half of it: 0.49 and what the family did not take.
    assert alarms.of("large", 100.0) == pytest.approx(log_alarm(100, (0.5 - 0.01 * sum(parts)) / 2))


def test_a_new_approval_of_the_budget_keeps_a_familys_parts() -> None:
    alarms = Alarms(100, 0.01, {"level": 0.01, "whole": 0.01}, 0.0, renewed={"level": 1.0, "whole": 1.0})
    assert alarms.of("level", 1 / 6) == alarms.of("level", 1 / 6) == pytest.approx(log_alarm(100, 0.01 / 6))
    assert alarms.of("whole") == pytest.approx(log_alarm(100, 0.01))
    assert alarms.given == {"level": (1 / 6, pytest.approx(0.01 / 6)), "whole": (1.0, 0.01)}


def test_a_detector_begins_anew_where_it_is_told_to() -> None:
    weeks = weekly(8, 4)
    since = weeks[8][0]
    streams = Streams({"s": weeks[:8]}, ALARMS)
    before = streams.advance("s", Floor(0.8), weeks[8][1], weeks[8][0])
    streams.settle([])
    anew = streams.advance("s", Floor(0.8), weeks[8][1], weeks[8][0], since=since)
    assert before.log_e != anew.log_e == Floor(0.8).replay([weeks[8][1]]).log_e
    assert (before.weeks, anew.weeks) == (9, 1)
    assert before.log_alarm == anew.log_alarm
    streams.settle([carrying(anew)])
    last = streams.advance("s", Floor(0.8), weeks[9][1], weeks[9][0], since=since)
    assert last.log_e == Floor(0.8).replay([weeks[8][1], weeks[9][1]]).log_e
