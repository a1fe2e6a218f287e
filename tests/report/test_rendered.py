"""The mail: readable by every reader of mail, whole below the size at which some cut it off, and harmless."""

from __future__ import annotations

import quopri
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from report_examples import (
    AS_OF,
    HOSTILE,
    MONDAY,
    finding,
    group_rate,
    judged,
    policy,
    system,
    unmeasured,
    year,
)

from sundial.report.rendered import render_html, render_mail, render_text
from sundial.report.weekly import WeeklyReport, build
from sundial.store.cases import Cases, Detection
from sundial.store.records import Status
from sundial.store.results import Pull, Results

NEXT = MONDAY + timedelta(weeks=1)
GMAIL_CUTS_AT = 102_000
REMOTE = re.compile(
    r"""(src|background|poster)\s*=|url\(|@import|<(img|link|script|iframe|svg|form|object)\b"""
)


@pytest.fixture
def report(results: Results, cases: Cases) -> WeeklyReport:
    results.record("street-lights", year(), "run")
    return build({"street-lights": system()}, policy(), results, cases, AS_OF)


@pytest.fixture
def portfolio(report: WeeklyReport) -> WeeklyReport:
    """Two hundred systems, the last of them in breach more often than the others."""
    (one,) = report.systems
    many = [
        replace(
            one, id=f"system-{n:03d}", name=f"System {n:03d}", counts=((Status.BREACH, 9 if n == 199 else 1),)
        )
        for n in range(200)
    ]
    news = [replace(news, system=two.name) for two in many for news in report.news]
    return replace(report, systems=tuple(many), news=tuple(news * 3))


def test_it_is_tables_with_styles_in_place_and_nothing_from_elsewhere(report: WeeklyReport) -> None:
    _, html = render_mail(report)
    assert not REMOTE.search(html)
    assert html.count("<style>") == 1
    assert "position:" not in html
    assert "display: grid" not in html
    assert 'role="presentation"' in html


def test_it_has_the_trend_as_a_small_table(report: WeeklyReport) -> None:
    _, html = render_mail(report)
    assert "Accuracy: the last weeks" in html
    assert html.count(">2016-W5") >= 2
    assert "49.5 % to 55.7 %" in html


def test_no_reader_of_mail_cuts_off_a_portfolio(portfolio: WeeklyReport) -> None:
    text, html = render_mail(portfolio)
    assert len(quopri.encodestring(html.encode())) < GMAIL_CUTS_AT
    assert len(text.encode()) < GMAIL_CUTS_AT
    left_out = re.findall(r"<b>(\d+) more systems</b> in the attached PDF", html)
    assert len(left_out) == 2, "in the matrix and among the sections"
    assert "more systems in the attached document" in text
    assert html.endswith("</html>\n")


def test_what_needs_a_look_most_is_left_out_last(portfolio: WeeklyReport) -> None:
    _, html = render_mail(portfolio)
    assert re.findall(r"<h2 [^>]*>(System \d+)</h2>", html)[0] == "System 199"


def test_the_plain_text_and_the_page_have_every_system(portfolio: WeeklyReport) -> None:
    assert render_text(portfolio).count("\nSystem ") == 200
    assert render_html(portfolio).count("<article ") == 200


def test_a_missed_report_is_on_the_first_screen_of_all(report: WeeklyReport) -> None:
    late = replace(report, missed=("2016-W49", "2016-W50"))
    text, html = render_mail(late)
    for shown in (text, html, render_html(late)):
        before = shown.lower().partition("what changed since last week")[0]
        assert "of 2016-w49 and 2016-w50" in " ".join(before.split())
        assert "did not go out" in before


LONG = "x" * 10_000
EMOJI = "🚦 José 日本語 👩‍🔧"


@pytest.mark.parametrize("written", [HOSTILE, LONG, EMOJI, '=cmd|"/c calc"!A1', "{% raw %}{{ 1/0 }}"])
def test_what_people_wrote_is_text_in_every_field(results: Results, cases: Cases, written: str) -> None:
    plain = system()
    assert plain.harm is not None
    hostile = plain.model_copy(
        update={
            "name": written,
            "notice": written,
            "department": written,
            "description": written,
            "owner": plain.owner.model_copy(update={"name": written}),
            "intended_outcome": plain.intended_outcome.model_copy(update={"statement": written}),
            "harm": plain.harm.model_copy(update={"reason": written}),
            "words": plain.words.model_copy(
                update=dict.fromkeys(("people", "flagged", "positive", "negative"), written)
            ),
        }
    )
    week = {"week": NEXT}
    found = (
        finding(**week),
        group_rate(**week, slice=((written, written),)),
        unmeasured(NEXT, reason=written),
        finding(Status.ERROR, **week, metric=written, reason=written, estimate=None),
    )
    results.record("street-lights", [judged(NEXT, *found)], "run")
    results.record_pull(Pull("street-lights", "outputs", AS_OF, "failed", 0, (), written))
    told = Detection(
        "street-lights", "unequal_harm", "gone", NEXT, AS_OF, "ab", {"rule": {"sentence": written}}, {}
    )
    episode, _ = cases.open_or_extend(told)
    cases.ask(episode, role="cdpo", kind=written, body=written, as_of=AS_OF)
    report = build({"street-lights": hostile}, policy(city=written), results, cases, AS_OF)
    text, html = render_mail(report, "https://airflow.city.example/required_actions")
    page = render_html(report)
    for shown in (html, page):
        assert "<script" not in shown
        assert "<img" not in shown
        assert re.findall(r"\son\w+=", re.sub(r">[^<]*<", "><", shown)) == []
    for shown in (text, html, page):
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]", shown)
        assert "x" * 401 not in shown
    assert "\nBcc:" not in text
