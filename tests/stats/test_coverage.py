from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "coverage.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    # Under a name of its own: `coverage` is a package that others import.
    spec = importlib.util.spec_from_file_location("benchmark_of_coverage", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_interval_method_covers_enough_in_its_domain(benchmark: ModuleType) -> None:
    found = benchmark.all_methods(fast=True)
    assert len({one.method for one in found}) == 6
    for one in found:
        assert one.mean >= benchmark.LEAST_MEAN, one.method
        if one.how == "exact":
            assert one.least >= benchmark.LEAST, one.method
        else:
            # With fewer runs the worst of many points lies below its own coverage by chance.
            assert one.least >= benchmark.LEAST - 0.04, one.method


def test_the_plot_names_each_method_and_its_domain(benchmark: ModuleType) -> None:
    found = list(benchmark.pairs(fast=True))
    plot = ET.fromstring(benchmark.svg(found))  # noqa: S314 our own text
    texts = " ".join(plot.itertext())
    for one in found:
        assert one.method in texts
        assert one.domain in texts
