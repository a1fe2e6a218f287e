"""The real systems run over their useful as-of dates, once a session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from towns import Town, registered, town_at

from sundial.cli.datasets import Datasets, default_cache
from sundial.sources.connection import Connection
from sundial.store.records import Finding


@dataclass(frozen=True)
class History:
    """What was found at each as-of date: the findings of its last judged week."""

    town: Town
    at: Mapping[date, tuple[Finding, ...]]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings of all weeks."""
        return self.town.results.findings_between(date.min, date.max, self.town.system.id)


def _history(name: str, folder: Path, *as_of: date) -> History:
    examples = Connection("fs", extra={"path": str(default_cache())})
    town = Town(registered(name), folder, connections={"sundial_examples": examples})
    return History(town, {day: town.measure(day) for day in as_of})


@pytest.fixture(scope="session")
def compas_history(datasets: Datasets, tmp_path_factory: pytest.TempPathFactory) -> History:
    days = date(2014, 7, 1), date(2015, 2, 1), date(2015, 7, 1), date(2016, 12, 31)
    return _history("compas-broward", tmp_path_factory.mktemp("compas"), *days)


@pytest.fixture(scope="session")
def massachusetts_history(datasets: Datasets, tmp_path_factory: pytest.TempPathFactory) -> History:
    days = (date(year, 1, 10) for year in (2016, 2017, 2018, 2019))
    return _history("massachusetts-employment", tmp_path_factory.mktemp("massachusetts"), *days)


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """A small system whose source has nothing yet."""
    return town_at(tmp_path)
