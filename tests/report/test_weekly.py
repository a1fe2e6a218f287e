from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from report_examples import (
    AS_OF,
    HOSTILE,
    MONDAY,
    finding,
    group_rate,
    judged,
    policy,
    refused,
    system,
    unmeasured,
)

from sundial.register.given import LifecycleChange
from sundial.register.lifecycle import Lifecycle
from sundial.report.page import COLOURS, DARK, IN_PART, LOOKS, PAIRS, PAST
from sundial.report.plain import day
from sundial.report.rendered import render_html, render_text
from sundial.report.weekly import WeeklyReport, build
from sundial.store.cases import Cases, Detection, NewEvent
from sundial.store.records import Evidence, Finding, Kind, Side, Status, Threshold
from sundial.store.register import Row
from sundial.store.results import Pull, Results

WEEK = timedelta(weeks=1)
NEXT = MONDAY + WEEK
SYSTEMS = {"street-lights": system()}


def report_on(
    results: Results, cases: Cases, *weeks: tuple[Finding, ...], as_of: date = AS_OF
) -> WeeklyReport:
    """The report after the weeks were judged, the last one in the report's week."""
    results.record(
        "street-lights",
        [
            judged(week, *(replace(found, week=week) for found in findings))
            for week, findings in zip(weeks_until(NEXT, len(weeks)), weeks, strict=True)
        ],
        "run",
    )
    return build(SYSTEMS, policy(), results, cases, as_of)


def weeks_until(last: date, count: int) -> list[date]:
    return [last - number * WEEK for number in reversed(range(count))]


def cell(report: WeeklyReport, principle: str) -> tuple[list[str], str]:
    found = next(c for c in report.systems[0].cells if c.principle == principle)
    return [look.word for look in found.looks], found.counted


class TestMatrix:
    def test_the_worst_status_stands_for_a_principle(self, results: Results, cases: Cases) -> None:
        report = report_on(
            results, cases, (finding(), finding(Status.BREACH, metric="recall"), group_rate(Status.WATCH))
        )
        assert cell(report, "Effectiveness") == (["breach"], "1 breach, 1 ok")
        assert cell(report, "Equity") == (["watch"], "")
        assert cell(report, "Privacy") == (["not measured"], "")

    def test_an_error_does_not_hide_a_breach_beside_it(self, results: Results, cases: Cases) -> None:
        error = unmeasured(status=Status.ERROR, principle="effectiveness", check="drift.volume")
        report = report_on(results, cases, (finding(Status.BREACH), error))
        assert cell(report, "Effectiveness") == (["error", "breach"], "1 error, 1 breach")

    def test_what_was_measured_in_part_is_not_green(self, results: Results, cases: Cases) -> None:
        report = report_on(
            results, cases, (finding(), unmeasured(principle="effectiveness", check="drift.volume"))
        )
        assert cell(report, "Effectiveness") == (["ok in part"], "1 ok, 1 not measured")
        assert (
            'class="chip ok"' not in render_html(report).partition('id="matrix"')[2].partition("</table>")[0]
        )

    def test_what_was_ok_in_an_earlier_week_is_not_green(self, results: Results, cases: Cases) -> None:
        results.record("street-lights", [judged(MONDAY, finding(), group_rate())], "run")
        report = build(SYSTEMS, policy(), results, cases, AS_OF)
        assert report.systems[0].behind == 1
        assert cell(report, "Effectiveness")[0] == ["was ok"]
        assert cell(report, "Equity")[0] == ["breach"]
        assert 'class="chip ok"' not in render_html(report)
        assert report.headline[3] == "1 not judged this week"

    def test_an_earlier_judgement_is_one_gap_that_names_its_week(
        self, results: Results, cases: Cases
    ) -> None:
        past, later = date(2016, 1, 4), date(2017, 1, 2)
        error = unmeasured(week=past, check="x", status=Status.ERROR, reason="it broke")
        results.record("street-lights", [judged(past, finding(week=past), unmeasured(past), error)], "run")
        results.record("street-lights", [judged(later, finding(week=later))], "run")
        report = build(SYSTEMS, policy(), results, cases, date(2016, 12, 31))
        assert [(gap.error, gap.length, gap.what) for gap in report.gaps] == [
            (True, "51 weeks", "Privacy"),
            (False, "not judged since 2016-W01", "Everything"),
        ]
        assert "The last judged week is 2016-W01, 50 weeks before this report." in render_text(report)


