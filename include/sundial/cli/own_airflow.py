"""`sundial airflow`: an Airflow on this machine with one's own register, checks and policy."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sundial.airflow.names import monitor_id
from sundial.cli.connections import checkpoints_in_environment, is_in_environment, pseudonym_in_environment
from sundial.cli.console import say as complain
from sundial.cli.local_airflow import ROLES, AirflowNotReady, LocalAirflow, running
from sundial.cli.mailbox import Mailbox, mail_in_environment
from sundial.engine.settings import settings
from sundial.register.load import load_policy, load_system
from sundial.report.smtp import SMTP_CONNECTION
from sundial.sources.pull import PSEUDONYM_CONNECTION
from sundial.sunset.checkpoint import CONNECTION as CHECKPOINTS

# A file that was just written is there at once; a deployment has no reason to look so often.
_LOOKS_FOR_CHANGES = {
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "10",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
}

_RUNS_BY_ITSELF = (
    "{system} runs {schedule}: once it is switched on Airflow judges it up to yesterday, and then there is "
    "nothing to judge as of {as_of}. Leave out --as-of, or give its entry `schedule: manual`."
)


def run_own(home: Path, system: str | None, as_of: date | None, *, stay: bool) -> int:
    """Starts Airflow, runs a system if asked to, and stays up until Ctrl-C.

    Store, lake, register, policy and connections are those of this process's environment. The pseudonym
    secret and the mail server are made where it has none.

    Args:
        home: where database, logs, passwords and mail lie; kept between starts.
        system: whose monitor DAG runs once; None for none.
        as_of: of that run; the last whole day when None.
        stay: whether to stay up.

    Returns:
        The exit code: 0 unless Airflow did not start or the run failed.

    Raises:
        RegisterError: the policy, or the system's entry, is wrong.
    """
    where = settings()
    zone = ZoneInfo(load_policy(where.policy).timezone)
    yesterday = datetime.now(zone).date() - timedelta(days=1)
    if system is not None:
        schedule = load_system(where.register / f"{system}.yaml").schedule
        if as_of is not None and as_of < yesterday and schedule != "manual":
            complain(_RUNS_BY_ITSELF.format(system=system, schedule=schedule, as_of=as_of))
            return 1
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:5.0f} s] {text}", flush=True)

    home.mkdir(parents=True, exist_ok=True)
    mailbox = Mailbox(home / "mail")
    failed = False
    try:
        airflow = LocalAirflow(home, _environment(mailbox))
        say("Airflow: starting (SQLite, LocalExecutor)")
        with running(airflow, mailbox):
            say(f"Airflow: healthy at {airflow.url}")
            if system is not None:
                failed = _run(airflow, system, as_of or yesterday, say) != "success"
            _where(airflow, mailbox)
            if stay:
                print("\nCtrl-C ends it; the next `sundial airflow` goes on from here.", flush=True)
                signal.pause()
    except KeyboardInterrupt:
        pass
    except AirflowNotReady as error:
        complain(f"Airflow: {error}")
        failed = True
    return int(failed)


def _environment(mailbox: Mailbox) -> dict[str, str]:
    made = dict(_LOOKS_FOR_CHANGES)
    if not is_in_environment(PSEUDONYM_CONNECTION):
        made |= pseudonym_in_environment(settings().home)
    if not is_in_environment(CHECKPOINTS):
        made |= checkpoints_in_environment(settings().home)
    if not is_in_environment(SMTP_CONNECTION):
        made |= mail_in_environment(mailbox)
    return made


def _run(airflow: LocalAirflow, system: str, day: date, say: Callable[[str], None]) -> str:
    """Runs a system as of a day, tells how its tasks ended, and returns the run's state."""
    dag = monitor_id(system)
    airflow.wait_for_dags([dag])
    say(f"{dag}: as of {day}: running")
    state = airflow.run(dag, str(day))
    say(f"{dag}: as of {day}: {state}")
    run = f"/dags/{dag}/dagRuns/as-of-{day}"
    tasks = airflow.call("GET", f"{run}/taskInstances", params={"order_by": "start_date"})["task_instances"]
    for task in tasks:
        print(f"  {task['state'] or 'none':16} {task['task_id']}")
    print(f"The run       {airflow.url}/dags/{dag}/runs/as-of-{day}")
    print(f"The findings  sundial system {system}")
    return state


def _where(airflow: LocalAirflow, mailbox: Mailbox) -> None:
    where = settings()
    print(f"\nAirflow   {airflow.url}")
    print(f"Users     {', '.join(ROLES)}; passwords in {airflow.home / 'passwords.json'}")
    if not is_in_environment(SMTP_CONNECTION):
        print(f"Mail      is filed in {mailbox.folder}")
    print(f"Register  {where.register}")
    print(f"Store     {where.store.rpartition('@')[2]}")
    print("DAGs are paused until you switch them on; `sundial airflow --run SYSTEM` runs one at once.")
