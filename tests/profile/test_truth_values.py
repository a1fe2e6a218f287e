"""The published and computed figures of the real data, from ungated profiles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import ibis
import pandas as pd
import pytest
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    equalized_odds_difference,
    false_negative_rate,
    false_positive_rate,
)
from sklearn.metrics import roc_auc_score
from test_profile import assert_cells_equal_rows

from sundial.cli.datasets import Prepared
from sundial.profile.analysis import analysis_table
from sundial.profile.columns import Columns
from sundial.profile.compute import run
from sundial.profile.profile import Profile
from sundial.profile.statistics import Bin, Statistic, counts, histogram

THREE = ("African-American", "Caucasian", "Hispanic")
CUT = date(2014, 4, 1)
QUARTERS = [(date(2013, 1, 1), date(2013, 3, 31)), (date(2013, 4, 1), date(2013, 6, 30))]
QUARTERS += [(date(2013, 7, 1), date(2013, 9, 30)), (date(2013, 10, 1), date(2013, 12, 31))]
QUARTERS += [(date(2014, 1, 1), date(2014, 3, 31))]
DECILES = Bin("score", 1, 10, 16_384)
BY_RACE = counts("outcomes", ["race", "predicted", "outcome"])
BY_SEX = counts("outcomes", ["sex", "predicted", "outcome"])
SCORES = histogram("outcomes", DECILES, ["outcome", "race"])
PROBABILITIES = histogram("outcomes", Bin("score", 0, 1, 16_384), ["outcome"])
EVER = (date(2000, 1, 1), date(2100, 1, 1))


def ungated(
    prepared: Prepared, key: str, day: str, truth: str, columns: Columns, plan: Sequence[Statistic]
) -> Profile:
    """The profile of all rows, each counted in the week of its output."""
    connection = ibis.duckdb.connect()
    outputs = connection.read_parquet(str(prepared.outputs)).rename(key=key, day=day)
    outputs = outputs.mutate(day=outputs.day.cast("date"), counted=outputs.day.cast("date").truncate("W"))
    path = str(prepared.outcomes)
    known = connection.read_csv(path) if path.endswith(".csv") else connection.read_parquet(path)
    known = known.rename(key=key, outcome=truth).select("key", "outcome")
    dated = known.join(outputs.select("key", "day", "counted"), "key").mutate(batch=ibis.literal("all"))
    return Profile(run(connection, analysis_table(outputs, dated, columns), plan))


@pytest.fixture(scope="module")
def scored(compas: Prepared) -> Profile:
    columns = Columns("decile_score", 5, None, None, ("race", "sex"))
    return ungated(compas, "person_id", "screened_on", "reoffended", columns, [BY_RACE, BY_SEX, SCORES])


@pytest.fixture(scope="module")
def employed(massachusetts: Prepared) -> Profile:
    columns = Columns("score", None, "predicted", None, ("race", "sex"))
    plan = [BY_RACE, BY_SEX, PROBABILITIES]
    return ungated(massachusetts, "record_id", "year_end", "employed", columns, plan)


def of(
    profile: Profile, statistic: Statistic, days: tuple[date, date], **only: Sequence[str]
) -> pd.DataFrame:
    cells = profile.window(statistic, *days, known_by=date(2100, 1, 1))
    for column, levels in only.items():
        cells = cells[cells[column].isin(levels)]
    return cells


def gap(metric: object, cells: pd.DataFrame, column: str) -> float:
    truth, predicted = cells["outcome"].astype(int), cells["predicted"].astype(int)
    return float(metric(truth, predicted, sensitive_features=cells[column], sample_weight=cells["n"]))  # type: ignore[operator]


def dpd(cells: pd.DataFrame, column: str = "race") -> float:
    return gap(demographic_parity_difference, cells, column)


def eod(cells: pd.DataFrame, column: str = "race") -> float:
    return gap(equalized_odds_difference, cells, column)


def auc(cells: pd.DataFrame) -> float:
    binned = cells[next(name for name in cells if str(name).startswith("score@"))].astype(float)
    return float(roc_auc_score(cells["outcome"].astype(int), binned, sample_weight=cells["n"]))


def test_compas_error_rates_are_propublicas(scored: Profile) -> None:
    cells = of(scored, BY_RACE, EVER)
    assert cells["n"].sum() == 7_214
    rates = MetricFrame(
        metrics={"fpr": false_positive_rate, "fnr": false_negative_rate},
        y_true=cells["outcome"].astype(int),
        y_pred=cells["predicted"].astype(int),
        sensitive_features=cells["race"],
        sample_params={name: {"sample_weight": cells["n"]} for name in ("fpr", "fnr")},
    ).by_group.round(4)
    assert tuple(rates.loc["African-American"]) == (0.4485, 0.2799)
    assert tuple(rates.loc["Caucasian"]) == (0.2345, 0.4772)


def test_compas_whole_cohort(scored: Profile) -> None:
    three = of(scored, BY_RACE, EVER, race=THREE)
    assert round(auc(of(scored, SCORES, EVER)), 3) == 0.702
    assert (round(dpd(three), 5), round(eod(three), 5)) == (0.28993, 0.27618)


def test_compas_cut_cohort(scored: Profile) -> None:
    until = (EVER[0], CUT)
    three = of(scored, BY_RACE, until, race=THREE)
    assert (round(dpd(three), 5), round(eod(three), 5)) == (0.28273, 0.26529)
    by_sex = of(scored, BY_SEX, until)
    assert (round(dpd(by_sex, "sex"), 5), round(eod(by_sex, "sex"), 5)) == (0.04375, 0.01120)


def test_compas_by_quarter(scored: Profile) -> None:
    three = [of(scored, BY_RACE, quarter, race=THREE) for quarter in QUARTERS]
    assert [round(dpd(cells), 3) for cells in three] == [0.288, 0.376, 0.259, 0.259, 0.263]
    assert [round(eod(cells), 3) for cells in three] == [0.284, 0.495, 0.266, 0.236, 0.263]
    scores = [of(scored, SCORES, quarter, race=THREE) for quarter in QUARTERS]
    assert [round(auc(cells), 3) for cells in scores] == [0.692, 0.723, 0.684, 0.726, 0.675]
    everybody = [of(scored, SCORES, quarter) for quarter in QUARTERS]
    assert [round(auc(cells), 3) for cells in everybody] == [0.692, 0.721, 0.688, 0.733, 0.682]


def test_compas_trap_everybody_after_the_cut_reoffended(scored: Profile) -> None:
    after = of(scored, BY_RACE, (CUT + timedelta(days=1), EVER[1]))
    assert after["n"].sum() == 998
    assert set(after["outcome"]) == {1}


YEARS = [(date(year, 1, 1), date(year, 12, 31)) for year in range(2015, 2019)]
RACES = ("White", "Black or African American", "Asian", "Some other race")  # codes 1, 2, 6, 8


def test_massachusetts_auc_by_year(employed: Profile) -> None:
    found = [round(auc(of(employed, PROBABILITIES, year)), 4) for year in YEARS]
    assert found == [0.9034, 0.9020, 0.9051, 0.9057]


def test_massachusetts_gaps_by_year(employed: Profile) -> None:
    sexes = [of(employed, BY_SEX, year) for year in YEARS]
    assert all(0.002 <= round(dpd(cells, "sex"), 3) <= 0.006 for cells in sexes)
    assert all(0.050 <= round(eod(cells, "sex"), 3) <= 0.057 for cells in sexes)
    races = [dpd(of(employed, BY_RACE, year, race=RACES)) for year in YEARS]
    assert (round(min(races), 3), round(max(races), 3)) == (0.071, 0.090)


def test_cells_equal_rows_on_the_real_data(compas: Prepared) -> None:
    rows = pd.read_parquet(compas.outputs).merge(pd.read_csv(compas.outcomes), on="person_id")
    rows = rows.assign(predicted=(rows["decile_score"] >= 5).astype(int))
    named = {"race": "group", "decile_score": "score", "reoffended": "outcome"}
    assert_cells_equal_rows(rows.rename(columns=named))