class TestFirstScreen:
    def test_new_breaches_come_first_then_what_recovered(self, results: Results, cases: Cases) -> None:
        before = (
            finding(Status.BREACH),
            group_rate(Status.WATCH),
            finding(metric="recall"),
            finding(metric="auc"),
        )
        now = (
            finding(),
            group_rate(),
            unmeasured(principle="effectiveness", check="effectiveness.rates", metric="recall"),
            finding(Status.WATCH, metric="auc"),
        )
        report = report_on(results, cases, before, now)
        assert [news.change and news.change.headline for news in report.news] == [
            "New breach (was watch)",
            "No longer measured (was ok)",
            "No longer breach (was breach)",
            "Now watch (was ok)",
        ]

    def test_a_breach_that_vanished_is_told(self, results: Results, cases: Cases) -> None:
        report = report_on(results, cases, (group_rate(), finding()), (finding(),))
        assert [news.sentence.endswith("Not among this week's findings.") for news in report.news] == [True]

    def test_many_smaller_changes_are_counted(self, results: Results, cases: Cases) -> None:
        metrics = [f"m{number}" for number in range(5)]
        report = report_on(
            results,
            cases,
            tuple(finding(metric=m) for m in metrics),
            tuple(finding(Status.WATCH, metric=m) for m in metrics),
        )
        assert [news.sentence for news in report.news] == ["5 smaller changes: 5 from ok to watch."]
        html = render_html(report)
        assert '<a href="#street-lights_changed">5 smaller changes: 5 from ok to watch.</a>' in html
        assert '<h4 id="street-lights_changed">Changed since 2016-W50</h4>' in html

    def test_a_question_shows_who_and_for_how_long(self, results: Results, cases: Cases) -> None:
        early = MONDAY - 10 * WEEK
        harm = group_rate(
            Status.WATCH, week=early, metric="false_positive_rate_difference", slice=(("by", "race"),)
        )
        results.record("street-lights", [judged(early, harm)], "run")
        episode, _ = cases.open_or_extend(
            Detection("street-lights", "unequal_harm", "unequal_harm", MONDAY, AS_OF, "ab", {}, {})
        )
        cases.ask(episode, role="cdpo", kind="determination", body="case", as_of=date(2016, 12, 20))
        cases.ask(episode, role="cio", kind="decision", body="case", as_of=AS_OF + WEEK)
        report = report_on(results, cases, (finding(),))
        (waiting,) = report.waiting
        assert (waiting.who, waiting.days, waiting.case) == ("CDPO", 6, "street-lights-2016-001")
        assert (waiting.first_adverse, waiting.first_adverse_days) == (early, 84)
        assert "It harms some groups more often." in waiting.what
        assert "open for 6 days; first adverse finding" in render_html(report)

    def test_a_fact_is_due_on_the_last_day_of_its_grace(self, results: Results, cases: Cases) -> None:
        term = Threshold("fact_sheet_age", 30, Side.CEILING, "CIO", date(2016, 1, 1))
        fact = finding(
            Status.WATCH,
            kind=Kind.FACTUAL,
            metric="fact_sheet_age",
            threshold=term,
            details={"since": "2016-12-10"},
        )
        report = report_on(results, cases, (fact,))
        assert [(w.who, w.by, w.overdue) for w in report.waiting] == [("Ana Ruiz", date(2017, 1, 9), False)]
        assert report.headline[-1] == "0 past due"
        assert "Due by January 9, 2017; holds since December 10, 2016." in render_html(report)

    def test_gaps_say_for_how_many_weeks(self, results: Results, cases: Cases) -> None:
        empty = unmeasured(principle="workforce_empowerment", check="workforce_empowerment")
        weeks = [(unmeasured(), empty)] * 3
        report = report_on(results, cases, (finding(), empty), *weeks)
        assert [(gap.what, gap.length) for gap in report.gaps] == [
            ("Workforce Empowerment", "4 weeks"),
            ("Privacy", "3 weeks"),
        ]

    def test_the_search_for_the_first_gap_ends_after_a_year(self, results: Results, cases: Cases) -> None:
        report = report_on(results, cases, *[(unmeasured(),)] * 56)
        assert [gap.length for gap in report.gaps] == ["53 weeks or longer"]

    def test_an_error_leads_with_the_week_that_the_engine_carries(
        self, results: Results, cases: Cases
    ) -> None:
        error = unmeasured(status=Status.ERROR, reason="it broke", details={"unmeasured_since": "2016-10-31"})
        report = report_on(results, cases, (error, unmeasured(check="x")))
        assert [(gap.error, gap.length) for gap in report.gaps] == [(True, "8 weeks"), (False, "1 week")]

    def test_a_failed_pull_is_told(self, results: Results, cases: Cases) -> None:
        results.record_pull(
            Pull("street-lights", "outcomes", date(2016, 12, 25), "failed", 0, (), "no such table")
        )
        html = render_html(report_on(results, cases, (finding(),)))
        assert html.count("outcomes, December 25, 2016: no such table") == 2


