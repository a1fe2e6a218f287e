"""A system small enough to run hundreds of times: weekly outputs, two unlike groups, some rows to refuse."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml
from prohibited import PROHIBITED_USES

from sundial.engine.run import Run
from sundial.engine.settings import INCLUDE
from sundial.lake import Lake
from sundial.register.models import Policy, System
from sundial.sources.connection import Connection
from sundial.sources.pull import Clock
from sundial.store.database import Database

ID = "small-system"
TUESDAYS = [date(2024, 1, 2) + timedelta(days=7 * week) for week in range(4)]
DATES = (date(2024, 1, 14), date(2024, 1, 28))
"""Sundays: two weeks are complete on the first, four on the second."""
A_GROUP = 30
"""Outputs of each group a week."""
PSEUDONYM_KEY = "of this test only"
LATE, EARLY = (TUESDAYS[0], 9), (TUESDAYS[2], 0)
"""The output whose outcome only the second date brings, and the one whose outcome comes before it does."""
CORRECTED = (TUESDAYS[0], 3)
"""The output whose outcome has counted on the first date, and is another one on the second."""


def entry(*, stricter: bool = False) -> dict[str, Any]:
    """Returns the register entry; the stricter contract also refuses what came by fax."""
    approved = {"approved_by": "Test", "approved_on": "2024-01-01"}
    rule = {
        "type": "expect_column_values_to_be_in_set",
        "with": {"column": "channel", "value_set": ["web", "desk"]},
    }
    folder = {"kind": "files", "connection": "source", "format": "csv"}
    return {
        "id": ID,
        "name": "Small system",
        "description": "Decides about applications, for the tests.",
        "department": "Tests",
        "owner": {"name": "Test", "email": "test@example.gov"},
        "schedule": "manual",
        "intended_outcome": {
            "statement": "Applications that need a look get one.",
            "metric": "accuracy",
            "target": 0.2,
            "reviewed": "2024-01-01",
            **approved,
        },
        "risk": {"tier": "rights", "decides": "Who has to come in person."},
        "prohibited_uses": PROHIBITED_USES,
        "window_weeks": 4,
        "feeds": {
            "outputs": {
                "source": {**folder, "url": "outputs.csv"},
                "key": "id",
                "date": "made_on",
                "prediction": "decision",
                "categories": ["channel"],
                "cadence": "weekly",
                "contract": [rule] if stricter else [],
            },
            "outcomes": {
                "source": {**folder, "url": "outcomes.csv"},
                "key": "id",
                "outcome": "truth",
                "known_on": "known_on",
                "maturity_days": 7,
                "cadence": "weekly",
            },
        },
        "groups": {"columns": ["district"]},
        "harm": {"metric": "false_positive_rate", "reason": "Coming in person for nothing costs a day."},
        "baseline": {"start": "2024-01-01", "end": "2024-01-14", **approved},
    }


def policy_entry() -> dict[str, Any]:
    """Returns the City's policy with evidence so impatient that a few weeks of the small system suffice."""
    policy: dict[str, Any] = yaml.safe_load((INCLUDE / "policy.yaml").read_text())
    impatient = {
        "weeks_between_false_breaches": 2,
        "stream_weight": 0.9,
        "years_between_false_recommendations": 0.1,
    }
    return {**policy, "evidence": {**policy["evidence"], **impatient}}


def write_sources(folder: Path, as_of: date) -> None:
    """Writes what the two feeds hold on the as-of date."""
    folder.mkdir(parents=True, exist_ok=True)
    outputs = [*_outputs(as_of), *_bad_outputs()]
    _write(folder / "outputs.csv", ["id", "made_on", "decision", "district", "channel"], outputs)
    _write(folder / "outcomes.csv", ["id", "truth", "known_on"], _outcomes(as_of))


def run_of(folder: Path, as_of: date, *, stricter: bool = False, lake: Lake | None = None) -> Run:
    """Returns a run on store and lake of the folder, with its sources as they are on the as-of date."""
    sources = folder / f"sources-{as_of}"
    if not sources.exists():
        write_sources(sources, as_of)
    connections: Mapping[str, Connection] = {
        "source": Connection("fs", extra={"path": str(sources)}),
        "sundial_pseudonym": Connection("generic", password=PSEUDONYM_KEY),
    }
    return Run(
        System.model_validate(entry(stricter=stricter)),
        Policy.model_validate(policy_entry()),
        Clock(as_of, DATES[-1]),
        lake or Lake(str(folder / "lake")),
        Database(f"sqlite:///{folder / 'store.db'}"),
        connections.__getitem__,
        run_id=f"as-of-{as_of}",
    )


def _outputs(as_of: date) -> Iterator[list[object]]:
    for day in TUESDAYS:
        for number in range(2 * A_GROUP if day <= as_of else 0):
            district = ("north", "south")[number % 2]
            decision = int(number % 20 != 0) if district == "south" else int(number % 20 == 1)
            channel = "fax" if number == 7 else ("web", "desk")[number % 3 == 0]
            yield [f"{day}/{number}", day, decision, district, channel]


def _bad_outputs() -> Iterator[list[object]]:
    yield ["", TUESDAYS[0], 1, "north", "web"]  # no key
    yield ["seven", TUESDAYS[0], 7, "south", "web"]  # no decision
    yield ["twice", TUESDAYS[0], 1, "north", "web"]
    yield ["twice", TUESDAYS[0], 0, "north", "web"]
    yield ["later", DATES[-1] + timedelta(days=30), 0, "north", "web"]  # in the future of every run


def _outcomes(as_of: date) -> Iterator[list[object]]:
    for day in TUESDAYS:
        known = day + timedelta(days=5)
        for number in range(2 * A_GROUP if known <= as_of else 0):
            if (day, number) not in (LATE, EARLY):
                again = (day, number) == CORRECTED and as_of == DATES[-1]
                yield [f"{day}/{number}", int(number % 10 == 0 or again), known]
    if as_of == DATES[-1]:
        yield ["{}/{}".format(*LATE), 1, DATES[0] + timedelta(days=3)]
    yield ["{}/{}".format(*EARLY), 1, DATES[0]]
    yield ["nobody", 1, TUESDAYS[0]]


def _write(path: Path, header: list[str], rows: Iterable[list[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
