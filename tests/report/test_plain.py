from __future__ import annotations

import pytest
from report_examples import finding, group_rate, refused, unmeasured

from sundial.report.plain import clean, estimate, figure, metric_name, one_in, sentence, text_lines
from sundial.store.records import Evidence, Kind, Status


def test_a_groups_rate_stands_beside_everyone_elses_with_the_strength_of_evidence() -> None:
    assert sentence(group_rate(log_e=30.5)) == (
        "False-positive rate by race: African-American: 36.1 % (95 % 31.2–41.3 %, n 341) against "
        "18.0 % (95 % 14.9–21.6 %, n 500) for everyone else; confirmed, evidence 1 in 10^13 against chance."
    )


def test_a_gap_names_its_two_ends_each_with_interval_and_n() -> None:
    gap = group_rate(
        Status.WATCH,
        log_e=-1.0,
        metric="false_positive_rate_difference",
        slice=(("by", "race × sex"),),
        estimate=0.2,
        details={"rates": {"A × F": 0.3, "B × M": 0.1}, "n": {"A × F": 200, "B × M": 100, "C × M": 3}},
    )
    assert sentence(gap) == (
        "False-positive rate by race and sex: largest gap 20.0 points: A × F 30.0 % (95 % 24.1–36.7 %, "
        "n 200) against B × M 10.0 % (95 % 5.5–17.4 %, n 100); tolerated 10.0 points; looks beyond the "
        "limit, not confirmed."
    )


def test_a_named_reference_is_named() -> None:
    details = {"reference": "Caucasian", "reference_rate": 0.18, "reference_n": 500}
    assert "against 18.0 % (95 % 14.9–21.6 %, n 500) for Caucasian" in sentence(group_rate(details=details))


def test_drift_says_which_share_moved() -> None:
    drift = finding(
        Status.BREACH,
        metric="category_share_change",
        slice=(("column", "charge_degree"),),
        estimate=0.1,
        n=200,
        evidence=Evidence("x", -5.0, 20.0, 10.1, 79, (1.0,)),
        details={"level": "F", "share": 0.6, "baseline_share": 0.5},
    )
    assert sentence(drift).startswith(
        "Category share change of charge degree: largest change at “F”, 60.0 % (95 % "
    )
    assert sentence(drift).endswith("confirmed by evidence carried over 79 weeks.")


def test_chance_is_told_only_where_evidence_speaks_against_it() -> None:
    assert "chance" not in sentence(group_rate(Status.WATCH, log_e=-3.0))
    assert "chance" not in sentence(group_rate(Status.WATCH, log_e=0.5))
    assert "evidence 1 in 2 against chance" in sentence(group_rate(Status.WATCH, log_e=1.0))


@pytest.mark.parametrize(
    ("log_e", "said"),
    [
        (0.1, "1 in 1"),
        (3.0, "1 in 20"),
        (10.0, "1 in 22,000"),
        (13.9, "1 in 10^6"),
        (345.0, "1 in 10^149"),
        (5e3, "1 in 10^2171"),
    ],
)
def test_one_in_never_claims_more_than_the_evidence(log_e: float, said: str) -> None:
    assert one_in(log_e) == said


def test_a_fact_and_a_gap_are_told_by_their_reason() -> None:
    fact = finding(
        Status.WATCH, kind=Kind.FACTUAL, metric="fact_sheet_age", reason="The FactSheet is missing."
    )
    assert sentence(fact) == "FactSheet: The FactSheet is missing."
    assert sentence(unmeasured()) == "Privacy: No check of this principle is enabled yet."


def test_every_number_says_its_interval_and_n_or_that_there_is_none() -> None:
    assert estimate("auc", 0.7, None, None, None) == "0.700 (no interval, n unknown)"
    assert estimate("odds_ratio", 2.0, 0.5, float("inf"), 12) == "2.00 (95 % 0.50–unbounded, n 12)"
    assert (
        estimate("gap_difference", 0.02, -0.01, 0.05, 1200) == "2.0 points (95 % −1.0 to 5.0 points, n 1,200)"
    )


def test_units_follow_the_metric() -> None:
    assert figure("recall", 0.5) == "50.0 %"
    assert figure("volume_ratio", 1.5) == "1.50"
    assert figure("missing_share", -0.0) == "0.0 %"
    assert metric_name("equalized_odds_difference") == "Equalized odds difference"
    assert metric_name("false_positive_rate_difference") == "False-positive rate difference"


def test_an_estimate_that_would_look_like_its_limit_gets_one_more_digit() -> None:
    gap = group_rate(
        Status.WATCH,
        metric="false_positive_rate_difference",
        slice=(("by", "sex"),),
        estimate=0.1004,
        details={"rates": {"F": 0.3, "M": 0.1996}, "n": {"F": 500, "M": 500}},
    )
    assert "largest gap 10.04 points: " in sentence(gap)
    assert "; tolerated 10.0 points; " in sentence(gap)
    assert "Accuracy: 59.96 % (" in sentence(finding(estimate=0.5996))
    assert "Accuracy: 60.0 % (" in sentence(finding(estimate=0.6))
    assert "Accuracy: 59.9 % (" in sentence(finding(estimate=0.5990))


def test_refused_rows_name_their_most_frequent_reason() -> None:
    reasons = {"the key is missing": 3, "broken is neither 0 nor 1": 46, "a date is missing": 46}
    assert sentence(refused(Status.WATCH, details={"reasons": reasons})) == (
        "Refused share of outcomes: 46.0 % (95 % 36.6–55.7 %, n 100); at most 5.0 %; looks beyond the limit; "
        "a warning sign that no carried evidence can confirm. Most frequent reason: a date is missing."
    )
    assert "reason" not in sentence(refused(Status.OK, details={"reasons": {}}))


def test_words_are_careful() -> None:
    for status in Status:
        said = sentence(group_rate(status)).lower()
        assert "bias" not in said
        assert "unfair" not in said


def test_cleaning_leaves_one_harmless_line() -> None:
    assert clean("a\r\nBcc: x\x00\x1b[1m\u202eb\u2028c\ud800") == "a Bcc: x [1m b c"
    assert len(clean("x" * 1000)) == 400
    assert clean("José · 日本語 👩‍🔧") == "José · 日本語 👩‍🔧"


def test_markdown_becomes_lines_without_its_tables() -> None:
    assert text_lines("> note\n\n**rule**\n\n| a | b |\n|---|\n- point\n- more", 3) == [
        "note",
        "rule",
        "point",
    ]
