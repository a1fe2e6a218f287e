"""The stages of a phase-out as the CIO writes them: a day, the share that is left, and what has ended."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

HOW = "one a line: YYYY-MM-DD: 50 %: what has ended by then; the last one has 0 %"

_LINE = re.compile(r"(?P<day>\d{4}-\d{2}-\d{2})\s*:\s*(?P<share>\d{1,3})\s*%\s*:\s*(?P<what>\S.*)")


class StagesError(ValueError):
    """The stages cannot be verified as they are written; the message says what to put right."""


@dataclass(frozen=True)
class Stage:
    """By a day, at most a share (0 to 1) of the volume before the decision is left."""

    day: date
    share: float
    what: str


def parse_stages(text: str, after: date | None = None) -> Sequence[Stage]:
    """Returns the stages of a text.

    Args:
        text: a stage a line.
        after: the day of the decision, which all stages must follow; None where that was checked before.

    Raises:
        StagesError: a line is none, the days or shares do not go one way, or the last one leaves something.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    stages = [_stage(number, line) for number, line in enumerate(lines, start=1)]
    if not stages or stages[-1].share > 0:
        raise StagesError(f"The last stage must leave 0 %; write {HOW}.")
    days = [stage.day for stage in stages] if after is None else [after, *(stage.day for stage in stages)]
    if any(later <= earlier for earlier, later in pairwise(days)):
        raise StagesError(f"Each stage must end after the one before and after the decision; write {HOW}.")
    if any(later.share > earlier.share for earlier, later in pairwise(stages)):
        raise StagesError("A stage leaves more than the one before; shares may only get smaller.")
    return stages


def _stage(number: int, line: str) -> Stage:
    found = _LINE.fullmatch(line)
    if found is None:
        raise StagesError(f"Stage {number} cannot be read; write {HOW}.")
    try:
        day = date.fromisoformat(found["day"])
    except ValueError:
        raise StagesError(f"Stage {number}: {found['day']} is no day; write {HOW}.") from None
    if int(found["share"]) > 100:
        raise StagesError(f"Stage {number} leaves more than 100 %; write {HOW}.")
    return Stage(day, int(found["share"]) / 100, found["what"].strip())
