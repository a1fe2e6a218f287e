"""COMPAS and the stable control, run over years as they would have been."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest
from histories import History
from towns import only

from sundial.engine.discover import enabled
from sundial.gate.gate import Gate
from sundial.register.principles import Principle
from sundial.store.records import Status

pytestmark = pytest.mark.slow


def test_compas_has_nothing_mature_at_first(compas_history: History) -> None:
    first = compas_history.at[date(2014, 7, 1)]
    for metric in ("accuracy", "auc"):
        found = only(first, metric)
        assert found.status is Status.NOT_MEASURED
        assert "Immature" in found.reason
    assert only(first, "selection_rate", race="African-American").n is not None


@pytest.mark.parametrize(
    ("day", "status"), [(date(2015, 2, 1), Status.WATCH), (date(2015, 7, 1), Status.BREACH)]
)
def test_compas_false_positive_gap_by_race_is_seen_then_confirmed(
    compas_history: History, day: date, status: Status
) -> None:
    found = only(compas_history.at[day], "false_positive_rate_difference", by="race")
    assert found.status is status
    assert found.estimate is not None
    assert found.estimate > 0.1


def test_compas_effectiveness_never_breaches(compas_history: History) -> None:
    rates = [f for f in compas_history.findings if f.check.startswith("effectiveness.")]
    assert rates
    assert not [f.key for f in rates if f.status is Status.BREACH]


def test_compas_998_outcomes_lie_in_quarantine_at_the_end(compas_history: History) -> None:
    town = compas_history.town
    gate = Gate(town.system, town.lake)
    assert sum(m.refused for m in gate.manifests("outcomes")) == 998
    assert sum(m.refused for m in gate.manifests("outputs")) == 0
    assert sum(m.accepted for m in gate.manifests("outputs")) == 7_214
    reasons = Counter(
        reason
        for manifest in gate.manifests("outcomes")
        if manifest.quarantine
        for reason in town.lake.get_table(manifest.quarantine)["reason"].to_pylist()
    )
    assert list(reasons.values()) == [998]
    assert "730 days of maturity end on or after the end of follow-up (2016-04-01)" in next(iter(reasons))


def test_compas_evidence_counts_each_accepted_outcome_once(compas_history: History) -> None:
    town = compas_history.town
    counted = [f.evidence.counts for f in compas_history.findings if f.metric == "accuracy" and f.evidence]
    assert sum(n for _, n in counted) == 7_214 - 998
    by_race: Counter[str] = Counter()
    for finding in compas_history.findings:
        if finding.metric == "selection_rate" and dict(finding.slice).keys() == {"race"} and finding.evidence:
            by_race[dict(finding.slice)["race"]] += int(finding.evidence.counts[1])
    # A race that never had thirty people in a window takes no part of the budget: two of the six.
    assert by_race == {"African-American": 3_696, "Caucasian": 2_454, "Hispanic": 637, "Other": 377}
    stored = town.results.evidence(town.system.id)["effectiveness.rates:accuracy@0.6"]
    assert sum(counts[1] for _, counts in stored) == 7_214 - 998


def test_the_control_never_breaches_and_nothing_fails(massachusetts_history: History) -> None:
    wrong = [f.key for f in massachusetts_history.findings if f.status in (Status.BREACH, Status.ERROR)]
    assert not wrong


def test_the_control_reports_the_years_auc(massachusetts_history: History) -> None:
    found = [only(findings, "auc").estimate for findings in massachusetts_history.at.values()]
    assert [round(estimate or 0, 4) for estimate in found] == [0.9034, 0.9020, 0.9051, 0.9057]


def test_the_control_lists_all_nine_races(massachusetts_history: History) -> None:
    last = massachusetts_history.at[date(2019, 1, 10)]
    races = {
        dict(f.slice)["race"]: f.status
        for f in last
        if f.metric == "selection_rate" and "race" in dict(f.slice)
    }
    assert len(races) == 9
    assert only(last, "selection_rate_difference", by="race").status is Status.WATCH


@pytest.mark.parametrize("name", ["compas_history", "massachusetts_history"])
def test_every_check_and_every_principle_speaks_every_week(name: str, request: pytest.FixtureRequest) -> None:
    history: History = request.getfixturevalue(name)
    weeks = {judged.week for judged in history.town.results.judged(history.town.system.id)}
    said = {(f.week, f.check) for f in history.findings}
    assert all((week, check.name) in said for week in weeks for check in enabled(history.town.system))
    principles = Counter((f.week, f.principle) for f in history.findings)
    assert all(principles[week, principle.value] for week in weeks for principle in Principle)
