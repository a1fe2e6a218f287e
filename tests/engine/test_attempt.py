"""A check that raises, hangs or gives nonsense is one error with a plain reason, and harms nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from towns import FIRST, WEEK, Town, rows_of, town_at

from sundial.api import Ceiling, Check, Evidence, Finding, Kind, Principle, Statistic, Status, System, View
from sundial.engine import attempt, discover
from sundial.store.grants import Grants

SUNDAY = FIRST + timedelta(days=6)
MEASURED = 3
NAME = "custom.odd"


class Odd(Check):
    """Does what it is given to do, after it has advanced a stream."""

    name = NAME
    principle = Principle.EFFECTIVENESS
    feeds = ("outputs",)

    def __init__(self, gives: Callable[[View, Finding], Any]) -> None:
        self._gives = gives

    def measure(self, view: View) -> Any:
        evidence = view.advance("share", Ceiling(0.5), (1, 2))
        return self._gives(view, view.finding("share", Status.OK, "Fine.", evidence=evidence))


class Fact(Odd):
    """The same of facts."""

    kind = Kind.FACTUAL


def measured(town: Town, monkeypatch: pytest.MonkeyPatch, *checks: Check) -> dict[str, list[Finding]]:
    with monkeypatch.context() as patched:
        every = (*checks, *discover.discover())
        patched.setattr(discover, "discover", lambda: every)
        found = town.measure(SUNDAY + MEASURED * WEEK)
    by_check: dict[str, list[Finding]] = {}
    for finding in found:
        by_check.setdefault(finding.check, []).append(finding)
    return by_check


def raises(view: View, _: Finding) -> Iterator[Finding]:
    raise ZeroDivisionError("nothing to divide by")


def ends(view: View, _: Finding) -> Iterator[Finding]:
    raise SystemExit(0)


def hangs(view: View, finding: Finding) -> Iterator[Finding]:
    yield finding
    while True:
        pass


def never_ends(view: View, finding: Finding) -> Iterator[Finding]:
    while True:
        yield finding


def changed(**fields: Any) -> Callable[[View, Finding], Sequence[Finding]]:
    return lambda _, finding: [replace(finding, **fields)]


class Unlike:
    """No JSON value."""


BREACH = "share is breach without confirmed evidence; an estimate alone makes it watch at most"
NOT_OWN = "than its own; make findings by view.finding"
NONSENSE: dict[str, tuple[Callable[[View, Finding], Any], str]] = {
    "raises": (raises, "ZeroDivisionError: nothing to divide by"),
    "ends the process": (ends, "it tried to end the process"),
    "gives nothing": (lambda *_: None, "measure returned nothing; have it yield findings"),
    "gives a number": (lambda *_: 7, "TypeError: 'int' object is not iterable"),
    "gives texts": (lambda *_: ["ok"], "it gave a str, which is no finding; make findings by view.finding"),
    "another system": (changed(system="other"), f"it gave a finding of another system {NOT_OWN}"),
    "another week": (changed(week=FIRST - WEEK), f"it gave a finding of another week {NOT_OWN}"),
    "another check": (changed(check="equity.groups"), f"it gave a finding of another check {NOT_OWN}"),
    "another principle": (changed(principle="equity"), f"it gave a finding of another principle {NOT_OWN}"),
    "another kind": (changed(kind=Kind.FACTUAL), f"it gave a finding of another kind {NOT_OWN}"),
    "no origin": (changed(provenance={}), f"it gave a finding of another provenance {NOT_OWN}"),
    "no metric": (changed(metric=""), "it gave a finding without a metric"),
    "no status": (changed(status="ok"), "share has no status and reason; give a Status and a sentence"),
    "NaN": (changed(estimate=math.nan), "the estimate of share is no number; give None where there is none"),
    "a text as n": (changed(n="7"), "the n of share is no number; give None where there is none"),
    "a waiver": (changed(status=Status.WAIVED), "share is waived, which a statistical finding of a check"),
    "breach by itself": (changed(status=Status.BREACH), BREACH),
    "an object": (changed(details={"what": Unlike()}), "share cannot be kept"),
    "a set": (changed(details={"what": {1}}), "Object of type set is not JSON serializable"),
    "NaN within": (changed(details={"what": [math.nan]}), "share cannot be kept"),
    "half a letter": (changed(details={"what": "\ud800"}), "surrogates not allowed"),
    "a number as threshold": (changed(threshold=0.5), "share cannot be kept"),
    "a number as level": (changed(slice=(("column", 1), ("column", 2), 3)), "TypeError"),
    "twice the same": (lambda _, one: [one, one], "it gave two findings of share; a metric and slice names"),
    "one stream twice": (
        lambda _, one: [one, replace(one, metric="other")],
        "two of its findings carry the stream custom.odd_",
    ),
    "somebody else's evidence": (
        changed(evidence=Evidence("equity.groups:x", 0.0, 0.0, 1.0, 1, (1.0,))),
        "share carries evidence that is none of the check's own; take it from view.advance",
    ),
    "more than anybody reads": (never_ends, "it gave more than 1,000 findings for one week"),
}


def odd(number: int, gives: Callable[[View, Finding], Any]) -> Check:
    """The check of one kind of nonsense; they are deployed all at once."""
    return type("Odd", (Odd,), {"name": f"custom.odd_{number}"})(gives)


@pytest.fixture(scope="module")
def nonsense(tmp_path_factory: pytest.TempPathFactory) -> tuple[Town, dict[str, list[Finding]]]:
    """A town with all kinds of nonsense, and what the run said, by check."""
    town = town_at(tmp_path_factory.mktemp("town"))
    town.give(rows_of(4))
    checks = [odd(number, gives) for number, (gives, _) in enumerate(NONSENSE.values())]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(attempt, "MOST", 1_000)
        return town, measured(town, patched, *checks)


@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_is_one_error(nonsense: tuple[Town, dict[str, list[Finding]]], what: str) -> None:
    town, found = nonsense
    name = f"custom.odd_{list(NONSENSE).index(what)}"
    (own,) = found[name]
    assert own.status is Status.ERROR
    assert own.reason.startswith(f"{name} failed: ")
    assert NONSENSE[what][1] in own.reason
    assert not [stream for stream in town.results.evidence(town.system.id) if stream.startswith(name)]


def test_nonsense_harms_nothing_else(nonsense: tuple[Town, dict[str, list[Finding]]], town: Town) -> None:
    among_nonsense, found = nonsense
    alone = replace(among_nonsense, folder=town.folder)
    for finding in alone.measure(SUNDAY + MEASURED * WEEK):
        (same,) = (f for f in found[finding.check] if f.key == finding.key)
        assert replace(same, provenance={}) == replace(finding, provenance={})


def test_weeks_that_fail_alike_have_one_trace(
    town: Town, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    town.give(rows_of(4))
    measured(town, monkeypatch, Odd(raises))
    told = [
        one for one in caplog.records if f": {NAME} failed: Zero" in one.getMessage() and "week of" in one.msg
    ]
    assert [one.getMessage().partition(":")[0][-10:] for one in told] == [
        str(FIRST + place * WEEK) for place in range(MEASURED + 1)
    ]
    assert [bool(one.exc_info) for one in told] == [True, False, False, False]


@pytest.mark.parametrize("status", [Status.INSUFFICIENT, Status.WAIVED])
def test_a_fact_has_no_status_of_samples(town: Town, monkeypatch: pytest.MonkeyPatch, status: Status) -> None:
    town.give(rows_of(4))
    (own,) = measured(town, monkeypatch, Fact(changed(status=status)))[NAME]
    assert own.status is Status.ERROR
    assert f"share is {status}, which a factual finding of a check cannot be" in own.reason


# While garbage is collected an interruption is said and dropped; the next one comes a second later.
@pytest.mark.filterwarnings("default::pytest.PytestUnraisableExceptionWarning")
def test_a_check_that_hangs_is_interrupted_once_a_run(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "SECONDS", 0.6)
    town = replace(town, system=town.changed(checks=[NAME, "equity.groups"]).system)
    town.give(rows_of(4))
    tried = []

    def hangs_on(view: View, finding: Finding) -> Iterator[Finding]:
        tried.append(view.week)
        return hangs(view, finding)

    found = measured(town, monkeypatch, Odd(hangs_on))
    (own,) = found.pop(NAME)
    assert own.status is Status.ERROR
    assert own.reason == f"{NAME} failed: it did not end within 0.6 seconds; the next run tries it again."
    assert tried == [FIRST]
    assert found["equity.groups"][0].n


# While garbage is collected an interruption is said and dropped; the next one comes a second later.
@pytest.mark.filterwarnings("default::pytest.PytestUnraisableExceptionWarning")
def test_what_hangs_when_asked_for_statistics_is_left_out(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Undecided(Odd):
        def statistics(self, system: System) -> Sequence[Statistic]:
            while True:
                pass

    monkeypatch.setattr(attempt, "SECONDS", 0.6)
    town.give(rows_of(4))
    found = measured(town, monkeypatch, Undecided(lambda _, finding: [finding]))
    (own,) = found.pop(NAME)
    assert own.reason == f"{NAME} failed: it did not end within 0.6 seconds"
    assert not [f for findings in found.values() for f in findings if f.status is Status.ERROR]


def test_statistics_that_are_none_are_told(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(Odd):
        def statistics(self, system: System) -> Any:
            return ["area"]

    town.give(rows_of(4))
    (own,) = measured(town, monkeypatch, Wrong(lambda _, finding: [finding]))[NAME]
    assert own.reason == f"{NAME} failed: statistics gave a str; make statistics by counts or the like"


def test_weeks_that_failed_are_counted_by_the_week_that_does_not(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Evidence has not advanced in a week that failed: its counts come with those of the next."""
    town.give(rows_of(4))
    fails = {FIRST + WEEK: raises, FIRST + 2 * WEEK: changed(estimate=math.nan)}

    class Falters(Odd):
        def measure(self, view: View) -> Any:
            weeks = (view.week - view.fresh_from).days // 7 + 1
            evidence = view.advance("share", Ceiling(0.5), (weeks, 2 * weeks))
            finding = view.finding("share", Status.OK, "Fine.", evidence=evidence)
            return fails.get(view.week, lambda _, one: [one])(view, finding)

    measured(town, monkeypatch, Falters(raises))
    weeks = town.results.evidence(town.system.id)[f"{NAME}:share"]
    assert [counts for _, counts in weeks] == [(1, 2), (3, 6)]


def test_streams_of_a_check_that_failed_take_nothing_of_the_budget(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check that begins a thousand streams and fails leaves the alarms of all others where they were."""

    class Greedy(Check):
        name = "a.greedy"
        principle = Principle.EFFECTIVENESS
        feeds = ("outputs",)

        def measure(self, view: View) -> Iterator[Finding]:
            for place in range(1_000):
                view.advance(f"{view.week}/{place}", Ceiling(0.5), (1, 2))
            raise ZeroDivisionError("nothing to divide by")

    town.give(rows_of(4))
    measured(town, monkeypatch, Greedy())
    with_it = Grants(town.database).of(town.system.id)
    alone = replace(town, folder=town.folder / "alone")
    alone.folder.mkdir()
    alone.measure(SUNDAY + MEASURED * WEEK)
    assert Grants(alone.database).of(town.system.id) == with_it != ()
