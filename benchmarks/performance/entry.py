"""The register entry of the system whose prediction log is measured, and the days of its two windows."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

SYSTEM = "benchmark-log"
ENTRY = Path(__file__).with_name("system.yaml")
DAYS = 25
"""Days of each window."""
REFERENCE = date(2026, 1, 5)
"""A Monday: the first day of the baseline."""
CURRENT = date(2026, 2, 5)
"""Not adjoining, so that the four weeks that end on its last day, a Sunday, have no day of the baseline."""
WEEKS = tuple(date(2026, 2, 2) + timedelta(days=7 * week) for week in range(4))
"""Mondays of the weeks to judge: the current window, and nothing else."""
NUMBERS = tuple(f"n{place}" for place in range(10))
CATEGORIES = tuple(f"c{place}" for place in range(5))
WATCHED = ("score", *NUMBERS, *CATEGORIES)
"""The sixteen columns whose drift is measured."""

PARTITIONS = (10, 94, 185, 207, 276, 365)
"""Days of history after the measured one. The 207th is the dearest of the year: spans of 2, 4, 8, 16 and 32
weeks become due on it."""
SYSTEMS = (1, 10, 25, 50)
"""Systems of a portfolio."""
A_WEEK = 100_000
"""Rows a week of a system whose history or portfolio grows."""
