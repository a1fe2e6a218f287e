"""Each fault that fits an example is confirmed by the check that has to see it, about as soon as measured.

How soon is told by the table of docs/operating-characteristics.md: its 90 % quantile, taken over to the
example's n by the rule that evidence grows with n, and with its maturity. Of 20 seeds, 15 have to be found
within half as long again, and every one within three times as long.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from example_replay import replayed
from towns import INCLUDE, registered

from sundial.examples.catalogue import EXAMPLES
from sundial.examples.draw import BASELINE_WEEKS
from sundial.examples.faults import FAULTS, LATER_DAYS, Fault, FaultName
from sundial.store.records import Status

TABLE = json.loads((INCLUDE.parent / "docs" / "operating-characteristics.json").read_text())["faults"]["rows"]
AT = BASELINE_WEEKS + 4
"""The week of the fault: some good ones come first."""
LEEWAY, LONGEST = 1.5, 3.0
MATURITY_OF_TABLE = 7

MEASURED: Mapping[FaultName, str] = {
    "quality_80": "accuracy_80",
    "quality_70": "accuracy_70",
    "share": "share_60",
    "rare": "rare_5",
    "missing": "half_missing",
    "gap": "fpr_gap",
    "slide": "slide",
    "version": "version",
    "late": "late",
}
"""The row of the table by the fault's name here."""


@dataclass(frozen=True)
class Case:
    """A fault of an example, and the finding that has to confirm it.

    Attributes:
        n: rows a week that the measure has, as its evidence counts them.
    """

    example: str
    fault: FaultName
    check: str
    metric: str
    n: float
    where: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.example.removeprefix('example-')}-{self.fault}-{self.metric}"

    def weeks(self, times: float) -> int:
        """So many times the weeks that the table gives, and the wait for truth."""
        of_table = {row["n"]: row["weeks"]["90"] for row in TABLE if row["fault"] == MEASURED[self.fault]}
        found = min(
            weeks * max(1.0, n / self.n) for n, weeks in of_table.items() if weeks is not None and n <= 500
        )
        return math.ceil(times * found + self._waits() / 7)

    def _waits(self) -> float:
        if self.check != "effectiveness.rates" and self.fault != "gap":
            return 0
        outcomes = registered(self.example).feeds.outcomes
        assert outcomes is not None
        later = LATER_DAYS if self.fault == "late" else 0
        return outcomes.maturity_days - MATURITY_OF_TABLE + later


def _of(
    example: str, metric: str, truths: float, outputs: float, *, share: str, rare: str, missing: str
) -> list[Case]:
    quality: tuple[FaultName, ...] = ("quality_80", "quality_70", "slide", "version", "late")
    drift = ("drift.categories", "category_share_change", outputs)
    return [
        *(Case(example, fault, "effectiveness.rates", metric, truths) for fault in quality),
        Case(example, "share", *drift, {"column": share}),
        Case(example, "rare", *drift, {"column": rare}),
        Case(example, "missing", "drift.missing", "missing_share", outputs, {"column": missing}),
    ]


_GAP = ("gap", "equity.groups")
CASES = [
    *_of(
        "example-translation", "resolution_rate", 150, 600, share="language", rare="topic", missing="district"
    ),
    *_of("example-chatbot", "resolution_rate", 120, 1_000, share="channel", rare="topic", missing="language"),
    *_of("example-permits", "accuracy", 400, 400, share="applicant", rare="kind", missing="district"),
    Case("example-permits", *_GAP, "false_positive_rate_difference", 400, {"by": "applicant"}),
    *_of("example-road-damage", "precision", 350, 350, share="damage", rare="size", missing="road"),
    # Of 600 claims 60 are audited at random; the flagged count as the tenth of one, that they stand for.
    *_of("example-fraud-flag", "accuracy", 50, 600, share="household", rare="basis", missing="age"),
    *_of("example-hiring", "accuracy", 500, 500, share="job", rare="posting", missing="source"),
    # A fifth do not say their sex, so that a sixth of the rest that women are held against are women: the gap
    # is of 8 points, where 5 are tolerated, and says in a week what one of 10 would say of half as many.
    Case("example-hiring", *_GAP, "true_positive_rate_difference", 250, {"by": "sex"}),
]


def confirmed_after(case: Case, seed: int) -> int | None:
    """Weeks from the fault to the confirmed breach, the fault's own counting as 1; None where there is none.

    Only the check that has to see it is asked, beside one that tells the engine when outputs began.
    """
    weeks = AT + case.weeks(LONGEST)
    checks = (case.check, "drift.volume")
    for week, found in replayed(case.example, seed, weeks, [Fault(case.fault, AT)], checks):
        of_case = [
            f for f in found if f.metric == case.metric and case.where.items() <= dict(f.slice).items()
        ]
        if any(f.status is Status.BREACH for f in of_case):
            assert week >= AT, f"seed {seed}: confirmed in week {week}, before the fault"
            return week - AT + 1
    return None


def test_every_fault_that_an_example_names_has_to_be_found() -> None:
    named = {(name, fault) for name, example in EXAMPLES.items() for fault in example.faults}
    assert {(case.example, case.fault) for case in CASES} == named
    assert {fault for _, fault in named} == {*FAULTS}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_fault_that_is_drawn_is_confirmed_in_time(name: str, seed: int) -> None:
    cases = [case for case in CASES if case.example == name]
    case = cases[seed % len(cases)]
    assert confirmed_after(case, seed), f"{case.id}: not within {case.weeks(LONGEST)} weeks"


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_each_fault_is_confirmed_in_time(case: Case, seed: int) -> None:
    found = {one: confirmed_after(case, one) for one in range(seed, seed + 20)}
    assert None not in found.values(), f"{case.id}: not within {case.weeks(LONGEST)} weeks: {found}"
    soon = [weeks for weeks in found.values() if weeks is not None and weeks <= case.weeks(LEEWAY)]
    assert len(soon) >= 15, f"{case.id}: more than {case.weeks(LEEWAY)} weeks: {found}"


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_version_that_is_not_registered_is_a_breach_in_its_third_week(name: str, seed: int) -> None:
    for week, found in replayed(
        name, seed, AT + 3, [Fault("version", AT)], ["security_and_safety.integrity"]
    ):
        (fact,) = found
        expected = Status.OK if week < AT else Status.WATCH if week < AT + 2 else Status.BREACH
        assert fact.status is expected, f"seed {seed}, week {week}: {fact.reason}"
