from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from report_examples import HOSTILE, TARGET, finding, group_rate, refused, system, unmeasured

from sundial.register.models import System
from sundial.report.people import plain, raised, under_its_subject
from sundial.report.plain import sentence
from sundial.stats.intervals import Interval, proportion
from sundial.store.records import Evidence, Kind, Side, Status, Threshold

WORDS = {
    "people": "people",
    "flagged": "the score flagged",
    "positive": "who re-offended",
    "negative": "who did not re-offend",
}


def court(**changes: Any) -> System:
    return system(words={**WORDS, **changes})


def test_a_groups_rate_is_told_in_people_beside_everybody_else() -> None:
    assert plain(group_rate(log_e=21.0), court()) == (
        "Of 1,000 people who did not re-offend, the score flagged 361 (95 % 312–413, n 341) if "
        "African-American and 180 (95 % 149–216, n 500) otherwise; a difference of 100 is tolerated; "
        "confirmed, evidence 1 in 10⁹ against chance."
    )


def test_a_gap_tells_its_two_ends_each_with_interval_and_n() -> None:
    gap = group_rate(
        Status.WATCH,
        log_e=-1.0,
        metric="false_positive_rate_difference",
        slice=(("by", "race × sex"),),
        estimate=0.2,
        details={"rates": {"A × F": 0.3, "B × M": 0.1}, "n": {"A × F": 200, "B × M": 100, "C × M": 3}},
    )
    assert plain(gap, court()) == (
        "Of 1,000 people who did not re-offend, the score flagged 300 (95 % 241–367, n 200) if A, F and 100 "
        "(95 % 55–174, n 100) if B, M: a gap of 200, 100 tolerated; looks beyond the limit, not confirmed."
    )


def test_a_named_reference_is_named() -> None:
    details = {"reference": "Caucasian", "reference_rate": 0.18, "reference_n": 500}
    assert "180 (95 % 149–216, n 500) if Caucasian" in plain(group_rate(details=details), court())


@pytest.mark.parametrize(
    ("metric", "begins"),
    [
        ("accuracy", "Of 1,000 people whose outcome is known, the system was right about 647 (95 % "),
        ("recall", "Of 1,000 people who re-offended, the score flagged 647 (95 % "),
        ("precision", "Of 1,000 people that the score flagged, 647 (95 % 617–676, n 1,000) were people who "),
        ("selection_rate", "Of 1,000 people, the score flagged 647 (95 % "),
        (
            "overturned_share",
            "Of 1,000 decided appeals, 647 (95 % 617–676, n 1,000) overturned the decision; ",
        ),
        (
            "auc",
            "Of 1,000 pairs of people, one who re-offended and one who did not re-offend, the score ranked",
        ),
    ],
)
def test_a_share_speaks_of_what_it_is_a_share_of(metric: str, begins: str) -> None:
    said = plain(finding(metric=metric), court())
    assert said.startswith(begins)
    assert "at least 600 are asked for; within the limit." in said


def test_without_words_of_its_own_an_entry_has_cases() -> None:
    assert plain(group_rate(), system()).startswith(
        "Of 1,000 cases that turned out negative, the system flagged 361 ("
    )


def test_what_is_rare_is_told_of_more_people() -> None:
    rare = finding(metric="failed_share", estimate=0.0004, interval=proportion(4, 10_000), n=10_000)
    assert plain(rare, court()).startswith("Of 100,000 outputs, 40 (95 % 1")
    none = finding(metric="failed_share", estimate=0.0, interval=proportion(0, 50), n=50, threshold=None)
    assert plain(none, court()).startswith("Of 1,000 outputs, 0 (95 % 0–")


def test_a_number_that_would_look_like_its_limit_is_told_of_more_people() -> None:
    near = finding(estimate=0.5998, interval=proportion(5998, 10_000), n=10_000)
    assert plain(near, court()).startswith(
        "Of 10,000 people whose outcome is known, the system was right about 5,998"
    )


