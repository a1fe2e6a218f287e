"""The demo: two public historical systems and an invented one through a real Airflow, as if time passed."""

from __future__ import annotations

import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import yaml

from sundial.airflow.names import monitor_id
from sundial.cli.connections import checkpoints_in_environment, in_environment, pseudonym_in_environment
from sundial.cli.datasets import DatasetError, default_cache, prepare
from sundial.cli.demo_answers import EXAMPLE, LAST_DAY, halt_compas, phase_out_example, play
from sundial.cli.examples import write_examples
from sundial.cli.local_airflow import AirflowNotReady, LocalAirflow, running
from sundial.cli.mailbox import Mailbox, mail_in_environment
from sundial.engine.settings import INCLUDE, settings
from sundial.engine.today import PLAYED
from sundial.examples.faults import Fault
from sundial.register.load import load_policy
from sundial.register.principles import Principle
from sundial.report.missed import FOLDER
from sundial.store.cases import EVIDENCE, Cases
from sundial.store.database import Database
from sundial.store.records import Finding, Status
from sundial.store.results import Results
from sundial.sunset.case import grounds
from sundial.sunset.course import course_of

AS_OF = {
    "compas-broward": ("2014-07-01", "2015-02-01", "2015-07-01", "2016-12-31"),
    "massachusetts-employment": ("2016-01-10", "2016-12-31", "2018-01-10", "2019-01-10"),
}
REPORT_AS_OF = "2016-12-31"
WEEKS, FAULT = 40, Fault("quality_70", 16)
"""How long the example puts out, and what is wrong with it from its 17th week on."""

SHOWN = (
    Status.BREACH,
    Status.WATCH,
    Status.OK,
    Status.INSUFFICIENT,
    Status.NOT_MEASURED,
    Status.NOT_APPLICABLE,
    Status.ERROR,
)


def run_demo(home: Path, *, stay: bool, answers: bool = True) -> int:
    """Runs the whole job and prints what came out; a second time it resumes.

    Args:
        home: folder of the demo.
        stay: whether to stay up until Ctrl-C when the job is done.
        answers: whether scripted people answer about COMPAS; else their questions stay open.

    Returns:
        The exit code: 0 when the job was done.
    """
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:5.0f} s] {text}", flush=True)

    home.mkdir(parents=True, exist_ok=True)
    mailbox = Mailbox(home / "mail")
    try:
        say("Data: COMPAS and Massachusetts employment, from published packages")
        prepare(default_cache(), say=say)
        environment = _environment(home, mailbox)
        say("Data: an example whose outputs get worse, and that nobody switches off")
        for _ in write_examples(default_cache(), home / "systems", WEEKS, seed=1, fault=FAULT):
            pass
        airflow = LocalAirflow(home / "airflow", environment)
        say("Airflow: starting (SQLite, LocalExecutor)")
        with running(airflow, mailbox):
            say(f"Airflow: healthy at {airflow.url}")
            _run_all(airflow, say)
            if answers:
                halt_compas(home, airflow, say)
                phase_out_example(home, airflow, say)
                say(f"Weekly report as of {LAST_DAY}: {airflow.run('weekly_report', str(LAST_DAY))}")
            _summary(home, airflow, mailbox, say)
            if stay:
                print("\nCtrl-C ends the demo; the next `make demo` goes on from here.", flush=True)
                signal.pause()
    except KeyboardInterrupt:
        return 0
    except (DatasetError, AirflowNotReady) as error:
        print(f"The demo did not finish: {error}", flush=True)
        return 1
    return 0


def _environment(home: Path, mailbox: Mailbox) -> dict[str, str]:
    """Returns store, lake, policy and connections of the demo as environment."""
    policy = yaml.safe_load(settings().policy.read_text())
    policy["report_schedule"] = "manual"  # time is played: the report of now would be about nothing
    (home / "policy.yaml").write_text(yaml.safe_dump(policy, sort_keys=False, allow_unicode=True))
    _register(home / "systems")
    play(home, date.fromisoformat(max(max(days) for days in AS_OF.values())))
    return {
        PLAYED: str(home / "today"),
        "SUNDIAL_STORE": f"sqlite:///{home}/store.db",
        "SUNDIAL_LAKE": f"file://{home}/lake",
        "SUNDIAL_POLICY": str(home / "policy.yaml"),
        "SUNDIAL_REGISTER": str(home / "systems"),
        **in_environment("sundial_examples", "fs", extra={"path": str(default_cache())}),
        **pseudonym_in_environment(home),
        **checkpoints_in_environment(home),
        **mail_in_environment(mailbox),
    }


