from __future__ import annotations

import os
import signal
import time
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from datetime import UTC, date, datetime
from math import inf
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from store_examples import MONDAY, detection, evidence, finding, in_processes, judged, weeks

from sundial.store.cases import Cases
from sundial.store.database import ConflictingRecord, Database
from sundial.store.records import Restated, Supersedes
from sundial.store.results import Pull, Report, Results
from sundial.store.tables import findings, judged_weeks, restatements

NEXT = weeks(2)[1]


@pytest.fixture
def results(database: Database) -> Results:
    return Results(database)


def record_weeks(url: str, system: str, count: int) -> None:
    found = [judged(week, [finding(week, system, evidence=evidence())]) for week in weeks(count)]
    Results(Database(url)).record(system, found, f"run of {system}")


def die_while_recording(url: str) -> None:
    with Database(url).write("compas") as connection:
        judgement = {"as_of": NEXT, "config_hash": "", "code_version": "", "run_id": "run-1"}
        connection.execute(
            insert(judged_weeks).values(
                system="compas", week=MONDAY, recorded_at=datetime.now(UTC), **judgement
            )
        )
        os.kill(os.getpid(), signal.SIGKILL)


class TestRecord:
    def test_gives_back_the_findings_as_they_were(self, results: Results) -> None:
        given = finding(evidence=evidence(), estimate=float("inf"))
        results.record("compas", [judged(findings=[given])], "run-1")
        assert results.findings("compas", MONDAY) == (given,)

    def test_keeps_the_hash_that_the_finding_states(self, results: Results, database: Database) -> None:
        given = finding()
        results.record("compas", [judged(findings=[given])], "run-1")
        with database.read() as connection:
            assert connection.scalars(select(findings.c.payload_hash)).all() == [given.payload_hash()]

    def test_twice_is_once(self, results: Results) -> None:
        results.record("compas", [judged()], "run-1")
        results.record("compas", [judged()], "run-2")
        assert [week.run_id for week in results.judged("compas")] == ["run-1"]
        assert len(results.findings("compas", MONDAY)) == 1

    def test_adds_only_the_weeks_that_are_new(self, results: Results) -> None:
        results.record("compas", [judged()], "run-1")
        results.record("compas", [judged(NEXT), judged()], "run-2")
        assert [(week.week, week.run_id) for week in results.judged("compas")] == [
            (MONDAY, "run-1"),
            (NEXT, "run-2"),
        ]

    @pytest.mark.parametrize(
        "other",
        [
            pytest.param((finding(n=132),), id="another figure"),
            pytest.param((), id="one less"),
            pytest.param((finding(), finding(metric="selection_rate")), id="one more"),
        ],
    )
    def test_never_replaces_findings(self, results: Results, other: tuple[object, ...]) -> None:
        results.record("compas", [judged(findings=[finding()])], "run-1")
        before = results.content_hash()
        with pytest.raises(ConflictingRecord, match=r"compas: week 2015-01-05 .*1 differ"):
            results.record("compas", [judged(NEXT), judged(findings=other)], "run-2")  # type: ignore[arg-type]
        assert results.content_hash() == before

    def test_never_goes_back(self, results: Results) -> None:
        results.record("compas", [judged(NEXT)], "run-1")
        with pytest.raises(ConflictingRecord, match="before the last judged week 2015-01-12"):
            results.record("compas", [judged(MONDAY)], "run-2")

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ([judged(date(2015, 1, 6), [])], "2015-01-06 is not a Monday"),
            ([judged(), judged()], "a week is given twice"),
            ([judged(findings=[finding(system="other")])], "another system or week"),
            ([judged(NEXT, [finding(MONDAY)])], "another system or week"),
            ([judged(findings=[finding(), finding(n=1)])], "occurs twice"),
            (
                [judged(findings=[finding(evidence=evidence()), finding(slice=(), evidence=evidence())])],
                "has evidence",
            ),
            ([judged(findings=[finding(details={"rate": float("nan")})])], "an undefined figure is None"),
        ],
    )
    def test_refuses_what_contradicts_itself(
        self, results: Results, given: list[object], message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            results.record("compas", given, "run-1")  # type: ignore[arg-type]
        assert results.last_judged_week("compas") is None

    def test_a_week_without_findings_is_judged_all_the_same(self, results: Results) -> None:
        results.record("compas", [judged(findings=[])], "run-1")
        results.record("compas", [judged(findings=[])], "run-2")
        assert results.last_judged_week("compas") == MONDAY

    def test_four_systems_at_once(self, results: Results, store_url: str) -> None:
        systems = ["ada", "bert", "cleo", "dora"]
        in_processes(record_weeks, [(store_url, system, 20) for system in systems])
        assert [len(results.evidence(system)["harm/race"]) for system in systems] == [20] * 4

    def test_the_same_weeks_from_four_processes_are_there_once(
        self, results: Results, store_url: str
    ) -> None:
        in_processes(record_weeks, [(store_url, "compas", 20)] * 4)
        assert [week.week for week in results.judged("compas")] == weeks(20)

    def test_after_a_kill_in_the_middle_the_store_is_as_if_it_had_run_once(
        self, results: Results, store_url: str
    ) -> None:
        before = results.content_hash()
        with pytest.raises(BrokenProcessPool):
            in_processes(die_while_recording, [(store_url,)])
        assert results.content_hash() == before
        results.record("compas", [judged()], "run-1")
        assert results.last_judged_week("compas") == MONDAY

    def test_twenty_thousand_findings_within_eight_cpu_seconds(self, results: Results) -> None:
        found = [
            judged(week, [finding(week, slice=(("tract", f"{number:03d}"),)) for number in range(200)])
            for week in weeks(100)
        ]
        start = time.process_time()  # wall time says how busy the machine is
        results.record("compas", found, "run-1")
        assert time.process_time() - start < 8


class TestReading:
    def test_evidence_is_each_stream_in_order_of_weeks(self, results: Results) -> None:
        first = [
            finding(evidence=evidence("harm/race", (1.0, 0.1))),
            finding(slice=(), evidence=evidence("quality", (5.0,))),
            finding(metric="drift", evidence=evidence("silent this week", ())),
        ]
        results.record(
            "compas",
            [
                judged(NEXT, [finding(NEXT, evidence=evidence("harm/race", (2.0, 1 / 3)))]),
                judged(findings=first),
            ],
            "run-1",
        )
        assert results.evidence("compas") == {
            "harm/race": [(MONDAY, (1.0, 0.1)), (NEXT, (2.0, 1 / 3))],
            "quality": [(MONDAY, (5.0,))],
        }

    def test_findings_come_in_canonical_order(self, results: Results) -> None:
        found = [finding(metric=metric) for metric in ("b", "B", "a", "ä")]
        results.record("compas", [judged(findings=found)], "run-1")
        assert [one.metric for one in results.findings("compas", MONDAY)] == ["B", "a", "b", "ä"]

    def test_latest_findings_are_those_of_the_last_judged_week(self, results: Results) -> None:
        assert results.latest_findings("compas") == ()
        results.record("compas", [judged(), judged(NEXT)], "run-1")
        assert {one.week for one in results.latest_findings("compas")} == {NEXT}

    def test_latest_findings_may_be_those_of_one_principle(self, results: Results) -> None:
        privacy = finding(check="privacy.small_cells", principle="privacy")
        results.record("compas", [judged(findings=[finding(), privacy])], "run-1")
        assert results.latest_findings("compas", "privacy") == (privacy,)
        assert len(results.latest_findings("compas")) == 2

    def test_findings_between_weeks_of_one_system_or_all(self, results: Results) -> None:
        for system in ("ada", "bert"):
            results.record(system, [judged(week, [finding(week, system)]) for week in weeks(4)], "run-1")
        _, second, third, _ = weeks(4)
        assert [one.week for one in results.findings_between(second, third, "ada")] == [second, third]
        assert [one.system for one in results.findings_between(second, third)] == ["ada", "bert"] * 2

    def test_the_time_of_recording_is_in_utc(self, results: Results) -> None:
        results.record("compas", [judged()], "run-1")
        offset = results.judged("compas")[0].recorded_at.utcoffset()
        assert offset is not None
        assert offset.total_seconds() == 0


class TestPulls:
    PULL = Pull("compas", "outputs", date(2015, 3, 2), "ok", 120, ("b1", "b2"))

    def test_the_last_of_each_feed_counts(self, results: Results) -> None:
        outcomes = replace(self.PULL, feed="outcomes", rows=3)
        later = replace(self.PULL, as_of=date(2015, 3, 3), rows=7)
        for pull in (later, self.PULL, outcomes):
            results.record_pull(pull)
        assert results.latest_pulls("compas") == {"outputs": later, "outcomes": outcomes}

    def test_a_failure_that_comes_back_after_a_success_is_the_last(self, results: Results) -> None:
        failed = replace(
            self.PULL, status="failed", rows=0, batches=(), error="the server said 503; try again"
        )
        for pull in (failed, self.PULL, self.PULL, failed):
            results.record_pull(pull)
        assert results.latest_pulls("compas") == {"outputs": failed}


class TestReports:
    REPORT = Report("2015-W05", date(2015, 2, 2), "ab12", "reports/2015-W05/index.html")

    def test_twice_is_once(self, results: Results) -> None:
        results.record_report(self.REPORT)
        results.record_report(self.REPORT)
        assert results.reports() == (self.REPORT,)

    def test_another_one_under_the_key_is_refused(self, results: Results) -> None:
        results.record_report(self.REPORT)
        with pytest.raises(ConflictingRecord, match="report 2015-W05"):
            results.record_report(replace(self.REPORT, html_hash="cd34"))


class TestContentHash:
    def test_is_the_same_on_another_database_filled_in_another_order(
        self, results: Results, tmp_path: Path
    ) -> None:
        """When, by which run, in which order and in what kind of database do not count."""
        other = Database(f"sqlite:///{tmp_path / 'other.db'}")
        other.migrate()
        empty = results.content_hash()
        results.record("ada", [judged(findings=[finding(system="ada", evidence=evidence())])], "run-1")
        results.record("bert", [judged(week, [finding(week, "bert")]) for week in weeks(2)], "run-2")
        Results(other).record("bert", [judged(MONDAY, [finding(MONDAY, "bert")])], "run-3")
        Results(other).record("ada", [judged(findings=[finding(system="ada", evidence=evidence())])], "run-4")
        Results(other).record("bert", [judged(NEXT, [finding(NEXT, "bert")])], "run-5")
        assert results.content_hash() == Results(other).content_hash() != empty

    def test_differs_where_a_case_differs(self, results: Results, database: Database) -> None:
        cases = Cases(database)
        hashes = [results.content_hash()]
        episode, _ = cases.open_or_extend(detection())
        hashes.append(results.content_hash())
        cases.open_or_extend(detection(NEXT))
        hashes.append(results.content_hash())
        cases.ask(episode, role="cdpo", kind="determination", body="?", as_of=NEXT)
        hashes.append(results.content_hash())
        assert len(set(hashes)) == 4


class TestRestate:
    def test_the_latest_revision_is_read_and_every_one_is_kept(self, results: Results) -> None:
        first, second, third = finding(), finding(n=140), finding(n=150)
        results.record("compas", [judged(findings=[first])], "run-1")
        for number, now in enumerate((second, third), 1):
            week = judged(weeks(3)[number], as_of=date(2015, 3, 2 + number))
            results.record("compas", [week], f"run-{number}", [now])
        assert results.findings("compas", MONDAY) == (third,)
        assert results.findings("compas", MONDAY, date(2015, 3, 3)) == (second,)
        assert results.findings("compas", MONDAY, date(2015, 3, 2)) == (first,)
        assert results.revisions(first.key) == (first, second, third)

    def test_what_was_so_before_may_be_so_again(self, results: Results) -> None:
        first, second = finding(), finding(n=140)
        results.record("compas", [judged(findings=[first])], "run-1")
        results.record("compas", [judged(NEXT)], "run-2", [second])
        results.record("compas", [judged(weeks(3)[2])], "run-3", [first])
        assert results.revisions(first.key) == (first, second, first)

    def test_a_revision_names_the_one_that_it_supersedes(self, results: Results, database: Database) -> None:
        first, second, third = finding(), finding(n=140), finding(n=150)
        results.record("compas", [judged(findings=[first]), judged(NEXT)], "run-1", [second])
        results.record("compas", [judged(weeks(3)[2])], "run-2", [third])
        with database.read() as connection:
            rows = connection.execute(
                select(restatements.c.revision, restatements.c.supersedes).order_by(restatements.c.revision)
            ).all()
        assert rows == [(1, first.payload_hash()), (2, second.payload_hash())]

    def test_twice_is_once(self, results: Results) -> None:
        results.record("compas", [judged(findings=[finding()])], "run-1")
        for run in ("run-2", "run-3"):
            results.record("compas", [judged(NEXT)], run, [finding(n=140)])
            before = results.content_hash()
        assert results.content_hash() == before
        assert len(results.revisions(finding().key)) == 2

    def test_the_same_finding_is_no_revision(self, results: Results) -> None:
        results.record("compas", [judged(findings=[finding()])], "run-1")
        results.record("compas", [judged(NEXT)], "run-2", [finding()])
        assert results.revisions(finding().key) == (finding(),)

    def test_another_revision_is_another_content(self, results: Results) -> None:
        results.record("compas", [judged(), judged(NEXT)], "run-1")
        before = results.content_hash()
        results.record("compas", [judged(weeks(3)[2], [])], "run-2", [finding(n=1)])
        without = results.content_hash()
        assert without != before

    def test_what_was_not_found_is_not_restated(self, results: Results) -> None:
        with pytest.raises(ValueError, match="nothing is recorded that it could restate"):
            results.record("compas", [judged()], "run-1", [finding(metric="selection_rate")])
        assert results.judged("compas") == ()

    def test_a_superseding_stream_brings_its_weeks_with_it(self, results: Results) -> None:
        results.record("compas", [judged(), judged(NEXT)], "run-1")
        third = weeks(3)[2]
        supersedes = Supersedes("harm/race", (Restated(NEXT, (2.0, 0.5), -0.5, -inf),), 7, "corrected")
        later = finding(third, evidence=replace(evidence("harm/race~2"), supersedes=supersedes))
        results.record("compas", [judged(third, [later])], "run-2")
        assert results.findings("compas", third) == (later,)
        assert results.evidence("compas") == {
            "harm/race": [(MONDAY, (3.0, 0.1)), (NEXT, (3.0, 0.1))],
            "harm/race~2": [(NEXT, (2.0, 0.5)), (third, (3.0, 0.1))],
        }
