"""Fixtures of the published real data, in a stable cache, so that only the first session downloads."""

from __future__ import annotations

import pytest

from sundial.cli.datasets import Datasets, Prepared, default_cache, prepare


@pytest.fixture(scope="session")
def datasets() -> Datasets:
    return prepare(default_cache())


@pytest.fixture(scope="session")
def compas(datasets: Datasets) -> Prepared:
    return datasets.compas


@pytest.fixture(scope="session")
def massachusetts(datasets: Datasets) -> Prepared:
    return datasets.massachusetts