def _register(folder: Path) -> None:
    """Writes a register of the systems that are run: the others would show as never judged."""
    folder.mkdir(exist_ok=True)
    for system in (*AS_OF, EXAMPLE):
        shutil.copy(INCLUDE / "systems" / f"{system}.yaml", folder)


def _run_all(airflow: LocalAirflow, say: Callable[[str], None]) -> None:
    airflow.wait_for_dags(["sunset_review", "weekly_report", *map(monitor_id, (*AS_OF, EXAMPLE))])

    def monitor(system: str) -> None:
        for as_of in AS_OF[system]:
            state = airflow.run(monitor_id(system), as_of)
            say(f"{system}: as of {as_of}: {state}")

    with ThreadPoolExecutor(len(AS_OF)) as pool:
        for done in [pool.submit(monitor, system) for system in AS_OF]:
            done.result()
    say(f"Weekly report as of {REPORT_AS_OF}: {airflow.run('weekly_report', REPORT_AS_OF)}")


def _summary(home: Path, airflow: LocalAirflow, mailbox: Mailbox, say: Callable[[str], None]) -> None:
    database = Database(f"sqlite:///{home}/store.db")
    results, cases = Results(database), Cases(database)
    for system in (*AS_OF, EXAMPLE):
        findings = results.latest_findings(system)
        if not findings:
            continue
        _table(system, findings)
        episodes = cases.episodes(system)
        for episode in episodes:
            evidence = [event.payload for event in cases.events(episode.id) if event.kind == EVIDENCE]
            print(f"  RECOMMENDATION {episode.id}: {episode.record['rule']['sentence']}")
            print(f"    at first  {' '.join(grounds(evidence[0]))}")
            print(f"    at last   {' '.join(grounds(evidence[-1]))}")
            seen = f"seen in {len(evidence)} judged weeks"
            print(f"    first confirmed in the week of {episode.opened_week}, {seen}")
            for event in cases.events(episode.id):
                if event.kind in ("determination", "decision"):
                    print(f"    {event.at}  {event.kind} by the {event.by}: {event.payload['chosen']}")
            print(f"    now       {course_of(cases.events(episode.id)).state.value}")
            waiting = cases.open_questions(episode.id)
            print("".join(f"    waits for the {q.role.upper()}: {q.kind}\n" for q in waiting), end="")
        if not episodes:
            print("  No recommendation.")
    pages = [report.path for report in results.reports() if report.path.startswith(FOLDER)]
    pages = [path for path in pages if path.endswith(".html")]
    print(f"\nWeekly report  {home}/lake/{pages[-1]}, PDF beside it" if pages else "\nNo weekly report.")
    print(f"Mailbox        {mailbox.folder} ({len(mailbox.messages())} messages)")
    print(f"Airflow        {airflow.url}")
    print(f"Required actions {airflow.url}/required_actions")
    passwords = airflow.passwords()
    roles = load_policy(home / "policy.yaml").roles
    print(
        "Log in as      "
        + ", ".join(f"{user} / {passwords[user]}" for user in ("cdpo", "cio", "operator", "engineer"))
    )
    print(f"               (the CDPO is {roles['cdpo'].users[0]}, the CIO is {roles['cio'].users[0]})")
    say("Done.")


def _table(system: str, findings: tuple[Finding, ...]) -> None:
    week = findings[0].week if findings else None
    print(f"\n{system}, week of {week}: findings by principle")
    print(f"  {'':24}" + "".join(f"{status.value:>15}" for status in SHOWN))
    for principle in Principle:
        counted = Counter(f.status for f in findings if f.principle == principle.value)
        print(f"  {principle.label:24}" + "".join(f"{counted[status] or '·':>15}" for status in SHOWN))
