"""What is said of texts: personal data, explanations and marks, each with every status that it can have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from towns import FIRST, POLICY, WEEK, Town, entry, only, parquet, rows_of, town_at

from sundial.report.plain import sentence
from sundial.stats import intervals
from sundial.stats.evidence import Ceiling, Floor
from sundial.store.records import Finding, Side, Status

CHECKS = ["privacy.pii", "transparency.explanations", "security_and_safety.marked_as_ai"]
METRICS = ["pii_share", "explained_share", "marked_share"]
OUTPUTS = {"text": {"column": "answer"}, "explanation": "why", "marked": "marked"}
WEEKS = 8
AS_OF = FIRST + WEEKS * WEEK - timedelta(days=1)
PERSONAL = ("Ask Ana, 669-234-5678.", "Ask Ana, ana@example.com.", "669-234-5678 or ana@example.com")


def texts(
    a_week: int = 60, *, personal: int = 0, unexplained: int = 0, unmarked: int = 0, weeks: int = WEEKS
) -> pd.DataFrame:
    """Outputs of which one in so many, 0 for none, has personal data, no explanation or no mark."""
    rows = rows_of(weeks, a_week)

    def one_in(number: int) -> pd.Series:
        return pd.Series(rows.index % number == 0 if number else False, rows.index)

    hits = one_in(personal)
    rows["answer"] = [
        PERSONAL[place // personal % 3] if hit else "It is mended." for place, hit in hits.items()
    ]
    rows["why"] = one_in(unexplained).map({True: " ", False: "It was reported twice."})
    rows["marked"] = (~one_in(unmarked)).astype(int)
    return rows


def named(folder: Path, outputs: Mapping[str, object] = OUTPUTS, **changes: object) -> Town:
    checks = [*CHECKS, "effectiveness.operation"]  # which counts outputs whatever the entry names
    return town_at(folder, checks=checks, groups=None, outputs=outputs, **changes)


def give(town: Town, rows: pd.DataFrame) -> None:
    parquet(town.folder / "outputs.parquet", rows)
    parquet(town.folder / "outcomes.parquet", rows[["id", "known_on", "broken"]])


def measured(town: Town, rows: pd.DataFrame, as_of: date = AS_OF) -> tuple[Finding, ...]:
    give(town, rows)
    return of_texts(town.measure(as_of))


def of_texts(found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    return tuple(f for f in found if f.check in CHECKS)


def last_weeks(rows: pd.DataFrame) -> pd.DataFrame:
    """The window of four weeks."""
    return rows[rows["lit_on"] >= FIRST + 4 * WEEK]


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        (texts(), Status.OK),
        (texts(personal=60, unexplained=18, unmarked=66), Status.WATCH),
        (texts(personal=3, unexplained=2, unmarked=2), Status.BREACH),
        (texts(5, personal=20, unexplained=5, unmarked=10), Status.INSUFFICIENT),
    ],
    ids=["ok", "watch", "breach", "insufficient"],
)
def test_shares_are_those_of_the_rows_against_the_policys_thresholds(
    tmp_path: Path, rows: pd.DataFrame, status: Status
) -> None:
    if status is Status.INSUFFICIENT:  # so few that nothing is confirmed either
        rows = rows[rows["lit_on"] >= FIRST + 6 * WEEK]
    found = measured(named(tmp_path), rows)
    assert {f.metric: f.status for f in found} == dict.fromkeys(METRICS, status)
    window = last_weeks(rows)
    hits = {
        "pii_share": window["answer"].isin(PERSONAL),
        "explained_share": window["why"] != " ",
        "marked_share": window["marked"] == 1,
    }
    for metric, hit in hits.items():
        share = only(found, metric)
        assert (share.estimate, share.n) == (pytest.approx(hit.mean()), len(window))
        assert share.interval == intervals.proportion(int(hit.sum()), len(window))
        assert share.threshold is not None
        assert share.threshold.value == POLICY.thresholds[metric].value
        assert share.threshold.side is (Side.CEILING if metric == "pii_share" else Side.FLOOR)


def test_evidence_is_carried_over_the_weeks(tmp_path: Path) -> None:
    rows = texts(personal=3, unexplained=2)
    found = measured(named(tmp_path), rows)
    by_week = rows.groupby("lit_on", sort=True).agg(
        n=("id", "size"),
        personal=("answer", lambda a: a.isin(PERSONAL).sum()),
        why=("why", lambda w: (w != " ").sum()),
    )
    weeks = by_week.groupby([(day - FIRST).days // 7 for day in by_week.index]).sum()
    for metric, process, column in (
        ("pii_share", Ceiling(0.01), "personal"),
        ("explained_share", Floor(0.95), "why"),
    ):
        evidence = only(found, metric).evidence
        assert evidence is not None
        counted = [(row[column], row["n"]) for _, row in weeks.iterrows()]
        assert evidence.log_e == pytest.approx(process.replay(counted).log_e)
        assert evidence.weeks == WEEKS


def test_kinds_are_counted_and_no_text_is_told(tmp_path: Path) -> None:
    rows = texts(personal=3)
    share = only(measured(named(tmp_path), rows), "pii_share")
    window = last_weeks(rows)["answer"]
    assert share.details == {
        "by_kind": {
            "email": window.str.contains("@").sum(),
            "phone": window.str.contains("669").sum(),
        }
    }
    assert sum(share.details["by_kind"].values()) > window.isin(PERSONAL).sum(), (
        "one text counts in two kinds"
    )
    assert sentence(share).startswith("Share of texts with patterns of personal data: 33.3 % (95 % ")
    assert "Ana" not in repr(share)


def test_outputs_without_a_text_are_not_in_the_denominator(tmp_path: Path) -> None:
    rows = texts(personal=3)
    rows.loc[rows.index % 2 == 0, "answer"] = None
    share = only(measured(named(tmp_path), rows), "pii_share")
    window = last_weeks(rows)["answer"].dropna()
    assert (share.n, share.estimate) == (120, pytest.approx(window.isin(PERSONAL).mean()))


def test_rows_from_before_the_entry_named_the_texts_are_not_measured(tmp_path: Path) -> None:
    measured(named(tmp_path, {}), texts(weeks=WEEKS - 1), AS_OF - WEEK)
    found = of_texts(named(tmp_path).measure(AS_OF))
    assert {f.metric: f.status for f in found} == dict.fromkeys(METRICS, Status.NOT_MEASURED)
    assert {f.reason for f in found} == {
        "No output in the window has a text.",
        "No output in the window came since the entry names an explanation.",
        "No output in the window says whether it was marked.",
    }
    later = measured(named(tmp_path), texts(weeks=WEEKS + 1, personal=3), AS_OF + WEEK)
    assert only(later, "pii_share").n == 2 * 60, "only what came since"


def test_what_the_entry_does_not_name_does_not_apply(tmp_path: Path) -> None:
    found = measured(named(tmp_path, {}), texts())
    assert {f.metric: f.status for f in found} == dict.fromkeys(METRICS, Status.NOT_APPLICABLE)
    assert all("feeds.outputs." in f.reason for f in found)


def test_answers_that_nobody_looks_through_are_not_measured(tmp_path: Path) -> None:
    resolved = {**entry(tmp_path)["intended_outcome"], "metric": "resolution_rate"}
    town = named(tmp_path, {"task": "text", "score": None}, intended_outcome=resolved)
    share = only(measured(town, texts()), "pii_share")
    assert (share.status, "feeds.outputs.text" in share.reason) == (Status.NOT_MEASURED, True)


def test_a_feed_that_cannot_be_read_is_an_error_of_each(tmp_path: Path) -> None:
    town = named(tmp_path)
    measured(town, texts(), AS_OF - WEEK)
    (town.folder / "outputs.parquet").unlink()
    found = of_texts(town.measure(AS_OF))
    assert {f.check: f.status for f in found} == dict.fromkeys(CHECKS, Status.ERROR)
    assert all("outputs.parquet" in f.reason for f in found)


def test_a_policy_without_the_threshold_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    kept = {name: value for name, value in POLICY.thresholds.items() if name != "pii_share"}
    town = replace(named(tmp_path), policy=POLICY.model_copy(update={"thresholds": kept}))
    found = {f.check: f for f in measured(town, texts())}
    assert found["privacy.pii"].status is Status.ERROR
    assert "no pii_share; add it with value, meaning, approver and date" in found["privacy.pii"].reason
    assert found["transparency.explanations"].status is Status.OK
