"""The forms of incidents, run by Airflow's own runner, with a real mail server beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import yaml
from small_city import build_city, connection
from small_system import ID
from sqlalchemy import select

from sundial.cli.local_airflow import free_port
from sundial.cli.mailbox import Mailbox
from sundial.store.database import Database
from sundial.store.incidents import Incidents
from sundial.sunset.incidents import State, standing

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

REPORT, UPDATE = "incident_report", "incident_update"
USER = "dag_test"
"""Who triggers the runs of `dag.test`."""
CITY_TIME = ZoneInfo("America/Los_Angeles")
TOLD = {"cdpo@example.gov", "oer@example.gov", "boss@example.gov"}
SECRET = "J. Doe of 5 Elm Street was refused"
FILLED = {
    "system": ID,
    "kind": "harm",
    "grave": True,
    "happened": SECRET,
    "whom": "J. Doe",
    "supervisor": "boss@example.gov",
}


def ago(**time: float) -> str:
    """A time that staff write down: the City's clock, no zone."""
    return f"{datetime.now(CITY_TIME) - timedelta(**time):%Y-%m-%d %H:%M}"


def mail_server(port: int) -> str:
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "sundial@example.gov"}
    return connection("smtp", host="127.0.0.1", port=port, extra=extra)


class City:
    """A city whose forms can be filled in, and whose mail arrives."""

    def __init__(self, folder: Path, parse: Callable[[Path], DagBag], mailbox: Mailbox) -> None:
        self._folder = folder
        self._parse = parse
        self.mailbox = mailbox
        database = Database(f"sqlite:///{folder / 'store.db'}")
        database.migrate()
        self.incidents = Incidents(database)
        self.give_role("cdpo")

    def give_role(self, role: str) -> None:
        path = self._folder / "policy.yaml"
        policy = yaml.safe_load(path.read_text())
        for name, one in policy["roles"].items():
            one["users"] = [USER if name == role else name]
        path.write_text(yaml.safe_dump(policy, sort_keys=False))

    def fill_in(self, dag_id: str, form: Mapping[str, Any]) -> str:
        """Returns the state of the run."""
        dag: Any = self._parse(self._folder / "systems").dags[dag_id]
        for task in dag.tasks:
            task.retries = 0
        dag.deadline = None  # `dag.test` cannot end a run that has one (Airflow 3.3.2)
        return str(dag.test(run_conf=dict(form)).state)

    def deadlines(self, form: Mapping[str, Any]) -> list[datetime]:
        """When Airflow looks at a run that is triggered with the form: the run is created as its API does."""
        from airflow.dag_processing.bundles.manager import DagBundlesManager
        from airflow.dag_processing.dagbag import sync_bag_to_db
        from airflow.models.dagbag import DBDagBag
        from airflow.models.deadline import Deadline
        from airflow.utils.session import create_session
        from airflow.utils.state import DagRunState
        from airflow.utils.types import DagRunTriggeredByType, DagRunType

        found = self._parse(self._folder / "systems")
        with create_session() as session:
            DagBundlesManager().sync_bundles_to_db(session=session)
            session.commit()
            sync_bag_to_db(found, "dags-folder", None, session=session)
            dag = DBDagBag().get_latest_version_of_dag(REPORT, session=session)
            assert dag is not None
            run = dag.create_dagrun(
                run_id=f"test__{uuid4()}",
                run_after=datetime.now(UTC),
                conf=dict(form),
                run_type=DagRunType.MANUAL,
                triggered_by=DagRunTriggeredByType.TEST,
                state=DagRunState.QUEUED,
                session=session,
            )
            session.flush()
            return sorted(session.scalars(select(Deadline.deadline_time).where(Deadline.dagrun_id == run.id)))

    def subjects(self) -> list[tuple[str, str]]:
        """Whom each mail went to, and its subject."""
        return sorted((str(mail["To"]), str(mail["Subject"])) for mail in self.mailbox.messages())


