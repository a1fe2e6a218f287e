"""Where checks come from, and what stands in for those that cannot be used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from textwrap import dedent

import pytest
from towns import FIRST, INCLUDE, WEEK, Town, rows_of
from typer.testing import CliRunner

from sundial.cli.main import app
from sundial.engine import discover
from sundial.engine.discover import Unusable
from sundial.register.principles import Principle
from sundial.store.records import Finding, Status

END = FIRST + timedelta(days=6) + 2 * WEEK
GOOD = """
from sundial.api import Check, Principle, Status


class Good(Check):
    name = "{name}"
    principle = Principle.PRIVACY

    def measure(self, view):
        yield view.finding("good", Status.OK, "Found.")
"""


@dataclass
class City:
    """A city that writes checks of its own and installs those of others."""

    custom: Path
    site: Path

    def write(self, module: str, text: str) -> None:
        (self.custom / f"{module}.py").write_text(dedent(text))

    def install(self, package: str, version: str, points: dict[str, str], **modules: str) -> None:
        folder = self.site / package
        folder.mkdir(exist_ok=True)
        for module, text in {"__init__": "", **modules}.items():
            (folder / f"{module}.py").write_text(dedent(text))
        for old in self.site.glob(f"{package}-*.dist-info/*"):
            old.unlink()
        about = self.site / f"{package}-{version}.dist-info"
        about.mkdir(exist_ok=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        lines = [f"{name} = {value}" for name, value in points.items()]
        (about / "entry_points.txt").write_text("\n".join(["[sundial.checks]", *lines]))

    def found(self) -> dict[str, str | None]:
        """Every check by name, with the reason where it cannot be used."""
        forget()
        return {c.name: c.reason if isinstance(c, Unusable) else None for c in discover.discover()}


def forget() -> None:
    for function in (discover.discover, discover.code_version):
        function.cache_clear()
    importlib.invalidate_caches()


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[City]:
    city = City(tmp_path / "custom", tmp_path / "site")
    for folder in (city.custom, city.site):
        folder.mkdir()
    package = importlib.import_module("checks.custom")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(city.custom)])
    monkeypatch.syspath_prepend(str(city.site))
    before = set(sys.modules)
    yield city
    monkeypatch.undo()
    for name in set(sys.modules) - before:
        if name.startswith(("checks.custom.", "city_")):
            del sys.modules[name]
    forget()


def own(city: City) -> dict[str, str | None]:
    return {name: reason for name, reason in city.found().items() if name.startswith("custom.")}


def test_a_file_in_custom_is_a_check(city: City) -> None:
    city.write("good", GOOD.format(name="custom.good"))
    assert own(city) == {"custom.good": None}


def test_the_entry_point_of_an_installed_package_is_a_module_or_a_class(city: City) -> None:
    points = {"all": "city_checks.some", "one": "city_checks.other:Good"}
    some, other = (GOOD.format(name=f"custom.{name}") for name in ("some", "other"))
    city.install("city_checks", "1.0", points, some=some, other=other)
    assert own(city) == {"custom.some": None, "custom.other": None}


def test_a_class_that_is_found_twice_is_one_check(city: City) -> None:
    points = {"all": "city_checks", "one": "city_checks.some:Good"}
    some = GOOD.format(name="custom.some")
    city.install("city_checks", "1.0", points, some=some, __init__="from city_checks.some import Good")
    assert own(city) == {"custom.some": None}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.format(name="custom.caller_sentiment"), "custom.caller_sentiment"),
        (GOOD.format(name="custom.good").replace('"good"', '"mood_share"'), "mood_share"),
        (
            GOOD.format(name="custom.good")
            .replace("Status\n", "Status, counts\n\nBY = counts('outputs', ['emotion'])\n", 1)
            .replace("        yield", "        view.cells(BY)\n        yield"),
            "emotion",
        ),
    ],
)
def test_a_check_that_measures_emotions_is_refused_in_the_policys_words(
    city: City, text: str, said: str
) -> None:
    city.write("good", text)
    ((_, reason),) = own(city).items()
    assert reason is not None
    assert f"{said} reads as a measure of emotions, and the policy prohibits this use: Emotion an" in reason
    assert "class Good in module checks.custom.good" in reason


def test_a_check_may_say_that_it_measures_no_emotions(city: City) -> None:
    city.write(
        "good", GOOD.format(name="custom.good").replace("Found.", "No mood and no sentiment is scored.")
    )
    assert own(city) == {"custom.good": None}


def test_two_checks_of_one_name_are_refused_with_both_places(city: City) -> None:
    city.write("good", GOOD.format(name="custom.good"))
    city.install("city_checks", "1.0", {"theirs": "city_checks.some"}, some=GOOD.format(name="custom.good"))
    reason = own(city)["custom.good"]
    assert reason is not None
    assert "class Good in module checks.custom.good" in reason
    assert "class Good in entry point theirs of city_checks 1.0" in reason
    assert reason.endswith("rename one of them")


BROKEN = {
    "raises": ("import nowhere_at_all", "ModuleNotFoundError: No module named 'nowhere_at_all' (bad.py:1)"),
    "syntax": ("def x(:", "SyntaxError"),
    "ends the process": ("raise SystemExit(0)", "importing it tried to end the process"),
    "hangs": ("while True: pass", "importing it took more than 0.2 seconds"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_module_that_cannot_be_imported_is_an_unusable_check_named_after_it(
    city: City, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(discover, "SECONDS", 0.2)
    text, says = BROKEN[how]
    city.write("bad", text)
    city.write("good", GOOD.format(name="custom.good"))
    found = own(city)
    assert found.pop("custom.good") is None
    ((name, reason),) = found.items()
    assert name == "custom.bad"
    assert reason is not None
    assert reason.startswith("checks.custom.bad cannot be imported: ")
    assert says in reason


def test_it_stands_for_the_checks_that_its_text_names(city: City) -> None:
    city.write("bad", GOOD.format(name="custom.first") + GOOD.format(name="custom.second") + "\n1 / 0\n")
    assert set(own(city)) == {"custom.first", "custom.second"}
    (first, _) = (check for check in discover.discover() if check.name.startswith("custom."))
    assert first.principle is Principle.PRIVACY


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("city_checks.nothing", "No module named"),
        ("city_checks.some:Other", "has no attribute 'Other'"),
        ("city_checks.some:Principle", "neither a subclass of Check nor a module that has one"),
        ("city_checks", "neither a subclass of Check nor a module that has one"),
    ],
)
def test_an_entry_point_that_gives_no_check_is_named_after_it(city: City, value: str, says: str) -> None:
    city.install("city_checks", "1.0", {"custom.theirs": value}, some=GOOD.format(name="custom.some"))
    reason = own(city)["custom.theirs"]
    assert reason is not None
    assert reason.startswith("entry point custom.theirs of city_checks 1.0 cannot be imported")
    assert says in reason


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ('name = "Flagged Online"', "name is 'Flagged Online'; give one such as"),
        ('principle = "privacy"', "principle is none of the eight"),
        ('kind = "fact"', "kind is neither"),
        ('feeds = ("output",)', "feeds is ('output',); give a tuple of outputs"),
        ("def __init__(self, what): ...", "missing 1 required positional argument"),
    ],
)
def test_what_the_engine_could_not_use_is_told_before_it_runs(city: City, given: str, says: str) -> None:
    city.write("odd", GOOD.format(name="custom.odd") + f"    {given}\n")
    (reason,) = own(city).values()
    assert reason is not None
    assert says in reason


def test_the_code_version_covers_what_is_installed(city: City) -> None:
    def version(number: str, text: str) -> str:
        city.install("city_checks", number, {"theirs": "city_checks.some"}, some=text)
        forget()
        return discover.code_version()

    good = GOOD.format(name="custom.some")
    before = version("1.0", good)
    assert version("1.0", good) == before
    assert len({before, version("1.1", good), version("1.1", good + "\n# changed\n")}) == 3


def by_check(found: tuple[Finding, ...]) -> dict[str, list[Finding]]:
    named: dict[str, list[Finding]] = {}
    for finding in found:
        named.setdefault(finding.check, []).append(finding)
    return named


def test_a_broken_module_is_an_error_of_the_systems_that_enable_it_and_harms_nothing_else(
    city: City, town: Town
) -> None:
    city.write("bad", "import nowhere_at_all\n")
    forget()
    town.give(rows_of(3))
    found = by_check(town.measure(END))
    (bad,) = found.pop("custom.bad")
    assert bad.status is Status.ERROR
    assert bad.reason.startswith("checks.custom.bad cannot be imported: ModuleNotFoundError")
    assert found["equity.groups"][0].n
    assert not [f.reason for findings in found.values() for f in findings if f.status is Status.ERROR]
    without = town.changed(checks=["equity.groups"])
    assert "custom.bad" not in by_check(without.measure(END + WEEK))


def test_what_a_check_could_not_count_waits_until_it_is_mended(
    city: City, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its evidence is fed in the week in which it is there again, with all weeks since."""
    town.give(rows_of(6))
    real = discover.discover()
    broken = [
        discover._unusable(check.name, check.principle, "It cannot be imported.")
        if check.name == "effectiveness.rates"
        else check
        for check in real
    ]
    monkeypatch.setattr(discover, "discover", lambda: broken)
    town.measure(END + WEEK)
    monkeypatch.undo()
    town.measure(END + 5 * WEEK)
    streams = town.results.evidence(town.system.id)
    (accuracy,) = [
        weeks for name, weeks in streams.items() if name.startswith("effectiveness.rates:accuracy")
    ]
    assert sum(n for _, (_, n) in accuracy) == 240


def test_validate_tells_what_cannot_be_used(city: City) -> None:
    city.write("bad", "import nowhere_at_all\n")
    forget()
    result = CliRunner().invoke(app, ["validate", "--register", str(INCLUDE / "systems")])
    told, total = result.output.splitlines()
    assert result.exit_code == 1
    assert told.startswith("check custom.bad: checks.custom.bad cannot be imported: ModuleNotFoundError")
    assert total == "8 systems are valid, 1 problem, 0 warnings."
