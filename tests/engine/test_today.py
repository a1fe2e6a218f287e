from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from sundial.engine.today import PLAYED, day_of, today


def test_a_day_is_the_city_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PLAYED, raising=False)
    night = datetime(2026, 11, 29, 3, tzinfo=UTC)
    assert day_of(night, "America/Los_Angeles") == date(2026, 11, 28)
    assert day_of(night, "Europe/Madrid") == date(2026, 11, 29)


def test_a_played_day_stands_for_today_until_it_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "today"
    monkeypatch.setenv(PLAYED, str(file))
    for day in (date(2027, 1, 1), date(2027, 2, 1)):
        file.write_text(f"{day}\n")
        assert today("America/Los_Angeles") == day
