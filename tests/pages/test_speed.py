"""The largest city that the pages must serve at once: 200 systems, two years of findings, on PostgreSQL."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from case_examples import determined, gap, open_case
from pages_city import THIS_WEEK, TODAY, Town, counted
from report_examples import finding, group_rate, unmeasured
from starlette.testclient import TestClient
from test_incidents import report

from sundial.engine.clock import WEEK
from sundial.engine.today import PLAYED
from sundial.register.given import RegisterVersion
from sundial.store.canonical import canonical
from sundial.store.records import Finding
from sundial.store.register import RegisterRows

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

SYSTEMS, WEEKS = 200, 104
CASES, INCIDENTS = 60, 60
ALLOWED = 0.3
LARGEST = 200_000
KEPT = 10  # of each figure the best: others use this machine, too


def _findings() -> list[Finding]:
    """A week of one system: 60 findings, as a system with two columns of groups has them."""
    groups = [group_rate(week=THIS_WEEK, slice=(("race", f"group {n}"),)) for n in range(12)]
    return [
        *(
            replace(group, metric=metric)
            for group in groups
            for metric in ("false_positive_rate", "true_positive_rate", "selection_rate")
        ),
        *(finding(week=THIS_WEEK, metric=f"metric_{n}_share") for n in range(10)),
        gap(),
        finding(week=THIS_WEEK),
        *(unmeasured(THIS_WEEK, check=f"privacy.check_{n}") for n in range(12)),
    ]


_SYSTEMS = "(SELECT 'system-' || s AS system FROM generate_series(1, :systems) s) systems"
_WEEKS = "(SELECT CAST(:last AS date) - 7 * w AS week FROM generate_series(0, :weeks - 1) w) weeks"
_JUDGED = f"""
INSERT INTO judged_weeks
SELECT system, week, week + 9, 'c0ffee', '0.1.0', now(), 'run-' || week FROM {_SYSTEMS} CROSS JOIN {_WEEKS}
"""  # noqa: S608
_FOUND = f"""
INSERT INTO findings (key, system, week, "check", principle, kind, metric, slice, status,
                      payload, payload_hash, recorded_at, run_id)
SELECT system || '|' || week || :number, system, week, :check, :principle, :kind, :metric, :slice, :status,
       replace(replace(:payload, '"street-lights"', '"' || system || '"'),
               :from_week, '"week":"' || week || '"'), 'ab12', now(), 'run-' || week
FROM {_WEEKS} CROSS JOIN {_SYSTEMS}
"""  # noqa: S608


def _copy(town: Town) -> None:
    """Lets the database copy the week to every system and week; only keys and dates differ."""
    size = {"systems": SYSTEMS, "weeks": WEEKS, "last": THIS_WEEK}
    with town.database._engine.begin() as connection:
        connection.execute(sa.text(_JUDGED), size)
        for number, one in enumerate(_findings()):
            connection.execute(
                sa.text(_FOUND),
                {
                    **size,
                    "number": str(number),
                    "check": one.check,
                    "principle": one.principle,
                    "kind": one.kind.value,
                    "metric": one.metric,
                    "slice": canonical(one.payload()["slice"]),
                    "status": one.status.value,
                    "payload": canonical(one.payload()),
                    "from_week": f'"week":"{THIS_WEEK}"',
                },
            )
    with town.database._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


_LINKS = f"""
INSERT INTO ledger (chain, number, previous, lines, recorded_at, hash)
SELECT system, 1000 + n, 'ab12', '[]', now(), 'ab12'
FROM {_SYSTEMS} CROSS JOIN (SELECT generate_series(1, :weeks) AS n) numbers
"""  # noqa: S608


def _people(town: Town) -> None:
    """Cases, one with evidence of two years, incidents, versions of entries, and the ledger's links."""
    for number in range(1, CASES + 1):
        open_case(town, gap(system=f"system-{number}"))
    for weeks in range(1, WEEKS):
        open_case(town, gap(THIS_WEEK - weeks * WEEK, system="system-7"))
    determined(town, found=gap(system="system-100"))
    for number in range(INCIDENTS):
        report(town, number, system=f"system-{number + 1}")
    register = RegisterRows(town.database)
    for number in range(1, SYSTEMS + 1):
        for day in range(5):
            register.add(
                f"system-{number}",
                RegisterVersion(
                    holds_from=TODAY, content_hash=f"{day:064}", author="Ana", authored_on=TODAY, entry={}
                ),
                "ana",
            )
    with town.database._engine.begin() as connection:
        connection.execute(sa.text(_LINKS), {"systems": SYSTEMS, "weeks": WEEKS})


@pytest.fixture(scope="module")
def client(
    postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[TestClient, TestClient, Town]]:
    """The city as an engineer and as a viewer see it."""
    folder: Path = tmp_path_factory.mktemp("large")
    (folder / "today").write_text(str(TODAY))
    url = sa.make_url(postgres_url)
    server = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with server.connect() as session:
        session.exec_driver_sql("CREATE DATABASE large_city")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PLAYED, str(folder / "today"))
        town = Town(folder, url.set(database="large_city").render_as_string(hide_password=False))
        for number in range(1, SYSTEMS + 1):
            town.register(f"system-{number}", department=f"Department {number % 9}")
        _people(town)
        _copy(town)
        yield town.client("engineer"), town.client("somebody"), town
    with server.connect() as session:
        session.exec_driver_sql("DROP DATABASE large_city WITH (FORCE)")


@pytest.mark.parametrize("who", ["engineer", "viewer"])
@pytest.mark.parametrize(
    "page",
    [
        "/",
        "/?status=breach&order=case",
        "/systems/system-7",
        "/systems/system-7/equity",
        "/systems/system-7/effectiveness",
        f"/systems/system-7/equity?week={THIS_WEEK - 50 * WEEK:%G-W%V}",
        "/systems/system-7/data",
        "/systems/system-7/record",
        "finding",
        "/dags/monitor__system-7",
        "/sunset/",
        "/sunset/system-7-2016-001",
        "/sunset/system-100-2016-001",
        "/incidents/",
        "/register/",
        "/ledger/",
    ],
)
def test_a_page_is_made_in_300_milliseconds(
    client: tuple[TestClient, TestClient, Town], page: str, who: str
) -> None:
    asked = client[0] if who == "engineer" else client[1]
    if page == "finding":
        week = THIS_WEEK - timedelta(weeks=1)
        key = next(
            one.id
            for one in client[2].results.findings("system-7", week)
            if one.principle == "equity" and one.estimate is not None
        )
        page = f"/systems/system-7/findings/{week:%G-W%V}/{key}"
    assert asked.get(page).status_code == 200  # the first request imports, and reads the register
    took = []
    for _ in range(KEPT):
        start = time.perf_counter()
        answer = asked.get(page)
        took.append(time.perf_counter() - start)
    assert answer.status_code == 200
    assert min(took) <= ALLOWED
    assert len(gzip.compress(answer.content, 5)) <= LARGEST  # as Airflow sends it


def test_the_portfolio_asks_three_times(client: tuple[TestClient, TestClient, Town]) -> None:
    engineer, _, town = client
    engineer.get("/")
    with counted(town.store) as queries:
        assert engineer.get("/").text.count('<th scope="row">') == SYSTEMS
    assert len(queries) <= 3
