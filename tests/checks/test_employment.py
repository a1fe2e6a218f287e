"""The employment screen: the tables that 29 CFR 1607.4 D and Local Law 144 ask for, and no verdict."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from towns import FIRST, WEEK, only, parquet, town_at

from sundial.store.records import Finding, Status

# Weekly applicants by sex and race, with how many of them are selected.
APPLICANTS = {
    ("F", "B"): (40, 12),
    ("F", "W"): (50, 30),
    ("M", "B"): (40, 20),
    ("M", "W"): (60, 36),
    ("M", "P"): (2, 2),
    ("F", None): (8, 4),
}
WEEKS = 4


def applicants() -> pd.DataFrame:
    rows = [
        {
            "id": f"{week}-{sex}-{race}-{place}",
            "lit_on": FIRST + week * WEEK + timedelta(days=place % 7),
            "sex": sex,
            "race": race,
            "chosen": int(place < selected),
            "score": (place * 7 % n) / n,
            "kind": "job",
        }
        for week in range(WEEKS)
        for (sex, race), (n, selected) in APPLICANTS.items()
        for place in range(n)
    ]
    return pd.DataFrame(rows)


def screened(folder: Path, *, employment: bool = True) -> tuple[Finding, ...]:
    town = town_at(
        folder,
        checks=["effectiveness.coverage", "employment.impact_ratio"],
        outputs={"prediction": "chosen", "score": {"column": "score", "low": 0, "high": 1}},
        groups={
            "columns": ["sex", "race"],
            "intersections": [["sex", "race"]],
            "employment": employment,
        },
    )
    rows = applicants()
    parquet(town.folder / "outputs.parquet", rows)
    truth = rows[["id"]].assign(broken=rows["chosen"], known_on=rows["lit_on"])
    parquet(town.folder / "outcomes.parquet", truth)
    found = town.measure(FIRST + WEEKS * WEEK - timedelta(days=1))
    assert not [f.reason for f in found if f.status is Status.ERROR]
    return tuple(f for f in found if f.check == "employment.impact_ratio")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Finding, ...]:
    return screened(tmp_path_factory.mktemp("employment"))


def test_impact_ratios_are_against_the_highest_rate(found: tuple[Finding, ...]) -> None:
    race = only(found, "impact_ratio", by="race")
    table = {row["group"]: row for row in race.details["table"]}
    rate = {"B": 32 / 80, "W": 66 / 110, "P": 1.0}
    for group, row in table.items():
        assert row["rate"] == pytest.approx(rate[group])
        assert row["impact_ratio"] == pytest.approx(rate[group] / rate["W"])
    assert race.estimate == pytest.approx(rate["B"] / rate["W"])
    assert race.details["highest"] == "W"
    assert table["B"]["interval"][0] < race.estimate < table["B"]["interval"][1] < 1
    assert (race.status, race.evidence) == (Status.WATCH, None)
    assert "more than chance gives" in race.reason
    assert only(found, "impact_ratio", by="sex").status is Status.OK


def test_a_group_under_two_percent_sets_no_reference_and_is_noted(found: tuple[Finding, ...]) -> None:
    table = {row["group"]: row for row in only(found, "impact_ratio", by="race").details["table"]}
    assert table["P"]["share"] < 0.02
    assert (table["P"]["left_out"], table["P"]["n"]) == (True, 2 * WEEKS)
    assert not table["W"]["left_out"]


def test_applicants_of_unknown_category_are_counted_beside(found: tuple[Finding, ...]) -> None:
    for by in ("race", "sex × race"):
        details = only(found, "impact_ratio", by=by).details
        assert details["unknown"] == 8 * WEEKS
        assert details["applicants"] == 200 * WEEKS
        assert not [row for row in details["table"] if "Unknown" in row["group"]]
    assert only(found, "impact_ratio", by="sex").details["unknown"] == 0


def test_intersections_have_a_table_of_their_own(found: tuple[Finding, ...]) -> None:
    both = only(found, "impact_ratio", by="sex × race")
    table = {row["group"]: row for row in both.details["table"]}
    assert table["F × B"]["impact_ratio"] == pytest.approx((12 / 40) / (36 / 60))
    assert both.estimate == table["F × B"]["impact_ratio"]


def test_the_scoring_rate_is_the_share_above_the_median(found: tuple[Finding, ...]) -> None:
    rows = applicants()
    median = rows["score"].median()
    rates = (rows["score"] > median).groupby(rows["race"]).mean()
    scoring = only(found, "scoring_impact_ratio", by="race")
    low, high = scoring.details["median_between"]
    assert low <= median <= high
    for row in scoring.details["table"]:
        # What shares the bin of the median, a 4,096th of the range, does not count as above it.
        assert row["rate"] == pytest.approx(rates[row["group"]], abs=1e-12)
        assert row["impact_ratio"] == pytest.approx(rates[row["group"]] / max(rates["B"], rates["W"]))


def test_the_screen_shows_on_employment_systems_only(tmp_path: Path) -> None:
    assert [f.status for f in screened(tmp_path, employment=False)] == [Status.NOT_APPLICABLE]


def few(folder: Path, a_group: int) -> tuple[Finding, ...]:
    """The findings of two groups of so many applicants, of which the second has the higher scores."""
    town = town_at(
        folder,
        checks=["employment.impact_ratio"],
        outputs={"prediction": "chosen", "score": {"column": "score", "low": 0, "high": 1}},
        groups={"columns": ["race"], "employment": True},
    )
    place = np.arange(2 * a_group)
    rows = pd.DataFrame(
        {
            "id": [f"a{number}" for number in place],
            "lit_on": FIRST,
            "race": np.where(place < a_group, "B", "W"),
            "chosen": place % 2,
            "score": place / len(place),
            "kind": "job",
        }
    )
    parquet(folder / "outputs.parquet", rows)
    parquet(folder / "outcomes.parquet", rows[["id"]].assign(broken=0, known_on=FIRST))
    return town.measure(FIRST + WEEK - timedelta(days=1))


@pytest.mark.parametrize("metric", ["impact_ratio", "scoring_impact_ratio"])
def test_fewer_than_two_groups_of_thirty_have_no_ratio(tmp_path: Path, metric: str) -> None:
    found = only(few(tmp_path, 29), metric)
    assert (found.status, found.estimate) == (Status.INSUFFICIENT, None)
    assert "Fewer than two groups have 30 applicants" in found.reason


def test_a_group_that_scores_lower_is_watched_though_as_many_are_selected(tmp_path: Path) -> None:
    found = few(tmp_path, 40)
    assert only(found, "impact_ratio").status is Status.OK
    assert only(found, "scoring_impact_ratio").status is Status.WATCH


def test_equal_groups_are_no_more_than_chance(tmp_path: Path) -> None:
    """Equal groups of 100 often fall below four fifths by chance: then the reason says so."""
    random = np.random.default_rng(0)
    town = town_at(
        tmp_path,
        checks=["employment.impact_ratio"],
        outputs={"prediction": "chosen", "score": None},
        groups={"columns": ["race"], "employment": True},
    )
    n = 500
    rows = pd.DataFrame(
        {
            "id": [f"a{place}" for place in range(n)],
            "lit_on": FIRST,
            "race": [f"r{place % 5}" for place in range(n)],
            "chosen": (random.random(n) < 0.3).astype(int),
            "kind": "job",
        }
    )
    parquet(town.folder / "outputs.parquet", rows)
    parquet(town.folder / "outcomes.parquet", rows[["id"]].assign(broken=0, known_on=FIRST))
    screen = only(town.measure(FIRST + WEEK - timedelta(days=1)), "impact_ratio", by="race")
    assert (screen.estimate or 1) < 0.8
    assert screen.status is Status.WATCH
    assert "no more than chance gives" in screen.reason
