"""The entry in effect: the YAML and the ledger's rows as of a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from given_examples import DAY, approval, attestation, proposal, revocation, rows, status, waiver
from towns import FIRST, POLICY, WEEK, Town, entry, only, rows_of

from sundial.engine.in_effect import InEffect, in_effect
from sundial.engine.run import NotStaged
from sundial.register.given import Given
from sundial.register.models import System
from sundial.register.principles import Principle
from sundial.store.register import RegisterRows

BEFORE, LATER = DAY - timedelta(days=1), DAY + timedelta(days=9)
SUNDAY = FIRST + timedelta(days=6)
WRITTEN: Mapping[str, Any] = {
    "attestations": {"security_review": {"by": "YAML", "date": "2014-01-31", "expires": "2014-06-30"}},
    "ai_review": {"by": "YAML", "date": "2014-01-31", "conditions": ["Read by a person."]}
    | {"next_due": "2015-01-31"},
}


def system(**changes: Any) -> System:
    return System.model_validate(entry(Path(), **WRITTEN, **changes))


def on(day: date, *given: Given) -> System:
    return in_effect(system(), rows(*given), day)


class TestAttestations:
    def test_the_newer_document_of_a_kind_counts_from_the_day_it_holds(self) -> None:
        row = attestation(version="2")
        assert on(BEFORE, row) == system()
        now = on(DAY, row).attestations["security_review"]
        assert (now.by, now.date, now.version, now.expires) == ("Ana Ruiz", DAY, "2", None)

    def test_an_older_document_changes_nothing(self) -> None:
        written = system()
        assert in_effect(written, rows(attestation(date=date(2014, 1, 30))), DAY) is written

    def test_of_documents_of_one_day_the_last_one_given_counts(self) -> None:
        given = attestation(by="First"), attestation(by="Second"), attestation(kind="consultation")
        found = on(DAY, *given).attestations
        assert (found["security_review"].by, found["consultation"].by) == ("Second", "Ana Ruiz")

    def test_a_revoked_one_is_gone_from_the_day_of_its_revocation(self) -> None:
        given = attestation(), revocation(1, holds_from=LATER)
        assert on(DAY, *given).attestations["security_review"].by == "Ana Ruiz"
        assert on(LATER, *given) == system()

    def test_a_review_keeps_what_the_yaml_says_of_it_but_not_when_the_next_is_due(self) -> None:
        review = on(DAY, attestation(kind="ai_review")).ai_review
        assert review is not None
        assert (review.by, review.date, review.next_due) == ("Ana Ruiz", DAY, None)
        assert review.conditions == ("Read by a person.",)

    def test_a_fact_sheet_that_the_yaml_does_not_have(self) -> None:
        sheet = on(DAY, attestation(kind="fact_sheet", version="3.1")).fact_sheet
        assert sheet is not None
        assert (sheet.date, sheet.version) == (DAY, "3.1")


class TestBaseline:
    def test_the_yaml_s_stays_until_one_is_approved(self) -> None:
        given = proposal(), approval(1, holds_from=LATER)
        assert on(DAY, *given).baseline == system().baseline
        now = on(LATER, *given).baseline
        assert now is not None
        assert (now.start, now.end) == (date(2014, 2, 3), date(2014, 3, 2))
        assert (now.approved_by, now.approved_on) == ("Dana, CDPO", LATER)

    def test_the_latest_approved_counts_also_where_it_is_the_yaml_s(self) -> None:
        written = system(baseline={**entry(Path())["baseline"], "approved_on": "2014-06-01"})
        assert in_effect(written, rows(proposal(), approval(1)), DAY) is written

    @pytest.mark.parametrize("number", [1, 2])
    def test_without_its_proposal_or_approval_there_is_none(self, number: int) -> None:
        assert on(DAY, proposal(), approval(1), revocation(number)).baseline == system().baseline


class TestStatus:
    def test_the_last_change_counts(self) -> None:
        given = status("suspended"), status("deployed", holds_from=LATER)
        assert [on(day, *given).status for day in (BEFORE, DAY, LATER)] == [
            "deployed",
            "suspended",
            "deployed",
        ]

    def test_a_retired_system_says_when_and_why_its_use_ended(self) -> None:
        lifetime = on(DAY, status("retired", reason="The contract ended.")).lifetime
        assert lifetime is not None
        assert (lifetime.end, lifetime.end_reason) == ("2014-03", "The contract ended.")


def test_waivers_are_in_force_from_a_day_to_another() -> None:
    found = InEffect(
        system(), POLICY, rows(waiver(), waiver(holds_from=LATER), revocation(1, holds_from=LATER))
    )
    last = date(2014, 5, 31)
    days = (BEFORE, DAY, LATER, last, last + timedelta(days=1))
    assert [[number for number, _ in found.waivers(day)] for day in days] == [[], [1], [2], [2], []]


def test_the_hash_follows_the_entry_and_not_the_waivers() -> None:
    plain, waived, attested = (
        InEffect(system(), POLICY, rows(*given)) for given in ([], [waiver()], [attestation()])
    )
    assert plain.config(DAY) == waived.config(DAY) == attested.config(BEFORE) != attested.config(DAY)
    assert len({one.fingerprint for one in (plain, waived, attested)}) == 3


def found_weeks(town: Town, metric: str) -> list[str]:
    found = town.results.findings_between(date.min, date.max, town.system.id)
    return [f"{f.week}: {f.status}" for f in found if f.metric == metric]


class TestRun:
    def test_each_week_is_judged_by_the_entry_of_its_sunday(self, tmp_path: Path) -> None:
        """Run week by week, or all at once: the same findings."""
        towns = []
        for name in ("weekly", "at-once"):
            folder = tmp_path / name
            folder.mkdir()
            town = Town(
                System.model_validate(entry(folder, checks=["security_and_safety.security_review"])), folder
            )
            town.give(rows_of(1))
            given = attestation(date=FIRST, holds_from=SUNDAY + WEEK)
            RegisterRows(town.database).add(town.system.id, given, "ana")
            towns.append(town)
        for week in range(4):
            towns[0].measure(SUNDAY + WEEK * week)
        towns[1].measure(SUNDAY + WEEK * 3)
        statuses = [found_weeks(town, "security_review_age") for town in towns]
        assert statuses[0] == statuses[1]
        assert [line.rpartition(" ")[2] for line in statuses[0]] == ["watch", "ok", "ok", "ok"]
        configs = [[week.config_hash for week in town.results.judged(town.system.id)] for town in towns]
        for of_weeks in configs:
            assert of_weeks[0] != of_weeks[1] == of_weeks[2] == of_weeks[3]
        for found in towns[1].results.findings_between(date.min, date.max, "street-lights"):
            week = (found.week - FIRST) // WEEK
            assert found.provenance["config"] == configs[1][week]

    def test_another_baseline_is_another_reference_from_then_on(self, town: Town) -> None:
        town.give(rows_of(8))
        town.measure(SUNDAY + 5 * WEEK)
        ledger = RegisterRows(town.database)
        ledger.add(town.system.id, proposal(), "ana")
        ledger.add(town.system.id, approval(1, holds_from=FIRST + 8 * WEEK), "dana")
        now = only(town.measure(SUNDAY + 8 * WEEK), "volume_ratio")
        assert now.provenance["baseline"] == "2014-02-03/2014-03-02"
        before = only(town.results.findings(town.system.id, FIRST + 7 * WEEK), "volume_ratio")
        assert before.provenance["baseline"] == "2014-01-06/2014-02-02"

    def test_a_row_that_comes_between_checking_and_recording_is_not_passed_over(self, town: Town) -> None:
        town.give(rows_of(2))
        run = town.run(SUNDAY + WEEK)
        run.pull()
        run.gate()
        run.profile()
        for principle in Principle:
            run.check(principle)
        ledger = RegisterRows(town.database)
        ledger.add(town.system.id, attestation(date=FIRST, holds_from=SUNDAY + 5 * WEEK), "ana")
        ledger.add(town.system.id, attestation(date=FIRST, holds_from=SUNDAY), "ana")
        with pytest.raises(NotStaged, match="another configuration"):
            run.record()
        for principle in Principle:
            run.check(principle)
        assert run.record() == [FIRST, FIRST + WEEK]