class TestSystems:
    def test_the_outcome_is_met_or_missed(self, results: Results, cases: Cases) -> None:
        outcome = report_on(results, cases, (finding(Status.BREACH),)).systems[0].outcome
        assert (outcome.met, outcome.target) == ("missed, confirmed", "Accuracy at least 60.0 %")

    def test_findings_are_ordered_by_evidence_and_the_rest_counted(
        self, results: Results, cases: Cases
    ) -> None:
        watches = [
            group_rate(Status.WATCH, log_e=float(n), slice=(("race", f"G{n:02d}"),), evidence=None)
            for n in range(20)
        ]
        strong, weak = (group_rate(log_e=e, slice=(("race", str(e)),)) for e in (30.0, 20.0))
        one = report_on(results, cases, (weak, *watches, strong, finding())).systems[0]
        assert [line.subject[-4:] for line in one.lines[:2]] == ["30.0", "20.0"]
        assert (len(one.lines), one.hidden_watches) == (14, 8)
        assert one.counts == ((Status.BREACH, 2), (Status.WATCH, 20), (Status.OK, 1))
        assert all(line.harm for line in one.lines)

    def test_what_holds_among_all_that_was_looked_at_comes_first(
        self, results: Results, cases: Cases
    ) -> None:
        """e-BH at 5 %: of three, an e-value of 60 or more stands alone; a detector is no e-value."""
        weak, strong = (
            group_rate(
                Status.WATCH,
                slice=(("race", name),),
                evidence=Evidence(f"fpr/{name}", log_e, log_detector, 60.0, 30, (1.0,)),
            )
            for name, log_e, log_detector in (("weak", 1.0, 50.0), ("strong", 4.2, 5.0))
        )
        lines = report_on(results, cases, (weak, strong, finding())).systems[0].lines
        assert ["strong" in line.subject for line in lines] == [True, False]

    @pytest.mark.parametrize("status", [Status.WATCH, Status.BREACH])
    def test_many_refused_outcomes_say_what_the_rates_rest_on(
        self, results: Results, cases: Cases, status: Status
    ) -> None:
        report = report_on(results, cases, (finding(), refused(status)))
        told = "Rates rest on the accepted outcomes; 46.0 % were refused."
        assert report.systems[0].refused == told
        for shown in (render_html(report).replace("\u00a0", " "), render_text(report)):
            assert shown.count(told) == 1
            assert "systems/street-lights/quarantine/" in shown
            assert "systems/street-lights/data_docs/" in shown

    def test_refusals_within_the_limit_or_of_outputs_leave_the_rates_alone(
        self, results: Results, cases: Cases
    ) -> None:
        outputs = refused(slice=(("feed", "outputs"),))
        report = report_on(results, cases, (refused(Status.OK), outputs))
        assert report.systems[0].refused == ""
        assert "Rates rest on" not in render_html(report)

    def test_an_empty_portfolio_has_a_report(self, results: Results, cases: Cases) -> None:
        report = build({}, policy(), results, cases, AS_OF)
        assert "No system is registered." in render_html(report)
        assert "0 systems" in render_text(report)

    def test_a_system_that_never_ran_is_not_measured(self, results: Results, cases: Cases) -> None:
        report = build(SYSTEMS, policy(), results, cases, AS_OF)
        assert {look.word for c in report.systems[0].cells for look in c.looks} == {"not measured"}
        assert "This system was never judged" in render_html(report)
        assert "Never judged" in render_text(report)


