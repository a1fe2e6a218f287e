"""Transparency: gaps in the entry, the FactSheet's version, the public page, and what the vendor claims."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from measuring import Rows, days, measured, registered
from towns import FIRST, POLICY, WEEK, only, rows_of, town_at
from towns import registered as of_the_city

from sundial.lake import Lake
from sundial.register.models import System
from sundial.sources.learnt import Learnt, Probe
from sundial.store.records import Finding, Status


def entry_of(system: System, weeks: int) -> Finding:
    return only(measured(system, "transparency.register_entry", {}, weeks), "register_entry_incomplete")


def test_an_entry_that_says_all_its_tier_asks_for_is_ok() -> None:
    found = entry_of(of_the_city("example-hiring"), 1)
    assert (found.status, found.details["missing"]) == (Status.OK, [])


def test_a_gap_in_the_entry_is_watched_and_a_breach_after_its_grace() -> None:
    found = entry_of(registered(), 1)
    assert found.status is Status.WATCH
    assert "vendor.version" in found.details["missing"]
    late = POLICY.terms["register_entry_incomplete"].grace_days // 7 + 2
    assert entry_of(registered(), late).status is Status.BREACH


SHEET = {"by": "Lumen", "date": "2014-01-01", "version": "2.0"}
VENDOR = {"name": "Lumen", "product": "Triage", "version": "2.0"}


def outputs(weeks: int, version: str | None) -> Rows:
    """Outputs of one version, 70 a week."""
    frame = {"day": days(weeks, 70), "score": 0.7, "model": version, "kind": "LED", "area": "n"}
    return {"outputs": pd.DataFrame(frame)}


def with_versions(**changes: Any) -> System:
    return registered(**{"outputs": {"model_version": "model"}, "fact_sheet": SHEET, **changes})


def of_version(system: System, rows: Rows, weeks: int = 1, **more: Any) -> Finding:
    return only(measured(system, "transparency.fact_sheet", rows, weeks, **more), "fact_sheet_version")


def test_the_fact_sheet_is_compared_with_what_runs() -> None:
    assert of_version(with_versions(), outputs(1, "2.0")).status is Status.OK
    found = of_version(with_versions(vendor=VENDOR), outputs(1, "3.0"))
    assert found.status is Status.WATCH
    assert found.reason.startswith("The FactSheet is of version 2.0, but 3.0 runs, by the outputs.")
    assert found.details["outputs_by_version"] == {"3.0": 10}  # of the last day


def test_a_fact_sheet_of_another_version_is_a_breach_after_its_grace() -> None:
    late = POLICY.terms["fact_sheet_version"].grace_days // 7 + 2
    assert of_version(with_versions(), outputs(late, "3.0"), late).status is Status.BREACH


def test_a_version_that_was_replaced_before_the_last_day_runs_no_more() -> None:
    frame = outputs(1, "2.0")["outputs"]
    before_last = frame["day"] < frame["day"].max()
    assert (
        of_version(
            with_versions(), {"outputs": frame.assign(model=frame["model"].mask(before_last, "1.0"))}
        ).status
        is Status.OK
    )


def test_a_silent_week_goes_by_the_last_outputs() -> None:
    assert of_version(with_versions(), outputs(1, "3.0"), 2).status is Status.WATCH


def test_outputs_without_a_version_leave_the_registered_one() -> None:
    assert of_version(with_versions(vendor=VENDOR), outputs(1, None)).status is Status.OK
    other = registered(fact_sheet=SHEET, vendor={**VENDOR, "version": "3.0"})
    found = of_version(other, outputs(1, "2.0"))
    assert found.status is Status.WATCH
    assert "3.0 is registered to run" in found.reason


def test_no_version_anywhere_is_not_measured() -> None:
    assert of_version(with_versions(), outputs(1, None)).status is Status.NOT_MEASURED
    assert of_version(registered(vendor=VENDOR), {}).status is Status.NOT_MEASURED


def test_outputs_that_failed_tell_no_version() -> None:
    found = of_version(with_versions(), outputs(2, "2.0"), 2, failed={"outputs": "The source is gone."})
    assert (found.status, found.reason) == (Status.ERROR, "The source is gone.")


def test_nobody_attests_to_the_version_of_historical_data() -> None:
    assert of_version(with_versions(operated=False), outputs(1, "3.0")).status is Status.NOT_APPLICABLE


PAGE = "https://www.city.gov/ai/lights"


def of_page(folder: Path, *seen: Probe, weeks: int = 1, **changes: Any) -> Finding:
    learnt = Learnt(Lake(str(folder)), "street-lights")
    for one in seen:
        learnt.keep_page(one)
    system = registered(**{"notice_page": PAGE, **changes})
    return only(measured(system, "transparency.notice_page", {}, weeks, learnt=learnt), "notice_page")


def looked(day: date, status: int | None = 200, **more: Any) -> Probe:
    return Probe(**{"day": day.isoformat(), "page": PAGE, "asked": True, "status": status, **more})


def test_a_public_page_that_answers_is_ok(tmp_path: Path) -> None:
    found = of_page(tmp_path, looked(FIRST, 503), looked(FIRST + timedelta(days=5)))
    assert (found.status, found.details["status"]) == (Status.OK, 200)


def test_a_public_page_that_does_not_come_is_watched_and_in_the_end_a_breach(tmp_path: Path) -> None:
    gone = [looked(FIRST + WEEK * n, 404) for n in range(5)]
    assert of_page(tmp_path, *gone).status is Status.WATCH
    found = of_page(tmp_path, *gone, weeks=4)
    assert found.status is Status.BREACH
    assert found.reason.startswith("The public page does not come: it answers with status 404")


def test_a_page_that_nobody_asked_for_is_not_measured(tmp_path: Path) -> None:
    assert "Give notice_page" in of_page(tmp_path, notice_page=None).reason
    assert of_page(tmp_path).status is Status.NOT_MEASURED
    elsewhere = looked(FIRST, page="https://www.city.gov/before")
    assert of_page(tmp_path, elsewhere).status is Status.NOT_MEASURED
    refused = looked(FIRST, None, asked=False, problem="www.city.gov is none of the policy's notice_hosts")
    found = of_page(tmp_path, refused)
    assert found.status is Status.NOT_MEASURED
    assert "notice_hosts" in found.reason


def test_nobody_publishes_historical_data(tmp_path: Path) -> None:
    assert of_page(tmp_path, looked(FIRST, 404), operated=False).status is Status.NOT_APPLICABLE


def claims(folder: Path, *claimed: dict[str, Any], weeks: int = 8, **changes: Any) -> dict[str, Finding]:
    """The findings by what they are of; four of five outputs are right."""
    sheet = {"by": "Lumen", "date": "2014-01-01", "performance_metrics": claimed}
    town = town_at(folder, **{"checks": ["transparency.vendor_claims"], "fact_sheet": sheet, **changes})
    town.give(rows_of(weeks))
    found = [
        f for f in town.measure(FIRST + weeks * WEEK - timedelta(days=1)) if f.check.startswith("transp")
    ]
    return {" ".join([f.metric, *dict(f.slice).values()]): f for f in found}


def test_a_claim_stands_beside_the_citys_own_figure(tmp_path: Path) -> None:
    said = {"n": 1200, "date": "2013-11-30", "source": "FactSheet, page 3"}
    found = claims(
        tmp_path,
        {"metric": "accuracy", "value": 0.81, **said},
        {"metric": "accuracy", "value": 0.87},
        {"metric": "accuracy", "value": 0.99},
        {"metric": "false_positive_rate", "value": 0.01},
    )
    near, off, far = (found[f"claimed_accuracy {claim}"] for claim in ("0.81", "0.87", "0.99"))
    assert [near.status, off.status, far.status] == [Status.OK, Status.WATCH, Status.BREACH]
    assert near.estimate == pytest.approx(0.8)
    assert (near.n, near.interval is not None) == (160, True)
    assert near.details["claim"] == 0.81
    assert near.details["claim_n"] == 1200
    assert near.details["worse_by"] == pytest.approx(0.01)
    assert near.threshold is not None
    assert near.threshold.value == pytest.approx(0.81 - POLICY.thresholds["claim_gap"].value)
    less = found["claimed_false_positive_rate 0.01"]
    assert less.threshold is not None
    assert less.threshold.value == pytest.approx(0.06)
    assert less.estimate is not None
    assert less.details["worse_by"] == pytest.approx(less.estimate - 0.01)


def test_a_claim_on_few_outputs_says_nothing_yet(tmp_path: Path) -> None:
    town = town_at(
        tmp_path,
        checks=["transparency.vendor_claims"],
        fact_sheet={**SHEET, "performance_metrics": [{"metric": "accuracy", "value": 0.9}]},
    )
    town.give(rows_of(2, a_week=7))
    found = only(town.measure(FIRST + 2 * WEEK - timedelta(days=1)), "claimed_accuracy")
    assert found.status is Status.INSUFFICIENT


def test_what_is_no_measure_of_the_system_is_not_measured_and_says_why(tmp_path: Path) -> None:
    found = claims(
        tmp_path,
        {"metric": "customer satisfaction", "value": 97},
        {"metric": "ndcg", "value": 0.9},
        {"metric": "accuracy", "value": 95},
        {"metric": "brier", "value": 0.1},
    )
    assert {finding.status for finding in found.values()} == {Status.NOT_MEASURED}
    assert {name: finding.reason.partition("; ")[0] for name, finding in found.items()} == {
        "vendor_claim customer satisfaction: 97": "A claim in the vendor's words",
        "claimed_ndcg 0.9": "ndcg is no measure of the system's task.",
        "claimed_accuracy 95": "accuracy is a share from 0 to 1",
        "claimed_brier 0.1": "brier needs feeds.outputs.score.probability",
    }
    assert all(finding.estimate is None for finding in found.values())


def test_a_claim_that_nothing_could_miss_is_reported_only(tmp_path: Path) -> None:
    found = claims(tmp_path, {"metric": "accuracy", "value": 0.03})["claimed_accuracy 0.03"]
    assert (found.status, found.threshold) == (Status.OK, None)


def test_a_fact_sheet_without_figures_claims_nothing(tmp_path: Path) -> None:
    found = claims(tmp_path)
    assert [finding.status for finding in found.values()] == [Status.NOT_APPLICABLE]


def test_claims_without_outcomes_are_not_measured_and_a_failed_source_is_an_error() -> None:
    sheet = {**SHEET, "performance_metrics": [{"metric": "accuracy", "value": 0.9}]}
    system, check, rows = registered(fact_sheet=sheet), "transparency.vendor_claims", outputs(2, None)
    (failed,) = measured(system, check, rows, 2, failed={"outcomes": "The source is gone."})
    assert (failed.status, failed.reason) == (Status.ERROR, "The source is gone.")
    feeds = system.feeds.model_copy(update={"outcomes": None})
    (absent,) = measured(system.model_copy(update={"feeds": feeds}), check, rows, 1)
    assert absent.status is Status.NOT_MEASURED
    assert "no feed outcomes" in absent.reason
