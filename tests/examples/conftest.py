"""Seeds of the generators: drawn anew in each test, and printed."""

from __future__ import annotations

import os
import secrets

import pytest


@pytest.fixture
def seed() -> int:
    """A fresh seed; `EXAMPLE_SEED=number` repeats the run of a test that failed."""
    drawn = int(os.environ.get("EXAMPLE_SEED") or secrets.randbits(32))
    print(f"EXAMPLE_SEED={drawn}")  # noqa: T201 - shown with a test that fails
    return drawn