@pytest.fixture
def city(
    tmp_path: Path, bag: Callable[[Path], DagBag], initialised: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[City]:
    mailbox = Mailbox(tmp_path / "mail")
    mailbox.start()
    for name, value in build_city(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", mail_server(mailbox.port))
    yield City(tmp_path, bag, mailbox)
    mailbox.stop()


def test_a_report_is_recorded_and_told_to_the_three_at_once(city: City) -> None:
    assert city.fill_in(REPORT, {**FILLED, "discovered": ago(hours=2)}) == "success"
    (incident,) = city.incidents.incidents()
    assert incident.id == f"incident-{datetime.now(CITY_TIME).year}-001"
    assert (incident.system, incident.grave, incident.reported_by) == (ID, True, USER)
    assert incident.due_at - incident.discovered_at == timedelta(hours=24)
    assert city.incidents.text(incident.id, "happened") == SECRET
    assert {to for to, _ in city.subjects()} == TOLD
    assert {subject for _, subject in city.subjects()} == {"Grave incident with AI: Small system (Tests)"}
    for mail in city.mailbox.messages():
        text = mail.as_string()
        assert SECRET.split()[1] not in text, "what happened to whom is in no mail"
        assert f"/dags/{REPORT}/runs/" in text.replace("=\n", "")


def test_what_is_late_when_it_is_reported_is_late_at_once(city: City) -> None:
    assert city.fill_in(REPORT, {**FILLED, "discovered": ago(hours=30)}) == "success"
    late = "Told too late: incident-2026-001, Small system (Tests)".replace("2026", ago()[:4])
    assert [to for to, subject in city.subjects() if subject == late] == ["cdpo@example.gov, cio@example.gov"]
    assert len(city.subjects()) == 4


def test_airflow_s_deadlines_count_from_discovery(city: City) -> None:
    written = ago(hours=30)
    found = datetime.fromisoformat(written).replace(tzinfo=CITY_TIME).astimezone(UTC)
    assert city.deadlines({"discovered": written}) == [
        found + timedelta(hours=20),
        found + timedelta(hours=24),
    ]
    assert city.deadlines({"discovered": "yesterday"}) == [], "and the task `record` says what is wrong"


def test_security_goes_to_the_ciso_too(city: City) -> None:
    form = {**FILLED, "kind": "security", "grave": False, "system": None, "discovered": ago(hours=1)}
    assert city.fill_in(REPORT, form) == "success"
    assert {to for to, _ in city.subjects()} == {*TOLD, "ciso@example.gov"}
    assert {subject for _, subject in city.subjects()} == {"Incident with AI: system not named"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"system": "small-sistem"}, "system: there is no system 'small-sistem'; did you mean small-system?"),
        ({"discovered": "2999-01-01 10:00"}, "discovered: 2999-01-01 10:00 PST lies in the future"),
        ({"discovered": None}, "discovered: '' is no day with a time"),
        ({"happened": " "}, "happened: says nothing"),
        ({"supervisor": "the boss"}, "supervisor: is not a plain e-mail address"),
    ],
)
def test_a_form_that_cannot_stand_is_red_and_says_why(
    city: City, changes: dict[str, Any], says: str, caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    assert city.fill_in(REPORT, {**FILLED, "discovered": ago(hours=1)} | changes) == "failed"
    assert city.incidents.incidents() == ()
    assert city.subjects() == []
    out = capfd.readouterr()
    said = out.out + out.err + caplog.text
    assert says in said
    assert "Elm Street" not in said


class TestADeadlineThatPassed:
    @pytest.fixture
    def untold(self, city: City, monkeypatch: pytest.MonkeyPatch) -> str:
        """An incident that was reported while no mail server took mail."""
        with monkeypatch.context() as away:
            away.setenv("AIRFLOW_CONN_SMTP_DEFAULT", mail_server(free_port()))
            assert city.fill_in(REPORT, {**FILLED, "discovered": ago(hours=19)}) == "failed"
        (incident,) = city.incidents.incidents()
        assert standing(city.incidents, incident.id).untold == ("supervisor", "cdpo", "oer")
        return incident.id

    def escalate(self, began: timedelta, deadline: timedelta) -> None:
        from sundial.airflow.incidents import escalate

        now = datetime.now(UTC)
        run = {"run_after": (now - began).isoformat(), "conf": FILLED}
        escalate({"dag_run": run, "deadline": {"deadline_time": now - deadline}})

    def test_sends_what_the_store_says_is_due(self, city: City, untold: str) -> None:
        self.escalate(timedelta(hours=1), timedelta())
        assert {to for to, _ in city.subjects()} == TOLD
        assert standing(city.incidents, untold).untold == ()

    def test_before_the_run_began_leaves_it_to_the_run(self, city: City, untold: str) -> None:
        self.escalate(timedelta(), timedelta(hours=1))
        assert city.subjects() == []

    def test_ends_with_an_error_that_tells_nothing_of_the_form(
        self, untold: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", mail_server(free_port()))
        caplog.clear()
        with pytest.raises(SystemExit) as ended:
            self.escalate(timedelta(hours=1), timedelta())
        assert ended.value.code == 1
        assert "ConnectionRefusedError" in caplog.text
        assert "Elm Street" not in caplog.text


class TestAnUpdate:
    @pytest.fixture
    def incident(self, city: City) -> str:
        assert city.fill_in(REPORT, {**FILLED, "discovered": ago(hours=1)}) == "success"
        return city.incidents.incidents()[0].id

    def test_goes_from_confirmation_to_closure(self, city: City, incident: str) -> None:
        for which in ("cdpo", "oer", "supervisor"):
            form = {"incident": incident, "action": "confirm", "which": which, "text": "By telephone."}
            assert city.fill_in(UPDATE, form) == "success"
        for action in ("status", "contain", "close"):
            form = {"incident": incident, "action": action, "text": "The queue was stopped."}
            assert city.fill_in(UPDATE, form) == "success"
        found = standing(city.incidents, incident)
        assert found.state is State.CLOSED
        assert found.notices["oer"].confirmed_by == USER
        assert city.incidents.text(incident, str(len(found.events))) == "The queue was stopped."

    def test_that_cannot_be_is_red(self, city: City, incident: str) -> None:
        close = {"incident": incident, "action": "close", "text": "Done."}
        assert city.fill_in(UPDATE, close) == "failed", "nobody has confirmed"
        assert city.fill_in(UPDATE, close | {"incident": "incident-1999-001"}) == "failed"
        city.give_role("oer")
        form = {"incident": incident, "action": "confirm", "which": "cdpo"}
        assert city.fill_in(UPDATE, form) == "failed", "the OER does not confirm for the CDPO"
        city.give_role("nobody")
        assert city.fill_in(UPDATE, form | {"which": "supervisor"}) == "failed"
        assert standing(city.incidents, incident).state is State.OPEN
