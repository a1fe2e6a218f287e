"""Carried evidence: what a finding carries is counted once; what none carries is not counted."""

from __future__ import annotations

from datetime import date

import pytest
from store_like import carrying

from sundial.engine.streams import Streams, log_alarm
from sundial.stats.evidence import Floor

PAST = {"s": [(date(2015, 1, 5), (3.0, 10.0)), (date(2015, 1, 12), (0.0, 0.0))]}


def test_a_stream_goes_on_from_what_the_store_has() -> None:
    found = Streams(PAST, 10.0).advance("s", Floor(0.8), (4, 10))
    whole = Floor(0.8).replay([(3, 10), (0, 0), (4, 10)])
    assert (found.log_e, found.log_detector) == (whole.log_e, whole.log_detector)
    assert (found.weeks, found.counts, found.log_alarm) == (2, (4, 10), 10.0)


def test_weeks_in_one_run_are_as_weeks_in_several() -> None:
    streams = Streams({}, 10.0)
    for counts in ((3, 10), (4, 10)):
        last = streams.advance("s", Floor(0.8), counts)
        streams.settle([carrying(last)])
    assert last.log_e == Floor(0.8).replay([(3, 10), (4, 10)]).log_e


def test_what_no_finding_carries_is_taken_back() -> None:
    streams = Streams(PAST, 10.0)
    streams.advance("s", Floor(0.8), (4, 10))
    streams.settle([])
    again = streams.advance("s", Floor(0.8), (4, 10))
    assert again == Streams(PAST, 10.0).advance("s", Floor(0.8), (4, 10))


def test_a_stream_takes_one_increment_a_week() -> None:
    streams = Streams({}, 10.0)
    streams.advance("s", Floor(0.8), (4, 10))
    with pytest.raises(ValueError, match="stream s was advanced twice"):
        streams.advance("s", Floor(0.8), (4, 10))


def test_the_alarm_shares_the_portfolios_budget() -> None:
    assert log_alarm(100, 0.004) == pytest.approx(10.1266, abs=1e-4)  # A = 25,000
