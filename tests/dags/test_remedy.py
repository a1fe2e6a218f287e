"""The first error in the log of a task that fails says what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from small_city import City, connection, mail_server
from small_system import DATES

from sundial.airflow.remedy import remedy, remedy_first
from sundial.cli.local_airflow import free_port

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

AS_OF = str(DATES[-1])
Log = pytest.LogCaptureFixture


def first_errors(caplog: Log) -> dict[str, str]:
    """Returns the first error of each task that told one; what it wrote follows the name of the task."""
    found: dict[str, str] = {}
    task = ""
    for record in caplog.records:
        said = record.getMessage()
        if "starting task_id=" in said:
            task = said.partition("task_id=")[2].split()[0]
        elif record.levelname == "ERROR" and task not in found:
            found[task] = said
    return found


def no_columns(city: City, _: pytest.MonkeyPatch) -> None:
    outputs = city.sources / "outputs.csv"
    outputs.write_text(outputs.read_text().replace("decision", "verdict", 1))


def no_file(city: City, _: pytest.MonkeyPatch) -> None:
    (city.sources / "outputs.csv").unlink()


def no_connection(_: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_SOURCE")


def no_secret(_: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_SUNDIAL_PSEUDONYM")


def no_store(_: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUNDIAL_STORE", "sqlite:////nowhere/store.db")


def no_lake(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    (city.sources.parent / "lake").write_text("a file where the lake should be")


BROKEN: list[tuple[Callable[[City, pytest.MonkeyPatch], None], str, tuple[str, ...]]] = [
    (no_columns, "pull", ("outputs", "no column decision")),
    (no_columns, "effectiveness", ("nothing was ever judged", "no column decision")),
    (no_file, "pull", ("outputs", "outputs.csv")),
    (no_connection, "pull", ("outputs", "connection", "source")),
    (no_secret, "pull", ("sundial_pseudonym",)),
    (no_store, "pull", ("/nowhere/store.db does not exist", "run `sundial db migrate`")),
    (no_store, "record", ("/nowhere/store.db does not exist", "run `sundial db migrate`")),
    (no_store, "judge", ("/nowhere/store.db does not exist", "run `sundial db migrate`")),
    (no_lake, "pull", ("/lake", "then clear this task")),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    "wreck", dict.fromkeys(wreck for wreck, _, _ in BROKEN), ids=lambda wreck: str(wreck.__name__)
)
def test_a_monitor_whose(
    city: City,
    monkeypatch: pytest.MonkeyPatch,
    caplog: Log,
    wreck: Callable[[City, pytest.MonkeyPatch], None],
) -> None:
    wreck(city, monkeypatch)
    assert city.run(AS_OF, retries=False)[0] == "failed"
    told = first_errors(caplog)
    for _, task, parts in (one for one in BROKEN if one[0] is wreck):
        for part in parts:
            assert part in told[task], told
        assert "Traceback" not in told[task]


def test_a_day_to_come_says_which_day_may_be_given(city: City, caplog: Log) -> None:
    city.run("2999-01-01", retries=False)
    told = first_errors(caplog)
    assert told["pull"].startswith("as_of 2999-01-01 lies in the future; give a day up to today")


def test_a_mail_server_that_is_away_is_named(
    bag: Callable[[Path], DagBag], city: City, monkeypatch: pytest.MonkeyPatch, caplog: Log
) -> None:
    dag: Any = bag(city.sources.parent / "systems").dags["weekly_report"]
    dag.deadline = None
    for task in dag.tasks:
        task.retries = 0
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", mail_server(free_port()))
    monkeypatch.setenv("AIRFLOW_CONN_SUNDIAL_CHANNELS", connection("generic", password="nonsense"))
    assert str(dag.test(run_conf={"as_of": AS_OF}).state) == "failed"
    told = first_errors(caplog)
    assert "The mail server of connection smtp_default, 127.0.0.1, did not take the mail" in told["mail"]
    assert "channel 1: no URL that Apprise knows" in told["channels"]


def test_what_has_a_message_goes_on_without_its_traceback_and_what_has_none_with_it() -> None:
    from sundial.store.database import Database, StoreError

    @remedy_first
    def reads() -> None:
        with Database("sqlite:////nowhere/store.db").read():
            pass

    @remedy_first
    def fails() -> None:
        _ = {}["a value of a row"]  # type: ignore[var-annotated]

    with pytest.raises(StoreError) as known:
        reads()
    with pytest.raises(KeyError) as unknown:
        fails()
    assert [entry.name for entry in known.traceback][1:] == ["told"]
    assert [entry.name for entry in unknown.traceback][1:] == ["told", "fails"]
    assert "a value of a row" not in remedy(unknown.value)