class TestTime:
    @pytest.mark.parametrize(
        ("as_of", "week"),
        [
            (date(2016, 12, 25), "2016-W51"),
            (date(2016, 12, 26), "2016-W51"),
            (date(2017, 1, 1), "2016-W52"),
            (date(2021, 1, 4), "2020-W53"),
            (date(2026, 3, 9), "2026-W10"),
        ],
    )
    def test_the_week_is_the_last_complete_civil_one(
        self, results: Results, cases: Cases, as_of: date, week: str
    ) -> None:
        assert build({}, policy(), results, cases, as_of).week == week

    def test_what_was_judged_later_changes_no_report(self, results: Results, cases: Cases) -> None:
        before = render_html(report_on(results, cases, (finding(),)))
        results.record("street-lights", [judged(NEXT + WEEK, finding(Status.BREACH, NEXT + WEEK))], "run")
        assert render_html(build(SYSTEMS, policy(), results, cases, AS_OF)) == before

    def test_a_rerun_renders_the_same_bytes(self, results: Results, cases: Cases) -> None:
        first = report_on(results, cases, (unmeasured(),), (finding(), group_rate(), unmeasured()))
        again = build(dict(reversed(SYSTEMS.items())), policy(), results, cases, AS_OF)
        assert (render_html(first), render_text(first)) == (render_html(again), render_text(again))


