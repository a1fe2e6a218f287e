"""The weekly report, run by Airflow's own runner, with a real mail server and a real channel beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import yaml
from chat_server import Chat
from small_city import build_city, connection, mail_server

from sundial.cli.local_airflow import free_port
from sundial.cli.mailbox import Mailbox
from sundial.engine.clock import last_complete_week, week_name
from sundial.store.database import Database
from sundial.store.outbox import Outbox
from sundial.store.results import Results

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

AS_OF = "2026-11-22"
KEY = "report/2026-W47"
ALARMED = "cdpo@example.gov, operators@example.gov"


class City:
    """A city whose report goes out by mail and to a channel."""

    def __init__(self, folder: Path, bag: DagBag, mailbox: Mailbox, chat: Chat) -> None:
        self._bag = bag
        self._mailbox = mailbox
        self.chat = chat
        self.database = Database(f"sqlite:///{folder / 'store.db'}")
        self.database.migrate()

    def report(self) -> str:
        """Runs `weekly_report` and returns the state of the run."""
        dag: Any = self._bag.dags["weekly_report"]
        for task in dag.tasks:
            task.retries = 0
        dag.deadline = None  # `dag.test` cannot end a run that has one (Airflow 3.3.2)
        return str(dag.test(run_conf={"as_of": AS_OF}).state)

    def was_sent(self, key: str) -> None:
        outbox = Outbox(self.database)
        outbox.intend(key, f"<{key}@x>", ["cdpo@example.gov"], "s")
        outbox.result(key, "sent")

    def mails(self) -> list[tuple[str, str]]:
        """Whom each mail went to, and its subject."""
        return [
            (", ".join(sorted(str(mail["To"]).split(", "))), str(mail["Subject"]))
            for mail in self._mailbox.messages()
        ]


@pytest.fixture
def city(
    tmp_path: Path, bag: Callable[[Path], DagBag], initialised: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[City]:
    mailbox, chat = Mailbox(tmp_path / "mail"), Chat()
    mailbox.start()
    for name, value in build_city(tmp_path).items():
        monkeypatch.setenv(name, value)
    policy = tmp_path / "policy.yaml"
    weekly = yaml.safe_load(policy.read_text()) | {"report_schedule": "weekly", "report_to": ["cdpo", "cio"]}
    policy.write_text(yaml.safe_dump(weekly, sort_keys=False))
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", mail_server(mailbox.port))
    monkeypatch.setenv("AIRFLOW_CONN_SUNDIAL_CHANNELS", connection("generic", password=chat.url))
    yield City(tmp_path, bag(tmp_path / "systems"), mailbox, chat)
    mailbox.stop()
    chat.shutdown()
    chat.server_close()


def test_a_report_is_filed_mailed_with_its_pdf_and_told_to_channels_once(city: City, tmp_path: Path) -> None:
    for _ in range(2):
        assert city.report() == "success"
    (mail,) = Mailbox(tmp_path / "mail").messages()
    assert str(mail["To"]) == "cdpo@example.gov, cio@example.gov"
    (attached,) = mail.iter_attachments()
    filed = tmp_path / "lake" / "reports" / f"{AS_OF}.pdf"
    assert attached.get_content() == filed.read_bytes()
    assert len(Results(city.database).reports()) == 3
    (told,) = city.chat.taken
    assert told["title"].startswith("AI health 2026-W47: ")
    assert told["message"].splitlines()[-1].endswith("/dags/weekly_report")


class TestTheDeadline:
    def test_is_the_policys_hours_after_the_run_was_queued(self, city: City) -> None:
        from airflow.dag_processing.bundles.manager import DagBundlesManager
        from airflow.dag_processing.dagbag import sync_bag_to_db
        from airflow.models.dagbag import DBDagBag
        from airflow.models.deadline import Deadline
        from airflow.utils.session import create_session
        from airflow.utils.state import DagRunState
        from airflow.utils.types import DagRunTriggeredByType, DagRunType
        from sqlalchemy import select

        with create_session() as session:
            DagBundlesManager().sync_bundles_to_db(session=session)
            session.commit()
            sync_bag_to_db(city._bag, "dags-folder", None, session=session)
            dag = DBDagBag().get_latest_version_of_dag("weekly_report", session=session)
            assert dag is not None
            run = dag.create_dagrun(
                run_id=f"test__{uuid4()}",
                run_after=datetime.now(UTC),
                run_type=DagRunType.MANUAL,
                triggered_by=DagRunTriggeredByType.TEST,
                state=DagRunState.QUEUED,
                session=session,
            )
            session.flush()
            (ends,) = session.scalars(select(Deadline.deadline_time).where(Deadline.dagrun_id == run.id))
            assert run.queued_at is not None
            assert ends - run.queued_at == timedelta(hours=2)

    def passed(self) -> None:
        from sundial.airflow.weekly import raise_alarm

        run = {"run_after": datetime.now(UTC).isoformat(), "partition_key": AS_OF, "conf": {}}
        raise_alarm({"dag_run": run, "deadline": {"deadline_time": datetime.now(UTC)}})

    def test_is_an_alarm_to_operators_cdpo_and_channels_once(self, city: City) -> None:
        for _ in range(2):
            self.passed()
        subject = "The AI health report of 2026-W47 did not go out"
        assert city.mails() == [(ALARMED, subject)]
        assert [one["title"] for one in city.chat.taken] == [subject]

    def test_is_none_where_the_report_is_out(self, city: City) -> None:
        city.was_sent(KEY)
        self.passed()
        assert city.mails() == []

    def test_is_told_to_channels_where_no_mail_server_takes_mail(
        self, city: City, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", mail_server(free_port()))
        with pytest.raises(SystemExit) as ended:
            self.passed()
        assert ended.value.code == 1
        assert "could not be raised: ConnectionRefusedError" in caplog.text
        assert len(city.chat.taken) == 1

    def test_makes_the_next_report_say_so(self, city: City, tmp_path: Path) -> None:
        city.was_sent("report/2026-W45")
        assert city.report() == "success"
        page = (tmp_path / "lake" / "reports" / f"{AS_OF}.html").read_text()
        assert "The report of 2026-W46 did not go out." in page


class TestTheDailyLook:
    def test_raises_the_alarm_of_a_run_that_never_was(self, city: City) -> None:
        from sundial.airflow.weekly import recheck

        assert recheck() is None, "there never was a report"
        last = last_complete_week(date.today() - timedelta(days=10))  # noqa: DTZ011
        city.was_sent(f"report/{week_name(last - timedelta(weeks=1))}")
        key = recheck()
        assert key is not None
        assert recheck() == key
        assert len(city.mails()) == 1, "the same alarm is mailed once"
