from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from report_examples import AS_OF, policy, system, year

from sundial.lake import Lake
from sundial.report.filed import ReportChanged, file_report, filed_report, files_of
from sundial.report.weekly import WeeklyReport, build
from sundial.store.cases import Cases, Detection
from sundial.store.database import Database
from sundial.store.ledger import CITY, links
from sundial.store.results import Results

SYSTEMS = {"street-lights": system()}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(f"file://{tmp_path / 'lake'}")


@pytest.fixture
def report(results: Results, cases: Cases) -> WeeklyReport:
    results.record("street-lights", year(), "run")
    return build(SYSTEMS, policy(), results, cases, AS_OF)


def test_page_pdf_and_data_lie_in_the_lake_and_their_hashes_in_the_ledger(
    report: WeeklyReport, lake: Lake, results: Results, database: Database
) -> None:
    assert file_report(report, lake, results) == "reports/2016-12-26.html"
    recorded = {one.path: one.html_hash for one in results.reports()}
    assert sorted(recorded) == [f"reports/2016-12-26.{ending}" for ending in ("html", "json", "pdf")]
    assert all(hashlib.sha256(lake.get(path)).hexdigest() == found for path, found in recorded.items())
    with database.read() as connection:
        lines = [
            line.key for link in links(connection, CITY) for line in link.lines if line.table == "reports"
        ]
    assert lines == ["2016-12-26.json", "2016-12-26.pdf", "2016-12-26"]


def test_made_again_it_has_the_same_bytes_whatever_happened_since(
    report: WeeklyReport, lake: Lake, results: Results, cases: Cases
) -> None:
    file_report(report, lake, results)
    told = Detection("street-lights", "unequal_harm", "unequal_harm", AS_OF, AS_OF, "ab", {}, {})
    cases.ask(cases.open_or_extend(told)[0], role="cdpo", kind="determination", body="x", as_of=AS_OF)
    assert build(SYSTEMS, policy(), results, cases, AS_OF) != report, "the store has moved on"
    again = filed_report(AS_OF, lake, results)
    assert again == report
    for ending, content in files_of(again).items():
        assert content == lake.get(f"reports/2016-12-26.{ending}"), ending


def test_a_run_that_was_killed_goes_on_with_the_data_that_it_had_filed(
    report: WeeklyReport, lake: Lake, results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(BaseException):
        pass

    def dies(self: Lake, path: str, data: bytes) -> None:
        if path.endswith(".pdf"):
            raise KilledError
        put(self, path, data)

    put = Lake.put
    with monkeypatch.context() as patched:
        patched.setattr(Lake, "put", dies)
        with pytest.raises(KilledError):
            file_report(report, lake, results)
    filed = filed_report(AS_OF, lake, results)
    assert filed == report
    assert filed is not None
    file_report(filed, lake, results)
    assert len(results.reports()) == 3


def test_a_page_that_is_recorded_stands(report: WeeklyReport, lake: Lake, results: Results) -> None:
    file_report(report, lake, results)
    before = lake.get("reports/2016-12-26.html")
    other = build({}, policy(), results, Cases(results._database), AS_OF)
    file_report(other, lake, results)
    assert lake.get("reports/2016-12-26.html") == before


def test_data_that_was_changed_in_the_lake_is_told(
    report: WeeklyReport, lake: Lake, results: Results
) -> None:
    file_report(report, lake, results)
    lake.put("reports/2016-12-26.json", b"{}")
    with pytest.raises(ReportChanged, match="not as the ledger has it"):
        filed_report(AS_OF, lake, results)


def test_what_was_never_filed_is_none(lake: Lake, results: Results) -> None:
    assert filed_report(AS_OF, lake, results) is None
