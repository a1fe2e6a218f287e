"""A limit of time for code that others wrote."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN = 1.0
"""Seconds after which code that swallowed the interruption is interrupted again."""


class TimeIsUp(BaseException):
    """The time has passed; no `Exception`, so that `except Exception` in the code does not swallow it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises `TimeIsUp` in the block once it has taken this long.

    It interrupts Python, between two of its instructions, in the main thread of a process, where Airflow and
    the command line run tasks; elsewhere nothing is limited. C code that does not return is not interrupted
    before it does, nor is code that catches every `BaseException` again and again. An earlier limit of
    somebody else, such as a task's timeout, goes on and holds if it ends sooner.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    left, _ = signal.getitimer(signal.ITIMER_REAL)
    if 0 < left <= seconds:
        yield
        return
    armed = True

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        if armed:
            raise TimeIsUp

    began = time.monotonic()
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
            yield
        finally:
            armed = False
    finally:  # reached even if the time is up between the end of the block and the line above
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 0.001))
