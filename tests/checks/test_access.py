"""Who gets in, against who could."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from measuring import days, measured, registered
from towns import only

from sundial.register.models import System
from sundial.store.records import Finding, Status

POPULATION = {
    "column": "language",
    "counts": {"English": 600, "Spanish": 300, "Vietnamese": 100},
    "source": "American Community Survey, table B16001",
    "as_of": "2022-12-31",
}
ACCESS = {"access": {"key": "id", "columns": ["language"]}}


def served(weeks: int, a_week: int, **shares: float) -> dict[str, Any]:
    """Rows of people in these shares."""
    levels = np.random.default_rng(4).choice(list(shares), weeks * a_week, p=list(shares.values()))
    return {"access": pd.DataFrame({"day": days(weeks, a_week), "language": levels})}


def found(system: System, rows: dict[str, Any], weeks: int, **more: Any) -> list[Finding]:
    return measured(system, "equity.access", rows, weeks, **more)


def test_a_level_as_often_as_in_the_population_is_ok() -> None:
    rows = served(8, 200, English=0.6, Spanish=0.3, Vietnamese=0.1)
    findings = found(registered(ACCESS, population=[POPULATION]), rows, 8)
    assert {f.status for f in findings} == {Status.OK}
    spanish = only(findings, "access_share", language="Spanish")
    assert spanish.threshold is not None
    assert spanish.threshold.value == pytest.approx(0.8 * 0.3)
    assert spanish.details["population_share"] == pytest.approx(0.3)


def test_a_level_that_gets_in_too_seldom_is_watched_and_then_confirmed() -> None:
    system = registered(ACCESS, population=[POPULATION])
    few = {"English": 0.85, "Spanish": 0.05, "Vietnamese": 0.1}
    assert (
        only(found(system, served(1, 40, **few), 1), "access_share", language="Spanish").status
        is Status.WATCH
    )
    confirmed = found(system, served(12, 200, **few), 12)
    assert only(confirmed, "access_share", language="Spanish").status is Status.BREACH
    assert only(confirmed, "access_share", language="English").status is Status.OK


def test_a_level_that_never_comes_is_confirmed_too() -> None:
    rows = served(12, 200, English=0.9, Spanish=0.1)
    findings = found(registered(ACCESS, population=[POPULATION]), rows, 12)
    assert only(findings, "access_share", language="Vietnamese").status is Status.BREACH


def test_levels_outside_the_population_are_not_counted() -> None:
    rows = served(4, 200, English=0.3, Spanish=0.15, Vietnamese=0.05, Unknown=0.5)
    findings = found(registered(ACCESS, population=[POPULATION]), rows, 4)
    assert len(findings) == 3
    assert only(findings, "access_share", language="English").n == pytest.approx(400, abs=60)


def test_few_say_nothing() -> None:
    rows = served(1, 20, English=0.6, Spanish=0.3, Vietnamese=0.1)
    assert {f.status for f in found(registered(ACCESS, population=[POPULATION]), rows, 1)} == {
        Status.INSUFFICIENT
    }


def test_without_a_population_or_without_the_feed_nothing_is_measured() -> None:
    assert found(registered(ACCESS), {}, 1)[0].status is Status.NOT_MEASURED
    failed = found(registered(ACCESS, population=[POPULATION]), {}, 1, failed={"access": "Gone."})
    assert [f.status for f in failed] == [Status.ERROR]


def test_the_outputs_say_who_is_served_where_no_feed_does() -> None:
    kinds = {**POPULATION, "column": "kind", "counts": {"LED": 50, "sodium": 50}}
    outputs = pd.DataFrame({"day": days(12, 200), "score": 0.7, "kind": "LED", "area": "north"})
    findings = found(registered(population=[kinds]), {"outputs": outputs}, 12)
    assert only(findings, "access_share", kind="sodium").status is Status.BREACH


def test_a_population_of_another_column_is_refused() -> None:
    with pytest.raises(ValueError, match=r"population\[0\].column: tongue is none of feeds.access.columns"):
        registered(ACCESS, population=[{**POPULATION, "column": "tongue"}])
