from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from pages_city import THIS_WEEK, TODAY, Town, counted
from report_examples import HOSTILE, finding, group_rate, unmeasured

from sundial.engine.clock import WEEK
from sundial.register.given import GivenAttestation, RegisterVersion, Waiver
from sundial.register.principles import Principle
from sundial.report.plain import day
from sundial.store.records import Finding, Status
from sundial.store.register import RegisterRows
from sundial.store.results import Pull

PAGES = ["", "/data", "/record", *(f"/{principle.value}" for principle in Principle)]
HERE = "/systems/street-lights"


def words(text: str) -> str:
    """The page's text without its marks."""
    plain = re.sub(r"<[^>]+>", " ", text).replace("\u00a0", " ").replace("\u2060", "").replace("&nbsp;", " ")
    return " ".join(plain.split())


def page_of(one: Finding) -> str:
    year, week, _ = one.week.isocalendar()
    return f"{HERE}/findings/{year}-W{week:02d}/{one.id}"


@pytest.fixture
def judged(town: Town) -> Town:
    """A system with three judged weeks; a group is in breach in the last."""
    town.register()
    for week in (THIS_WEEK - 2 * WEEK, THIS_WEEK - WEEK):
        town.judge(finding(week=week), week=week)
    town.judge(finding(week=THIS_WEEK), group_rate(week=THIS_WEEK), unmeasured(THIS_WEEK))
    return town


@pytest.mark.parametrize("page", PAGES)
def test_every_page_shows_for_every_role_and_before_anything_was_judged(town: Town, page: str) -> None:
    town.register()
    for user in ("engineer", "somebody"):
        assert town.client(user).get(HERE + page).status_code == 200


def test_the_overview_says_whether_the_intended_outcome_is_met(judged: Town) -> None:
    text = words(judged.client().get(HERE).text)
    assert "✓ ok met · target: Accuracy at least 60.0 %" in text
    assert "647 (95 % 617–676, n 1,000)" in text
    assert "No check of this principle is enabled yet." in text


def test_a_principle_has_its_findings_groups_and_measures_over_time(judged: Town) -> None:
    equity = words(judged.client().get(f"{HERE}/equity").text)
    assert "False-positive rate by race" in equity
    assert "African-American ■ breach 36.1 %" in equity
    effectiveness = judged.client().get(f"{HERE}/effectiveness").text
    assert "Accuracy, 3 weeks, of which 3 have an estimate" in effectiveness
    assert effectiveness.count("<tr data-x=") == 3


def test_an_earlier_week_shows_itself_and_says_so(judged: Town) -> None:
    text = words(judged.client().get(f"{HERE}/effectiveness?week=2016-W50").text)
    assert "An earlier week : 2016-W50" in text
    assert "◌ was ok" in text
    assert judged.client().get(f"{HERE}?week=2019-W01").status_code == 404


@pytest.mark.parametrize(
    ("schedule", "told"),
    [("daily", "2 weeks behind what is due"), ("manual", "2 weeks ago: it runs when somebody starts it")],
)
def test_weeks_are_due_only_where_something_runs_by_itself(town: Town, schedule: str, told: str) -> None:
    town.register(schedule=schedule)
    town.judge(finding(week=THIS_WEEK - 2 * WEEK), week=THIS_WEEK - 2 * WEEK)
    assert told in words(town.client().get(HERE).text)


def test_a_restated_week_shows_what_was_said_first_as_superseded(town: Town) -> None:
    town.register()
    first = finding(week=THIS_WEEK)
    town.judge(first, restated=[replace(first, estimate=0.5, status=Status.WATCH, reason="Fewer.")])
    text = words(town.client().get(page_of(first)).text)
    assert "▲ watch" in text
    assert "As first judged, now superseded: ok" in text
    assert "64.7 % (superseded)" in text


def test_a_finding_says_what_why_how_and_from_what(judged: Town) -> None:
    one = group_rate(week=THIS_WEEK)
    text = words(judged.client().get(page_of(one)).text)
    assert "361 (95 % 312–413, n 341)" in text
    assert "a gap of up to 10.0 points: equity_tolerance, approved by CIO on 2016-01-01" in text
    assert "reached: confirmed" in text
    assert "The rates of every group against its reference" in text  # what the check says of itself
    assert "run run-1" in text
    assert one.id in text


def test_a_finding_that_is_not_there_is_said_to_be_missing(judged: Town) -> None:
    answer = judged.client().get(f"{HERE}/findings/2016-W51/000000000000")
    assert answer.status_code == 404
    assert "has no finding 000000000000" in answer.text


def test_the_record_has_attestations_waivers_and_versions(judged: Town) -> None:
    rows = RegisterRows(judged.database)
    day = TODAY - timedelta(days=40)
    rows.add(
        "street-lights",
        GivenAttestation(holds_from=day, kind="ai_review", by="Ana Ruiz, CDPO", date=day),
        "cdpo",
    )
    rows.add(
        "street-lights",
        Waiver(
            holds_from=day,
            check="equity.groups",
            reason="The vendor repairs it.",
            approver="Ana Ruiz, CIO",
            link="https://city.example/7",
            expires=TODAY + timedelta(days=30),
        ),
        "cio",
    )
    rows.add(
        "street-lights",
        RegisterVersion(
            holds_from=day, content_hash="ab" * 32, author="Ana Ruiz", authored_on=day, commit=None, entry={}
        ),
        "engineer",
    )
    text = words(judged.client().get(f"{HERE}/record").text)
    assert "The vendor repairs it. Approved by Ana Ruiz, CIO" in text
    assert "abababababababab" in text
    assert "c0ffee" in text