class Outline(HTMLParser):
    """Reads headings, tags, attributes of tables and everything that would be fetched."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.levels: list[int] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if re.fullmatch(r"h[1-6]", tag):
            self.levels.append(int(tag[1]))


class TestPage:
    @pytest.fixture
    def html(self, results: Results, cases: Cases) -> str:
        return render_html(
            report_on(results, cases, (group_rate(Status.WATCH),), (finding(), group_rate(), unmeasured()))
        )

    def test_headings_are_in_order(self, html: str) -> None:
        levels = Outline(html).levels
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))

    def test_tables_have_captions_and_scopes(self, html: str) -> None:
        outline = Outline(html)
        assert outline.tags.count("table") == outline.tags.count("caption") == 2
        scopes = [value for name, value in outline.attributes if name == "scope"]
        assert len(scopes) == outline.tags.count("th")
        assert ("lang", "en") in outline.attributes

    def test_nothing_is_fetched(self, html: str) -> None:
        outline = Outline(html)
        assert not {"img", "script", "link", "iframe", "object", "form"} & set(outline.tags)
        assert not {"src", "srcset", "background", "onload"} & {name for name, _ in outline.attributes}
        assert "url(" not in html
        assert "@import" not in html
        assert all(value and value.startswith("#") for name, value in outline.attributes if name == "href")

    def test_ids_are_unique_and_labels_point_at_them(self, html: str) -> None:
        attributes = Outline(html).attributes
        ids = [value for name, value in attributes if name == "id"]
        assert len(ids) == len(set(ids))
        assert {value for name, value in attributes if name == "aria-labelledby"} <= set(ids)

    def test_hostile_text_is_shown_and_does_nothing(self, results: Results, cases: Cases) -> None:
        hostile = system(
            name="street-lights",
            notice=HOSTILE,
            department=HOSTILE,
            description=HOSTILE[:140],
            owner={"name": HOSTILE, "email": "a@b.example"},
            harm={"metric": "false_positive_rate", "reason": HOSTILE},
        ).model_copy(update={"name": HOSTILE})
        findings = (
            finding(Status.BREACH, metric=HOSTILE, slice=((HOSTILE, HOSTILE),)),
            group_rate(
                details={"rates": {HOSTILE: 0.5}, "n": {HOSTILE: 40}},
                metric="x_difference",
                slice=(("by", HOSTILE),),
            ),
            finding(
                metric="y_share_change",
                slice=(("column", HOSTILE),),
                details={"baseline_share": 0.1, "level": HOSTILE, "share": 0.3},
                status=Status.WATCH,
            ),
            unmeasured(reason=HOSTILE),
        )
        results.record("street-lights", [judged(NEXT, *(replace(f, week=NEXT) for f in findings))], "run")
        results.record_pull(Pull("street-lights", "outputs", AS_OF, "failed", 0, (), HOSTILE))
        report = build({"street-lights": hostile}, policy(city=HOSTILE), results, cases, AS_OF)
        html, text = render_html(report), render_text(report)
        assert not {"script", "img"} & set(Outline(html).tags)
        assert html.count("<style>") == html.count("</style>") == 1
        assert "&lt;script&gt;alert(1)" in html
        assert "{{ 7*7 }}" in html
        for shown in (html, text):
            assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]", shown)
        assert "\nBcc:" not in text
        assert all(
            len(line) <= 78 for line in text.splitlines() if "evil" not in line and " " in line.strip()
        )


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.1)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


class TestLooks:
    every = (*LOOKS.values(), IN_PART, PAST)

    def test_the_ratio_is_that_of_wcag(self) -> None:
        assert contrast("#000000", "#ffffff") == pytest.approx(21)
        assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=1e-3)

    def test_text_has_the_contrast_of_aa(self) -> None:
        ratios = {look.word: contrast(look.ink, look.paper) for look in self.every}
        for colours in (COLOURS, DARK):
            ratios |= {
                f"{colours[ink]} on {colours[paper]}": contrast(colours[ink], colours[paper])
                for ink, paper in PAIRS
            }
        assert {name: ratio for name, ratio in ratios.items() if ratio < 4.5} == {}

    def test_borders_that_mean_something_have_the_contrast_of_aa(self) -> None:
        meaning = [look for look in self.every if look.css != "na"]
        assert all(contrast(look.edge.split()[1], COLOURS["card"]) >= 3 for look in meaning)

    def test_no_status_is_told_by_colour_alone(self) -> None:
        assert (
            len({look.word for look in self.every})
            == len({look.symbol for look in self.every})
            == len(self.every)
        )
        assert set(LOOKS) == set(Status)

    def test_only_a_breach_is_red_and_only_ok_is_green(self) -> None:
        for look in self.every:
            for colour in (look.ink, look.paper, look.edge.split()[1]):
                red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
                assert (red > 1.6 * max(green, blue)) == (look.word == "breach" and colour == "#b3261e")
                if green > red + 8 and green > blue + 8:
                    assert look.word == "ok"


def retired_on(day: date, system_id: str = "street-lights") -> Row:
    change = LifecycleChange(
        holds_from=day, status=Lifecycle.RETIRED, by="cio", reason="Case street-lights-2016-001, silent."
    )
    return Row(system_id, 1, change, "sundial", datetime(2016, 12, 20, tzinfo=UTC))


class TestSystemsOutOfUse:
    def build(self, results: Results, cases: Cases, *rows: Row, **changes: Any) -> WeeklyReport:
        entry = {"street-lights": system(**changes)}
        return build(entry, policy(), results, cases, AS_OF, rows)

    def recorded(self, results: Results, *found: Finding) -> None:
        results.record("street-lights", [judged(NEXT, *(replace(f, week=NEXT) for f in found))], "run")

    def test_a_retired_system_is_told_with_day_and_reason_and_asks_nobody(
        self, results: Results, cases: Cases
    ) -> None:
        self.recorded(results, finding(Status.BREACH))
        report = self.build(results, cases, retired_on(NEXT))
        assert (report.in_use, [one.id for one in report.retired]) == ((), ["street-lights"])
        assert report.headline[0] == "0 systems"
        assert (report.news, report.waiting, report.gaps) == ((), (), ())
        (told,) = [one.retired for one in report.retired]
        assert told == f"Retired on {day(NEXT)}. Case street-lights-2016-001, silent."
        assert told in render_html(report)
        assert "street-lights-2016-001" in render_text(report)

    def test_one_that_puts_out_again_is_among_the_others(self, results: Results, cases: Cases) -> None:
        again = finding(
            Status.BREACH, check="accountability.retirement", metric="retired_but_running", estimate=7.0
        )
        self.recorded(results, again)
        report = self.build(results, cases, retired_on(NEXT))
        assert [one.id for one in report.in_use] == ["street-lights"]
        assert report.retired == ()

    def test_one_that_is_retired_later_is_not_yet(self, results: Results, cases: Cases) -> None:
        self.recorded(results, finding())
        assert self.build(results, cases, retired_on(AS_OF + timedelta(days=1))).retired == ()

    def test_one_whose_use_begins_later_is_no_gap(self, results: Results, cases: Cases) -> None:
        report = self.build(results, cases, lifetime={"start": "2024-12"})
        assert (report.systems, report.gaps) == ((), ())


def test_a_breach_that_nobody_acts_upon_waits_for_its_owner(results: Results, cases: Cases) -> None:
    weeks = [(finding(Status.BREACH),)] * 8
    report = report_on(results, cases, *weeks)
    (late,) = [one for one in report.waiting if one.what.startswith("Repair, waive or bring to a case")]
    assert late.who == system().owner.name
    assert late.overdue
    assert report.headline[-2:] == ("0 open questions", "1 past due")
    assert late.since == NEXT - 7 * WEEK
    assert late.by == late.since + timedelta(days=6 + policy().sunset_terms.act_days)


class TestCarryingOut:
    def decided(self, cases: Cases, *events: NewEvent) -> str:
        halted = Detection("street-lights", "harm", "harm", MONDAY, AS_OF - 3 * WEEK, "ab12", {}, {})
        episode, _ = cases.open_or_extend(halted)
        on = AS_OF - 2 * WEEK
        cases.append(episode, NewEvent("answer/2", "decision", {"chosen": "Halt", "reasons": "x"}, on, "cio"))
        for event in events:
            cases.append(episode, event)
        return episode

    def running(self, at: date = AS_OF) -> NewEvent:
        said = {"since": str(AS_OF - 2 * WEEK), "rows": 405, "days": {"2016-12-20": 200, "2016-12-21": 205}}
        return NewEvent("still_running/2016-12-21/405", "still_running", said, at)

    def waiting(self, results: Results, cases: Cases) -> list[tuple[str, str, bool]]:
        report = build(SYSTEMS, policy(), results, cases, AS_OF)
        return [(one.who, one.what, one.overdue) for one in report.waiting]

    def test_a_source_that_goes_on_after_a_halt_waits_for_the_operator(
        self, results: Results, cases: Cases
    ) -> None:
        self.decided(cases, self.running())
        stop = "Stop it: 405 outputs came on 2 days after it was to be silent."
        assert self.waiting(results, cases) == [("Operator", stop, True)]

    def test_what_was_seen_later_or_has_ended_since_waits_for_nobody(
        self, results: Results, cases: Cases
    ) -> None:
        self.decided(cases, self.running(AS_OF + WEEK))
        assert self.waiting(results, cases) == []

    def test_a_silent_source_is_stopped(self, results: Results, cases: Cases) -> None:
        silent = {"last_output": "2016-12-21", "seen_until": str(AS_OF)}
        self.decided(cases, self.running(), NewEvent("silent/1", "silent", silent, AS_OF))
        assert self.waiting(results, cases) == []

    def test_closing_steps_wait_for_their_owners_until_they_are_done(
        self, results: Results, cases: Cases
    ) -> None:
        def step(name: str, owner: str, due: date) -> dict[str, str]:
            return {"id": name, "what": "Do it.", "owner": owner, "due": str(due)}

        listed = [
            step("stop_jobs", "operator", AS_OF - WEEK),
            step("archive", "cdpo", AS_OF + WEEK),
            step("notify_oer", "cdpo", AS_OF + 2 * WEEK),
        ]
        begun = NewEvent("steps/2", "steps", {"steps": listed}, AS_OF - 2 * WEEK)
        done = {"step": "notify_oer", "note": "Told.", "link": ""}
        self.decided(cases, begun, NewEvent("step_done/notify_oer", "step_done", done, AS_OF, "cdpo"))
        assert self.waiting(results, cases) == [
            ("Operator", "Closing steps: stop jobs.", True),
            ("CDPO", "Closing steps: archive.", False),
        ]
