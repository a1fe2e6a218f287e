"""The form for attestations, run by Airflow's own runner: what is recorded, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from small_city import build_city
from small_system import ID

from sundial.register.given import GivenAttestation
from sundial.store.database import Database
from sundial.store.register import RegisterRows, Row

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

USER = "dag_test"
"""Who triggers the runs of `dag.test`."""
FILLED = {"system": ID, "kind": "security_review", "by": "Ana Ruiz, CISO", "date": "2026-10-01"}


class City:
    """A city whose form can be filled in."""

    def __init__(self, folder: Path, parse: Callable[[Path], DagBag]) -> None:
        self._folder = folder
        self._parse = parse
        self.database = Database(f"sqlite:///{folder / 'store.db'}")
        self.database.migrate()
        self.name_in_the_policy(USER)

    def name_in_the_policy(self, user: str) -> None:
        path = self._folder / "policy.yaml"
        policy = yaml.safe_load(path.read_text())
        policy["roles"]["staff"] = {"users": [user]}
        path.write_text(yaml.safe_dump(policy, sort_keys=False))

    def fill_in(self, form: Mapping[str, Any]) -> str:
        """Returns the state of the run."""
        dag: Any = self._parse(self._folder / "systems").dags["attest"]
        return str(dag.test(run_conf=dict(form)).state)

    @property
    def rows(self) -> tuple[Row, ...]:
        return RegisterRows(self.database).rows(ID)


@pytest.fixture
def city(
    tmp_path: Path, bag: Callable[[Path], DagBag], initialised: None, monkeypatch: pytest.MonkeyPatch
) -> City:
    for name, value in build_city(tmp_path).items():
        monkeypatch.setenv(name, value)
    return City(tmp_path, bag)


def test_the_form_becomes_a_row_with_who_triggered_it(city: City) -> None:
    link = "https://city.example/reviews/7"
    assert city.fill_in({**FILLED, "version": "2", "link": link, "expires": "2027-09-30"}) == "success"
    (row,) = city.rows
    assert row.recorded_by == USER
    assert isinstance(row.given, GivenAttestation)
    assert (row.given.kind, row.given.by, row.given.date) == (
        "security_review",
        "Ana Ruiz, CISO",
        date(2026, 10, 1),
    )
    assert (row.given.version, row.given.link, row.given.expires) == ("2", link, date(2027, 9, 30))
    assert city.fill_in({**FILLED, "version": "2", "link": link, "expires": "2027-09-30"}) == "success"
    assert city.rows == (row,), "the same once more adds nothing"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"system": "small-sistem"}, "did you mean small-system"),
        ({"by": " "}, "by: says nothing"),
        ({"date": None}, "date: is missing"),
        ({"date": "2999-01-01"}, "date: 2999-01-01 lies after"),
    ],
)
def test_a_form_that_cannot_stand_is_red_and_says_why(
    city: City, changes: dict[str, Any], says: str, caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    assert city.fill_in(FILLED | changes) == "failed"
    assert city.rows == ()
    out = capfd.readouterr()
    assert says in out.out + out.err + caplog.text


def test_only_people_whom_the_policy_names_can_attest(city: City) -> None:
    city.name_in_the_policy("somebody-else")
    assert city.fill_in(FILLED) == "failed"
    assert city.rows == ()