def test_drift_says_what_moved_against_the_baseline() -> None:
    drift = finding(
        Status.BREACH,
        metric="category_share_change",
        slice=(("column", "charge_degree"),),
        estimate=0.1,
        n=200,
        threshold=Threshold("share_change", 0.1, Side.TOLERANCE, "CIO", finding().week),
        evidence=Evidence("x", 20.0, 21.0, 10.1, 79, (1.0,)),
        details={"level": "F", "share": 0.6, "baseline_share": 0.5},
    )
    assert plain(drift, court()) == (
        "Of 1,000 outputs, 600 (95 % 531–665, n 200) had charge degree “F”, against 500 in the baseline; a "
        "change of 100 is tolerated; confirmed, evidence 1 in 10⁸ against chance."
    )


def test_a_breach_without_figures_in_its_window_says_so() -> None:
    unseen = group_rate(estimate=None, interval=None, n=0, reason="Confirmed by the evidence carried over.")
    assert under_its_subject(unseen, court()).startswith(
        "Confirmed, evidence 1 in 10⁹ against chance; in its window"
    )


def test_what_is_no_share_keeps_its_own_sentence() -> None:
    assert plain(finding(metric="f1", threshold=None), court()).startswith("F1 score: 0.647 (95 % 0.6")
    fact = finding(Status.WATCH, kind=Kind.FACTUAL, metric="fact_sheet_age", reason="It is missing.")
    assert plain(fact, court()) == "FactSheet: It is missing."
    assert under_its_subject(fact, court()) == "It is missing."
    assert plain(unmeasured(), court()) == "Privacy: No check of this principle is enabled yet."


def test_worse_than_the_process_without_ai_shows_both_rates() -> None:
    worse = finding(
        Status.BREACH,
        metric="accuracy_against_process",
        estimate=-0.035,
        interval=Interval(-0.067, 0.004, "newcombe"),
        n=5180,
        threshold=replace(TARGET, value=0.86),
        details={"process": "A clerk looks", "process_n": 400, "rate": 0.825},
    )
    assert plain(worse, court()).startswith(
        "Of 1,000 people whose outcome is known, the system was right about 825 (95 % 815–835, n 5,180); "
        "without AI (A clerk looks) it is 860 (95 % 823–891, n 400): "
        "a difference of −35 (95 % −67 to 4); confirmed"
    )
    assert sentence(worse).startswith(
        "Accuracy against process: −3.5 points (95 % −6.7 to 0.4 points, n 5,180); "
        "without AI (A clerk looks) 86.0 % (95 % 82.3–89.1 %, n 400); confirmed"
    )


def test_refused_rows_name_their_most_frequent_reason() -> None:
    told = plain(refused(details={"reasons": {"broken": 3, "a date is missing": 46}}), court())
    assert told.startswith(
        "Of 1,000 rows of outcomes, the data contract refused 460 (95 % 366–557, n 100); at most"
    )
    assert told.endswith("Most frequent reason: a date is missing.")


def test_words_of_classes_are_not_told_of_other_tasks() -> None:
    """Of several classes nobody is positive: the rate keeps the sentence of its own."""
    feed = {
        "source": {"kind": "files", "connection": "x", "url": "a.csv", "format": "csv"},
        "key": "id",
        "date": "on",
        "task": "multiclass",
        "prediction": "kind",
        "positive_class": "red",
        "cadence": "daily",
    }
    several = system(words=WORDS, feeds={"outputs": feed})
    assert plain(finding(metric="recall"), several).startswith("Recall: 64.7 % (95 % ")


def test_what_people_wrote_stays_text() -> None:
    hostile = system().model_copy(update={"words": court().words.model_copy(update={"people": HOSTILE})})
    told = plain(group_rate(slice=(("race", HOSTILE),)), hostile)
    assert "{{ 7*7 }}" in told
    assert not any(sign in told for sign in "\r\n\x1b\u202e")
    assert "KeyError" not in plain(group_rate(), court(people="{flagged}"))


def test_powers_of_ten_are_raised() -> None:
    assert raised("1 in 10^149 against") == "1 in 10¹⁴⁹ against"
