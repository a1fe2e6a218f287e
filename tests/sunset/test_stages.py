from __future__ import annotations

from datetime import date

import pytest

from sundial.sunset.stages import Stage, StagesError, parse_stages

DECIDED = date(2026, 11, 20)


def test_a_line_is_a_stage() -> None:
    text = "\n 2026-12-01: 50 %: North ends \n\n2027-01-01:0%:all: really all\n"
    assert parse_stages(text, DECIDED) == [
        Stage(date(2026, 12, 1), 0.5, "North ends"),
        Stage(date(2027, 1, 1), 0.0, "all: really all"),
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "last stage must leave 0 %"),
        ("2026-12-01: 50 %: North", "last stage must leave 0 %"),
        ("soon: 0 %: all", "Stage 1 cannot be read"),
        ("2026-12-01: 0 %:", "Stage 1 cannot be read"),
        ("2026-12-01: -5 %: all", "Stage 1 cannot be read"),
        ("2026-02-30: 0 %: all", "2026-02-30 is no day"),
        ("2026-12-01: 101 %: more\n2026-12-02: 0 %: all", "more than 100 %"),
        ("2026-11-20: 0 %: all", "after the decision"),
        ("2026-12-02: 5 %: most\n2026-12-01: 0 %: all", "after the one before"),
        ("2026-12-01: 5 %: a\n2026-12-02: 6 %: b\n2026-12-03: 0 %: c", "shares may only get smaller"),
    ],
)
def test_what_could_not_be_verified_is_refused(text: str, why: str) -> None:
    with pytest.raises(StagesError, match=why):
        parse_stages(text, DECIDED)