def test_historical_data_is_asked_for_no_document(town: Town) -> None:
    town.register(operated=False)
    assert "has nobody to attest to it" in town.client().get(f"{HERE}/record").text


def test_a_failed_pull_shows_with_its_remedy(judged: Town) -> None:
    judged.results.record_pull(
        Pull(
            "street-lights", "outputs", TODAY, "failed", 0, error="the server did not answer; ask the vendor"
        )
    )
    assert "the server did not answer; ask the vendor" in words(judged.client().get(HERE).text)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_the_store_few_times(judged: Town, page: str) -> None:
    client = judged.client()
    client.get(HERE + page)
    with counted(judged.store) as queries:
        client.get(HERE + page)
    assert len(queries) <= 8


def test_a_system_that_is_not_the_visitors_is_not_found(judged: Town) -> None:
    client = judged.client(hidden=["street-lights"])
    for page in [*PAGES, page_of(group_rate(week=THIS_WEEK)).removeprefix(HERE)]:
        answer = client.get(HERE + page)
        assert answer.status_code == 404
        assert "Street Lights" not in answer.text


def test_hostile_texts_show_and_do_nothing_on_any_page(town: Town) -> None:
    long = HOSTILE + "😀" + "y" * 10_000
    town.register(name=HOSTILE, notice=long, description=HOSTILE[:140], department=long)
    bad = finding(
        Status.BREACH,
        THIS_WEEK,
        reason=long,
        slice=(("race", long),),
        principle="equity",
        threshold=replace(finding().threshold, approved_by=long),  # type: ignore[type-var]
        provenance={"baseline": long, "partitions": long},
        details={"rest": 0.2, "rest_n": 50, "level": long},
    )
    gap = unmeasured(THIS_WEEK, reason=long, status=Status.ERROR)
    town.judge(bad, gap)
    town.results.record_pull(Pull("street-lights", "outputs", TODAY, "failed", 0, error=long))
    client = town.client()
    for page in [*PAGES, page_of(bad).removeprefix(HERE)]:
        answer = client.get(HERE + page)
        assert answer.status_code == 200, page
        text = answer.text
        assert "<script>alert" not in text, page
        assert "<img src=http" not in text, page
        assert "\u202e" not in text, page
        assert "\x1b" not in text, page
        assert "y" * 2_000 not in text, page
        assert "49" not in re.findall(r"\{\{.*?\}\}", text), page
        assert len(answer.content) < 200_000, page


def test_a_new_version_of_the_model_is_marked_and_in_the_record(judged: Town) -> None:
    week = THIS_WEEK + WEEK
    named = {"before": "v1", "after": "v2", "since": (THIS_WEEK + timedelta(days=2)).isoformat()}
    change = finding(week=week, check="drift.version_change", metric="version_change", details=named)
    judged.judge(finding(week=week), change, week=week)
    client = judged.client()
    assert f"version v2 from {named['since']}" in client.get(f"{HERE}/effectiveness").text
    assert "v2 , first output on December 21, 2016" in words(client.get(f"{HERE}/record").text)


class TestWhatAnOperatorSeesFirst:
    def page(self, town: Town) -> str:
        text = words(town.client().get(HERE).text)
        return text[: text.index("Intended outcome")]

    def test_a_missing_run_says_since_when_and_when_the_next_one_is_due(self, town: Town) -> None:
        town.register()
        town.results.record_pull(Pull("street-lights", "outputs", TODAY - timedelta(days=5), "ok", 7))
        said = self.page(town)
        assert f"No run since the one as of {day(TODAY - timedelta(days=5))}" in said
        assert "the next one is due on December " in said
        assert " at 05:" in said

    def test_a_system_that_never_ran_says_so(self, town: Town) -> None:
        town.register()
        assert "No run yet" in self.page(town)

    def test_findings_that_could_not_be_computed_and_failed_pulls_are_counted_and_linked(
        self, town: Town
    ) -> None:
        town.register()
        wrong = [
            finding(week=THIS_WEEK, metric=f"metric_{n}", status=Status.ERROR, reason="no column truth")
            for n in range(7)
        ]
        town.judge(*wrong)
        town.results.record_pull(Pull("street-lights", "outputs", TODAY, "failed", 0, error="no answer; ask"))
        said = self.page(town)
        assert "7 findings of 2016-W51" in said
        assert "and 2 more" in said
        assert "outputs could not be pulled" in said
        assert "no answer; ask" in said
        assert "No run since" not in said, "a run that failed was a run"

    def test_nothing_where_nothing_is_to_mend(self, judged: Town) -> None:
        judged.results.record_pull(Pull("street-lights", "outputs", TODAY, "ok", 7))
        assert "For operators" not in self.page(judged)
        assert "the next is due on" in words(judged.client().get(HERE).text)

    def test_what_is_run_by_hand_is_never_missing(self, town: Town) -> None:
        town.register(schedule="manual")
        assert "For operators" not in self.page(town)
