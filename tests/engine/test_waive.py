"""A waived finding keeps all that was measured; afterwards its own status returns."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from given_examples import waiver
from store_examples import evidence, finding
from towns import FIRST, WEEK, Town, only, rows_of, town_at

from sundial.engine.waive import own, waived, waived_like
from sundial.register.given import Given
from sundial.store.records import Finding, Status
from sundial.store.register import RegisterRows

SUNDAY = FIRST + timedelta(days=6)
EVERYBODY = finding(slice=(), check="equity.groups")
OF_ONE = finding(slice=(("race", "A"),), check="equity.groups")


def waived_by(found: Finding, **changes: Any) -> Finding:
    return waived(found, [(7, waiver(**changes))])


def test_it_keeps_everything_and_says_who_until_when_and_what_it_would_be() -> None:
    breach = replace(EVERYBODY, status=Status.BREACH, reason="Confirmed.", evidence=evidence())
    now = waived_by(breach)
    assert now.status is Status.WAIVED
    assert now.reason == (
        "Waived by Dana, CDPO until 2014-05-31: The vendor repairs it in May. It would be breach: Confirmed."
    )
    assert now.details["waived"]["waiver"] == 7
    assert now.details["waived"]["status"] == "breach"
    assert now.evidence == breach.evidence
    assert own(now) == breach


@pytest.mark.parametrize("status", [Status.ERROR, Status.NOT_APPLICABLE])
def test_what_could_not_be_measured_for_an_error_is_never_hidden(status: Status) -> None:
    found = replace(EVERYBODY, status=status)
    assert waived_by(found) == own(found) == found


@pytest.mark.parametrize(
    ("changes", "covered"),
    [
        ({}, (True, True)),
        ({"check": "equity.harm"}, (False, False)),
        ({"metric": "false_positive_rate"}, (True, True)),
        ({"metric": "selection_rate"}, (False, False)),
        ({"slice": [["race", "A"]]}, (False, True)),
        ({"slice": [["race", "B"]]}, (False, False)),
    ],
)
def test_it_is_of_a_check_a_metric_or_one_slice(changes: dict[str, Any], covered: tuple[bool, bool]) -> None:
    found = tuple(waived_by(f, **changes).status is Status.WAIVED for f in (EVERYBODY, OF_ONE))
    assert found == covered


def test_of_several_the_last_to_expire_counts() -> None:
    several = [(1, waiver(expires=date(2014, 6, 1))), (2, waiver(expires=date(2014, 4, 1)))]
    assert waived(EVERYBODY, several).details["waived"]["waiver"] == 1


def test_measured_again_it_stays_under_the_waiver_of_then() -> None:
    recorded, now = waived_by(EVERYBODY), replace(EVERYBODY, status=Status.OK, reason="Within.")
    again = waived_like(now, recorded)
    assert (again.status, own(again)) == (Status.WAIVED, now)
    assert waived_like(now, EVERYBODY) == now


ACCURACY = {"check": "effectiveness.rates", "metric": "accuracy"}


def lived(folder: Path, *given: Given, weeks: int = 8, **changes: Any) -> Town:
    folder.mkdir()
    town = town_at(folder, **changes)
    town.give(rows_of(weeks))
    for one in given:
        RegisterRows(town.database).add(town.system.id, one, "dana")
    return town


def test_evidence_goes_on_underneath_and_the_own_status_returns(tmp_path: Path) -> None:
    """The same weeks with and without a waiver of some of them differ in these weeks' status alone."""
    of_weeks = waiver(**ACCURACY, holds_from=FIRST + 2 * WEEK, expires=FIRST + 5 * WEEK - timedelta(days=1))
    plain, with_it = lived(tmp_path / "plain"), lived(tmp_path / "waived", of_weeks)
    with_it = replace(with_it, system=plain.system)  # the same source
    found = []
    for town in (plain, with_it):
        town.measure(SUNDAY + 8 * WEEK)
        found.append(town.results.findings_between(date.min, date.max, town.system.id))
    changed = [now for now in found[1] if now.status is Status.WAIVED]
    assert [now.week for now in changed] == [FIRST + n * WEEK for n in (2, 3, 4)]
    assert {now.metric for now in changed} == {"accuracy"}

    def same(findings: tuple[Finding, ...]) -> list[Finding]:
        return [
            replace(own(f), provenance={}) for f in findings if f.check != "security_and_safety.duplicates"
        ]

    assert same(found[0]) == same(found[1])
    assert plain.results.evidence("street-lights") == with_it.results.evidence("street-lights")


def test_a_late_outcome_restates_a_waived_finding_as_waived(tmp_path: Path) -> None:
    town = lived(
        tmp_path / "town", waiver(**ACCURACY, holds_from=FIRST), weeks=6, outcomes={"lookback_days": 90}
    )
    rows = rows_of(6)
    late = rows["lit_on"].between(FIRST + WEEK, SUNDAY + WEEK) & (rows.index % 2 == 0)
    town.give(rows, rows[~late])
    town.measure(SUNDAY + 4 * WEEK)
    town.give(rows)
    town.measure(SUNDAY + 5 * WEEK)
    key = only(town.results.findings(town.system.id, FIRST + 3 * WEEK), "accuracy").key
    judged_, restated = town.results.revisions(key)
    assert (judged_.n, restated.n) == (100, 120)
    assert judged_.status is restated.status is Status.WAIVED
