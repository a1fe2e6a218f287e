from __future__ import annotations

from pathlib import Path

import pytest
from pages_city import TODAY, Town

from sundial.engine.today import PLAYED


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Town:
    """An empty city whose day is TODAY."""
    (tmp_path / "today").write_text(TODAY.isoformat())
    monkeypatch.setenv(PLAYED, str(tmp_path / "today"))
    return Town(tmp_path)
