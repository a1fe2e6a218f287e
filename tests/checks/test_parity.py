"""Equalized odds says what its number rests on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from towns import FIRST, WEEK, Town, only, rows_of

AS_OF = FIRST + 8 * WEEK - timedelta(days=1)


@pytest.mark.parametrize("wrong", ["true_positive_rate", "false_positive_rate"])
def test_n_is_that_of_the_rate_which_gave_the_number(town: Town, wrong: str) -> None:
    rows = rows_of(8, 200)
    rows["broken"] = (rows["score"] >= 0.5).astype(int)
    of = rows["broken"] == (wrong == "true_positive_rate")
    erring = (of & (rows["area"] == "north") & (rows.index % 3 == 0)) | (~of & (rows.index % 7 == 0))
    rows.loc[erring, "score"] = 1 - rows.loc[erring, "score"] - 0.005  # decided the other way
    other = ~of & (rows.index % 5 < 2)
    rows = rows[~other]  # the two rates have different denominators
    town.give(rows)
    found = town.measure(AS_OF)
    gaps = {
        name: only(found, f"{name}_difference", by="area")
        for name in ("true_positive_rate", "false_positive_rate")
    }
    assert gaps["true_positive_rate"].n != gaps["false_positive_rate"].n
    assert max(gaps, key=lambda name: gaps[name].estimate or 0) == wrong
    odds = only(found, "equalized_odds_difference", by="area")
    assert (odds.estimate, odds.n) == (gaps[wrong].estimate, gaps[wrong].n)
    least = min(gaps.values(), key=lambda gap: gap.details["ratio"])
    ratio = only(found, "equalized_odds_ratio", by="area")
    assert (ratio.estimate, ratio.n) == (least.details["ratio"], least.n)
