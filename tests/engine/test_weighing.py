"""What is profiled where rows weigh: sums of the rows, and of what they weigh."""

from __future__ import annotations

import pandas as pd
import pytest
from measuring import FIRST, cells, registered

from sundial.engine.weighing import counted, weighing
from sundial.profile.columns import Columns
from sundial.profile.profile import Profile
from sundial.profile.statistics import SUM_SCALE, Over, Statistic

SYSTEM = registered(outputs={"cluster": "person"})
ROWS = pd.DataFrame(
    {"day": [FIRST] * 4, "score": [0.5, 0.25, 0.75, 1.0], "kind": "a", "area": "n", "person": [*"1123"]}
)


def profiled(statistic: Statistic) -> pd.DataFrame:
    assert SYSTEM.feeds.outputs is not None
    asked = weighing(SYSTEM, statistic)
    found = cells([asked], {"outputs": ROWS}, "outputs", Columns.of(SYSTEM, SYSTEM.feeds.outputs))
    return counted(Profile(found).window(asked, FIRST, FIRST, FIRST), statistic, asked)


def test_n_and_sums_are_weighted_and_those_of_the_rows_stand_beside_them() -> None:
    (cell,) = profiled(Statistic("outputs", (), ("score",))).to_dict("records")
    assert (cell["n"], cell["rows"]) == (3, 4)
    assert cell["sum_score"] / SUM_SCALE == 0.375 + 0.75 + 1.0
    assert cell["rows_sum_score"] / SUM_SCALE == 2.5


@pytest.mark.parametrize(("over", "weight"), [("outputs", "outcome_weight"), ("outcomes", "weight")])
def test_the_other_weight_may_be_summed_and_is_of_the_rows(over: Over, weight: str) -> None:
    found = profiled(Statistic(over, (), (weight,)))
    assert found[f"sum_{weight}"].sum() / SUM_SCALE == (3 if over == "outputs" else 0)  # no outcome is known
