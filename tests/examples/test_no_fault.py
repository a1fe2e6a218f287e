"""Without a fault nothing is confirmed: no breach of any check in the 52 weeks after the baseline."""

from __future__ import annotations

import pytest
from example_replay import replayed

from sundial.examples.catalogue import EXAMPLES
from sundial.examples.draw import BASELINE_WEEKS
from sundial.store.records import Status

WEEKS = BASELINE_WEEKS + 52
WRONG = (Status.BREACH, Status.ERROR)


def breaches(name: str, seed: int, weeks: int = WEEKS) -> list[str]:
    return [
        f"week {week}: {f.check} {f.metric} {dict(f.slice)}: {f.status.value}: {f.reason}"
        for week, found in replayed(name, seed, weeks)
        for f in found
        if f.status in WRONG
    ]


@pytest.mark.parametrize("name", EXAMPLES)
def test_half_a_year_without_a_fault_has_no_breach(name: str, seed: int) -> None:
    assert breaches(name, seed, BASELINE_WEEKS + 26) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", range(20))
@pytest.mark.parametrize("name", EXAMPLES)
def test_twenty_years_without_a_fault_have_none(name: str, number: int, seed: int) -> None:
    assert breaches(name, seed) == []
