"""The plan of a system: a check that asks for what the system has not stays out, and the rest goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest
from ibis import _
from towns import FIRST, WEEK, Town, rows_of

from sundial.api import (
    Bin,
    Check,
    Finding,
    Principle,
    Statistic,
    Status,
    System,
    View,
    aggregate,
    counts,
    histogram,
)
from sundial.engine import discover
from sundial.engine.plan import plan_of

END = FIRST + timedelta(days=6) + 3 * WEEK


class Asking(Check):
    """Asks for one statistic and reports how many cells it has."""

    name = "custom.asking"
    principle = Principle.EFFECTIVENESS
    feeds = ("outputs",)

    def __init__(self, *statistics: Statistic) -> None:
        self._statistics = statistics

    def statistics(self, system: System) -> Sequence[Statistic]:
        return self._statistics

    def measure(self, view: View) -> Iterator[Finding]:
        cells = sum(len(view.cells(statistic)) for statistic in self._statistics)
        yield view.finding("cells", Status.OK, "Counted.", estimate=float(cells))


class Raising(Asking):
    """Cannot even say what it needs."""

    def statistics(self, system: System) -> Sequence[Statistic]:
        raise ZeroDivisionError("nothing to divide by")


def measured_with(check: Check, town: Town, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Finding]]:
    """Findings by check, of a city that has written one check more."""
    every = (*discover.discover(), check)
    monkeypatch.setattr(discover, "discover", lambda: every)
    town.give(rows_of(4))
    by_check: dict[str, list[Finding]] = {}
    for finding in town.measure(END):
        by_check.setdefault(finding.check, []).append(finding)
    return by_check


UNMET = [
    (
        counts("outputs", ["channel", "predicted"]),
        "the column channel; list it among feeds.outputs.categories",
    ),
    (counts("outputs", ["late"]), "the column late; register feeds.outputs.latency"),
    (counts("outputs", ["ndcg"]), "the column ndcg; register feeds.outputs.ranked"),
    (
        counts("outcomes", ["within_tolerance"]),
        "the column within_tolerance; the task of feeds.outputs does not make it",
    ),
    (counts("outputs", ["score"]), "bins of score; a number is no level: ask by a Bin of it"),
    (counts("outputs", ["key"]), "the column key; list it among feeds.outputs.categories"),
    (
        counts("outcomes", ["channel", "form"]),
        "the columns channel, form; list them among feeds.outputs.categories",
    ),
    (
        histogram("outputs", Bin("kind", 0, 1, 4)),
        "numbers in the column kind; bins and sums are of the score and of numbers",
    ),
]


@pytest.mark.parametrize(("statistic", "needs"), UNMET)
def test_a_check_that_needs_what_the_system_has_not_is_not_measured(
    town: Town, monkeypatch: pytest.MonkeyPatch, statistic: Statistic, needs: str
) -> None:
    found = measured_with(Asking(statistic), town, monkeypatch)
    (own,) = found.pop("custom.asking")
    assert (own.status, own.reason) == (Status.NOT_MEASURED, f"custom.asking needs {needs}.")
    assert not [f.reason for findings in found.values() for f in findings if f.status is Status.ERROR]
    assert found["equity.groups"][0].n


def test_a_score_that_nobody_registered_is_named_as_such(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    decided = town.changed(outputs={"score": None, "prediction": "decision"})
    check = Asking(histogram("outputs", Bin("score", 0, 1, 4)))
    monkeypatch.setattr(discover, "discover", lambda: (check,))
    plan = plan_of(decided.system)
    assert plan.statistics == (counts("outputs", []),)
    assert plan.left_out["custom.asking"] == (
        Status.NOT_MEASURED,
        "custom.asking needs a score; register it as feeds.outputs.score.",
    )


def test_what_statistics_raises_is_the_error_of_that_check(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = measured_with(Raising(), town, monkeypatch)
    (own,) = found.pop("custom.asking")
    assert own.status is Status.ERROR
    assert own.reason == "custom.asking failed: ZeroDivisionError: nothing to divide by"
    assert not [f.reason for findings in found.values() for f in findings if f.status is Status.ERROR]


@pytest.mark.parametrize("column", ["kind", "area", "predicted", "outcome", "model_version"])
def test_what_every_system_has_and_what_it_registered_is_there_to_ask_for(
    town: Town, monkeypatch: pytest.MonkeyPatch, column: str
) -> None:
    monkeypatch.setattr(discover, "discover", lambda: (Asking(counts("outcomes", [column])),))
    assert not plan_of(town.system).left_out


def test_checks_of_outcomes_alone_know_that_there_were_outputs(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discover, "discover", lambda: (Asking(counts("outcomes", ["outcome"])),))
    town.give(rows_of(4), rows_of(1).head(1).assign(id="nobody"))
    (found,) = (f for f in town.measure(END) if f.check == "custom.asking")
    assert (found.status, found.estimate) == (Status.OK, 0)


class Summing(Check):
    """Sums scores of some rows by an aggregate of its own."""

    name = "custom.summing"
    principle = Principle.EFFECTIVENESS
    feeds = ("outputs",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [
            aggregate(
                system,
                over,
                lambda t: t.filter(t.kind == "LED").group_by("area").agg(n=_.count(), scores=_.score.sum()),
            )
            for over in ("outputs", "outcomes")
        ]

    def measure(self, view: View) -> Iterator[Finding]:
        for statistic in self.statistics(view.system):
            for name, cells in (("window", view.cells(statistic)), ("new", view.new_cells(statistic))):
                by_area = cells.set_index("area")
                yield view.finding(
                    f"{statistic.over} {name}", Status.OK, "", details=by_area.to_dict("index")
                )


def test_a_check_may_count_by_an_aggregate_of_its_own(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of(4)
    monkeypatch.setattr(discover, "discover", lambda: (Summing(),))
    town.give(rows)
    found = {f.metric: f.details for f in town.measure(END) if f.check == "custom.summing"}
    led = rows[rows["kind"] == "LED"]
    last = FIRST + 3 * WEEK
    for metric, of in {
        "outputs window": led,
        "outputs new": led[led["lit_on"] >= last],
        "outcomes window": led[led["lit_on"] < last],
        "outcomes new": led[(led["lit_on"] >= last - WEEK) & (led["lit_on"] < last)],
    }.items():
        expected = of.groupby("area")["score"].agg(["size", "sum"])
        for area, (n, total) in expected.iterrows():
            assert found[metric][area] == {"n": n, "scores": pytest.approx(total, abs=1e-3)}


def test_an_aggregate_of_what_the_system_has_not_is_not_measured(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Lacking(Asking):
        def statistics(self, system: System) -> Sequence[Statistic]:
            return [aggregate(system, "outputs", lambda t: t.group_by("channel").agg(n=t.count()))]

    monkeypatch.setattr(discover, "discover", lambda: (Lacking(),))
    assert plan_of(town.system).left_out["custom.asking"] == (
        Status.NOT_MEASURED,
        "custom.asking needs the column channel; list it among feeds.outputs.categories.",
    )


def test_an_aggregate_that_does_not_merge_is_the_error_of_its_check(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mean(Asking):
        def statistics(self, system: System) -> Sequence[Statistic]:
            return [aggregate(system, "outputs", lambda t: t.aggregate(mean=t.score.mean()))]

    monkeypatch.setattr(discover, "discover", lambda: (Mean(),))
    (status, reason) = plan_of(town.system).left_out["custom.asking"]
    assert status is Status.ERROR
    assert "mean is mean: a mean does not merge; ask for sum and count" in reason
