"""A limit of time that leaves other people's alarms as they are."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from sundial.engine.timelimit import TimeIsUp, time_limit


@pytest.fixture(autouse=True)
def no_other_alarm() -> Iterator[None]:
    """Takes the alarm of pytest's own time limit away, and gives it back."""
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    handler = signal.getsignal(signal.SIGALRM)
    yield
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, left)


def hang() -> None:
    while True:
        time.sleep(0.01)


def test_what_hangs_is_interrupted() -> None:
    began = time.monotonic()
    with pytest.raises(TimeIsUp), time_limit(0.1):
        hang()
    assert time.monotonic() - began < 5


def test_what_swallows_the_interruption_is_interrupted_again() -> None:
    def swallow() -> None:
        with suppress(BaseException):
            hang()
        hang()

    with pytest.raises(TimeIsUp), time_limit(0.1):
        swallow()


def test_no_alarm_is_left_behind() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with time_limit(0.05):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) == before
    time.sleep(0.1)


def test_an_earlier_alarm_goes_on() -> None:
    rung = []
    signal.signal(signal.SIGALRM, lambda *_: rung.append(time.monotonic()))
    signal.setitimer(signal.ITIMER_REAL, 0.6)
    began = time.monotonic()
    with pytest.raises(TimeIsUp), time_limit(0.2):
        hang()
    assert not rung
    time.sleep(1)
    assert 0.5 < rung[0] - began < 0.9


def test_an_earlier_alarm_that_ends_sooner_holds() -> None:
    class TaskTimeoutError(Exception):
        """As of a task that has had its time."""

    def ring(*_: object) -> None:
        raise TaskTimeoutError

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    with pytest.raises(TaskTimeoutError), time_limit(30):
        hang()


def test_another_thread_has_no_limit() -> None:
    ended = []

    def work() -> None:
        with time_limit(0.05):
            time.sleep(0.2)
        ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended
